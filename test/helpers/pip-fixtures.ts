/** Python sources of the pip tests: honest and canary-writing twins of each way code is run by an install. */
import type { Package, Sources } from './python-archives.js';

/** Python that leaves a mark in the test's own temporary folder, and does nothing else. */
export function mark(canary: string, word: string): string {
  return `open(${JSON.stringify(canary)}, "a").write(${JSON.stringify(`${word}\n`)})\n`;
}

/** A build backend that packs `payload.py` as a wheel; enough of PEP 517 for pip. */
export function backend(name: string, version: string, requires: readonly string[] = [], top = ''): string {
  return `${top}
import base64, hashlib, os, zipfile
INFO = "${name.replaceAll('-', '_')}-${version}.dist-info"
METADATA = "Metadata-Version: 2.1\\nName: ${name}\\nVersion: ${version}\\n" + "".join("Requires-Dist: %s\\n" % r for r in ${JSON.stringify(requires)})
WHEEL = "Wheel-Version: 1.0\\nGenerator: fixture\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.makedirs(os.path.join(folder, INFO))
    for leaf, text in (("METADATA", METADATA), ("WHEEL", WHEEL)):
        with open(os.path.join(folder, INFO, leaf), "w") as f: f.write(text)
    return INFO
def build_wheel(folder, config_settings=None, metadata_directory=None):
    files = {"${name.replaceAll('-', '_')}.py": "value = 1\\n", INFO + "/METADATA": METADATA, INFO + "/WHEEL": WHEEL}
    rows = []
    leaf = "${name.replaceAll('-', '_')}-${version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, leaf), "w") as z:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append("%s,sha256=%s,%d" % (path, digest, len(text)))
            z.writestr(zipfile.ZipInfo(path), text)
        z.writestr(zipfile.ZipInfo(INFO + "/RECORD"), "\\n".join(rows + [INFO + "/RECORD,,", ""]))
    return leaf
`;
}

/** An sdist with a backend of its own in its tree. */
export function inTreeBackend(
  name: string,
  options: { top?: string; requires?: string[]; buildRequires?: string[] },
): Package {
  const { top = '', requires = [], buildRequires = [] } = options;
  return {
    name,
    version: '1.0',
    files: {
      'pyproject.toml': `[build-system]\nrequires = ${JSON.stringify(buildRequires)}\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "${name}"\nversion = "1.0"\n`,
      'backend.py': backend(name, '1.0', requires, top),
    },
  };
}

/** An sdist with nothing but a setup.py. */
export function setupPy(name: string, top = ''): Package {
  return {
    name,
    version: '1.0',
    files: {
      'setup.py': `${top}from setuptools import setup\nsetup(name="${name}", version="1.0", py_modules=[])\n`,
    },
  };
}

/**
 * Stands for setuptools, so that the tests need no network: runs setup.py as `__legacy__` does and packs a wheel from
 * the name and version it was given.
 */
export function setuptoolsStandIn(): Package {
  const meta = `
import importlib.util, os, setuptools
def _backend():
    with open("setup.py") as f: code = compile(f.read(), os.path.abspath("setup.py"), "exec")
    exec(code, {"__name__": "__main__", "__file__": os.path.abspath("setup.py")})
    spec = importlib.util.spec_from_loader("packer", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(compile(PACKER.replace("@NAME@", setuptools.given["name"]), "packer", "exec"), module.__dict__)
    return module
class _Legacy:
    def get_requires_for_build_wheel(self, config_settings=None): return []
    def prepare_metadata_for_build_wheel(self, folder, config_settings=None):
        return _backend().prepare_metadata_for_build_wheel(folder)
    def build_wheel(self, folder, config_settings=None, metadata_directory=None):
        return _backend().build_wheel(folder)
__legacy__ = _Legacy()
PACKER = ${JSON.stringify(backend('@NAME@', '1.0').replaceAll('@NAME@', '@NAME@'))}
`;
  return {
    name: 'setuptools',
    version: '99.0',
    files: {
      'setuptools/__init__.py': 'given = {}\ndef setup(**kw): given.update(kw)\n',
      'setuptools/build_meta.py': meta,
    },
  };
}

export function wheelStandIn(): Package {
  return { name: 'wheel', version: '99.0', files: { 'wheel/__init__.py': '' } };
}

export function plain(name: string, files: Sources, requires: readonly string[] = []): Package {
  return { name, version: '1.0', requires, files };
}
