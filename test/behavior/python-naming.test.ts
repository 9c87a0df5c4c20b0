/** Each way of naming what is called, and each string trick: all of them run `whoami` in a shell. */
import assert from 'node:assert/strict';
import { expectBehaviors, type Files, sequenceOf } from './python-sequence-helper.js';

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const hex = (text: string): string => Buffer.from(text).toString('hex');
const rot = (text: string): string =>
  text.replace(/[a-z]/gi, (c) => {
    const base = c <= 'Z' ? 65 : 97;
    return String.fromCharCode(((c.charCodeAt(0) - base + 13) % 26) + base);
  });
const codes = (text: string): string => [...text].map((c) => c.charCodeAt(0)).join(', ');
const CODE = 'import os; os.system("whoami")';

const NAMING: readonly (readonly [name: string, files: Files | string])[] = [
  ['import', 'import os\nos.system("whoami")'],
  ['os held by another module', 'import subprocess\nsubprocess.os.system("whoami")'],
  ['os imported from another module', 'from shutil import os as o\no.system("whoami")'],
  ['the library of C', 'import ctypes\nctypes.CDLL(None).system(b"whoami")'],
  [
    "Python's own interface of C",
    `import ctypes\nctypes.pythonapi.PyRun_SimpleString(b'import os; os.system("whoami")')`,
  ],
  ['a finalizer', 'import os, weakref\nclass C: pass\nweakref.finalize(C(), os.system, "whoami")'],
  ['a statement to be measured', `import timeit\ntimeit.timeit('import os; os.system("whoami")')`],
  [
    'what prepares a measurement',
    `import timeit\ntimeit.timeit("1", setup='import os; os.system("whoami")')`,
  ],
  ['a statement to be profiled', `import cProfile\ncProfile.run('import os; os.system("whoami")')`],
  ['import as', 'import os as o\no.system("whoami")'],
  ['from import', 'from os import system\nsystem("whoami")'],
  ['from import as', 'from os import system as s\ns("whoami")'],
  ['star import', 'from os import *\nsystem("whoami")'],
  ['assignment', 'import os\nf = os.system\ng = f\ng("whoami")'],
  ['tuple assignment', 'import os\na, f = 1, os.system\nf("whoami")'],
  ['walrus', 'import os\n(f := os.system)("whoami")'],
  ['default argument', 'import os\ndef g(f=os.system): f("whoami")\ng()'],
  ['wrapper', 'import os\ndef r(c): return os.system(c)\ndef q(c): r(c)\nq("whoami")'],
  ['keyword wrapper', 'import os\ndef r(*a, **k): return k["fn"](*a)\nr("whoami", fn=os.system)'],
  ['lambda', 'import os\n(lambda c: os.system(c))("whoami")'],
  ['lambda chain', 'import os\n(lambda f: lambda c: f(c))(os.system)("whoami")'],
  ['method', 'import os\nclass C:\n  def m(self, c): os.system(c)\nC().m("whoami")'],
  [
    'attribute of an instance',
    'import os\nclass C:\n  def __init__(self): self.f = os.system\nC().f("whoami")',
  ],
  ['class attribute', 'import os\nclass C:\n  f = os.system\nC.f("whoami")'],
  ['inherited method', 'import os\nclass A:\n  def m(self): os.system("whoami")\nclass B(A): pass\nB().m()'],
  ['property', 'import os\nclass C:\n  @property\n  def p(self): return os.system\nC().p("whoami")'],
  ['staticmethod', 'import os\nclass C:\n  @staticmethod\n  def m(): os.system("whoami")\nC.m()'],
  ['classmethod', 'import os\nclass C:\n  @classmethod\n  def m(cls): os.system("whoami")\nC.m()'],
  ['decorator', 'import os\ndef d(f):\n  os.system("whoami")\n  return f\n@d\ndef g(): pass'],
  [
    'decorated function',
    'import os\ndef d(f):\n  def w(*a): return f(*a)\n  return w\n@d\ndef g(): os.system("whoami")\ng()',
  ],
  ['__call__', 'import os\nclass C:\n  def __call__(self): os.system("whoami")\nC()()'],
  ['__init__', 'import os\nclass C:\n  def __init__(self): os.system("whoami")\nC()'],
  ['list of functions', 'import os\n[print, os.system][1]("whoami")'],
  ['dict of functions', 'import os\n{"a": os.system}["a"]("whoami")'],
  ['comprehension', 'import os\n[f("whoami") for f in [os.system]]'],
  ['map', 'import os\nlist(map(os.system, ["whoami"]))'],
  ['partial', 'import os, functools\nfunctools.partial(os.system, "whoami")()'],
  ['reduce', 'import os, functools\nfunctools.reduce(lambda a, b: os.system(b), ["", "whoami"])'],
  ['conditional', 'import os\n(os.system if x else os.popen)("whoami")'],
  ['__import__', '__import__("os").system("whoami")'],
  ['__import__ split', '__import__("o" + "s").system("whoami")'],
  ['importlib', 'import importlib\nimportlib.import_module("os").system("whoami")'],
  ['importlib as', 'from importlib import import_module as i\ni("os").system("whoami")'],
  ['getattr', 'import os\ngetattr(os, "system")("whoami")'],
  ['getattr split', 'getattr(__import__("o" + "s"), "sys" + "tem")("whoami")'],
  ['getattr of builtins', 'getattr(__builtins__, "__import__")("os").system("whoami")'],
  ['builtins module', 'import builtins\nbuiltins.__import__("os").system("whoami")'],
  ['__builtins__ dict', '__builtins__.__dict__["__import__"]("os").system("whoami")'],
  ['globals', 'import os\nglobals()["os"].system("whoami")'],
  ['globals of builtins', 'globals()["__builtins__"].__import__("os").system("whoami")'],
  ['locals', 'import os\nlocals()["os"].system("whoami")'],
  ['vars', 'import os\nvars(os)["system"]("whoami")'],
  ['vars of nothing', 'import os\nvars()["os"].system("whoami")'],
  ['__dict__', 'import os\nos.__dict__["system"]("whoami")'],
  ['__getattribute__', 'import os\nos.__getattribute__("system")("whoami")'],
  ['sys.modules', 'import sys, os\nsys.modules["os"].system("whoami")'],
  ['attrgetter', 'import os, operator\noperator.attrgetter("system")(os)("whoami")'],
  ['methodcaller', 'import os, operator\noperator.methodcaller("system", "whoami")(os)'],
  ['setattr', 'import os\nclass C: pass\nsetattr(C, "f", os.system)\nC.f("whoami")'],
  ['globals assignment', 'import os\nglobals()["f"] = os.system\nf("whoami")'],
  ['eval of a name', 'import os\neval("os.system")("whoami")'],
  ['eval of a call', "eval(\"__import__('os').system('whoami')\")"],
  ['exec', 'exec("import os\\nos.system(\'whoami\')")'],
  ['exec with globals', 'exec("import os\\nos.system(\'whoami\')", {}, {})'],
  ['exec of compile', 'exec(compile("import os; os.system(\'whoami\')", "x", "exec"))'],
  ['exec statement', 'exec "import os; os.system(\'whoami\')"'],
  [
    'exec through getattr',
    'import builtins\ngetattr(builtins, "ex" + "ec")("import os; os.system(\'whoami\')")',
  ],
  ['exec defines a name', "exec(\"def f(): __import__('os').system('whoami')\")\nf()"],
  ['thread', 'import os, threading\nthreading.Thread(target=os.system, args=("whoami",)).start()'],
  [
    'thread of a function',
    'import os, threading\ndef f(): os.system("whoami")\nthreading.Thread(target=f).start()',
  ],
  [
    'thread subclass',
    'import os, threading\nclass T(threading.Thread):\n  def run(self): os.system("whoami")\nT().start()',
  ],
  ['timer', 'import os, threading\nthreading.Timer(5, os.system, ["whoami"]).start()'],
  [
    'process',
    'import os, multiprocessing\nmultiprocessing.Process(target=os.system, args=("whoami",)).start()',
  ],
  [
    'executor',
    'import os\nfrom concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as e: e.submit(os.system, "whoami")',
  ],
  ['atexit', 'import os, atexit\natexit.register(os.system, "whoami")'],
  ['atexit decorator', 'import os, atexit\n@atexit.register\ndef f(): os.system("whoami")'],
  ['asyncio', 'import os, asyncio\nasync def f(): os.system("whoami")\nasyncio.run(f())'],
  ['generator', 'import os\ndef g():\n  os.system("whoami")\n  yield 1\nlist(g())'],
  [
    'context manager',
    'import os\nclass C:\n  def __enter__(self): os.system("whoami")\n  def __exit__(self, *a): pass\nwith C(): pass',
  ],
  ['try and finally', 'import os\ntry:\n  x()\nexcept Exception:\n  os.system("whoami")'],
  ['match', 'import os\nmatch 1:\n  case 1: os.system("whoami")'],
  ['loop', 'import os\nwhile True:\n  os.system("whoami")\n  break'],
  ['nested function', 'import os\ndef a():\n  def b(): os.system("whoami")\n  b()\na()'],
  [
    'nonlocal',
    'import os\ndef a():\n  f = None\n  def b():\n    nonlocal f\n    f = os.system\n  b()\n  f("whoami")\na()',
  ],
  ['global', 'import os\nf = None\ndef a():\n  global f\n  f = os.system\na()\nf("whoami")'],
  ['other file', { 'p/__init__.py': 'from . import a', 'p/a.py': 'import os\nos.system("whoami")' }],
  [
    'function of another file',
    { 'p/__init__.py': 'from .a import f\nf("whoami")', 'p/a.py': 'import os\ndef f(c): os.system(c)' },
  ],
  [
    'absolute import',
    { 'p/__init__.py': 'import p.a\np.a.f()', 'p/a.py': 'import os\ndef f(): os.system("whoami")' },
  ],
  [
    're-export',
    {
      'p/__init__.py': 'from .a import s\ns("whoami")',
      'p/a.py': 'from .b import s',
      'p/b.py': 'from os import system as s',
    },
  ],
  [
    'star re-export',
    { 'p/__init__.py': 'from .a import *\ns("whoami")', 'p/a.py': 'from os import system as s' },
  ],
  [
    'constant of another file',
    { 'p/__init__.py': 'import os\nfrom .c import C\nos.system(C)', 'p/c.py': 'C = "who" + "ami"' },
  ],
  [
    'parent package',
    {
      'p/__init__.py': 'from .q import r',
      'p/q/__init__.py': '',
      'p/q/r.py': 'from ..s import f\nf()',
      'p/s.py': 'import os\ndef f(): os.system("whoami")',
    },
  ],
  ['import inside a function', 'def f():\n  import os\n  os.system("whoami")\nf()'],
  ['Python 2 commands', 'import commands\ncommands.getoutput("whoami")'],
  [
    'own data file',
    {
      'p/__init__.py': 'import os\nexec(open(os.path.join(os.path.dirname(__file__), "d.txt")).read())',
      'p/d.txt': CODE,
    },
  ],
];

const STRINGS: readonly (readonly [name: string, expression: string])[] = [
  ['concatenation', '"who" + "ami"'],
  ['implicit concatenation', '"who" "ami"'],
  ['escapes', '"\\x77\\150\\u006f\\U00000061\\x6d\\x69"'],
  ['join', '"".join(["who", "ami"])'],
  ['join of characters', `"".join([chr(c) for c in [${codes('whoami')}]])`],
  ['join of map', `"".join(map(chr, [${codes('whoami')}]))`],
  ['reverse', '"imaohw"[::-1]'],
  ['reversed', '"".join(reversed("imaohw"))'],
  ['slice', '"xxwhoamixx"[2:-2]'],
  ['stride', '"w-h-o-a-m-i"[::2]'],
  ['replace', '"w#h#o#a#m#i".replace("#", "")'],
  ['strip', '"  whoami\\n".strip()'],
  ['split', '"x whoami y".split()[1]'],
  ['upper and lower', '"WHOAMI".lower()'],
  ['percent', '"%s%s" % ("who", "ami")'],
  ['percent with names', '"%(a)s%(b)s" % {"a": "who", "b": "ami"}'],
  ['format', '"{1}{0}".format("ami", "who")'],
  ['format with names', '"{a}{b}".format(a="who", b="ami")'],
  ['f-string', "f\"{'who'}{'ami'}\""],
  ['f-string with specifier', 'f"{119:c}{\'hoami\'}"'],
  ['chr', 'chr(119) + "hoami"'],
  ['bytes', `bytes([${codes('whoami')}]).decode()`],
  ['slice of bytes', 'b"xxwhoamixx"[2:-2].decode()'],
  ['slice of bytes, backwards', 'b"imaohw"[::-1].decode()'],
  ['latin-1', '"\u00e9whoami".encode("latin-1")[1:].decode()'],
  ['ascii, errors ignored', '"w\u00e9hoami".encode("ascii", "ignore").decode()'],
  ['bytearray', `bytearray([${codes('whoami')}]).decode("ascii")`],
  ['hex', `bytes.fromhex("${hex('whoami')}").decode()`],
  ['binascii', `__import__("binascii").unhexlify("${hex('whoami')}").decode()`],
  ['codecs hex', `__import__("codecs").decode("${hex('whoami')}", "hex").decode()`],
  ['Python 2 hex', `"${hex('whoami')}".decode("hex")`],
  ['base64', `__import__("base64").b64decode("${b64('whoami')}").decode()`],
  ['base64 urlsafe', `__import__("base64").urlsafe_b64decode(b"${b64('whoami')}").decode()`],
  [
    'base64 twice',
    `__import__("base64").b64decode(__import__("base64").b64decode("${b64(b64('whoami'))}")).decode()`,
  ],
  ['Python 2 base64', `"${b64('whoami')}".decode("base64")`],
  ['base32', '__import__("base64").b32decode("O5UG6YLNNE======").decode()'],
  ['base85', '__import__("base64").b85decode("cW7^6ZD{").decode()'],
  ['rot13', `__import__("codecs").decode("${rot('whoami')}", "rot13")`],
  ['rot13 encode', `__import__("codecs").encode("${rot('whoami')}", "rot_13")`],
  ['getdecoder', `__import__("codecs").getdecoder("rot13")("${rot('whoami')}")[0]`],
  [
    'single-key xor',
    `"".join(chr(ord(c) ^ 7) for c in "${[...'whoami'].map((c) => `\\x${(c.charCodeAt(0) ^ 7).toString(16).padStart(2, '0')}`).join('')}")`,
  ],
  [
    'xor of bytes',
    `bytes(b ^ 7 for b in bytes.fromhex("${Buffer.from([...'whoami'].map((c) => c.charCodeAt(0) ^ 7)).toString('hex')}")).decode()`,
  ],
  [
    'xor with a key',
    `"".join(chr(ord(a) ^ ord(b)) for a, b in zip("${[...'whoami'].map((c, i) => `\\x${(c.charCodeAt(0) ^ 'key'.charCodeAt(i % 3)).toString(16).padStart(2, '0')}`).join('')}", "keykey"))`,
  ],
  ['shift', `"".join(chr(ord(c) - 1) for c in "xipbnj")`],
  ['translate', '"wh0am1".translate(str.maketrans("01", "oi"))'],
  ['dict of pieces', '{"a": "who"}["a"] + ["ami"][0]'],
  ['zlib', `__import__("zlib").decompress(__import__("base64").b64decode("eJwrz8hPzM0EAAj6AoY=")).decode()`],
  ['integer', `(${BigInt(`0x${hex('whoami')}`)}).to_bytes(6, "big").decode()`],
  ['int with base', 'chr(int("77", 16)) + "hoami"'],
  ['eval of a string', "eval(\"'who' + 'ami'\")"],
  ['reduce', '__import__("functools").reduce(lambda a, b: a + b, "whoami")'],
  ['loop', 'build("whoami")'],
  ['json', '__import__("json").loads(\'{"a": ["whoami"]}\')["a"][0]'],
  ['url', '__import__("urllib.parse", fromlist=["x"]).unquote("%77%68oami")'],
  ['str of bytes', 'str(b"whoami", "utf-8")'],
  ['sorted by index', '"".join(c for _, c in sorted([(1, "hoami"), (0, "w")]))'],
  ['joined method as a value', '(lambda j: j(["who", "ami"]))("".join)'],
];

describe('python: ways of naming', () => {
  for (const [name, files] of NAMING) {
    it(name, () => expectBehaviors(files, ['run-shell shell']));
  }
  const PENDING: readonly (readonly [name: string, source: string])[] = [
    [
      'subclasses of object',
      '[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == "_wrap_close"][0].__init__.__globals__["system"]("whoami")',
    ],
    ['class made by type()', 'import os\ntype("C", (), {"m": lambda s: os.system("whoami")})().m()'],
  ];
  for (const [name] of PENDING) it.skip(`out of reach: ${name}`);
});

describe('python: string tricks', () => {
  const build = 'def build(s):\n  o = ""\n  for c in s:\n    o += c\n  return o\n';
  for (const [name, expression] of STRINGS) {
    it(name, async () => {
      const { units } = await sequenceOf(`${build}import os\nos.system(${expression})`);
      const run = units.flatMap((u) => u.behaviors).find((b) => b.code === 'run-shell');
      assert.equal(run?.detail, 'whoami');
    });
  }
  for (const name of [
    'bz2 and lzma containers',
    'AES in GCM mode',
    'names drawn from a regular expression',
    'keys asked from a server',
  ]) {
    it.skip(`out of reach: ${name}`);
  }
});
