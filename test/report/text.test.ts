import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import stringWidth from 'string-width';
import { mainEvidence } from '../../lib/report/messages.js';
import { createProgress } from '../../lib/report/progress.js';
import { makeStyle, styleOf } from '../../lib/report/style.js';
import { renderText } from '../../lib/report/text.js';
import { hostile, newcomer, ordinary, quiet } from './runs.js';

const SNAPSHOTS = fileURLToPath(new URL('../../../test/report/snapshots/', import.meta.url));

/** Compares with the committed file; `UPDATE_SNAPSHOTS=1` rewrites it, for a person to read in the diff. */
function matchesSnapshot(name: string, text: string): void {
  const path = `${SNAPSHOTS}${name}.txt`;
  if (process.env.UPDATE_SNAPSHOTS === '1') writeFileSync(path, text);
  assert(existsSync(path), `no snapshot ${name}: run with UPDATE_SNAPSHOTS=1 and read it`);
  assert.equal(text, readFileSync(path, 'utf8'));
}

describe('report/text', () => {
  for (const columns of [80, 120]) {
    for (const [look, level, unicode] of [
      ['plain', 0, true],
      ['color', 1, true],
      ['ascii', 0, false],
    ] as const) {
      const style = makeStyle({ columns, level, unicode });
      it(`an ordinary run, ${columns} columns, ${look}`, () => {
        const text = renderText(ordinary, style, 'install');
        matchesSnapshot(`ordinary-${columns}-${look}`, text);
        for (const line of text.split('\n').slice(0, -2)) assert(stringWidth(line) <= columns, line);
        if (!unicode) assert.match(text, /^[\n -~]*$/);
      });
      it(`a hostile run, ${columns} columns, ${look}: no line is its own, nothing reaches the terminal`, () => {
        const text = renderText(hostile, style, 'install');
        matchesSnapshot(`hostile-${columns}-${look}`, text);
        const shown = text.replace(/\u001b\[\d+m/g, level === 0 ? '$&' : '');
        assert.doesNotMatch(shown, /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
        const ours = shown.match(/^safe-install: .*/gm) ?? [];
        assert.equal(ours.length, 1);
        assert.match(ours[0]!, /1 blocked, 1 unverified of 3 packages/);
        assert.match(shown, /^(([✗X?] |warning: |policy: |safe-install: | {2}).*\n|\n)*$/);
        for (const line of text.split('\n').slice(0, -2)) assert(stringWidth(line) <= columns, line);
      });
    }
  }
  it('is one line when all is well', () => {
    const text = renderText(quiet, makeStyle({ columns: 80, level: 0, unicode: true }), 'install');
    assert.equal(
      text,
      'safe-install: 2 packages read, none flagged (1.2 s); 2 files in 1 package not readable by kind (native code, bytecode)\n',
    );
  });
  for (const [what, daysAgo, words] of [
    ['three days ago', 3, 'first published 2026-06-12, 3 days ago,'],
    ['yesterday', 1, 'first published 2026-06-12, 1 day ago,'],
    ['today', 0, 'first published 2026-06-12, today,'],
    ['tomorrow', -1, 'first published 2026-06-12, in the future,'],
  ] as const) {
    it(`says why a new name was judged more strictly: ${what}`, () => {
      const run = { ...quiet, packages: [{ target: 'fresh', verdict: newcomer(daysAgo) }] };
      const text = renderText(run, makeStyle({ columns: 200, level: 0, unicode: true }), 'install');
      assert.match(text, /^✗ blocked evil@1\.0\.0 \(npm\)\n/);
      const reason = `likely malicious: score 0.500, blocks from 0.399; new name: ${words} so judged more strictly`;
      assert(text.replace(/\s+/g, ' ').includes(reason), text);
      assert.match(text, /Check the name for a misspelling, or take an established package\./);
      assert.match(text, /safe-install allow evil@1\.0\.0/);
    });
  }
  it('shows a line that two units reach once, and six lines at most', () => {
    const [first] = ordinary.packages[1]!.verdict.evidence;
    const evidence = Array.from({ length: 20 }, (_, i) => ({
      ...first!,
      order: i,
      weight: 20 - i,
      behavior: { ...first!.behavior, line: 1 + (i >> 1) },
    }));
    assert.deepEqual(
      mainEvidence(evidence).map(({ behavior }) => behavior.line),
      [1, 2, 3, 4, 5, 6],
    );
    assert.equal(mainEvidence(evidence.map((e) => ({ ...e, weight: e.order === 0 ? 100 : 1 }))).length, 3);
  });
  it('shows imports only where fewer than three behaviours do something', () => {
    const [first] = ordinary.packages[1]!.verdict.evidence;
    const evidence = (['D1', 'E1', 'read-env-all', 'http-send', 'R1', 'run-program'] as const).map(
      (code, i) => ({
        ...first!,
        order: i,
        weight: 10 - i,
        behavior: { ...first!.behavior, code, line: 1 + i },
      }),
    );
    const codes = (given: typeof evidence): string[] =>
      mainEvidence(given).map(({ behavior }) => behavior.code);
    assert.deepEqual(codes(evidence), ['read-env-all', 'http-send', 'run-program']);
    assert.deepEqual(codes(evidence.slice(0, 4)), ['D1', 'read-env-all', 'http-send']);
  });
  it('has the heaviest act among the first three, and says once what one line does with one thing', () => {
    const [first] = ordinary.packages[1]!.verdict.evidence;
    const evidence = (
      [
        ['run-own-file', 3, 1, 'node a.js'],
        ['read-host-name', 4, 2, 'os.hostname'],
        ['read-user-name', 5, 3, 'os.userInfo'],
        ['read-env-all', 6, 4, 'process.env'],
        ['D3', 9, 5, 'https://a.invalid/'],
        ['http-send', 2, 5, 'https://a.invalid/'],
        ['delete-file', 1, 6, 'a.js'],
      ] as const
    ).map(([code, weight, line, detail], order) => ({
      ...first!,
      order,
      weight,
      behavior: { ...first!.behavior, code, line, detail },
    }));
    const shown = mainEvidence(evidence).map(({ behavior }) => behavior.code);
    assert.deepEqual(shown, ['read-user-name', 'read-env-all', 'http-send']);
    // An act too light to be among six is shown all the same.
    const light = evidence.map((each, at) => ({ ...each, weight: at === 6 ? 0.1 : 9 - at }));
    const calm = light.filter(({ behavior }) => behavior.code !== 'http-send');
    assert.equal(mainEvidence(calm).at(-1)!.behavior.code, 'delete-file');
  });
  it('a scan does not claim that nothing was installed', () => {
    const style = makeStyle({ columns: 80, level: 0, unicode: true });
    assert.match(renderText(ordinary, style, 'scan'), /1 blocked, 1 unverified of 5 packages \(1\.2 s\)/);
    assert.match(renderText(ordinary, style, 'install'), /of 5 packages; nothing was installed \(1\.2 s\)/);
  });
  it('a name that means something to a shell cannot be pasted as a command', () => {
    const verdict = { ...ordinary.packages[1]!.verdict, name: "x';touch y;'" };
    const run = { ...ordinary, packages: [{ target: 't', verdict }] };
    const text = renderText(run, makeStyle({ columns: 120, level: 0, unicode: true }), 'install');
    assert.doesNotMatch(text, /safe-install allow/);
  });
});

describe('report/style', () => {
  it('NO_COLOR takes colour away, FORCE_COLOR wins over it', () => {
    assert.equal(styleOf('stdout', { NO_COLOR: '1' }).paint.level, 0);
    assert.equal(styleOf('stdout', { NO_COLOR: '' }).paint.level, styleOf('stdout', {}).paint.level);
  });
  it('without UTF-8 only ASCII is written', () => {
    assert.equal(styleOf('stdout', { LANG: 'C' }).unicode, false);
    assert.equal(styleOf('stdout', { LANG: 'de_DE.UTF-8' }).unicode, true);
    assert.equal(styleOf('stdout', { LC_ALL: 'C', LANG: 'de_DE.UTF-8' }).unicode, false);
  });
});

describe('report/progress', () => {
  const style = makeStyle({ columns: 60, level: 0, unicode: true });
  const record = (env: NodeJS.ProcessEnv, isTTY = true, silent = false) => {
    let time = 0;
    let written = '';
    const write = (text: string) => {
      written += text;
    };
    const progress = createProgress({ silent, env, style, now: () => time, terminal: { isTTY, write } });
    return {
      progress,
      at: (ms: number) => {
        time = ms;
      },
      written: () => written,
    };
  };
  it('stays away for short work, then is one line that is taken away', () => {
    const { progress, at, written } = record({});
    progress.update('reading', 1, 9, 'a');
    progress.clear();
    assert.equal(written(), '');
    at(1000);
    progress.update('reading', 3, 9, 'evil\n\u001b[2Jname'.repeat(9));
    assert.match(written(), /^\r\u001b\[2Ksafe-install: reading 3 of 9 packages evil\\n\\x1b\[2Jn/);
    assert.doesNotMatch(written().slice(5), /[\u001b\n]/);
    progress.clear();
    assert(written().endsWith('\r\u001b[2K'));
  });
  it('is absent without a terminal, in CI, when silent', () => {
    for (const { progress, at, written } of [
      record({}, false),
      record({ CI: 'true' }),
      record({}, true, true),
    ]) {
      at(5000);
      progress.update('reading', 1, 2);
      progress.clear();
      assert.equal(written(), '');
    }
  });
});
