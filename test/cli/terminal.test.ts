/** The same scan on a terminal and through a pipe: what a person and what a program sees. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import stringWidth from 'string-width';
import { BIN, type Sandbox, sandbox } from './run.js';

const COLOR = /\u001b\[[\d;]*m/g;

describe('a scan on a terminal', function () {
  this.timeout(120_000);
  let box: Sandbox;
  before(function () {
    // util-linux's `script` gives the child a terminal of its own.
    if (spawnSync('script', ['--version']).status !== 0) this.skip();
  });
  beforeEach(() => {
    box = sandbox();
    // Damaged with a name full of escapes: a card that needs no model.
    mkdirSync(join(box.project, 'bad'));
    writeFileSync(join(box.project, 'bad', 'x\u001b[31m\u202e.tgz'), 'no archive');
  });
  afterEach(() => box?.remove());

  const target = 'bad/x\u001b[31m\u202e.tgz';
  const onTerminal = (columns: number, env: NodeJS.ProcessEnv): string => {
    const command = `stty cols ${columns} rows 40; '${process.execPath}' '${BIN}' scan '${target}'`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      cwd: box.project,
      env: { ...box.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env },
      encoding: 'utf8',
      timeout: 60_000,
    });
    // The progress line is taken away before anything else is written.
    return stdout.replaceAll('\r\n', '\n').replace(/(?:\r\u001b\[2K[^\r\n]*)*\r\u001b\[2K/g, '');
  };

  it('colour and width are the terminal’s, the words are those of the pipe, nothing hostile gets through', () => {
    const unset = { NO_COLOR: undefined, FORCE_COLOR: undefined, COLORTERM: undefined, CI: undefined };
    const piped = box.run(['scan', target], { env: { ...unset, LANG: 'C.UTF-8' } });
    assert.equal(piped.code, 101);
    assert.equal(piped.stderr, '');
    assert.doesNotMatch(piped.stdout, /\u001b|\u202e/);
    for (const columns of [80, 120]) {
      const shown = onTerminal(columns, unset);
      assert.match(shown, COLOR);
      const plain = shown.replace(COLOR, '');
      assert.doesNotMatch(plain, /\u001b|\u202e|\r/);
      const lines = plain.split('\n');
      for (const line of lines) assert(stringWidth(line) <= columns, line);
      assert.equal(
        lines.some((line) => stringWidth(line) > 80),
        columns === 120,
      );
      const words = (text: string) => text.replace(/\(\d+\.\d s\)/, '').split(/\s+/);
      assert.deepEqual(words(plain), words(piped.stdout));
      assert.equal(onTerminal(columns, { ...unset, NO_COLOR: '1' }).match(COLOR), null);
    }
  });
});
