/** Where the code of a wheel or a source archive starts. */
import type { ArtifactKind, EntryPoint, Phase, UnitKind } from '../types.js';
import { buildEntries } from './entries-pypi-build.js';
import { fallbackEntry, isAside } from './fallback.js';
import { type Ini, parseIni } from './ini.js';
import { LIMITS } from './limits.js';
import { type Files, isRecord } from './manifest-npm.js';
import { textOf } from './manifest-pypi.js';
import { readToml } from './toml.js';
import { Unreadable } from './unreadable.js';

/**
 * Folders that stand beside the package in a source archive, and that no build installs; where there is nothing else, they are
 * the package. A fallback entry may stand in these: npm packages keep what they run in `dist`, `build` and `scripts`.
 */
const UNBUILT = /^(?:scripts?|tools?|ci|build|dist)$/i;
const NOT_MODULES = /^(?:setup|conftest|noxfile|fabfile|tasks|dodo|manage|docs_conf|conf)$/;

/** Where `str.splitlines` ends a line, as Python 3.13 reads `.pth` files. */
const PYTHON_LINES = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;

export function pypiEntryPoints(files: Files, kind: ArtifactKind): EntryPoint[] {
  const installed =
    kind === 'wheel' || (kind === 'folder' && !files.has('setup.py') && !files.has('pyproject.toml'));
  const entries: EntryPoint[] = [];
  if (!installed) entries.push(...buildEntries(files));
  entries.push(...startupEntries(files, installed));
  entries.push(...importEntries(files, installed));
  entries.push(...commandEntries(files));
  for (const path of files.keys()) {
    if (/(?:^|\/)conftest\.py$/.test(path) && path.split('/').length <= 3) {
      entries.push(fileEntry('import', 'runtime', 'conftest.py', path));
    }
  }
  if (!entries.some((entry) => entry.phase !== 'runtime')) entries.push(...fallbackEntry(files, 'pypi'));
  return entries;
}

/**
 * Lines of `.pth` files that begin with `import` run at every interpreter start, and so do sitecustomize and
 * usercustomize. In a wheel only those that land in site-packages count: the root, and `X.data/data/…`;
 * where a source archive's build puts its `.pth` cannot be known, so all count.
 */
function startupEntries(files: Files, installed: boolean): EntryPoint[] {
  const entries: EntryPoint[] = [];
  for (const [path, file] of files) {
    const depth = path.split('/').length;
    const lands =
      !installed || depth === 1 || /^[^/]+\.data\/data\/.*(?:site|dist)-packages\/[^/]+$/i.test(path);
    if (!lands) continue;
    if (/\.pth$/i.test(path)) {
      if (file.bytes.length > LIMITS.manifestBytes)
        throw new Unreadable('too-large', { limit: 'pth', max: LIMITS.manifestBytes, file: path });
      let line = 0;
      for (const text of textOf(file)
        .replace(/^\uFEFF/, '')
        .split(PYTHON_LINES)) {
        line++;
        if (!/^import[ \t]/.test(text)) continue;
        entries.push({
          kind: 'pth',
          phase: 'install',
          origin: `${path}:${line}`,
          file: path,
          line,
          run: { type: 'code', language: 'python', code: text },
        });
      }
    } else if (
      /^(?:site|user)customize\.py$/.test(path.split('/').pop()!) &&
      (depth === 1 || /^src\/[^/]+$/.test(path) || depth > 2)
    ) {
      entries.push(fileEntry('pth', 'install', path, path));
    }
  }
  return entries;
}

/** Top-level packages and modules: what `import NAME` runs. */
function importEntries(files: Files, installed: boolean): EntryPoint[] {
  const roots = installed ? [''] : sourceRoots(files);
  const named = topLevelNames(files);
  const entries: EntryPoint[] = [];
  for (const root of roots) {
    const packages = new Set<string>();
    for (const path of files.keys()) {
      if (!path.startsWith(root) || !path.endsWith('.py')) continue;
      // Each file belongs to the innermost root it stands in.
      if (roots.some((other) => other.length > root.length && path.startsWith(other))) continue;
      const inner = path.slice(root.length).split('/');
      if (inner.length === 1) {
        const name = inner[0]!.slice(0, -3);
        const wanted = named === undefined ? installed || !NOT_MODULES.test(name) : named.has(name);
        if (wanted && /^[A-Za-z_]\w*$/.test(name) && !/^(?:site|user)customize$/.test(name)) {
          entries.push(fileEntry('import', 'import', name, path));
        }
        continue;
      }
      // The outermost folder with an __init__.py; above it, namespaces.
      if (inner.at(-1) !== '__init__.py' || /\.(?:dist-info|data|egg-info)$/.test(inner[0]!)) continue;
      if (named !== undefined && !named.has(inner[0]!)) continue;
      packages.add(inner.slice(0, -1).join('/'));
    }
    const main = [...packages].filter(
      (folder) =>
        installed || named !== undefined || !(isAside(folder) || UNBUILT.test(folder.split('/')[0]!)),
    );
    for (const folder of (main.length > 0 ? main : [...packages]).sort()) {
      const parts = folder.split('/');
      const nested = parts.some((_, i) => i > 0 && packages.has(parts.slice(0, i).join('/')));
      if (nested || parts.length > 4) continue;
      entries.push(
        fileEntry('import', 'import', folder.replaceAll('/', '.'), `${root}${folder}/__init__.py`),
      );
      const script = `${root}${folder}/__main__.py`;
      if (files.has(script))
        entries.push(fileEntry('bin', 'runtime', `python -m ${folder.replaceAll('/', '.')}`, script));
    }
  }
  return entries;
}

/** Folders of a source archive that its packages stand in: the root, `src`, and what the project files say. */
function sourceRoots(files: Files): string[] {
  const roots = new Set(['']);
  for (const path of files.keys()) {
    if (/^(?:src|lib|python)\/(?:[^/]+\.py|[^/]+\/__init__\.py)$/.test(path))
      roots.add(`${path.split('/')[0]}/`);
  }
  const setup = files.get('setup.cfg');
  const text =
    setup === undefined ? '' : (parseIni(textOf(setup)).get('options')?.get('package_dir')?.value ?? '');
  for (const match of text.matchAll(/=\s*([\w./-]+)/g)) roots.add(`${match[1]!.replace(/^\.\/|\/$/g, '')}/`);
  roots.delete('/');
  roots.delete('./');
  return [...roots];
}

function topLevelNames(files: Files): Set<string> | undefined {
  for (const [path, file] of files) {
    if (!/^(?:src\/)?[^/]+\.(?:dist-info|egg-info)\/top_level\.txt$/.test(path)) continue;
    const names = textOf(file)
      .split(/\s+/)
      .filter((name) => name !== '')
      .map((name) => name.split('/')[0]!);
    // An outdated list must not hide a package: it counts only when all it names is there.
    const there = names.filter((name) =>
      [...files.keys()].some((p) => new RegExp(`(?:^|/)${quoted(name)}(?:/|\\.)`).test(p)),
    );
    if (names.length > 0 && there.length === names.length) return new Set(names);
  }
  return undefined;
}

const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Console and GUI scripts, plug-in entry points, and the scripts a wheel or setup.cfg carries. */
function commandEntries(files: Files): EntryPoint[] {
  const entries: EntryPoint[] = [];
  const seen = new Set<string>();
  const add = (file: string, group: string, name: string, target: string, line: number) => {
    const match = /^\s*([\w.]+)\s*(?::\s*([\w.]+))?/.exec(target);
    if (match === null || seen.has(`${group} ${name}`)) return;
    seen.add(`${group} ${name}`);
    const command = group === 'console_scripts' || group === 'gui_scripts';
    const [, module, attribute] = match;
    const first = attribute?.split('.')[0];
    entries.push({
      kind: command ? 'bin' : 'import',
      phase: command ? 'import' : 'runtime',
      origin: `${file} ${group}.${name}`,
      file,
      line,
      run: {
        type: 'code',
        language: 'python',
        // What the generated wrapper does.
        code:
          first === undefined
            ? `import ${module}\n`
            : `from ${module} import ${first}\n${command ? `${attribute}()\n` : ''}`,
      },
    });
  };
  for (const [path, file] of files) {
    if (/^(?:src\/)?[^/]+\.(?:dist-info|egg-info)\/entry_points\.txt$/.test(path))
      addIni(path, parseIni(textOf(file)));
    else if (/^[^/]+\.data\/(?:scripts|data\/(?:bin|Scripts))\/[^/]+$/.test(path)) {
      entries.push(fileEntry('bin', 'import', path.split('/').pop()!, path));
    }
  }
  function addIni(path: string, ini: Ini): void {
    for (const [group, values] of ini) {
      for (const [name, { value, line }] of values) add(path, group, name, value, line);
    }
  }
  const setup = files.get('setup.cfg');
  for (const [group, value] of setup === undefined
    ? []
    : (parseIni(textOf(setup)).get('options.entry_points') ?? [])) {
    for (const row of value.value.split('\n')) {
      const at = row.indexOf('=');
      if (at > 0) add('setup.cfg', group, row.slice(0, at).trim(), row.slice(at + 1), value.line);
    }
  }
  const toml = readToml(files, 'pyproject.toml');
  const project = isRecord(toml?.project) ? toml.project : {};
  const poetry = isRecord(toml?.tool) && isRecord(toml.tool.poetry) ? toml.tool.poetry : {};
  const tables: [string, unknown][] = [
    ['console_scripts', project.scripts],
    ['gui_scripts', project['gui-scripts']],
    ['console_scripts', poetry.scripts],
    ...Object.entries(isRecord(project['entry-points']) ? project['entry-points'] : {}),
  ];
  for (const [group, table] of tables) {
    for (const [name, target] of Object.entries(isRecord(table) ? table : {})) {
      if (typeof target === 'string') add('pyproject.toml', group, name, target, 1);
    }
  }
  return entries;
}

export function fileEntry(
  kind: UnitKind,
  phase: Phase,
  origin: string,
  path: string,
  from = path,
): EntryPoint {
  return { kind, phase, origin, file: from, line: 1, run: { type: 'file', path } };
}
