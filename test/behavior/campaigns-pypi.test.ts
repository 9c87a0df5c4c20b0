/** The shapes of published attacks on PyPI are read in full: nothing fails, and where code starts is told. */
import assert from 'node:assert/strict';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { CAMPAIGNS } from '../fixtures/campaigns-pypi.js';

const open = (filename: string, files: Readonly<Record<string, string>>) =>
  openArtifact({
    ecosystem: 'pypi',
    filename,
    bytes: new Uint8Array(),
    files: Object.entries(files).map(([path, text]) => ({
      path,
      bytes: Buffer.from(text),
      executable: false,
    })),
  });

/** What must be told of some of them: phase, code, qualifiers. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  'pth stealer encrypted with openssl': [
    'install read-ssh-keys in-try',
    'install read-cloud-credentials in-try',
    'install read-registry-token in-try',
    'install read-system-accounts in-try',
    'install http-send hidden carries:file',
  ],
  'credentials of the instance metadata': ['import http-send carries:credentials to:other'],
  'bytecode fetched and loaded': ['import dynamic-import carries:download'],
  'fetched file started by posix_spawn and runpy': ['import run-downloaded', 'import evaluate-downloaded'],
  'code in a picture': ['install evaluate-downloaded'],
  'code fetched by every client': ['import http-send carries:env'],
  'keylogger that mails': ['import send-mail carries:input'],
  'files through a DNS tunnel': ['import open-socket carries:env to:other'],
  'keypair class patched': ['import encode carries:wallet'],
  'eth account wrapped': ['runtime http-send carries:wallet'],
  'installs another package by pip': ['install install-package to:other'],
  'build backend of its own': [
    'install read-registry-token',
    'install http-send carries:credentials carries:output',
  ],
};

const HOOKS: readonly (readonly [name: string, files: Readonly<Record<string, string>>, runs: boolean])[] = [
  [
    'a function that PEP 517 names',
    {
      'pyproject.toml': '[build-system]\nbuild-backend = "b"\nbackend-path = ["."]\n',
      'b.py':
        'import os\ndef get_requires_for_build_wheel(settings=None):\n  os.system("whoami")\n  return []\n',
    },
    true,
  ],
  [
    'another function of a backend',
    {
      'pyproject.toml': '[build-system]\nbuild-backend = "b"\nbackend-path = ["."]\n',
      'b.py': 'import os\ndef publish():\n  os.system("whoami")\n',
    },
    false,
  ],
  [
    "hatchling's own hook",
    {
      'pyproject.toml': '[tool.hatch.build.hooks.custom]\n',
      'hatch_build.py':
        'import os\nfrom hatchling.builders.hooks.plugin.interface import BuildHookInterface\nclass Hook(BuildHookInterface):\n  def initialize(self, version, data):\n    self.go()\n  def go(self):\n    os.system("whoami")\n',
    },
    true,
  ],
  [
    'a command class of setup.cfg',
    {
      'setup.py': 'from setuptools import setup\nsetup()\n',
      'setup.cfg': '[options]\ncmdclass =\n  install = c.Custom\n',
      'c.py':
        'import os\nfrom setuptools.command.install import install\nclass Custom(install):\n  def run(self):\n    os.system("whoami")\n',
    },
    true,
  ],
  [
    'a class that is no command',
    {
      'setup.py': 'from setuptools import setup\nsetup()\n',
      'setup.cfg': '[options]\ncmdclass =\n  install = c.Custom\n',
      'c.py': 'import os\nclass Custom:\n  def run(self):\n    os.system("whoami")\n',
    },
    false,
  ],
  [
    "pdm's hook",
    {
      'pyproject.toml': '[tool.pdm.build]\ncustom-hook = "h.py"\n',
      'h.py': 'import os\ndef pdm_build_initialize(context):\n  os.system("whoami")\n',
    },
    true,
  ],
];

describe('behavior/build hooks of a source archive', () => {
  for (const [name, files, runs] of HOOKS) {
    it(`${runs ? 'runs' : 'does not run'} ${name} at install`, async () => {
      const { units } = await buildSequence(await open('a-1.0.tar.gz', files), { strict: true });
      const phases = units
        .filter(({ behaviors }) => behaviors.some(({ code }) => code === 'run-shell'))
        .map(({ phase }) => phase);
      assert.deepEqual(phases, [runs ? 'install' : 'runtime']);
    });
  }
});

describe('behavior/lines of a .pth file', () => {
  const phases = async (text: string): Promise<string[]> => {
    const files = { 'a.pth': text, 'a/__init__.py': '' };
    const { units } = await buildSequence(await open('a-1.0-py3-none-any.whl', files), { strict: true });
    return units.filter(({ behaviors }) => behaviors.length > 0).map(({ phase }) => phase);
  };

  it('are told once, where they run', async () => {
    assert.deepEqual(await phases('# start\nimport os; os.system("whoami")\n'), ['install']);
  });

  it('are told beside what else stands there and may be run by others', async () => {
    assert.deepEqual(await phases('import os; os.system("whoami")\nx = exec(input())\n'), [
      'install',
      'runtime',
    ]);
  });
});

describe('behavior/published attacks on PyPI', () => {
  for (const { kind, filename, files } of CAMPAIGNS) {
    it(`reads ${kind}`, async () => {
      const artifact = await open(filename, files);
      assert.equal(artifact.unverified, undefined);
      const { units, stats, incomplete } = await buildSequence(artifact, { strict: true });
      assert.equal(stats.parseFailures, 0);
      assert.equal(incomplete, undefined);
      const early = units.filter(({ phase }) => phase !== 'runtime');
      assert(early.some(({ behaviors }) => behaviors.length > 0));
      const found = units.flatMap(({ phase, behaviors }) =>
        behaviors.map(({ code, qualifiers }) => [phase, code, ...qualifiers]),
      );
      for (const told of TOLD[kind] ?? []) {
        const words = told.split(' ');
        assert(
          found.some((line) => words.every((word) => line.includes(word))),
          `no '${told}'`,
        );
      }
    });
  }
});
