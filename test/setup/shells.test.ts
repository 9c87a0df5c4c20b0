import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SHELLS, setup, setupCi, teardown } from '../../lib/setup/setup.js';
import type { Shell } from '../../lib/setup/shells.js';
import { guardVenv, releaseVenv } from '../../lib/setup/venv.js';
import { shimFolder } from '../../lib/tools.js';

const TOOLS = ['npm', 'npx', 'pip', 'pip3', 'python', 'python3'];
const OTHERS = ['pnpm', 'pnpx', 'yarn', 'bun', 'bunx', 'corepack', 'pip3.99', 'python3.99'];

/** A tool that says its name and arguments. */
function fakeTool(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, name), `#!/bin/sh\necho "real ${folder}/${name} $*"\n`);
  chmodSync(path.join(folder, name), 0o755);
}

describe('machine set-up', () => {
  let home: string;
  let tools: string;
  let env: Record<string, string>;
  beforeEach(() => {
    home = mkdtempSync(path.join(os.tmpdir(), 'setup-'));
    tools = path.join(home, 'tools');
    for (const name of [...TOOLS, ...OTHERS]) fakeTool(tools, name);
    env = { HOME: home, PATH: `${tools}:/usr/bin:/bin`, TERM: 'dumb' };
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  /** Replaces the guard in the shims by a program that prints its arguments. */
  function standInGuard(): void {
    const guard = path.join(home, 'guard.js');
    writeFileSync(
      guard,
      "console.log(['guard', ...process.argv.slice(2)].join(' '), process.env.SAFE_INSTALL_PYTHON ?? '');",
    );
    for (const name of readdirSync(shimFolder(env))) {
      const file = path.join(shimFolder(env), name);
      writeFileSync(file, readFileSync(file, 'utf8').replace(/^guard='.*'$/m, `guard='${guard}'`));
    }
  }
  function run(command: string, args: readonly string[], more: Record<string, string> = {}) {
    const child = spawnSync(command, args, { env: { ...env, ...more }, cwd: home, encoding: 'utf8' });
    return { code: child.status, stdout: child.stdout.trim(), stderr: child.stderr.trim() };
  }
  const shimmed = () => ({ PATH: `${shimFolder(env)}:${env.PATH}` });

  const startup: Record<string, readonly string[][]> = {
    bash: [['-ic'], ['-lc']],
    zsh: [['-ic'], ['-lc'], ['-c']],
    fish: [['-c'], ['-ic']],
  };
  for (const shell of SHELLS) {
    it(`${shell}: guarded in a new shell after setup, files as before after teardown`, function () {
      const program = ['/bin', '/usr/bin'].map((f) => path.join(f, shell)).find((f) => existsSync(f));
      if (program === undefined) return this.skip();
      const rc = path.join(
        home,
        shell === 'fish' ? '.config/fish/config.fish' : shell === 'bash' ? '.bashrc' : '.zshrc',
      );
      mkdirSync(path.dirname(rc), { recursive: true });
      const text = `# mine, without a final newline\n${shell === 'fish' ? 'set -gx' : 'export'} MINE${shell === 'fish' ? ' ' : '='}1`;
      writeFileSync(rc, text);
      setup([shell], env);
      standInGuard();
      for (const flags of startup[shell]!) {
        const install = run(program, [...flags, 'npm install x']);
        assert.match(install.stdout, /^guard npm install x/, `${shell} ${flags}: ${install.stderr}`);
        // A login shell's /etc/profile may set PATH anew, without the stand-in tools.
        if (flags.join().includes('l')) continue;
        assert.equal(run(program, [...flags, 'npm run build']).stdout, `real ${tools}/npm run build`);
      }
      teardown(env);
      assert.equal(readFileSync(rc, 'utf8'), text);
      assert.equal(existsSync(shimFolder(env)), false);
      assert.equal(
        run(program, [...startup[shell]![0]!, 'npm install x']).stdout,
        `real ${tools}/npm install x`,
      );
      for (const name of ['.profile', '.zshenv'])
        assert.equal(existsSync(path.join(home, name)), false, name);
    });
  }

  it('bash: a tool that puts itself first later is second again at the next prompt', () => {
    setup(['bash'], env);
    standInGuard();
    fakeTool(path.join(home, 'venv/bin'), 'pip');
    const script = `PATH=${home}/venv/bin:$PATH\neval "$PROMPT_COMMAND"\npip install x\npip list\n`;
    const { stdout } = run('/bin/bash', ['-ic', script]);
    assert.deepEqual(stdout.split('\n'), ['guard pip install x ', `real ${home}/venv/bin/pip list`]);
  });

  /** Each puts a folder with its own npm before all others, as that tool does when a version is switched. */
  const switches: Readonly<Record<string, (bin: string) => string>> = {
    nvm: (bin) => `nvm() { PATH=${bin}:$PATH; export PATH; hash -r; }\nnvm use 24`,
    'Volta, in a start-up file read later': (bin) =>
      `export VOLTA_HOME=${bin}\nexport PATH="$VOLTA_HOME:$PATH"`,
    'mise, at each prompt': (bin) => `_mise() { PATH=${bin}:$PATH; }\nPROMPT_COMMAND="_mise;$PROMPT_COMMAND"`,
    'asdf, which execs by name': (bin) => `. ${bin}/asdf.sh`,
  };
  for (const [name, change] of Object.entries(switches)) {
    it(`bash: npm is guarded at the prompt after a switch by ${name}, and the switched npm is the one behind`, () => {
      setup(['bash'], env);
      standInGuard();
      const bin = path.join(home, 'other', 'bin');
      fakeTool(bin, 'npm');
      writeFileSync(path.join(bin, 'asdf.sh'), `PATH="${bin}:$PATH"\n`);
      const script = `${change(bin)}\neval "$PROMPT_COMMAND"\nnpm install x\nnpm run x\n`;
      const { stdout } = run('/bin/bash', ['-ic', script]);
      assert.deepEqual(stdout.split('\n'), ['guard npm install x ', `real ${bin}/npm run x`]);
    });
  }

  /** Types lines at a shell's prompt, on a terminal. */
  function type(shell: string, lines: readonly string[]): void {
    const input = `${lines.join('\n')}\nexit\n`;
    const command = ['-qec', `${shell} -i`, '/dev/null'];
    spawnSync('script', command, { env: { ...env, SHELL: '/bin/sh' }, cwd: home, input, timeout: 60_000 });
  }
  const onTerminal = (shell: string): boolean =>
    /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '') &&
    spawnSync(shell, ['-c', ':']).status === 0;

  /** What puts a folder first before each prompt, registered behind everything that is there. */
  const hooks: Readonly<Record<Shell, (folder: string) => string>> = {
    bash: (folder) =>
      `_other() { case $PATH in ${folder}:*) ;; *) PATH=${folder}:$PATH ;; esac; }\nPROMPT_COMMAND="\${PROMPT_COMMAND:+$PROMPT_COMMAND;}_other"\n`,
    zsh: (folder) => `_other() { path=(${folder} $path) }\nprecmd_functions+=(_other)\n`,
    fish: (folder) => `function _other --on-event fish_prompt\n set -gx PATH ${folder} $PATH\nend\n`,
  };
  const rcOf: Readonly<Record<Shell, string>> = {
    bash: '.bashrc',
    zsh: '.zshrc',
    fish: '.config/fish/config.fish',
  };
  for (const shell of SHELLS) {
    it(`${shell} on a terminal: guarded in a virtual environment activated later, and after it`, function () {
      if (!onTerminal(shell)) this.skip();
      const venv = path.join(home, 'env');
      const made = spawnSync('python3', ['-m', 'venv', '--without-pip', venv], { encoding: 'utf8' });
      assert.equal(made.status, 0, made.stderr);
      fakeTool(path.join(venv, 'bin'), 'pip');
      setup([shell], env);
      standInGuard();
      type(shell, [
        `. ${venv}/bin/activate${shell === 'fish' ? '.fish' : ''}`,
        'pip install x >> out',
        'pip list >> out',
        'python -m pip install x >> out',
        'deactivate',
        'pip install x >> out',
        'pip list >> out',
      ]);
      assert.deepEqual(readFileSync(path.join(home, 'out'), 'utf8').split('\n'), [
        'guard pip install x ',
        `real ${venv}/bin/pip list`,
        `guard pip install x ${venv}/bin/python`,
        'guard pip install x ',
        `real ${tools}/pip list`,
        '',
      ]);
    });

    it(`${shell} on a terminal: guarded though a hook registered later puts another npm first at each prompt`, function () {
      if (!onTerminal(shell)) this.skip();
      const other = path.join(home, 'other');
      fakeTool(other, 'npm');
      setup([shell], env);
      standInGuard();
      const rc = path.join(home, rcOf[shell]);
      writeFileSync(rc, `${readFileSync(rc, 'utf8')}${hooks[shell](other)}`);
      // What a hook behind ours did before the first line is seen from the second on in bash.
      type(shell, ['true', 'npm install x >> out', 'npm ls >> out', 'npm ci >> out']);
      assert.deepEqual(readFileSync(path.join(home, 'out'), 'utf8').split('\n'), [
        'guard npm install x ',
        `real ${other}/npm ls`,
        'guard npm ci ',
        '',
      ]);
    });
  }

  it('fish: guarded on the very line that activates an environment', function () {
    if (spawnSync('fish', ['-c', ':']).status !== 0) this.skip();
    fakeTool(path.join(home, 'venv/bin'), 'pip');
    setup(['fish'], env);
    standInGuard();
    const { stdout } = run('fish', ['-c', `set -gx PATH ${home}/venv/bin $PATH; and pip install x`]);
    assert.equal(stdout, 'guard pip install x');
  });

  it('bash: a prompt hook sees the exit status of the command before it', function () {
    if (!onTerminal('bash')) this.skip();
    writeFileSync(path.join(home, '.bashrc'), 'PROMPT_COMMAND=\'echo "status $?" >> out\'');
    setup(['bash'], env);
    type('bash', ['(exit 7)', 'true']);
    assert.match(readFileSync(path.join(home, 'out'), 'utf8'), /^status \d\nstatus 7\nstatus 0\n$/);
  });

  it('sh, which is no bash, reads the start-up files too', () => {
    setup(['bash'], env);
    standInGuard();
    const script = `. ${home}/.profile; npm install x`;
    for (const shell of ['/bin/sh', '/bin/dash'].filter((file) => existsSync(file))) {
      assert.deepEqual(run(shell, ['-c', script]), { code: 0, stdout: 'guard npm install x', stderr: '' });
    }
  });

  /** Without those of tools that this machine happens to have in its system folders. */
  const toolsShimmed = () =>
    readdirSync(shimFolder(env))
      .filter((name) => existsSync(path.join(tools, name)))
      .sort();

  it('tools that are not there get no shim until they are and setup runs again', () => {
    for (const name of OTHERS) rmSync(path.join(tools, name));
    setup([], env);
    assert.deepEqual(toolsShimmed(), [...TOOLS].sort());
    fakeTool(tools, 'yarn');
    setup([], env);
    assert.deepEqual(toolsShimmed(), [...TOOLS, 'yarn'].sort());
  });

  const lines: readonly [readonly string[], string][] = [
    [['pnpm', 'add', 'x'], 'guard pnpm add x'],
    [['pnpm', '-r', 'install'], 'guard pnpm -r install'],
    [['pnpm', 'run', 'build'], 'real TOOLS/pnpm run build'],
    [['pnpm'], 'real TOOLS/pnpm'],
    [['pnpx', 'cowsay'], 'guard pnpm dlx cowsay'],
    [['yarn'], 'guard yarn'],
    [['yarn', '--frozen-lockfile'], 'guard yarn --frozen-lockfile'],
    [['yarn', 'run', 'build'], 'real TOOLS/yarn run build'],
    [['yarn', '--version'], 'real TOOLS/yarn --version'],
    [['bun', 'install'], 'guard bun install'],
    [['bun', 'pm', 'trust', 'x'], 'guard bun pm trust x'],
    [['bun', 'run', 'dev'], 'real TOOLS/bun run dev'],
    [['bunx', 'cowsay'], 'guard bun x cowsay'],
    [['corepack', 'pnpm@9', 'install'], 'guard corepack pnpm@9 install'],
    [['corepack', 'use', 'yarn@4'], 'guard corepack use yarn@4'],
    [['corepack', 'enable'], 'real TOOLS/corepack enable'],
    [['npm', 'install', 'x'], 'guard npm install x'],
    [['npm', '-s', '--prefix', 'sub', 'ls'], 'real TOOLS/npm -s --prefix sub ls'],
    [['npm', '-s', '--prefix', 'ls', 'ci'], 'guard npm -s --prefix ls ci'],
    [['pip', '--disable-pip-version-check', 'list'], 'real TOOLS/pip --disable-pip-version-check list'],
    [['python', '-m', 'pip', '-q', 'list'], 'real TOOLS/python -m pip -q list'],
    [['python', '-Im', 'pip', '-q', 'install', 'x'], 'guard pip -q install x TOOLS/python'],
    [['yarn', '-V'], 'guard yarn -V'],
    [['npm', '--prefix', 'run', 'install', 'x'], 'guard npm --prefix run install x'],
    [['npm', 'run', 'install'], 'real TOOLS/npm run install'],
    [['npm', '--version'], 'real TOOLS/npm --version'],
    [['npm'], 'real TOOLS/npm'],
    [['npm', 'ci'], 'guard npm ci'],
    [['npm', 'exec', 'x'], 'guard npm exec x'],
    [['npx', 'cowsay', 'hi there'], 'guard npx cowsay hi there'],
    [['npx', '--version'], 'real TOOLS/npx --version'],
    [['pip', 'install', 'x'], 'guard pip install x'],
    [['pip3', 'download', 'x'], 'guard pip download x'],
    [['pip', 'list'], 'real TOOLS/pip list'],
    [['pip', '--python', 'p', 'install', 'x'], 'guard pip --python p install x'],
    [['python', '-m', 'pip', 'install', 'x'], 'guard pip install x TOOLS/python'],
    [['python3', '-Im', 'pip', 'install', 'x'], 'guard pip install x TOOLS/python3'],
    [['python3', '-X', 'utf8', '-W', 'ignore', '-mpip', 'install', 'x'], 'guard pip install x TOOLS/python3'],
    [['pip3.99', 'install', 'x'], 'guard pip install x'],
    [['pip3.99', 'list'], 'real TOOLS/pip3.99 list'],
    [['python3.99', '-m', 'pip', 'install', 'x'], 'guard pip install x TOOLS/python3.99'],
    [['python3.99', '-mpip.__main__', 'install', 'x'], 'guard pip install x TOOLS/python3.99'],
    [['yarn', 'version', 'patch'], 'guard yarn version patch'],
    [['bun', 'r', 'x'], 'guard bun r x'],
    [['python', '-m', 'pip', 'freeze'], 'real TOOLS/python -m pip freeze'],
    [['python', '-m', 'venv', 'pip'], 'real TOOLS/python -m venv pip'],
    [['python', '-c', 'print(1)', '-m', 'pip', 'install'], 'real TOOLS/python -c print(1) -m pip install'],
    [['python', 'script.py', '-m', 'pip', 'install', 'x'], 'real TOOLS/python script.py -m pip install x'],
    [['python'], 'real TOOLS/python'],
  ];
  for (const [[command, ...args], expected] of lines) {
    it(`shim: ${command} ${args.join(' ')}`, () => {
      setup([], env);
      standInGuard();
      const result = run(path.join(shimFolder(env), command!), args, shimmed());
      assert.deepEqual(result, { code: 0, stdout: expected.replace('TOOLS', tools), stderr: '' });
    });
  }

  it('pnpm is told not to install before it runs a script', () => {
    setup([], env);
    const said = '#!/bin/sh\necho "$npm_config_verify_deps_before_run $pnpm_config_verify_deps_before_run"\n';
    writeFileSync(path.join(tools, 'pnpm'), said);
    const result = run(path.join(shimFolder(env), 'pnpm'), ['run', 'x'], shimmed());
    assert.deepEqual(result, { code: 0, stdout: 'warn warn', stderr: '' });
  });

  it('shims refuse when the guard is gone, and still pass what installs nothing', () => {
    setup([], env);
    const file = path.join(shimFolder(env), 'npm');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^guard='.*'$/m, "guard='/no/such/guard.js'"));
    const install = run(file, ['install', 'x'], shimmed());
    assert.equal(install.code, 102);
    assert.equal(install.stdout, '');
    assert.match(
      install.stderr,
      /^safe-install: the guard is gone \(\/no\/such\/guard\.js\), so npm was not run\. .*safe-install setup.* \[guard-missing\]$/m,
    );
    assert.equal(run(file, ['run', 'x'], shimmed()).stdout, `real ${tools}/npm run x`);
  });

  it('a shim says when there is no tool behind it', () => {
    setup([], env);
    const result = run(path.join(shimFolder(env), 'pip'), ['install', 'x'], {
      PATH: `${shimFolder(env)}:/bin-that-is-not`,
    });
    assert.equal(result.code, 127);
    assert.match(result.stderr, /no pip on PATH besides the shim .* \[tool-missing\]$/m);
  });

  it('CI: writes where GitHub reads, prints for the others', () => {
    const file = path.join(home, 'github-path');
    writeFileSync(file, '/earlier\n');
    setupCi('github', { ...env, GITHUB_PATH: file });
    assert.equal(readFileSync(file, 'utf8'), `/earlier\n${shimFolder(env)}\n`);
    assert.deepEqual(setupCi('azure', env).output, [`##vso[task.prependpath]${shimFolder(env)}`]);
    assert.deepEqual(setupCi('gitlab', env).output, [`export PATH='${shimFolder(env)}':"$PATH"`]);
  });

  it('virtual environment: pip and python -m pip end at the guard, other use does not', () => {
    const venv = path.join(home, 'env');
    const made = spawnSync('python3', ['-m', 'venv', venv], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const [hook] = guardVenv(venv);
    const guard = path.join(home, 'guard.js');
    writeFileSync(guard, "console.log(['guard', ...process.argv.slice(2)].join(' '));");
    writeFileSync(
      hook!,
      readFileSync(hook!, 'utf8').replace(/^GUARD = .*$/m, `GUARD = ${JSON.stringify(guard)}`),
    );
    const bin = path.join(venv, 'bin');
    assert.equal(run(path.join(bin, 'pip'), ['install', 'x']).stdout, 'guard pip install x');
    assert.equal(run(path.join(bin, 'python'), ['-Im', 'pip', 'install', 'x']).stdout, 'guard pip install x');
    assert.equal(run(path.join(bin, 'python'), ['-c', 'print(5)']).stdout, '5');
    assert.match(run(path.join(bin, 'pip'), ['list']).stdout, /^Package/);
    assert.match(run(path.join(bin, 'pip'), ['--no-input', '--timeout', '3', 'list']).stdout, /^Package/);
    assert.equal(
      run(path.join(bin, 'pip'), ['--timeout', 'list', 'install', 'x']).stdout,
      'guard pip --timeout list install x',
    );
    assert.match(
      run(path.join(bin, 'pip'), ['install'], { SAFE_INSTALL_GUARDED_PIP: '1' }).stderr,
      /at least one requirement/,
    );
    rmSync(guard);
    const gone = run(path.join(bin, 'pip'), ['install', 'x']);
    assert.equal(gone.code, 102);
    assert.match(gone.stderr, /the guard of this environment is gone .* \[guard-missing\]$/m);
    releaseVenv(venv);
    assert.match(run(path.join(bin, 'pip'), ['install']).stderr, /at least one requirement/);
  });
});
