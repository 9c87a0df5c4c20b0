/** Operations on long texts are paid for by their length, and none takes longer than the texts are long. */
import assert from 'node:assert/strict';
import type { Context } from '../../lib/behavior/api.js';
import { stringMethod } from '../../lib/behavior/apis/javascript/strings.js';
import { percentFormat } from '../../lib/behavior/apis/python/format.js';
import { textMethod } from '../../lib/behavior/apis/python/text-methods.js';
import { forgetLooked, takeLooked } from '../../lib/behavior/looks.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { find, replaceWord, splitBy } from '../../lib/behavior/text-work.js';
import { dict, known, list, NO_LABELS, ref, type Value } from '../../lib/behavior/values.js';
import { artifactOf, behaviorsOf, importEntry } from '../helpers/sequence.js';

type Language = 'javascript' | 'python';

/** Steps a program takes, whose last line must be reached. */
async function stepsOf(code: string, language: Language = 'javascript'): Promise<number> {
  const [ecosystem, file, last] =
    language === 'python'
      ? (['pypi', 'a/__init__.py', "import os\nos.system('id')"] as const)
      : (['npm', 'index.js', "require('child_process').exec('id');"] as const);
  const artifact = artifactOf(ecosystem, { [file]: `${code}\n${last}` }, [importEntry(file)]);
  const sequence = await buildSequence(artifact, { strict: true });
  assert.equal(sequence.incomplete, undefined);
  assert.ok(
    behaviorsOf(sequence).some((b) => b.code === 'run-shell'),
    'what stands behind is read',
  );
  return sequence.stats.steps;
}

/** What one more operation costs, with everything its words cost however short the texts are. */
async function stepsEach(before: string, operation: string, language?: Language): Promise<number> {
  const times = (count: number) => [before, ...new Array<string>(count).fill(operation)].join('\n');
  const [none, ten] = [await stepsOf(times(0), language), await stepsOf(times(10), language)];
  return (ten - none) / 10;
}

const PREPARED = (length: number) =>
  `var s = 'ab '.repeat(${length / 3}), t = 'ab '.repeat(${length / 3 - 1}), n = 0; s.charAt(0); t.charAt(0);`;

/** Operations with the fewest steps each must cost where the text has a million characters. */
const OPERATIONS: readonly (readonly [operation: string, atLeast: number])[] = [
  ["s.includes('z');", 25],
  ["s.indexOf('zz');", 1900],
  ["s.lastIndexOf('zz');", 1900],
  ['s.toUpperCase();', 1900],
  ["s.normalize('NFD');", 7000],
  ['s.localeCompare(t);', 7000],
  ['s.startsWith(t);', 450],
  ["s.split('zz');", 1900],
  ["s.replace('zz', 'y');", 1900],
  ["s.replaceAll('zz', 'y');", 1900],
  ["s.replace(/z/g, 'y');", 1900],
  ['s.match(/z/g);', 1900],
  ['s.search(/z/);', 1900],
  ['/z/.test(s);', 1900],
  ['/z/.exec(s);', 1900],
  ['s < t;', 900],
  ['+s;', 900],
  ['JSON.stringify(s);', 7000],
  ['encodeURIComponent(s);', 7000],
  ['[s, t].join();', 450],
  ['(s + 1).charAt(0);', 450],
  ['(s + 1)[0];', 450],
  ['`$' + '{s}1`.at(0);', 450],
  ["s.concat('x').slice(1);", 450],
  ["s.padEnd(s.length + 9, '-').charCodeAt(0);", 450],
  ['n[s + 1];', 450],
  ["(s + 'x') === (s + 'y');", 900],
  ["switch (s + 'x') { case s + 'y': n++; }", 900],
  ['(function (x) { return x.length; })(s + 1);', 450],
];

const PYTHON_PREPARED = (length: number) =>
  `import base64, html, json, operator, urllib.parse
s = 'ab ' * ${length / 3}
t = 'ab ' * ${length / 3 - 1}
b = s.encode()
n = 10 ** ${length / 27}
u = s[0] + t[0] + str(len(s))`;

/** The same in Python. */
const PYTHON_OPERATIONS: readonly (readonly [operation: string, atLeast: number])[] = [
  ["'z' in s", 25],
  ["'zz' in s", 1900],
  ["s.find('zz')", 1900],
  ["s.rindex('zz')", 1900],
  ["s.count('zz')", 1900],
  ["s.count('b')", 5000],
  ["s.partition('zz')", 1900],
  ["s.split('zz')", 1900],
  ["s.rsplit('zz', 1)", 1900],
  ['s.split(None, 5)', 1900],
  ['s.splitlines()', 1900],
  ["s.replace('zz', 'y')", 1900],
  ['s.startswith(t)', 450],
  ['s.removeprefix(t)', 450],
  ['s < t', 450],
  ["s + 'x' == s + 'y'", 900],
  ["(s + 'x')[0]", 450],
  ["(s + 'x')[1:]", 450],
  ['s[::-1]', 15_000],
  ["[s + 'x'].index(s + 'y')", 900],
  ['s.upper()', 1900],
  ['s.title()', 20_000],
  ['s.swapcase()', 20_000],
  ['s.isalpha()', 1900],
  ['s.strip("ab ")', 7000],
  ["s.translate({97: 'x'})", 20_000],
  ['str.maketrans(s, s)', 20_000],
  ["s.encode('rot13')", 15_000],
  ["s.encode('utf-8')", 450],
  ['repr(s)', 3900],
  ['s.format()', 20_000],
  ["(s + '%s') % 1", 1900],
  ["'%r' % s", 3900],
  ["','.join([s, t])", 450],
  ["s.ljust(len(s) + 9).find('b')", 450],
  ['json.dumps(s)', 7000],
  ['urllib.parse.quote(s)', 20_000],
  ['html.unescape(s)', 7000],
  ['base64.b64decode(s)', 900],
  ['base64.b32encode(s)', 15_000],
  ['b.hex()', 200],
  ["b'zz' in b", 1900],
  ["b.find(b'zz')", 1900],
  ['b.translate(bytes(256))', 7000],
  ['n * n', 4000],
  ['n % 7', 1900],
  ["'%d' % n", 3000],
  ["'{:,}'.format(n)", 3000],
];

/** As `replaceAll` and `split` do it. */
const samples: readonly (readonly [text: string, word: string])[] = [
  ['aabaaabaaaab', 'aab'],
  ['a'.repeat(4000), 'a'.repeat(33)],
  [`${'a'.repeat(5000)}b`, `${'a'.repeat(60)}b`],
  [`${'ab'.repeat(1000)}c${'ab'.repeat(1000)}c`, `${'ab'.repeat(40)}c`],
  ['x'.repeat(3000), `${'y'.repeat(50)}`],
  ['short', 'longer than the text is'],
];

describe('work on long texts', () => {
  beforeEach(() => void takeLooked());

  for (const [operation, atLeast] of OPERATIONS) {
    it(`is charged: ${operation}`, async () => {
      const short = await stepsEach(PREPARED(300), operation);
      const long = await stepsEach(PREPARED(999_999), operation);
      assert.ok(short < 50, `${short} steps when it is short`);
      assert.ok(long - short >= atLeast && long - short < 40_000, `${long} steps, ${short} when it is short`);
    });
  }

  for (const [operation, atLeast] of PYTHON_OPERATIONS) {
    it(`is charged: ${operation}`, async () => {
      const short = await stepsEach(PYTHON_PREPARED(81), operation, 'python');
      const long = await stepsEach(PYTHON_PREPARED(999_999), operation, 'python');
      assert.ok(short < 50, `${short} steps when it is short`);
      assert.ok(
        long - short >= atLeast && long - short < 200_000,
        `${long} steps, ${short} when it is short`,
      );
    });
  }

  it('is not charged where nothing is gone through in Python', async () => {
    for (const operation of [
      's[5]',
      's[-1]',
      's[3:9]',
      's == s',
      's == t',
      'len(s)',
      "s.startswith('ab')",
      "s.endswith('b ')",
      "s.find('b')",
      'operator.getitem(s, 5)',
    ]) {
      const [short, long] = [
        await stepsEach(PYTHON_PREPARED(81), operation, 'python'),
        await stepsEach(PYTHON_PREPARED(999_999), operation, 'python'),
      ];
      assert.ok(long - short < 1, `${operation} ${long} steps, ${short} when it is short`);
    }
  });

  it('is not charged where nothing is gone through: reading what stays as it is', async () => {
    for (const operation of [
      's.charCodeAt(70);',
      's.charAt(9);',
      's[5];',
      's.at(-1);',
      's === s;',
      "s.startsWith('ab');",
      "s.indexOf('b');",
      's.length;',
    ]) {
      const [short, long] = [
        await stepsEach(PREPARED(300), operation),
        await stepsEach(PREPARED(999_999), operation),
      ];
      assert.ok(long - short < 1, `${operation} ${long} steps, ${short} when it is short`);
    }
  });

  const growing = (read: string) =>
    `var s = 'a'.repeat(1e6), n = 0; for (var i = 0; i < 1e6; i++) { s += 'b' + (i % 10); ${read} }`;
  for (const [what, code] of [
    ['searching', "var s = 'ab '.repeat(350000), n = 0; for (;;) { if (s.includes('x' + n)) break; n++; }"],
    ['copying', "var s = 'ab '.repeat(350000); for (;;) { s = s.slice(1).toUpperCase().replace('A', 'b'); }"],
    ['splitting', "var s = 'ab '.repeat(350000), n = 0; for (;;) n += s.split('b').length;"],
    ['characters of a text that grows', growing('n ^= s.charCodeAt(i);')],
    ['its end', growing('n = s[s.length - 1];')],
    ['functions called with it', `function f(x) { return x.length; } ${growing('n += f(s);')}`],
    ['members named by it', growing('n = process.env[s];')],
  ] as const) {
    it(`ends a loop early: ${what}`, async () => {
      const steps = await stepsOf(code);
      assert.ok(steps > 15_000 && steps < 1_300_000, `${steps} steps`);
    });
  }

  const inPython = (body: string) =>
    `import os, pathlib\ns = 'ab ' * 350000\nb = s.encode()\nn = 1\nd = {}\nl = []\nwhile True:\n  ${body}\n  n += 1`;
  for (const [what, body] of [
    ['searching', "if 'x' + str(n) in s: break"],
    ['copying', "s = s[1:].upper().replace('A', 'b')"],
    ['splitting', "n += len(s.split('b'))"],
    ['its characters', 'for c in s[:n]: break'],
    ['characters of a text that grows', "s += 'b'; n ^= ord(s[n])"],
    ['its end', "s += 'b'; n += s.endswith('bb')"],
    ['translating', "s = s.translate({97: 'b', 98: 'a'})"],
    ['formatting', "n += len((s + '%d') % n)"],
    ['encoding', "n += len(s.encode('unicode_escape'))"],
    ['bytes', "n += b.find(b'x%d' % n)"],
    ['names', 'l.append({s + str(n): 1})'],
    ['names looked up', 'if (s + str(n)) in {}: break'],
    ['its letters one by one', 'x, *y = s[:190000]'],
    ['length of a text put together', "n += len(f'{s}{n}')"],
    ['paths', "n += len(os.path.join(s, str(n)).split('/'))"],
    ['names of paths', 'n += len(pathlib.Path(s + str(n)).name)'],
    ['copies of a dict', 'd = dict(d, **{str(n): s})'],
    ['large numbers', 'n = n * 7 + n % 5; l.append(str(n))'],
  ] as const) {
    it(`ends a loop early in Python: ${what}`, async () => {
      const steps = await stepsOf(inPython(body), 'python');
      assert.ok(steps > 1000 && steps < 1_300_000, `${steps} steps`);
    });
  }

  it('no operation of Python takes as long as its lengths multiplied', async () => {
    const a = "'a' * 400000";
    const word = "('a' * 100000 + 'b' + 'a' * 100000)";
    for (const operation of [
      `${word} in ${a}`,
      `(${a}).rfind(${word})`,
      `(${a}).count(${word})`,
      `(${a}).rsplit(${word}, 3)`,
      `(${a}).replace(${word}, '')`,
      `${word}.encode() in (${a}).encode()`,
      `(${a}).strip('b' * 300000 + 'a')`,
      "('a b ' * 400000).rsplit(None, 100000)",
      "('%(' * 400000 + ')' + ' ' * 400000) % {}",
      "('%' + '0' * 400000) % 1",
      "'{:,}'.format(10 ** 300000)",
      "('{0:' + '{1}' * 100000 + '}').format(1, 2)",
      "('\\\\N{' * 200000).encode().decode('unicode_escape')",
      "base64.b32decode('=' * 400000 + 'a')",
      `(${a}).startswith(tuple(['a' * 399999 + 'b'] * 100000))`,
      `(${a} + 'x') in ([${a} + 'y'] * 100000)`,
      `set([${a} + str(i) for i in range(300)])`,
      `sorted([${a} + str(i) for i in range(300)])`,
      'sum([[1]] * 150000, [])',
      `json.dumps([${a}] * 5000)`,
      `','.join([${a}] * 5000)`,
      `'%1000000d' * 300 % ((1,) * 300)`,
      "'a'.ljust(7000000, 'ab' * 400000)",
      "'%.3000000000d' % 1",
      "struct.pack('9999B' * 60000, 1)",
    ]) {
      const steps = await stepsOf(`import base64, json, struct\n${operation}`, 'python');
      assert.ok(steps < 1_300_000, `${operation} ${steps} steps`);
    }
  });

  const pythonText = (text: string, name: string, ...args: Value[]): unknown => {
    const value = textMethod(text, NO_LABELS, name, args, new Map());
    if (value?.kind === 'list') return value.items.map((item) => item.kind === 'known' && item.value);
    return value?.kind === 'known' ? value.value : undefined;
  };

  it("gives what Python's methods give", () => {
    const none = known(null);
    for (const [text, name, args, result] of [
      [' a  b\tc d ', 'split', [], ['a', 'b', 'c', 'd']],
      [' a  b\tc d ', 'split', [none, known(2)], ['a', 'b', 'c d']],
      [' a  b\tc d ', 'split', [none, known(0)], ['a  b\tc d']],
      [' a  b\tc d ', 'split', [none, known(9)], ['a', 'b', 'c', 'd']],
      [' a  b\tc d ', 'rsplit', [none, known(2)], ['a  b', 'c', 'd']],
      [' a  b\tc d ', 'rsplit', [none, known(0)], ['a  b\tc d']],
      [' a  b\tc d ', 'rsplit', [none, known(9)], ['a', 'b', 'c', 'd']],
      ['  ', 'split', [none, known(1)], []],
      ['a,b,,c', 'split', [known(',')], ['a', 'b', '', 'c']],
      ['a,b,,c', 'split', [known(','), known(1)], ['a', 'b,,c']],
      ['a,b,,c', 'split', [known(','), known(0)], ['a,b,,c']],
      ['a,b,,c', 'rsplit', [known(','), known(1)], ['a,b,', 'c']],
      ['a,b,,c', 'rsplit', [known(','), known(7)], ['a', 'b', '', 'c']],
      ['abcabc', 'replace', [known('bc'), known('$&')], 'a$&a$&'],
      ['abcabc', 'replace', [known('bc'), known('x'), known(1)], 'axabc'],
      ['abcabc', 'replace', [known('z'), known('x'), known(1)], 'abcabc'],
      ['abc', 'replace', [known(''), known('-')], '-a-b-c-'],
      ['aaaa', 'count', [known('aa')], 2],
      ['abcabc', 'rfind', [known('bc'), known(0), known(5)], 1],
      ['abcabc', 'rpartition', [known('b')], ['abca', 'b', 'c']],
      ['a\tb', 'expandtabs', [], 'a        b'],
      ['xyxaxy', 'strip', [known(`xy${'-'.repeat(40)}`)], 'a'],
      ['ab', 'center', [known(5), known('*')], '*ab**'],
      [',', 'join', [list([known('a'), known('b')])], 'a,b'],
      [
        '{:>5}|{:.2}|{:,}',
        'format',
        [known('a'), known('\u{1f600}\u{1f600}x'), known(1234567)],
        '    a|\u{1f600}\u{1f600}|1,234,567',
      ],
      ['{:,}', 'format', [known(10n ** 70n)], `10${',000'.repeat(23)}`],
      ['{:_x}', 'format', [known(16n ** 70n)], `100${'_0000'.repeat(17)}`],
    ] as const) {
      assert.deepEqual(pythonText(text, name, ...args), result, `${text} ${name}`);
    }
    const table = dict(new Map<string, Value>([['a', known('A')]]));
    for (const [template, right, result] of [
      ['%05d|%-5s|%+d', list([known(42), known('ab'), known(3)]), '00042|ab   |+3'],
      ['%(a)s%%%(a)5s', table, 'A%    A'],
      ['%(%(a)s', table, undefined],
      ['%!%s', known('x'), '%!x'],
      ['%0-5d|', known(7), '7    |'],
      ['%*d', list([known(4), known(7)]), '   7'],
      ['%.3d', known(7), '007'],
      ['no field', list([]), 'no field'],
    ] as const) {
      assert.equal(percentFormat(template, right), result, template);
    }
  });

  it('ends a loop that reads until it finds its sign, in bytes of which nobody knows how many were read', async () => {
    const code = `const fs = require('fs'); const b = Buffer.alloc(1024); let s = '';
      while (true) { const n = fs.readSync(0, b, 0, 1024); s += b.toString('utf8', 0, n); if (s.includes('\\n')) break; }`;
    assert.ok((await stepsOf(code)) < 1000);
  });

  it('searches repetitive texts for repetitive words in one pass, with the result the engine has', () => {
    for (const [text, word] of samples) {
      for (const position of [undefined, 0, 3, 70, 3000, -1, 1e9, Number.NaN]) {
        const given = position === undefined ? [] : [position];
        assert.equal(find(text, word, position, false), text.indexOf(word, ...given));
        assert.equal(find(text, word, position, true), text.lastIndexOf(word, ...given));
      }
      for (const most of [0, 1, 2, 1e6]) assert.deepEqual(splitBy(text, word, most), text.split(word, most));
      const by = (found: string, at: number) => `<${found.length}@${at}>`;
      assert.equal(replaceWord(text, word, true, by), text.replaceAll(word, by));
      assert.equal(replaceWord(text, word, false, by), text.replace(word, by));
    }
    // By the engine's own search each of these takes minutes.
    const text = 'a'.repeat(1_500_000);
    const word = `${'a'.repeat(300_000)}b${'a'.repeat(300_000)}`;
    takeLooked();
    assert.equal(find(text, word, undefined, false), -1);
    assert.equal(find(text, word, undefined, true), -1);
    assert.equal(splitBy(text, word, 10).length, 1);
    assert.equal(replaceWord(text, word, true, () => 'x').length, text.length);
    assert.ok(takeLooked() < 10 * text.length);
  });

  const context = { isFunction: () => false } as unknown as Context;
  const replaced = (text: string, name: string, what: Value, by: string) => {
    const value = stringMethod(text, known(text), name, [what, known(by)], context);
    return value?.kind === 'known' ? value.value : undefined;
  };

  it('replaces with what signs stand for, as the engine does', () => {
    const bys = ['[$&]', '$$', '$1$2', '$01-$10-$3-$0', "$`|$'", '$<x>', '$<nothing>', '$', 'plain', '$2$'];
    for (const by of bys) {
      for (const [pattern, flags] of [
        ['(b)(c)?', ''],
        ['(b)(c)?', 'g'],
        ['(?<x>b)|(d)', 'g'],
        ['()', 'g'],
      ] as const) {
        const expression = ref('RegExp()', undefined, [known(pattern), known(flags)]);
        const text = 'abcabd';
        assert.equal(
          replaced(text, 'replace', expression, by),
          text.replace(new RegExp(pattern, flags), by),
          by,
        );
      }
      assert.equal(replaced('abcabd', 'replace', known('b'), by), 'abcabd'.replace('b', by), by);
      assert.equal(replaced('abcabd', 'replaceAll', known('b'), by), 'abcabd'.replaceAll('b', by), by);
    }
  });

  const found = (text: string, pattern: string, flags = '') => {
    const expression = ref('RegExp()', undefined, [known(pattern), known(flags)]);
    const value = stringMethod(text, known(text), 'search', [expression], context);
    return value?.kind === 'known' ? value.value : undefined;
  };

  it('runs no expression that may try more ways than anybody can wait for', () => {
    const a = (count: number) => 'a'.repeat(count);
    for (const [pattern, length] of [
      ['(a|a)'.repeat(40), 60],
      ['a?'.repeat(40), 60],
      ['(?:a|a)'.repeat(20), 100],
      ['a+'.repeat(10), 60],
      ['a*'.repeat(20), 16],
      ['[ab]+\\w*', 2000],
      ['a+a+a+a+', 300],
      ['(.)\\1*\\1*\\1*', 290],
    ] as const) {
      assert.equal(found(a(length), `${pattern}b`), undefined, pattern);
    }
    for (const [text, pattern, flags] of [
      ['https://a.example.invalid:80/b?c=d', '^([a-z]+):\\/\\/([^/:]+)(?::(\\d+))?(\\/.*)?$'],
      [
        '1.2.3-alpha',
        '^v?(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-([0-9A-Za-z-]+))?(?:\\+([0-9A-Za-z-]+))?$',
      ],
      ['a key = "value" ', '\\b(\\w+)\\s*=\\s*"([^"]*)"'],
      [`${a(20_000)}b`.slice(-20_000), 'b+'],
      ['line of words\n'.repeat(20), '\\w+\\s+\\w+$'],
      ['x[]]', '[\\]]+\\]*'],
      ['\u{1f600}\u{1f600}!', '\\u{1f600}+\\p{P}*', 'u'],
      ['abab', '(?<x>ab)\\k<x>+', 'u'],
    ] as const) {
      assert.equal(found(text, pattern, flags), text.search(new RegExp(pattern, flags)), pattern);
    }
  });

  it('an expression that goes back and forth in a long text is charged for it', () => {
    takeLooked();
    assert.equal(found('a'.repeat(5000), 'a+b'), -1);
    assert.ok(takeLooked() > 1_000_000);
    assert.equal(found('a b '.repeat(1250), 'a+c'), -1);
    assert.ok(takeLooked() < 20_000, 'it goes back no further than what it repeats is long');
    assert.equal(found('a'.repeat(200), 'a+b'), -1);
    assert.equal(takeLooked(), 0);
    // What is optional is charged when there is much of it.
    forgetLooked();
    const optional = () => found('c'.repeat(900), '(a|b)?(a|b)?(a|b)?(a|b)?(a|b)?b');
    assert.equal(optional(), -1);
    assert.ok(takeLooked() < 5000);
    for (let i = 0; i < 100; i++) optional();
    assert.ok(takeLooked() > 10_000_000);
    forgetLooked();
  });

  it('builds no result that is longer than is kept', () => {
    const text = 'a'.repeat(1_000_000);
    assert.equal(replaced(text, 'replaceAll', known('a'), 'b'.repeat(400)), undefined);
    assert.equal(replaced(text, 'replaceAll', known('a'), "$'"), undefined);
    const everywhere = stringMethod(text, known(text), 'split', [known('a')], context);
    assert.equal(everywhere, undefined);
    assert.ok(takeLooked() > 1_000_000);
  });

  it('an unpacker that goes through a long text for every word it puts back is followed to its end', async () => {
    const words = ['process', 'require', 'env', 'pad', 'child_process', 'exec'];
    const program = `3="${'0 1 2 3 4 5 '.repeat(20_000)}";1("4").5("id");`;
    const unpack = String.raw`while(c--){if(k[c]){p=p.replace(new RegExp('\\b'+c+'\\b','g'),k[c])}}return p`;
    const packed = `eval(function(p,a,c,k,e,d){${unpack}}('${program}',0,${words.length},'${words.join('|')}'.split('|'),0,{}))`;
    const artifact = artifactOf('npm', { 'index.js': packed }, [importEntry('index.js')]);
    const sequence = await buildSequence(artifact, { strict: true });
    assert.ok(
      behaviorsOf(sequence).some((b) => b.code === 'run-shell'),
      'the last word put back is read',
    );
  });
});
