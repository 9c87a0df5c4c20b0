/** Where Python code starts: setup.py and its commands, `.pth` lines, packages; and in which phase what is found stands. */
import { expectBehaviors, type Files } from './python-sequence-helper.js';

const COMMAND = (name: string, base = name, method = 'run'): string =>
  `import os\nfrom setuptools import setup\nfrom setuptools.command.${base} import ${base} as _base\nclass Cmd(_base):\n  def ${method}(self):\n    os.system("whoami")\n    _base.${method}(self)\nsetup(name="x", cmdclass={"${name}": Cmd})`;
const IN_INSTALL = ['install: run-shell'];
const NOT_IN_INSTALL = ['!install: run-shell', 'runtime: run-shell'];

const CASES: readonly (readonly [name: string, files: Files, wanted: readonly string[]])[] = [
  ['top level', { 'setup.py': 'import os\nos.system("whoami")' }, IN_INSTALL],
  ...[
    'install',
    'develop',
    'egg_info',
    'build_py',
    'build_ext',
    'build',
    'sdist',
    'bdist_wheel',
    'install_lib',
  ].map((name) => [`cmdclass ${name}`, { 'setup.py': COMMAND(name) }, IN_INSTALL] as const),
  [
    'cmdclass finalize_options',
    { 'setup.py': COMMAND('install', 'install', 'finalize_options') },
    IN_INSTALL,
  ],
  ['cmdclass of a command pip does not run', { 'setup.py': COMMAND('upload', 'sdist') }, NOT_IN_INSTALL],
  [
    'cmdclass with super()',
    {
      'setup.py':
        'import os\nfrom setuptools import setup\nfrom setuptools.command.install import install\nclass C(install):\n  def run(self):\n    super().run()\n    os.system("whoami")\nsetup(cmdclass=dict(install=C))',
    },
    IN_INSTALL,
  ],
  [
    'cmdclass through a base class of the file',
    {
      'setup.py':
        'import os\nfrom setuptools import setup\nfrom setuptools.command.install import install\nclass B:\n  def go(self): os.system("whoami")\nclass C(B, install):\n  def run(self): self.go()\nsetup(cmdclass={"install": C})',
    },
    IN_INSTALL,
  ],
  [
    'cmdclass run from a thread',
    {
      'setup.py':
        'import os, threading\nfrom setuptools import setup\nfrom setuptools.command.install import install\nclass C(install):\n  def run(self):\n    threading.Thread(target=self.go).start()\n  def go(self): os.system("whoami")\nsetup(cmdclass={"install": C})',
    },
    IN_INSTALL,
  ],
  [
    'atexit in a command',
    {
      'setup.py':
        'import os, atexit\nfrom setuptools import setup\nfrom setuptools.command.install import install\ndef go(): os.system("whoami")\nclass C(install):\n  def __init__(self, *a, **k):\n    atexit.register(go)\nsetup(cmdclass={"install": C})',
    },
    IN_INSTALL,
  ],
  [
    'execute() of a command',
    {
      'setup.py':
        'import os\nfrom setuptools import setup\nfrom setuptools.command.install import install\ndef go(d): os.system("whoami")\nclass C(install):\n  def run(self): self.execute(go, (self.install_lib,))\nsetup(cmdclass={"install": C})',
    },
    IN_INSTALL,
  ],
  [
    'options in a dict',
    {
      'setup.py':
        'import os\nfrom setuptools import setup\nfrom setuptools.command.install import install\nclass C(install):\n  def run(self): os.system("whoami")\noptions = {"cmdclass": {"install": C}}\nsetup(**options)',
    },
    IN_INSTALL,
  ],
  [
    'distutils',
    {
      'setup.py':
        'import os\nfrom distutils.core import setup\nfrom distutils.command.install import install\nclass C(install):\n  def run(self): os.system("whoami")\nsetup(cmdclass={"install": C})',
    },
    IN_INSTALL,
  ],
  [
    'condition on the platform',
    { 'setup.py': 'import os, sys\nif sys.platform == "win32":\n  os.system("whoami")' },
    ['install: run-shell if-platform'],
  ],
  [
    'condition on arguments',
    { 'setup.py': 'import os, sys\nif "install" in sys.argv: os.system("whoami")' },
    IN_INSTALL,
  ],
  ['main guard', { 'setup.py': 'import os\nif __name__ == "__main__": os.system("whoami")' }, IN_INSTALL],
  [
    'module beside setup.py',
    { 'setup.py': 'import helper\nhelper.go()', 'helper.py': 'import os\ndef go(): os.system("whoami")' },
    IN_INSTALL,
  ],
  [
    'own package imported for its version',
    {
      'setup.py': 'from p import __version__',
      'p/__init__.py': 'import os\nos.system("whoami")\n__version__ = "1"',
    },
    IN_INSTALL,
  ],
  [
    'exec of the version file',
    { 'setup.py': 'exec(open("p/_v.py").read())', 'p/_v.py': 'import os\nos.system("whoami")' },
    IN_INSTALL,
  ],
  [
    'script started',
    {
      'setup.py': 'import subprocess, sys\nsubprocess.Popen([sys.executable, "p/run.py"])',
      'p/run.py': 'import os\nos.system("whoami")',
    },
    IN_INSTALL,
  ],
  [
    'errors ignored',
    { 'setup.py': 'import os\ntry:\n  os.system("whoami")\nexcept: pass' },
    ['install: run-shell in-try', 'install: silence-errors'],
  ],
  [
    'direct reference',
    {
      'setup.py':
        'from setuptools import setup\nsetup(install_requires=["x @ https://files.example.com/x.zip"])',
    },
    ['install: install-package'],
  ],
  [
    'build extension',
    { 'setup.py': 'from setuptools import setup, Extension\nsetup(ext_modules=[Extension("x", ["x.c"])])' },
    ['install: run-build-tool'],
  ],
  ['.pth line', { 'x.pth': 'import os; os.system("whoami")' }, ['import: run-shell']],
  [
    '.pth line that reads beside itself',
    {
      'x.pth': 'import os; exec(open(os.path.join(sitedir, "m.dat")).read())',
      'm.dat': 'import os\nos.system("whoami")',
    },
    ['import: read-own-file', 'import: evaluate path:own', 'import: run-shell'],
  ],
  [
    '.pth line with exec',
    { 'x.pth': 'import base64; exec(base64.b64decode("aW1wb3J0IG9zOyBvcy5zeXN0ZW0oJ3dob2FtaScp"))' },
    ['import: evaluate-decoded', 'import: run-shell hidden'],
  ],
  [
    '.pth that imports a module',
    { 'x.pth': 'import m', 'm.py': 'import os\nos.system("whoami")' },
    ['import: run-shell'],
  ],
  ['package', { 'p/__init__.py': 'import os\nos.system("whoami")' }, ['import: run-shell']],
  [
    'function nobody calls',
    { 'p/__init__.py': 'import os\ndef f(): os.system("whoami")' },
    ['!import: run-shell', 'runtime: run-shell'],
  ],
  [
    'module nobody imports',
    { 'p/__init__.py': '', 'p/a.py': 'import os\nos.system("whoami")' },
    ['!import: run-shell', 'runtime: run-shell'],
  ],
];

describe('python: where code starts', () => {
  for (const [name, files, wanted] of CASES) {
    it(name, () => expectBehaviors(files, wanted, true));
  }
});
