import assert from 'node:assert/strict';
import { lines, python, walkPackage } from './interpreter-support.js';

describe('interpreter: Python names', () => {
  const forms: Record<string, string> = {
    import: "import os\nos.system('x')",
    'import as': "import os as o\no.system('x')",
    'from import': "from os import system\nsystem('x')",
    'from import as': "from os import system as s\ns('x')",
    star: "from os import *\nsystem('x')",
    'several names': "import sys, os\nos.system('x')",
    getattr: "import os\ngetattr(os, 'system')('x')",
    'getattr from pieces': "import os\ngetattr(os, 'sys' + 'tem')('x')",
    __import__: "__import__('os').system('x')",
    importlib: "import importlib\nimportlib.import_module('os').system('x')",
    'importlib alias': "from importlib import import_module as im\nim('o' + 's').system('x')",
    'reversed name': "__import__('so'[::-1]).system('x')",
    'chr list': "__import__(''.join([chr(c) for c in [111, 115]])).system('x')",
    'chr map': "__import__(''.join(map(chr, [111, 115]))).system('x')",
    globals: "import os\nglobals()['os'].system('x')",
    'dict of functions': "import os\nd = {'a': os.system}\nd['a']('x')",
    wrapper: "import os\ndef f(c):\n    return os.system(c)\nf('x')",
    lambda: "import os\n(lambda c: os.system(c))('x')",
    'default argument': "import os\ndef f(c, g=os.system):\n    g(c)\nf('x')",
    keyword: "import os\ndef f(c=None):\n    os.system(c)\nf(c='x')",
    'star arguments': "import os\ndef f(*a):\n    os.system(*a)\nf('x')",
    'keyword dict': "import os\ndef f(c):\n    os.system(c)\nf(**{'c': 'x'})",
    method: "import os\nclass A:\n    def go(self):\n        os.system('x')\nA().go()",
    'attribute of self':
      "import os\nclass A:\n    def __init__(self, c):\n        self.c = c\n    def go(self):\n        os.system(self.c)\nA('x').go()",
    inherited:
      "import os\nclass A:\n    def go(self, c):\n        os.system(c)\nclass B(A):\n    def go(self):\n        super().go('x')\nB().go()",
    'old super':
      "import os\nclass A(object):\n    def __init__(self, c):\n        os.system(c)\nclass B(A):\n    def __init__(self):\n        super(B, self).__init__('x')\nB()",
    'base by name':
      "import os\nclass A:\n    def go(self, c):\n        os.system(c)\nclass B(A):\n    def go(self):\n        A.go(self, 'x')\nB().go()",
    staticmethod: "import os\nclass A:\n    @staticmethod\n    def go(c):\n        os.system(c)\nA.go('x')",
    classmethod:
      "import os\nclass A:\n    c = 'x'\n    @classmethod\n    def go(cls):\n        os.system(cls.c)\nA.go()",
    property:
      "import os\nclass A:\n    @property\n    def run(self):\n        return os.system('x')\nA().run",
    __call__: "import os\nclass A:\n    def __call__(self, c):\n        os.system(c)\nA()('x')",
    with: "import os\nclass A:\n    def __enter__(self):\n        os.system('x')\nwith A() as a:\n    pass",
    decorator: "import os\ndef d(f):\n    os.system('x')\n    return f\n@d\ndef g():\n    pass",
    'global statement': "import os\nc = None\ndef s():\n    global c\n    c = 'x'\ns()\nos.system(c)",
    loop: "import os\nfor c in ['x']:\n    os.system(c)",
    comprehension: "import os\n[os.system(c) for c in ['x']]",
    'try import': "try:\n    import os\nexcept ImportError:\n    os = None\nos.system('x')",
    partial: "import os, functools\nfunctools.partial(os.system, 'x')()",
    unpacking: "import os\na, b = os.system, 'x'\na(b)",
    walrus: "import os\nif (f := os.system):\n    f('x')",
    exec: 'exec("import os\\nos.system(\'x\')")',
    'main guard': "import os\nif __name__ == '__main__':\n    os.system('x')",
    atexit: "import os, atexit\natexit.register(lambda: os.system('x'))",
    generator: "import os\ndef g():\n    yield 'x'\nfor c in g():\n    os.system(c)",
  };
  for (const [name, source] of Object.entries(forms)) {
    it(name, async () => {
      const found = await python(source);
      assert.ok(found.includes('run-shell x'), found.join('\n'));
    });
  }
});

describe('interpreter: Python modules', () => {
  it('follows absolute and relative imports, packages first', async () => {
    const found = await python(
      'from . import a\nfrom .sub import b\nimport pkg.sub.c as c\na.f()\nb.g()\nc.h()',
      {
        'pkg/a.py': "import os\ndef f():\n    os.system('1')",
        'pkg/sub/__init__.py': "import os\nopen('init')",
        'pkg/sub/b.py': "from ..a import os\ndef g():\n    os.system('2')",
        'pkg/sub/c.py': "import os\ndef h():\n    open('3')",
      },
    );
    assert.deepEqual(found, ['[import]', 'read-file init', 'run-shell 1', 'read-file 3']);
  });

  it('finds modules under src and beside a script', async () => {
    const sequence = await walkPackage({
      ecosystem: 'pypi',
      files: {
        'setup.py': 'import helper\nhelper.go()\nimport core\n',
        'helper.py': "import os\ndef go():\n    os.system('1')",
        'src/core/__init__.py': "open('2')",
      },
      entries: [['setup', 'install', 'setup.py']],
    });
    assert.deepEqual(lines(sequence), ['[setup]', 'run-shell 1', 'read-file 2']);
  });

  it('walks methods nobody calls with an instance some code made', async () => {
    const found = await python(
      "import os\nclass A:\n    def __init__(self):\n        self.c = 'x'\n    def never(self):\n        os.system(self.c)\na = A()",
    );
    assert.deepEqual(found, ['[remainder]', 'run-shell x']);
  });
});

describe('interpreter: work in Python', () => {
  it('counts the copying of large bytes that are eaten from the front', async () => {
    const steps = async (size: number): Promise<number> => {
      const source = `data = b"x" * ${size}\nfor i in range(50):\n    data = data[1:]\n`;
      const sequence = await walkPackage({
        ecosystem: 'pypi',
        files: { 'setup.py': source },
        entries: [['setup', 'install', 'setup.py']],
      });
      return sequence.stats.steps;
    };
    const [few, many] = [await steps(10), await steps(1_000_000)];
    assert.ok(many > few + 1000, `${few}, ${many}`);
  });
});
