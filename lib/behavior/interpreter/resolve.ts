/** Which file of the artifact a module name means, as Node and Python would find it. Pure. */
import type { OpenedArtifact } from '../../types.js';

const EXTENSIONS = ['.js', '.cjs', '.mjs', '.json', '.ts', '.tsx', '.jsx', '.node', '.cts', '.mts'];

/** Node resolution inside the artifact; undefined for modules outside it. */
export function resolveJavaScript(
  artifact: OpenedArtifact,
  from: string,
  specifier: string,
): string | undefined {
  const files = artifact.files;
  const directory = dirname(from);
  if (specifier.startsWith('node:')) return undefined;
  if (specifier.startsWith('file://')) return resolveJavaScript(artifact, from, specifier.slice(7));
  if (specifier.startsWith('./') || specifier.startsWith('../') || specifier === '.' || specifier === '..') {
    const path = normalize(`${directory}/${specifier}`);
    return path === undefined ? undefined : fileOrFolder(files, path);
  }
  if (specifier.startsWith('/')) {
    const inside = insidePackage(specifier);
    return inside === undefined ? undefined : fileOrFolder(files, inside);
  }
  if (specifier.startsWith('#')) return importsField(artifact, directory, specifier);
  const [name, rest] = splitName(specifier);
  for (let at: string | undefined = directory; at !== undefined; at = at === '' ? undefined : dirname(at)) {
    const folder = join(at, `node_modules/${name}`);
    const found = inPackageFolder(files, folder, rest);
    if (found !== undefined) return found;
  }
  if (name === artifact.name && artifact.ecosystem === 'npm') return inPackageFolder(files, '', rest);
  return undefined;
}

const ROOT = '/project/node_modules/self';

/** A path under the place where the artifact seems to stand, relative to the artifact; undefined outside. */
export function insidePackage(path: string): string | undefined {
  const normal = `/${normalize(path) ?? ''}`;
  if (normal === ROOT) return '';
  return normal.startsWith(`${ROOT}/`) ? normal.slice(ROOT.length + 1) : undefined;
}

function inPackageFolder(files: OpenedArtifact['files'], folder: string, rest: string): string | undefined {
  const manifest = manifestOf(files, folder);
  if (manifest === undefined && folder !== '') {
    return rest === '' ? fileOrFolder(files, folder) : fileOrFolder(files, join(folder, rest));
  }
  const target = exportTarget(manifest?.exports, rest === '' ? '.' : `./${rest}`);
  if (target !== undefined) {
    const found = fileOrFolder(files, join(folder, target));
    if (found !== undefined) return found;
  }
  return rest === '' ? fileOrFolder(files, folder) : fileOrFolder(files, join(folder, rest));
}

const manifests = new WeakMap<OpenedArtifact['files'], Map<string, Record<string, unknown> | undefined>>();

function manifestOf(files: OpenedArtifact['files'], folder: string): Record<string, unknown> | undefined {
  let known = manifests.get(files);
  if (known === undefined) {
    known = new Map();
    manifests.set(files, known);
  }
  if (known.has(folder)) return known.get(folder);
  const file = files.get(join(folder, 'package.json'));
  let manifest: Record<string, unknown> | undefined;
  if (file !== undefined && file.bytes.length < 2_000_000) {
    try {
      const data: unknown = JSON.parse(
        Buffer.from(file.bytes)
          .toString('utf8')
          .replace(/^\uFEFF/, ''),
      );
      if (typeof data === 'object' && data !== null) manifest = data as Record<string, unknown>;
    } catch {
      manifest = undefined;
    }
  }
  known.set(folder, manifest);
  return manifest;
}

/** The file an `exports` or `imports` map gives for a key under Node's conditions; stars are filled in. */
export function exportTarget(field: unknown, key: string): string | undefined {
  if (typeof field === 'string') return key === '.' ? field : undefined;
  if (Array.isArray(field)) return firstOf(field.map((f) => exportTarget(f, key)));
  if (typeof field !== 'object' || field === null) return undefined;
  const entries = Object.entries(field);
  if (!entries.some(([k]) => k.startsWith('.') || k.startsWith('#')))
    return key === '.' ? condition(field) : undefined;
  for (const [pattern, target] of entries) if (pattern === key) return condition(target);
  // Of the patterns that match, Node takes the one with most before its star.
  const byHead = entries
    .map(([pattern, target]) => ({ pattern, target, star: pattern.indexOf('*') }))
    .filter(({ star }) => star >= 0)
    .sort((a, b) => b.star - a.star);
  for (const { pattern, target, star } of byHead) {
    const head = pattern.slice(0, star);
    const tail = pattern.slice(star + 1);
    if (key.startsWith(head) && key.endsWith(tail) && key.length >= pattern.length - 1) {
      return condition(target)?.replaceAll('*', key.slice(head.length, key.length - tail.length));
    }
  }
  return undefined;
}

function condition(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (Array.isArray(target)) return firstOf(target.map(condition));
  if (typeof target !== 'object' || target === null) return undefined;
  for (const [name, inner] of Object.entries(target)) {
    if (/^(node|require|import|default|node-addons|module-sync)$/.test(name)) {
      const found = condition(inner);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const firstOf = (found: readonly (string | undefined)[]): string | undefined =>
  found.find((f) => f !== undefined);

function importsField(artifact: OpenedArtifact, directory: string, specifier: string): string | undefined {
  for (let at: string | undefined = directory; at !== undefined; at = at === '' ? undefined : dirname(at)) {
    const manifest = manifestOf(artifact.files, at);
    if (manifest === undefined) continue;
    const target = exportTarget(manifest.imports, specifier);
    return target === undefined ? undefined : fileOrFolder(artifact.files, join(at, target));
  }
  return undefined;
}

/** A file as written, with an extension added, or the main file of a folder. */
export function fileOrFolder(files: OpenedArtifact['files'], path: string): string | undefined {
  const clean = normalize(path);
  if (clean === undefined) return undefined;
  if (clean !== '' && files.has(clean)) return clean;
  if (clean !== '') {
    for (const extension of EXTENSIONS) if (files.has(clean + extension)) return clean + extension;
    // TypeScript sources import each other by the name of the output.
    const source = clean.replace(/\.([cm]?)js$/, '.$1ts');
    if (source !== clean && files.has(source)) return source;
    if (source !== clean && files.has(`${source}x`)) return `${source}x`;
  }
  const main = manifestOf(files, clean)?.main;
  if (typeof main === 'string' && main !== '' && main !== '.') {
    const target = normalize(join(clean, main));
    if (target !== undefined && target !== clean) {
      if (files.has(target)) return target;
      for (const extension of EXTENSIONS) if (files.has(target + extension)) return target + extension;
      for (const extension of EXTENSIONS)
        if (files.has(`${target}/index${extension}`)) return `${target}/index${extension}`;
    }
  }
  for (const extension of EXTENSIONS) {
    const index = join(clean, `index${extension}`);
    if (files.has(index)) return index;
  }
  return undefined;
}

function splitName(specifier: string): [string, string] {
  const parts = specifier.split('/');
  const count = specifier.startsWith('@') ? 2 : 1;
  return [parts.slice(0, count).join('/'), parts.slice(count).join('/')];
}

/**
 * The files a dotted Python name runs, packages first: `a.b` runs `a/__init__.py`, then `a/b.py`. A folder without
 * `__init__.py` is a namespace package (path undefined). Undefined when the name is not in the artifact.
 */
export function resolvePython(
  artifact: OpenedArtifact,
  from: string,
  name: string,
): { readonly path: string | undefined; readonly name: string }[] | undefined {
  const files = artifact.files;
  const dots = /^\.+/.exec(name)?.[0].length ?? 0;
  const parts = name
    .slice(dots)
    .split('.')
    .filter((part) => part !== '');
  if (dots > 0) {
    let base: string | undefined = dirname(from);
    for (let i = 1; i < dots && base !== undefined; i++) base = base === '' ? undefined : dirname(base);
    if (base === undefined) return undefined;
    if (parts.length === 0) {
      const init = join(base, '__init__.py');
      return files.has(init) ? [{ path: init, name: base.slice(base.lastIndexOf('/') + 1) }] : undefined;
    }
    return under(files, base, parts);
  }
  if (parts.length === 0) return undefined;
  const roots = ['', 'src', 'lib', 'python'];
  // Python 2 looks beside the importing file, and a script's own folder is the first place searched.
  const own = dirname(from);
  for (const root of roots.includes(own) ? roots : [...roots, own]) {
    const found = under(files, root, parts);
    if (found !== undefined) return found;
  }
  return undefined;
}

function under(
  files: OpenedArtifact['files'],
  root: string,
  parts: readonly string[],
): { readonly path: string | undefined; readonly name: string }[] | undefined {
  const out: { path: string | undefined; name: string }[] = [];
  let at = root;
  for (const [i, part] of parts.entries()) {
    at = join(at, part);
    const init = `${at}/__init__.py`;
    const last = i === parts.length - 1;
    if (files.has(init)) out.push({ path: init, name: part });
    else if (last && files.has(`${at}.py`)) out.push({ path: `${at}.py`, name: part });
    else if (last && files.has(`${at}.pyw`)) out.push({ path: `${at}.pyw`, name: part });
    // Cython compiles it while the package is built.
    else if (last && files.has(`${at}.pyx`)) out.push({ path: `${at}.pyx`, name: part });
    else if (!last && hasFolder(files, at)) out.push({ path: undefined, name: part });
    else return undefined;
  }
  return out;
}

const folders = new WeakMap<OpenedArtifact['files'], Set<string>>();

function hasFolder(files: OpenedArtifact['files'], folder: string): boolean {
  let known = folders.get(files);
  if (known === undefined) {
    known = new Set();
    for (const path of files.keys()) {
      for (let at = dirname(path); at !== '' && !known.has(at); at = dirname(at)) known.add(at);
    }
    folders.set(files, known);
  }
  return known.has(folder);
}

export function dirname(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export const join = (folder: string, path: string): string => (folder === '' ? path : `${folder}/${path}`);

/** Without `.`, `..`, empty parts and leading slash; undefined when it leads out of the artifact. */
export function normalize(path: string): string | undefined {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (out.length === 0) return undefined;
      out.pop();
    } else out.push(part);
  }
  return out.join('/');
}
