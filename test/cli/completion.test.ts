/** Completion in the shells themselves, where they are installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sandbox, sandbox } from './run.js';

/** A line as it stands when Tab is pressed, and some of what is then offered. */
const LINES: readonly (readonly [line: string, offered: readonly string[], not: readonly string[]])[] = [
  ['safe-install sc', ['scan'], ['allow']],
  ['safe-install tea', ['teardown'], ['trust']],
  ['safe-install scan --f', ['--format'], ['--output']],
  ['safe-install scan --format s', ['sarif'], ['html']],
  ['safe-install log --re', ['--rescan'], ['--last']],
  ['safe-install log --format ', ['text', 'json'], ['sarif', 'html']],
  ['safe-install completion z', ['zsh'], ['bash']],
  ['safe-install watch fin', ['findings'], ['status']],
  ['safe-install scan --ecosystem p', ['pypi'], ['npm']],
  ['safe-install scan pack', ['package-lock.json'], []],
];

/** Each shell's own way to be asked what Tab would offer, given the script's path and the line. */
const ASK: Readonly<Record<string, (script: string, line: string, box: Sandbox) => readonly string[]>> = {
  bash: (script, line, box) => {
    const words = line.split(' ');
    const asked = `source ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      COMP_LINE='${line}'; COMP_POINT=${line.length}
      _safe_install safe-install '${words.at(-1)}' '${words.at(-2)}'
      if [ \${#COMPREPLY[@]} = 0 ]; then compgen -o default -- '${words.at(-1)}'; else printf '%s\\n' "\${COMPREPLY[@]}"; fi`;
    return output('bash', ['--norc', '-c', asked], box);
  },
  // A shell on a terminal of its own (zpty): the widget that Tab runs cannot be called from a script.
  zsh: (script, line, box) => {
    const asked = `zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -d ${box.root}/zcompdump; source ${script}
        zstyle ":completion:*" list-prompt ""; LISTMAX=1000; offered() { compadd() { builtin compadd -O reply "$@" 2>/dev/null; print -rl -- OFFER:$^reply; builtin compadd "$@" }; _main_complete; unfunction compadd; print END }
        zle -C offered complete-word offered; bindkey "^I" offered; print READY'
      zpty -r z out '*READY*READY*'
      zpty -w -n z $'${line}\\t'
      zpty -r z out '*END*'; print -r -- $out; zpty -d z`;
    return output('zsh', ['-f', '-c', asked], box).flatMap((word) => /OFFER:(\S+)/.exec(word)?.[1] ?? []);
  },
  fish: (script, line, box) =>
    output('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`], box).map(
      (offer) => offer.split('\t')[0]!,
    ),
};

function output(shell: string, argv: readonly string[], box: Sandbox): string[] {
  const env = { ...box.env, TERM: 'dumb', COLUMNS: '200' };
  const { stdout, stderr } = spawnSync(shell, argv, {
    cwd: box.project,
    env,
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(stderr, '', `${shell}: ${stderr}`);
  return stdout.split(/\r?\n/).filter((line) => line !== '');
}

for (const [shell, ask] of Object.entries(ASK)) {
  describe(`completion in ${shell}`, function () {
    this.timeout(60_000);
    let box: Sandbox;
    let script: string;
    before(function () {
      if (spawnSync(shell, ['--version']).status !== 0) this.skip();
      box = sandbox();
      mkdirSync(box.project, { recursive: true });
      script = join(box.root, 'completion');
      writeFileSync(script, box.run(['completion', shell]).stdout);
      writeFileSync(join(box.project, 'package-lock.json'), '{}');
    });
    after(() => box?.remove());
    for (const [line, offered, not] of LINES) {
      it(`${line}⇥`, () => {
        const got = ask(script, line, box);
        for (const word of offered) assert(got.includes(word), `${word} is not among: ${got.join(' ')}`);
        for (const word of not) assert(!got.includes(word), `${word} is among: ${got.join(' ')}`);
      });
    }
  });
}

describe('completion', () => {
  it('knows every option that a command has', () => {
    const box = sandbox();
    const script = box.run(['completion', 'bash']).stdout;
    for (const command of ['scan', 'allow', 'log', 'watch', 'init', 'setup', 'teardown', 'doctor']) {
      const help = box.run([command, '--help']).stdout;
      const has = [...help.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map((match) => match[1]!);
      const completed = new RegExp(`'${command} -'\\*\\).*-W '([^']*)'`).exec(script)?.[1]?.split(' ');
      const wanted = has.filter((option) => option !== '--help').sort();
      assert.deepEqual([...(completed ?? [])].sort(), wanted, command);
    }
    box.remove();
  });
});
