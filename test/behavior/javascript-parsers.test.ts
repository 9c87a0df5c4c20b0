// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is text
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { BeyondLimit, type Program, type Statement } from '../../lib/behavior/ir.js';
import { lowerJavaScript } from '../../lib/behavior/lower/javascript.js';
import { parseStrictly } from '../../lib/behavior/lower/javascript-acorn.js';

/** Read by Babel and refused by acorn, whatever stands before it. */
const ONLY_BABEL = '\nnew.target';

const isMark = (statement: Statement): boolean =>
  statement.type === 'expression' &&
  statement.expression.type === 'name' &&
  statement.expression.name === 'new.target';

/** The program without the whole text, which every function carries. */
function comparable(program: Program): unknown {
  const body = program.body.filter((statement) => !isMark(statement));
  return JSON.parse(
    JSON.stringify({ ...program, body }, (key, value) => {
      if (key === 'span') return { start: value.start, end: value.end };
      if (value === undefined) return 'undefined';
      return typeof value === 'bigint' ? `${value}n` : value;
    }),
  );
}

/** One construct a line; each must be plain JavaScript in strict mode and end in `;`. */
const CONSTRUCTS = [
  '"use strict"; "another"; ("no directive"); function f() { "use strict"; return "x" };',
  '1; 0x1f; 0b101; 0o17; 1_000.5e3; 10n; 0xffn; 1_0n; "a\\u{61}\\x62\\\nc"; true; null; undefined;',
  '/a[/]b/dgimsuy; /(/; /[[a]--[b]]/v; /[\\]/]\\/]/; /=/; /(?<n>a)\\k<n>/u.test(/b/g); x = a / b / c; `${/`/}`;',
  '`a${b}c${`d${e}`}`; ``; `${a}`; tag`a\\unicode${b}`; String.raw`\\n${a}\\t`; a.b`c`;',
  'a.b; a[b]; a["b"]; a["0"]; a?.b; a?.[b]?.c(d)?.(e).f; (a?.b).c; (a?.b)(); delete a?.b; (String?.raw)`a`;',
  'f(); f(a, ...b); new F; new F(a); new (f())(b); new a.b.C(d); f(function () {}, () => {});',
  'import("a"); import("a", { with: {} }).then(f); super_ = import(a);',
  '[a, , ...b, 1,]; [, ]; [[a], [b, [c]]];',
  '({ a, b: 1, "c": 2, 3: 4, 5n: 6, [d]: 7, ...e, __proto__: f, async: 1, get: 2, set: 3, static: 4 });',
  '({ a() {}, *b() {}, async c() {}, async *d() {}, get e() { return 1 }, set e(v) {}, [f]() {}, "g"() {}, 1() {} });',
  '({ a: function () {}, b: () => 1, c: class {}, get: () => 1, "get"() {}, async get() {} });',
  'class A extends (B, C) { constructor() { super(); super.m() } static s() {} get g() { return 1 } set g(v) {} };',
  'class P { #a = 1; #b; static #c = 2; #m() { return #a in this } get #g() { return this.#a } static { var x = this.#c } f = () => this.#m(); "q" = 1; 2 = 3; [k] = 4; static async *gen() {} };',
  'x = class {}; y = class Named { static static = 1; async = 2; get; set; static };',
  'function f(a, b = 1, { c, d: [e] = [], ...g }, ...h) {} async function g1() { await a; for await (const b of c) d };',
  'function* g() { yield; yield a; yield* b; const c = yield d }; async function* h() { yield await a };',
  'x = a => a; x = (a, b) => ({ a }); x = async a => await a; x = async (a, ...b) => { await a }; x = ([a], { b }) => a;',
  'a + b + "c" + d; a - b - c; a ** b ** c; (a + b) * c; a ?? b ?? c; (a && b) || c; a in b; a instanceof b; a << b >>> c;',
  '!a; -a; +a; ~a; typeof a; void a; delete a.b; a++; --b.c; a ? b : c ? d : e; (a, b, c);',
  'a = b; a += b; a ??= b; a ||= b; a.b **= c; [a, b.c, ...d] = e; ({ a, b: c.d, e = 1, ["f"]: g, ...h } = i); (a) = b; [(a)] = b;',
  'var a, b = 1, [c, , d = 2, ...e] = f, { g, h: { i }, [j]: k = 3, "l": m, 1: n, ...o } = p;',
  'let q; let r = 1; const s = 2; { let t; var u; function v() {} class w {} };',
  'if (a) b; else if (c) d; else { e } for (var i = 0, j; i < 1; i++) f; for (;;) { break } for (x of y) z; for (const [a1] of b1) c1; for (var k1 in l1) m1; while (a) b; do c; while (d);',
  'l1: l2: for (;;) { continue l1; break l2 } l3: { break l3 } switch (a) { case 1: b; case 2: { c } default: d };',
  'try { a } catch { b } finally { c } try { d } catch ({ e, f = 1 }) { g } try { h } catch (i) { var i } throw j;',
  'return; debugger; ;;; if (a) { "not a directive" };',
  'x = async; async (a); async\n(b); let2 = of => of; get = set; x = { async, await: 1 };',
  'await a; for await (const b of c) d; x = [await e];',
  'import.meta.url;',
  'import a, { b, c as d, default as e, "f g" as h } from "x"; import * as i from "y"; import "z"; import j from "k" with { type: "json" };',
  'export { a as b, a as default, a as "c d" } from "x"; export * from "y"; export * as ns from "z"; export * as "n s" from "z";',
  'const a = 1; export { a, a as b }; export const c = 2, [d, { e = 1, ...f }] = g; export function h() {} export class I {};',
  'export default function () {};',
  'export default function named() {};',
  'export default async () => {};',
  'export default class {};',
  'export default class Named { a = 1 };',
  'export default { a: 1, b() {} };',
  'using a = b; { await using c = d };',
  '/* a */ a /* b */ . /* c */ b // d\n;',
  '#!/usr/bin/env node\na;',
  "require('fs').readFileSync(__filename); module.exports = { a: require('./b') };",
  '\u{1d4b3} = "\u{1f600}"; a\u2028b\u2029c; "d\u2028e"; `f\r\ng\u2028${h}`; /* \r \u2029 */ i;',
];

describe('JavaScript by acorn and by Babel', () => {
  for (const code of CONSTRUCTS) {
    it(JSON.stringify(code.length > 80 ? `${code.slice(0, 77)}...` : code), () => {
      parseStrictly(code);
      assert.throws(() => parseStrictly(code + ONLY_BABEL), SyntaxError, 'what makes it Babel');
      const [byAcorn, byBabel] = [code, code + ONLY_BABEL].map((text) => lowerJavaScript(text, 'a.js'));
      assert.deepEqual(comparable(byAcorn!), comparable(byBabel!));
    });
  }

  it('tells import, export and import.meta from what only looks like them', () => {
    const kind = (code: string) => lowerJavaScript(code, 'a.js').sourceType;
    for (const code of ['import "a"', 'export {}', 'f(import.meta)', 'if (a) { import "b" }']) {
      parseStrictly(code);
      assert.equal(kind(code), 'module', code);
    }
    for (const code of ['import("a")', 'await a', 'x = { import: 1 }.import', '"use strict"; a']) {
      parseStrictly(code);
      assert.equal(kind(code), 'script', code);
    }
  });

  it('leaves to Babel what acorn refuses, with its errors noted', () => {
    const cases: readonly [code: string, recovered: boolean][] = [
      ['let a; let a; f()', true],
      ['export { missing }; f()', false],
      ['class A { m() { this.#none } } f()', true],
      ['x = 017; f()', true],
      ['with (a) b; f()', true],
      ['<!-- comment\nf()', false],
      ['x = <a b={c}>d</a>; f()', false],
      ['@d class A {} f()', false],
      ['function g(a: T) {} f()', false],
      ['new.target; f()', false],
      ['/a/gg; f()', true],
      ['/a/uv; f()', true],
      ['/a/x; f()', true],
      ['/a/\\u0067; f()', true],
      ['<%= name %>; f()', false],
    ];
    for (const [code, recovered] of cases) {
      assert.throws(() => parseStrictly(code), SyntaxError, code);
      const program = lowerJavaScript(code, 'a.js');
      assert.equal(program.recovered, recovered, code);
      const last = program.body.filter((s) => s.type === 'expression').at(-1);
      assert.ok(last?.type === 'expression' && last.expression.type === 'call', code);
    }
    for (const code of ['}{', '/a', '/[/', '/a\n/', '/\\\n/', '/\\/']) {
      assert.throws(() => lowerJavaScript(code, 'a.js'), SyntaxError, code);
    }
  });

  it('counts lines at every end of line there is', () => {
    const code =
      'a;\r\nb;\n\rc;\u2028 d;\u2029`\r\n${e}`;"\\\r\nf";/*\n\n*/g;\n\n\n\n\n\n\n\n\nh;function i(){}';
    for (const text of [code, `\ufeff${code}`, code + ONLY_BABEL]) {
      const places = new Map<string, string>();
      JSON.stringify(lowerJavaScript(text, 'a.js').body, (_, node) => {
        if (node?.type === 'name' || node?.type === 'function') {
          places.set(node.name, `${node.line}:${node.column}`);
        }
        return node;
      });
      places.delete('new.target');
      assert.deepEqual(Object.fromEntries(places), {
        i: '19:2',
        a: '1:0',
        b: '2:0',
        c: '4:0',
        d: '5:1',
        e: '7:2',
        g: '10:2',
        h: '19:0',
      });
    }
  });

  it('gives functions their whole text', () => {
    const texts: string[] = [];
    const code =
      'function a() {} x = { async *b() {}, get c() { return 1 } }; class D { static e() {} f = () => 1 }';
    JSON.stringify(lowerJavaScript(code, 'a.js').body, (_, node) => {
      if (node?.type === 'function') texts.push(code.slice(node.span.start, node.span.end));
      return node;
    });
    assert.deepEqual(texts, [
      'function a() {}',
      'async *b() {}',
      'get c() { return 1 }',
      'static e() {}',
      '() => 1',
    ]);
  });

  it('reads long sums, which take more of the stack by acorn, and says what is nested too deeply for both', () => {
    const sum = (count: number) => `x = 1${' + a'.repeat(count)}`;
    let count = 1000;
    for (const step of [1000, 100]) {
      while (reads(sum(count + step))) count += step;
    }
    assert.equal(lowerJavaScript(sum(count), 'a.js').recovered, false);
    assert.throws(() => lowerJavaScript(`x = ${'['.repeat(100_000)}`, 'a.js'), BeyondLimit);
    function reads(code: string): boolean {
      try {
        parseStrictly(code);
        return true;
      } catch (error) {
        assert.ok(error instanceof RangeError);
        return false;
      }
    }
  });

  it('makes no regular expression of this process', () => {
    // Each other than the last, so that none is taken from the cache: 25 seconds where they are made.
    const code = Array.from({ length: 20_000 }, (_, i) => `/\\p{RGI_Emoji}${i}/v;`).join('');
    const before = performance.now();
    parseStrictly(`${code}/${'('.repeat(100_000)}/`);
    assert.ok(performance.now() - before < 10_000);
  });

  it('does not look through all names of a scope for each', function () {
    this.timeout(60_000);
    const many = (make: (i: number) => string) => Array.from({ length: 60_000 }, (_, i) => make(i)).join('');
    // By acorn's own lists some minutes.
    parseStrictly(`${many((i) => `let a${i};`)} export {${many((i) => `a${i},`)}}`);
    assert.throws(() => parseStrictly('let a; { let a; } var b; var b; let b;'), /already been declared/);
    assert.throws(() => parseStrictly('try {} catch (a) { let a }'), /already been declared/);
    parseStrictly('try {} catch (a) { var a }');
  });
});
