/** What shims pass by themselves, against what the guard would have said of the same line. */
import { deepEqual, equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import fc from 'fast-check';
import { parseManagerArgv } from '../../lib/managers/argv.js';
import { parseCorepackArgv } from '../../lib/managers/corepack.js';
import { parseArgv } from '../../lib/npm/argv.js';
import { bundledLibraries, librariesOf, type NpmLibraries } from '../../lib/npm/libraries.js';
import { parsePipArguments } from '../../lib/pip/argv.js';
import { PASSING } from '../../lib/setup/passing.js';
import { npmUnderTest } from '../helpers/sandbox.js';

type Tool = Exclude<keyof typeof PASSING, 'npx'>;

const libraries = [bundledLibraries(), librariesOf(path.join(path.dirname(npmUnderTest().at(-1)!), '..'))];

/** Arguments that npm's own parser refuses (npm 12: `-ws`) install nothing. */
function npmPasses(argv: readonly string[], each: NpmLibraries): boolean {
  try {
    return parseArgv(argv, each).kind === 'pass';
  } catch (error) {
    return (error as { code?: string }).code === 'npm-arguments';
  }
}

/** Whether the guard, which reads the line by the tool's own rules, would pass it. */
const GUARD: Readonly<Record<Tool, (argv: readonly string[]) => boolean>> = {
  npm: (argv) => libraries.every((each) => npmPasses(argv, each)),
  pip: (argv) => !parsePipArguments(argv).guarded,
  python: ([, , ...argv]) => !parsePipArguments(argv).guarded,
  pnpm: (argv) => parseManagerArgv('pnpm', argv).kind === 'pass',
  yarn: (argv) => parseManagerArgv('yarn', argv).kind === 'pass',
  bun: (argv) => parseManagerArgv('bun', argv).kind === 'pass',
  corepack: (argv) => parseCorepackArgv(argv) === undefined,
};
const guardPasses = (tool: Tool, argv: readonly string[]): boolean => {
  try {
    return GUARD[tool](argv);
  } catch {
    return false; // refused: bad usage, or a command that is not guarded
  }
};

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** What the shim's own lines say of each, in one shell. */
function shimPasses(tool: Tool, lines: readonly (readonly string[])[], shell = 'sh'): boolean[] {
  const calls = lines.map((argv) => `(decide ${argv.map(quote).join(' ')}; exit 9) >/dev/null; echo $?`);
  const input = `real=true\ndecide() {\n${PASSING[tool]}\n:\n}\n${calls.join('\n')}\n`;
  const { stdout, stderr } = spawnSync(shell, [], { input, encoding: 'utf8' });
  equal(stderr, '');
  return stdout
    .trim()
    .split('\n')
    .map((code) => code === '0');
}

/** By tool, a line each. `pass`: both pass. `guard`: neither. `unsure`: the shim leaves it to the guard, which passes it. */
const FORMS: Readonly<
  Record<Tool, { pass: readonly string[]; guard: readonly string[]; unsure?: readonly string[] }>
> = {
  npm: {
    pass: [
      '',
      'run build',
      'run install',
      '-s ls',
      '--silent run x',
      '--prefix x ls',
      '--prefix=x ls',
      '-C x run build',
      '-w a run build',
      '--workspace=a -s test',
      '--workspaces --if-present run build',
      '--loglevel error --registry https://r.invalid ping',
      '-g ls',
      '--global root',
      'version',
      'outdated',
      'audit',
      'audit --json',
      'cache clean --force',
      'view x version --json',
      'view @s/x versions',
      'pack x@1',
      'install --help',
      'exec -h',
      '--version',
      '-v',
    ],
    guard: [
      'install',
      '-s i x',
      '--prefix run install x',
      '--prefix ls ci',
      '-C run ci',
      '-w run install x',
      '--json=install run',
      '--tag run install x',
      '--no-silent install',
      '-s --global update',
      'audit fix',
      'audit --json fix',
      'audit --json=fix',
      'version patch -w a',
      'view a/b',
      'view git+https://h.invalid/a.git',
      'pack github:a/b',
      'pack x@github:a/b',
      'pack git@h.invalid:a/b',
      'cache add x',
      'init vite',
      'exec x',
      'edit x',
    ],
    unsure: [
      '--new-option ls',
      '--prefix=-C run install',
      '--loglevel=-C run install',
      '--loglevel -C run install',
      '--json=run install',
      'view @s/a/b',
      '--color=false ls',
      '--prefix= ls',
      '-- run x',
      'version patch',
      'view x --registry https://r.invalid',
      'pack ./folder',
      'install x --help',
      '--silent',
      'init',
      'fund',
    ],
  },
  pip: {
    pass: [
      '',
      'list',
      '--disable-pip-version-check list',
      '-q --no-input freeze',
      '-vv show x',
      '--proxy install list',
      '--proxy=http://p.invalid list',
      '--python .venv list',
      '--timeout 3 --retries=0 index versions x',
      'install --help',
      '--version',
    ],
    guard: [
      'install x',
      '-q install x',
      '--proxy list install x',
      '--cert=list install x',
      '--log list install list',
      '--timeout 3 download list',
      'wheel x',
      'a-later-command',
      '--python list install x',
    ],
    unsure: ['--proxy= list', '--prox p list', '--no-proxy-env list', 'install x --help', '-- list'],
  },
  python: {
    pass: [
      '-m pip',
      '-m pip list',
      '-m pip -q list',
      '-m pip --proxy p list',
      '-m pip --log=x freeze',
      '-m pip -h',
    ],
    guard: [
      '-m pip install x',
      '-m pip -q install list',
      '-m pip --proxy list install x',
      '-m pip --log=list wheel x',
    ],
    unsure: ['-m pip --proxy -q list', '-m pip --prox p list'],
  },
  pnpm: {
    pass: [
      '',
      'run build',
      '-r run build',
      '-s test',
      '--filter app run build',
      '--filter=app... test',
      '-C sub exec tsc',
      '--dir sub why x',
      'add --help',
      '-v',
    ],
    guard: [
      'install',
      '-r install',
      '--filter run add x',
      '-C run install',
      '--dir=run add x',
      '-w add x',
      'dlx x',
      '--new run add x',
    ],
    unsure: ['build', '--new-option run x', '--filter -x run y'],
  },
  yarn: {
    pass: ['run build', '--cwd sub run build', '--cwd=sub why x', '-s run x', 'add --help', '-v'],
    guard: [
      '',
      '--cwd run',
      '--cwd run install',
      '--cwd=run add x',
      '-s',
      '-s add x',
      'dlx x',
      'workspaces foreach -A add x',
    ],
    unsure: ['build', 'workspaces list', 'version check'],
  },
  bun: {
    pass: [
      '',
      'run dev',
      '--silent run dev',
      '--cwd sub run dev',
      '--cwd=sub test',
      'pm --help',
      '--version',
    ],
    guard: ['install', '--cwd run install', '--cwd=run add x', '--silent x y', 'pm trust x', 'init'],
    unsure: ['index.ts', 'pm ls'],
  },
  corepack: {
    pass: [
      '',
      'enable',
      'disable yarn',
      'install -g pnpm',
      'prepare --activate',
      'pack',
      'cache clean',
      '--version',
    ],
    guard: [
      'npm install',
      'npx x',
      'pnpm@9 install',
      'pnpm run x',
      'yarn',
      'yarnpkg add x',
      'use pnpm@9',
      'pnpm@https://h.invalid/x.tgz --help',
      'up',
      'foo@https://h.invalid/x.js',
      'later',
    ],
  },
};

const splitLine = (line: string) => line.split(' ').filter(Boolean);

describe('what shims pass by themselves', () => {
  for (const [name, { pass, guard, unsure = [] }] of Object.entries(FORMS)) {
    const tool = name as Tool;
    it(`${tool}: the forms of the table`, () => {
      const lines = [...pass, ...guard, ...unsure];
      const said = shimPasses(tool, lines.map(splitLine));
      deepEqual(
        lines.map((line, i) => [line, said[i], guardPasses(tool, splitLine(line))]),
        lines.map((line) => [line, pass.includes(line), pass.includes(line) || unsure.includes(line)]),
      );
    });

    it(`${tool}: nothing that the guard would not pass, in any order of words`, function () {
      this.timeout(60_000);
      const vocabulary = [
        ...new Set([
          ...Object.values(FORMS[tool]).flat().flatMap(splitLine),
          ...[...PASSING[tool].matchAll(/[ (](-[-\w]+)/g)].map(([, option]) => option!),
          ...[
            '',
            '--',
            '-',
            'true',
            'false',
            'null',
            'install',
            'add',
            'x',
            '-x',
            '--unknown',
            'é',
            "'",
            '*',
          ],
        ]),
      ];
      const first = tool === 'python' ? ['-m', 'pip'] : [];
      const lines = fc
        .sample(fc.array(fc.constantFrom(...vocabulary), { maxLength: 6 }), { numRuns: 1000, seed: 7 })
        .map((line) => [...first, ...line]);
      const said = shimPasses(tool, lines);
      equal(said.length, lines.length);
      deepEqual(
        lines.filter((line, i) => said[i] && !guardPasses(tool, line)),
        [],
      );
      equal(said.some(Boolean), true);
    });
  }

  for (const shell of ['bash', 'zsh']) {
    it(`the same in ${shell} as sh`, function () {
      if (spawnSync(shell, ['-c', ':']).status !== 0) this.skip();
      const lines = [...FORMS.npm.pass, ...FORMS.npm.guard].map(splitLine);
      deepEqual(shimPasses('npm', lines, shell === 'zsh' ? 'zsh' : shell), shimPasses('npm', lines));
    });
  }
});
