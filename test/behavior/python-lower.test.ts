import assert from 'node:assert/strict';
import type { Lower, Program } from '../../lib/behavior/ir.js';
import { decodePythonSource, loadPython } from '../../lib/behavior/lower/python.js';

/** IR without positions, as compact text: what the tests compare. */
function show(node: unknown): string {
  if (Array.isArray(node)) return `[${node.map(show).join(' ')}]`;
  if (node instanceof Uint8Array) return `b${JSON.stringify(Buffer.from(node).toString('latin1'))}`;
  if (typeof node === 'bigint') return `${node}n`;
  if (node === null || typeof node !== 'object') return node === undefined ? '-' : JSON.stringify(node);
  const { type, line: _line, column: _column, ...rest } = node as Record<string, unknown>;
  if (type === 'name') return String(rest.name);
  if (type === 'constant') return show(rest.value);
  if (type === 'member') return `${show(rest.object)}.${String(rest.property)}`;
  if (type === 'call') {
    const keywords = (rest.keywords as { name: string; value: unknown }[]).map(
      (k) => `${k.name}=${show(k.value)}`,
    );
    return `${show(rest.callee)}(${[...(rest.args as unknown[]).map(show), ...keywords].join(', ')})`;
  }
  if (type === 'binary') return `(${show(rest.left)} ${String(rest.operator)} ${show(rest.right)})`;
  if (type === 'expression') return show(rest.expression);
  if (type === 'index') return `${show(rest.object)}[${show(rest.index)}]`;
  if (type === 'slice') return `${show(rest.start)}:${show(rest.stop)}:${show(rest.step)}`;
  if (type === 'list') return `${String(rest.flavor)}${show(rest.items)}`;
  if (type === 'template') return `template${show(rest.parts)}`;
  if (type === 'assign') {
    return `${show(rest.target)} ${(rest.operator as string | undefined) ?? ''}= ${show(rest.value)}`;
  }
  const fields = Object.entries(rest)
    .filter(([, v]) => v !== undefined && v !== false && !(Array.isArray(v) && v.length === 0))
    .map(([k, v]) => `${k}:${typeof v === 'string' ? v : show(v)}`);
  return `${String(type ?? '')}{${fields.join(' ')}}`;
}

describe('python lowering', () => {
  let lower: Lower;
  before(async () => {
    lower = await loadPython();
  });
  const body = (source: string): string => lower(source, 'x.py').body.map(show).join('; ');

  const CASES: readonly (readonly [source: string, ir: string])[] = [
    ['x = 1', 'x = 1'],
    ['a = b = c', 'a = b = c'],
    ['a, *b = c', 'list-pattern{items:[a] rest:b restAt:1} = c'],
    ['x += y', 'x += y'],
    ['x: int = 3', 'x = 3'],
    ['print x, y', 'print(x, y)'],
    ['exec "code" in d', 'exec("code", d)'],
    ['exec a.b("x") in d', 'exec(a.b("x"), d)'],
    ['exec "a" + b', 'exec(("a" + b))'],
    ['if 1: exec zlib.decompress(x); y()', 'if{test:1 then:[exec(zlib.decompress(x)) y()]}'],
    ['exec code', 'exec(code)'],
    ['x = `y.z`', 'x = template[repr(y.z)]'],
    ['0777L + 0x1F + 0b11 + 1_000', '(((511 + 31) + 3) + 1000)'],
    ['99999999999999999999', '99999999999999999999n'],
    [String.raw`'\x41\102\u0043\U00000044\N{LATIN SMALL LETTER E}\q\n'`, '"ABCDe\\\\q\\n"'],
    [String.raw`b'\x00\xff\u0041'`, 'b"\\u0000ÿ\\\\u0041"'],
    [String.raw`r'\x41' '\x42'`, '"\\\\x41B"'],
    ['ur"x"', '"x"'],
    ["'a' \\\n 'b'", '"ab"'],
    ["f'a{b}c{{d}}'", 'template["a" b "c{d}"]'],
    ["f'{b!r:>{w}}' 'x'", 'template["{!r:>{}}".format(b, w) "x"]'],
    ["f'{b=}'", 'template["b=" "{!r}".format(b)]'],
    ['a < b <= c', '((a < b) && (b <= c))'],
    ['a not in b is not c', '((a not in b) && (b is not c))'],
    ['a and b or not c', '((a && b) || unary{operator:! operand:c})'],
    ['x[1:2, ::-1]', 'x[tuple[1:2:- -:-:unary{operator:- operand:1}]]'],
    ['x[1:]', 'x[1:-:-]'],
    ['f(*a, k=1, **b)', 'f(spread{value:a}, k=1, **=spread{value:b})'],
    [
      'f(x for x in y if x)',
      'f(comprehension{flavor:generator value:x clauses:[{target:x iterable:y conditions:[x]}]})',
    ],
    ['{**a, 1: 2}', 'dict{entries:[{value:a} {key:1 value:2}]}'],
    ['(y := 5)', 'y = 5'],
    [
      'import a.b, c as d',
      'import{source:a.b bindings:[{imported:* local:a}] style:python-import}; import{source:c bindings:[{imported:* local:d}] style:module}',
    ],
    [
      'from ..p.q import r as s, t',
      'import{source:..p.q bindings:[{imported:r local:s} {imported:t local:t}] style:from}',
    ],
    ['from . import (a,)', 'import{source:. bindings:[{imported:a local:a}] style:from}'],
    ['from os import *', 'import{source:os bindings:[{imported:* local:*}] style:from}'],
    [
      'try:\n a()\nexcept E, e:\n b()\nelse:\n c()\nfinally:\n d()',
      'try{body:[a()] handlers:[{target:e body:[b()]}] otherwise:[c()] finalizer:[d()]}',
    ],
    ['try:\n a()\nexcept (E, F) as e: b()', 'try{body:[a()] handlers:[{target:e body:[b()]}]}'],
    ['with a as b, c: d()', 'with{items:[{value:a target:b} {value:c}] body:[d()]}'],
    [
      'for a, b in c:\n d\nelse: e',
      'loop{flavor:for-of target:list-pattern{items:[a b]} iterable:c body:[d] otherwise:[e]}',
    ],
    ['global a, b', 'scope{kind:global names:["a" "b"]}'],
    ['del a[0], b', 'unary{operator:delete operand:a[0]}; unary{operator:delete operand:b}'],
    [
      'lambda x, *y, z=1: x',
      'function{name: params:[{target:x} {target:y rest:list} {target:z default:1}] body:[return{value:x}] flavor:lambda}',
    ],
    [
      '@d(1)\nasync def f(a, /, b: int = 2, **k): yield a',
      'define{value:function{name:f params:[{target:a} {target:b default:2} {target:k rest:dict}] body:[await{value:a isYield:true}] flavor:function isAsync:true isGenerator:true decorators:[d(1)]}}',
    ],
    [
      'class C(B, metaclass=M):\n x = 1\n def f(self): pass\n y()',
      'define{value:class{name:C bases:[B] keywords:[{name:metaclass value:M}] members:[field{name:"x" value:1 isStatic:true} method{name:"f" value:function{name:f params:[{target:self}] flavor:method}} statements{body:[y()]}]}}',
    ],
    [
      'match a:\n case [1, x]: f(x)\n case _: g()',
      '$match0 = a; if{test:(isinstance($match0, list) && ($match0[0] == 1)) then:[x = $match0[1] f(x)] otherwise:[if{test:true then:[g()]}]}',
    ],
    ['\ufeffx', 'x'],
    ['if a:\r\n\tb\r\nelse:\r\n\tc\r\n', 'if{test:a then:[b] otherwise:[c]}'],
    ['\u{1d4ee}xec(x)', 'exec(x)'],
  ];
  for (const [source, expected] of CASES) {
    it(JSON.stringify(source), () => assert.equal(body(source), expected));
  }

  it('gives positions of names, 1-based lines', () => {
    const [statement] = lower('\n  \nos.system("x")', 'x.py').body;
    assert.ok(statement?.type === 'expression');
    assert.deepEqual([statement.expression.line, statement.expression.column], [3, 3]);
  });

  it('lowers what stands around and inside a syntax error', () => {
    const program = lower('a()\nx = = 3\nb()\n', 'x.py');
    assert.ok(program.recovered);
    assert.match(program.body.map(show).join('; '), /a\(\).*b\(\)/);
  });

  const HOSTILE: readonly (readonly [name: string, source: string])[] = [
    ['brackets', `x = ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['unclosed brackets', 'f(['.repeat(20_000)],
    ['unary operators', `x = ${'-'.repeat(20_000)}1`],
    ['calls on calls', `x${'.a()'.repeat(20_000)}`],
    ['a sum', `x = ${'"a"+'.repeat(20_000)}"b"`],
    ['mixed sums', `x = ${'1+2-'.repeat(20_000)}1`],
    ['elifs', `if a: b\n${'elif a: b\n'.repeat(20_000)}`],
    ['indents', Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}if a:\n`).join('')],
    ['lambdas', `x = ${'lambda: '.repeat(20_000)}1`],
    ['f-strings', `x = ${'f"{'.repeat(2_000)}`],
    ['quotes', `'"'"'''"""`.repeat(5_000)],
    [
      'binary data',
      Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7919) % 256)).toString('latin1'),
    ],
  ];
  for (const [name, source] of HOSTILE) {
    it(`survives ${name} without end`, () => {
      let program: Program | undefined;
      try {
        program = lower(source, 'x.py');
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
      // The parser is still good for the next file.
      assert.equal(body('x = 1'), 'x = 1');
      if (program !== undefined) assert.ok(JSON.stringify(program.recovered));
    });
  }

  const TEXTS: readonly (readonly [name: string, source: string, code: string | undefined])[] = [
    ['code behind a wall of spaces', `x = 1;${' '.repeat(300)}import os`, 'hide-long-line'],
    ['a wall of spaces in a string', `x = "a${' '.repeat(300)}b"`, undefined],
    ['a comment far to the right', `x = 1${' '.repeat(300)}# note`, undefined],
    ['direction override', 'x = "\u202e"', 'hide-unicode'],
    ['invisible payload', `x = "${'\ufe01\ufe02'.repeat(10)}"`, 'hide-unicode'],
    ['mathematical letters', '\u{1d4ee}xec(x)', 'hide-unicode'],
    ['emoji with a joiner', 'x = "\u{1f469}\u200d\u{1f4bb}"', undefined],
    [
      'names of hexadecimal digits',
      Array.from({ length: 8 }, (_, i) => `_0x${4096 + i} = 1`).join('\n'),
      'obfuscated-code',
    ],
    [
      'names of bars',
      Array.from(
        { length: 8 },
        (_, i) => `${`lIl${(i + 8).toString(2)}`.replaceAll('0', 'I').replaceAll('1', 'l')}Il = 1`,
      ).join('\n'),
      'obfuscated-code',
    ],
    ['honest names', 'import os\nvalue = os.path.join("a", "b")', undefined],
  ];
  for (const [name, source, code] of TEXTS) {
    it(`text: ${name}`, () => {
      const codes = lower(source, 'x.py').textBehaviors.map((t) => t.code);
      assert.deepEqual(codes, code === undefined ? [] : [code]);
    });
  }

  const BYTES: readonly (readonly [name: string, bytes: Buffer, text: string])[] = [
    ['UTF-8 with mark', Buffer.from('\ufeffx = "é"'), 'x = "é"'],
    [
      'coding cookie',
      Buffer.from('# -*- coding: latin-1 -*-\nx = "é"', 'latin1'),
      '# -*- coding: latin-1 -*-\nx = "é"',
    ],
    [
      'cookie on line two',
      Buffer.from('#!/x\n# vim: set fileencoding=cp1251 :\n"\xe4"', 'latin1'),
      '#!/x\n# vim: set fileencoding=cp1251 :\n"д"',
    ],
    [
      'cookie with a dash at its end',
      Buffer.from('# -*- coding: utf8-*-\nx = "é"'),
      '# -*- coding: utf8-*-\nx = "é"',
    ],
    ['broken UTF-8', Buffer.from('x = "\xe9"', 'latin1'), 'x = "é"'],
    ['rot13', Buffer.from('# coding: rot13\nvzcbeg bf'), '# pbqvat: ebg13\nimport os'],
    ['UTF-16', Buffer.from('\ufeffx = 1', 'utf16le'), 'x = 1'],
  ];
  for (const [name, bytes, text] of BYTES) {
    it(`decodes ${name}`, () => assert.equal(decodePythonSource(bytes), text));
  }
});
