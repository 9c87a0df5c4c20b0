/**
 * Packages built to be slow: each ends within a budget that is counted in steps and bytes, and what was not reached is
 * said. The bound on CPU time is far above what is needed; it only tells an end from a hang.
 */
import assert from 'node:assert/strict';
import { createScanner, type Scanner } from '../../lib/scan.js';
import { npmPackage, sdist } from '../artifact/build.js';

const CPU_SECONDS = 60;
/** `npm run robustness` takes all cases, a test run one in four. */
const FULL = process.env.ROBUSTNESS === 'full';
const npm = (code: string) => ({
  ecosystem: 'npm' as const,
  filename: 'slow.tgz',
  bytes: npmPackage({
    'package.json': '{"name":"slow","version":"1.0.0","main":"index.js"}',
    'index.js': code,
  }),
});
const python = (code: string) => ({
  ecosystem: 'pypi' as const,
  filename: 'slow-1.0.tar.gz',
  bytes: sdist({ 'PKG-INFO': 'Name: slow\nVersion: 1.0\n', 'setup.py': code }),
});
const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

const CASES: readonly [name: string, input: ReturnType<typeof npm> | ReturnType<typeof python>][] = [
  [
    'regular expressions that backtrack',
    npm(
      `const s = 'a'.repeat(50000) + '!'; for (const r of [/(a+)+$/, /(a|a)*$/, /(.*)*x/, /a*a*a*a*a*$/, /(?=(a+))\\1b/, /^(([a-z])+.)+[A-Z]([a-z])+$/]) { r.test(s); s.replace(r, ''); s.split(r); s.match(r); }`,
    ),
  ],
  [
    'regular expressions with look-behind and back-references',
    npm(
      `const s = 'ab'.repeat(30000); s.replace(/(?<=(a+b+)+)c/g, ''); s.match(/(a*)*\\1c/); new RegExp('(' + 'a?'.repeat(30) + ')' + 'a'.repeat(30)).test('a'.repeat(30));`,
    ),
  ],
  ['100,000 functions', npm(lines(100_000, (i) => `function f${i}(a){return a+${i}}`))],
  [
    '100,000 functions that call each other',
    npm(
      `${lines(
        100_000,
        (i) => `function f${i}(a){return f${(i * 7 + 1) % 100_000}(a)+f${(i * 13 + 5) % 100_000}(a)}`,
      )}\nf0(1)`,
    ),
  ],
  ['a million strings', npm(`module.exports=[${lines(1_000_000, (i) => `'${i.toString(36)}',`)}]`)],
  ['interpolation that doubles', npm(`let s='x';${`s=\`\${s}\${s}\`;`.repeat(60)}eval(s)`)],
  [
    'a string that grows in a loop',
    npm(`let s='x';for(let i=0;i<1e9;i++){s+=s;s=s.replace(/x/g,'yx').split('').reverse().join('')}eval(s)`),
  ],
  ['loops in loops', npm(`let n=0;${'for(let i=0;i<1e6;i++){'.repeat(12)}n+=i;${'}'.repeat(12)}`)],
  [
    'functions that call themselves twice',
    npm(`function f(n){return f(n-1)+f(n-2)+String.fromCharCode(n)}eval(f(100))`),
  ],
  ['brackets 100,000 deep', npm(`x=${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ['unclosed brackets 300,000 deep', npm('(['.repeat(150_000))],
  ['a sum of 100,000 terms', npm(`x=${'1+'.repeat(100_000)}1`)],
  ['members of members of members', npm(`x${'.a'.repeat(100_000)}()`)],
  [
    'classes that extend each other',
    npm(
      lines(20_000, (i) => `class C${i} extends ${i === 0 ? 'Object' : `C${i - 1}`}{m(){return super.m()}}`) +
        '\nnew C19999().m()',
    ),
  ],
  [
    'ten thousand conditions that could go either way',
    npm(`${'if(process.argv[2]){x=1}else{x=2}'.repeat(10_000)}`),
  ],
  ['conditions inside conditions', npm(`${'if(process.argv[2]){a()}else{'.repeat(800)}${'}'.repeat(800)}`)],
  [
    'choices multiplied',
    npm(`let s='';${lines(400, (i) => `s+=Math.random()>.5?'a${i}':'b${i}';`)}require(s)`),
  ],
  [
    'a generator without end',
    npm(`function*g(){let i=0;while(1)yield i++}for(const x of g())eval('x'+x);[...g()]`),
  ],
  ['code that writes code', npm(`function f(n){eval('f('+(n+1)+');f('+(n+2)+')')}f(0)`)],
  [
    'commands without end',
    npm(`const c=require('child_process');for(let i=0;;i++)c.exec('echo '+'x'.repeat(300000)+i)`),
  ],
  ['Python: brackets 50,000 deep', python(`x=${'['.repeat(50_000)}${']'.repeat(50_000)}`)],
  [
    'Python: a string that grows',
    python(`s='x'\nwhile True:\n    s=s*2+s[::-1]+s.replace('x','xx')\n    exec(s)\n`),
  ],
  [
    'Python: comprehensions in comprehensions',
    python(`x=${'['.repeat(20)}i${' for i in range(1000000)]'.repeat(20)}`),
  ],
  [
    'Python: format that multiplies',
    python(`x='%s'*1000000%(('a'*1000000,)*1000000)\ny='{0:>999999999}'.format(1)\nz=2**(10**9)\n`),
  ],
  [
    'Python: decoding that never ends',
    python(
      `import zlib,base64\nd=b'x'\nwhile 1:\n    d=base64.b64encode(zlib.compress(d*1000))\n    exec(zlib.decompress(base64.b64decode(d)))\n`,
    ),
  ],
  [
    'JSON 200,000 deep',
    {
      ...npm(''),
      bytes: npmPackage({
        'package.json': `{"name":"slow","version":"1.0.0","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
        'index.js': '',
      }),
    },
  ],
  [
    'exports 5,000 deep',
    {
      ...npm(''),
      bytes: npmPackage({
        'package.json': `{"name":"slow","version":"1.0.0","exports":${'{"node":'.repeat(5000)}"./index.js"${'}'.repeat(5000)}}`,
        'index.js': '',
      }),
    },
  ],
  [
    '20,000 scripts of a manifest that run each other',
    {
      ...npm(''),
      bytes: npmPackage({
        'package.json': JSON.stringify({
          name: 'slow',
          version: '1.0.0',
          scripts: Object.fromEntries(
            Array.from({ length: 20_000 }, (_, i) => [
              i === 0 ? 'postinstall' : `s${i}`,
              `npm run s${i + 1} && npm run s${(i * 7) % 20_000}`,
            ]),
          ),
        }),
      }),
    },
  ],
];

describe('packages built to be slow', function () {
  this.timeout(600_000);
  let scanner: Scanner;
  before(async () => {
    scanner = await createScanner({ threads: 1, watchdogMs: 280_000 });
  });
  after(() => scanner.close());

  for (const [index, [name, input]] of CASES.entries()) {
    (FULL || (index < 20 && index % 4 === 0) ? it : it.skip)(
      `${name} → ends, judged or unverified`,
      async () => {
        const before = process.cpuUsage();
        const { verdict, unverified } = await scanner.scan(input);
        const { user, system } = process.cpuUsage(before);
        const seconds = (user + system) / 1e6;
        assert.ok(seconds < CPU_SECONDS, `${seconds.toFixed(1)} s, ${verdict} ${JSON.stringify(unverified)}`);
        assert.notEqual(unverified?.args.why, 'watchdog');
        if (verdict === 'unverified')
          assert.match(unverified!.code, /^(?:scan-budget|scan-failed|too-large|damaged)$/);
      },
    );
  }
});
