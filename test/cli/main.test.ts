import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { npmArguments } from '../../lib/cli/npm.js';
import { KnownError } from '../../lib/errors.js';
import { ROOT, type Sandbox, sandbox } from './run.js';

describe('cli/npm arguments of a bare safe-install', () => {
  const cases: readonly [string, string][] = [
    ['', 'install'],
    ['express', 'install express'],
    ['express -D', 'install express -D'],
    ['-D express', 'install -D express'],
    ['-g npm-check-updates', 'install -g npm-check-updates'],
    ['ci', 'ci'],
    ['install', 'install'],
    ['i express', 'i express'],
    ['isntall express', 'isntall express'],
    ['update --save', 'update --save'],
    ['exec cowsay hi', 'exec cowsay hi'],
    ['rebuild', 'rebuild'],
    ['dedupe', 'dedupe'],
    ['@scope/name@1', 'install @scope/name@1'],
    ['./folder', 'install ./folder'],
  ];
  for (const [given, expected] of cases) {
    it(`safe-install ${given} → npm ${expected}`, () => {
      const words = given === '' ? [] : given.split(' ');
      assert.deepEqual(npmArguments(words), expected.split(' '));
    });
  }
  for (const word of ['view', 'run', 'test', 'publish', 'config', 'ls', 'info']) {
    it(`safe-install ${word} is refused: neither command nor package is surely meant`, () => {
      assert.throws(
        () => npmArguments([word]),
        (error: unknown) => error instanceof KnownError && error.exitCode === 2,
      );
    });
  }
});

describe('cli', () => {
  let box: Sandbox;
  beforeEach(() => {
    box = sandbox();
  });
  afterEach(() => box.remove());

  it('--help and --version, quickly and on stdout', () => {
    const help = box.run(['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /safe-install scan TARGET/);
    assert.equal(help.stderr, '');
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    assert.equal(box.run(['--version']).stdout, `${version}\n`);
  });

  for (const command of ['scan', 'watch', 'allow', 'trust', 'log']) {
    it(`${command} --help shows examples`, () => {
      const { code, stdout } = box.run([command, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, /Examples:\n {2}safe-install/);
    });
  }

  const misuse: readonly (readonly string[])[] = [
    ['scan'],
    ['scan', '--formt', 'json', 'x'],
    ['scan', '--format', 'xml', 'x'],
    ['scan', '--output'],
    ['trust'],
    ['trust', 'me'],
    ['log', 'x'],
    ['log', '--last', 'abc'],
    ['allow', 'x@1', '--reason', 'y', '--until', 'tomorrow'],
    ['setup', '--ci', 'github', '--venv', 'x'],
    ['allow', 'x@1'],
    ['allow', '--reason', 'x'],
    ['allow', 'x', '--reason', 'y'],
    ['allow', 'x@1', '--reason', ' '],
    ['--status-file'],
    ['view', 'x'],
  ];
  for (const argv of misuse) {
    it(`${argv.join(' ')}: one line, exit 2, nothing on stdout`, () => {
      const { code, stdout, stderr } = box.run(argv);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^safe-install: .* \[(?:usage|no-policy)\]\n$/);
    });
  }
  it('a wrong option is said as it was typed, in English, with what would be right', () => {
    const env = { LC_ALL: 'de_DE.UTF-8' };
    const said = (...argv: string[]) => box.run(argv, { env }).stderr;
    assert.equal(
      said('scan', '--format', 'xml', 'x'),
      'safe-install: --format is one of "text", "json", "sarif", "html", not "xml": see safe-install scan --help [usage]\n',
    );
    assert.match(said('scan', '--formt', 'x'), /^safe-install: unknown option --formt: see/);
    assert.match(said('allow', 'x@1'), /^safe-install: missing option --reason: see/);
    assert.match(said('scan', '--output'), /^safe-install: --output needs a value: see/);
    assert.match(said('setup', '--ci', 'github', '--venv', 'x'), /--ci and --venv cannot be given together/);
  });
  it('a target that is no file says so and not that the network is down', () => {
    const missing = box.run(['scan', 'none.tgz', 'npm:']);
    assert.equal(missing.code, 101);
    assert.match(
      missing.stdout,
      /could not be fetched: no such file or folder\n {2}Check that the file is there/,
    );
    assert.match(
      missing.stdout,
      /could not be fetched: it names no package\n {2}See safe-install scan --help/,
    );
    assert.doesNotMatch(missing.stdout, /network|target none/);
  });

  it('a malformed policy stops a scan before anything else, exit 2, one line', () => {
    writeFileSync(join(box.project, 'safe-install.json'), '{"exeptions": []}');
    const { code, stderr } = box.run(['scan', '.']);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^safe-install: policy .*safe-install\.json:1: the policy knows no 'exeptions' \[policy\]\n$/,
    );
  });

  it('a scan leaves nothing but its own scores and record: no identifier, no telemetry of a library', () => {
    writeFileSync(join(box.project, 'package.json'), '{"name":"a","version":"1.0.0","main":"a.js"}');
    writeFileSync(join(box.project, 'a.js'), "require('http').get('http://a.invalid/')");
    // Libraries keep quiet in CI by themselves.
    const env = Object.fromEntries(['CI', 'TF_BUILD', 'GITHUB_ACTIONS'].map((name) => [name, undefined]));
    assert.equal(box.run(['scan', '.'], { env }).code, 0);
    for (const kind of ['cache', 'state'])
      assert.deepEqual(readdirSync(join(box.root, kind)), ['safe-install']);
    assert(!existsSync(join(box.root, 'home')));
  });

  it('without the model every scan ends in 102', () => {
    // The same program in a folder without model/: what an incomplete install would be.
    const copy = join(box.root, 'copy');
    mkdirSync(copy);
    for (const part of ['bin', 'dist/lib', 'package.json']) {
      cpSync(join(ROOT, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    writeFileSync(join(box.project, 'package.json'), '{"name":"a","version":"1.0.0"}');
    const { code, stdout, stderr } = box.run(['scan', '.'], { bin: join(copy, 'bin/safe-install.js') });
    assert.equal(code, 102, stderr);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^safe-install: the model's .*config\.json cannot be read: reinstall safe-install \[model-missing\]\n$/,
    );
  });

  it('a program that was not built ends in 102', () => {
    const copy = join(box.root, 'copy');
    mkdirSync(copy);
    cpSync(join(ROOT, 'bin'), join(copy, 'bin'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
    const { code, stderr } = box.run(['express'], { bin: join(copy, 'bin/safe-install.js') });
    assert.equal(code, 102);
    assert.match(stderr, /^safe-install: cannot start .* \[damaged-install\]\n$/);
  });

  it('the outcome goes to the status file, by option or variable, and no further', () => {
    const file = join(box.root, 'status.json');
    box.run(['--status-file', file, 'trust']);
    const expected = { schema: 1, outcome: 'usage', exitCode: 2, error: 'no-policy' };
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), expected);
    writeFileSync(file, '');
    box.run([`--status-file=${file}`, 'log']);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { schema: 1, outcome: 'done', exitCode: 0 });
    writeFileSync(file, '');
    box.run(['trust'], { env: { SAFE_INSTALL_STATUS_FILE: file } });
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), expected);
  });

  it('a status file that cannot be written turns success into failure', () => {
    const { code, stderr } = box.run(['--status-file', join(box.root, 'none', 'file'), 'log']);
    assert.equal(code, 102);
    assert.match(stderr, /^safe-install: cannot write .* \[output\]\n$/m);
  });

  it('a reader that goes away is no failure', () => {
    const script = `"${process.execPath}" "${join(ROOT, 'bin/safe-install.js')}" completion bash; echo "code $?" >&2`;
    const { stderr } = spawnSync('bash', ['-c', `{ ${script}; } | true`], { env: box.env, encoding: 'utf8' });
    assert.equal(stderr, 'code 0\n');
  });

  it('completion is a script its shell can read', () => {
    const { stdout } = box.run(['completion', 'bash']);
    const asked = `${stdout}\nCOMP_WORDS=(safe-install sc); COMP_CWORD=1; _safe_install; echo "\${COMPREPLY[@]}"`;
    assert.equal(spawnSync('bash', ['-c', asked], { encoding: 'utf8' }).stdout, 'scan\n');
    for (const shell of ['zsh', 'fish']) assert.match(box.run(['completion', shell]).stdout, /safe-install/);
    assert.equal(box.run(['completion', 'csh']).code, 2);
  });

  it("npm's own words and exit code pass through for what installs nothing", () => {
    const { code, stdout } = box.run(['npm', '--version']);
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+/);
    assert.notEqual(box.run(['npm', 'run', 'no-such-script']).code, 0);
  });

  it('trust shows what it accepts, and accepts it until it changes', () => {
    const sri = `sha512-${'A'.repeat(86)}==`;
    const exception = { ecosystem: 'npm', name: 'a', version: '1.0.0', integrity: sri, reason: 'x\u001b[2J' };
    writeFileSync(join(box.project, 'safe-install.json'), JSON.stringify({ exceptions: [exception] }));
    const first = box.run(['trust']);
    assert.equal(first.code, 0);
    assert.match(first.stderr, /lets through a@1\.0\.0 \(npm, sha512-A+\.\.\.\): x\\x1b\[2J\n.*accepted/);
    assert.match(box.run(['trust']).stderr, /already accepted/);
    writeFileSync(join(box.project, 'safe-install.json'), JSON.stringify({ own: ['@b'] }));
    assert.doesNotMatch(box.run(['trust']).stderr, /already/);
    assert(existsSync(join(box.root, 'state', 'safe-install', 'trusted')));
  });
});
