/** What training is disguised with: equally often, the same package otherwise, and the hidden code still read. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import type { Ecosystem, OpenedArtifact } from '../../lib/types.js';
import { pythonArtifact } from '../behavior/python-sequence-helper.js';
import { behaviorsOf } from '../helpers/sequence.js';
import { packageTarball } from '../helpers/tarball.js';
import { assigned, type Disguise, disguised, LANGUAGES, TRAINED } from './disguises.js';

const languageOf = (ecosystem: Ecosystem) => LANGUAGES.find((l) => l.ecosystem === ecosystem)!;
const disguiseOf = (ecosystem: Ecosystem, name: string) =>
  languageOf(ecosystem).disguises.find((d) => d.name === TRAINED[ecosystem][name])!;

const npmPackage = (files: Record<string, string>): Promise<OpenedArtifact> =>
  openArtifact({
    ecosystem: 'npm',
    filename: 'x-1.0.0.tgz',
    bytes: packageTarball(
      { name: 'x', version: '1.0.0', main: 'index.js', scripts: { postinstall: 'node hook.js' } },
      files,
    ),
  });
const FILES = {
  'hook.js': 'require("child_process").execSync("uname -a");\n',
  'index.js': 'const fs = require("fs");\nexports.read = () => fs.readFileSync("/etc/hostname");\n',
  'empty.js': '\n',
  'README.md': 'require',
};
const PYTHON = 'import os\nimport subprocess\nsubprocess.run(["uname", "-a"])\nos.remove("/tmp/canary")\n';

describe('disguises of training code', () => {
  for (const ecosystem of ['npm', 'pypi'] as const) {
    it(`draws two different ones of ${ecosystem} by the hash alone, each about equally often`, () => {
      const names = Object.keys(TRAINED[ecosystem]);
      const count = new Map(names.map((name) => [name, 0]));
      for (let i = 0; i < 3000; i++) {
        const sha256 = createHash('sha256').update(`archive ${i}`).digest('hex');
        const drawn = assigned(sha256, ecosystem, 2);
        deepEqual(assigned(sha256, ecosystem, 2), drawn);
        equal(new Set(drawn).size, 2);
        for (const name of drawn) count.set(name, count.get(name)! + 1);
      }
      const even = (3000 * 2) / names.length;
      for (const [name, n] of count) ok(Math.abs(n / even - 1) < 0.15, `${name}: ${n} of ${even} expected`);
    });
  }

  it('leaves a package as it was where the text says the same', async () => {
    const plain = await npmPackage(FILES);
    const same: Disguise = { name: 'a line at the end', kind: 'simple', apply: (source) => `${source}\n` };
    const { artifact, changed, refused } = await disguised(plain, languageOf('npm'), same);
    deepEqual(changed, ['hook.js', 'index.js']);
    deepEqual(refused, []);
    deepEqual([...artifact.files.keys()], [...plain.files.keys()]);
    deepEqual(artifact.files.get('package.json'), plain.files.get('package.json'));
    const before = await buildSequence(plain);
    ok(behaviorsOf(before).length > 0);
    deepEqual((await buildSequence(artifact)).units, before.units);
  });

  it('names the files that do not take a disguise', async () => {
    const plain = await npmPackage({ ...FILES, 'index.js': 'export const one = 1;\n' });
    const { changed, refused } = await disguised(plain, languageOf('npm'), disguiseOf('npm', 'eval-base64'));
    deepEqual(changed, ['hook.js']);
    deepEqual(refused, ['index.js']);
  });

  for (const name of Object.keys(TRAINED.npm)) {
    it(`JavaScript, ${name}: the program the hook runs is still seen`, async () => {
      const { artifact, changed } = await disguised(
        await npmPackage(FILES),
        languageOf('npm'),
        disguiseOf('npm', name),
      );
      deepEqual(changed, ['hook.js', 'index.js']);
      const codes = behaviorsOf(await buildSequence(artifact)).map((b) => b.code);
      ok(codes.includes('run-shell') && codes.includes('read-file'), codes.join(' '));
    });
  }

  for (const name of Object.keys(TRAINED.pypi)) {
    it(`Python, ${name}: the program and the deletion are still seen`, async () => {
      const plain = pythonArtifact({ 'setup.py': PYTHON });
      const { artifact, changed } = await disguised(plain, languageOf('pypi'), disguiseOf('pypi', name));
      deepEqual(changed, ['setup.py']);
      const codes = behaviorsOf(await buildSequence(artifact)).map((b) => b.code);
      ok(codes.includes('run-program') && codes.includes('delete-file'), codes.join(' '));
    });
  }
});
