/** What pip runs to turn a source archive into a wheel: setup.py, setup.cfg, in-tree backends, build hooks. */
import type { EntryPoint } from '../types.js';
import { parseIni } from './ini.js';
import { type Files, inside, isRecord } from './manifest-npm.js';
import { textOf } from './manifest-pypi.js';
import { readToml } from './toml.js';

export function buildEntries(files: Files): EntryPoint[] {
  const entries: EntryPoint[] = [];
  const seen = new Set<string>();
  const add = (
    kind: 'setup' | 'build-backend',
    origin: string,
    from: string,
    line: number,
    path: string | undefined,
  ) => {
    if (path === undefined || seen.has(path)) return;
    seen.add(path);
    entries.push({ kind, phase: 'install', origin, file: from, line, run: { type: 'file', path } });
  };
  if (files.has('setup.py')) add('setup', 'setup.py', 'setup.py', 1, 'setup.py');
  for (const { origin, from, line, path } of setupCfgModules(files)) add('setup', origin, from, line, path);
  const toml = readToml(files, 'pyproject.toml');
  if (toml !== undefined) {
    const system = isRecord(toml['build-system']) ? toml['build-system'] : {};
    const folders = Array.isArray(system['backend-path']) ? system['backend-path'] : [];
    const backend =
      typeof system['build-backend'] === 'string' ? system['build-backend'].split(':')[0]! : undefined;
    for (const folder of folders) {
      if (typeof folder !== 'string' || backend === undefined) continue;
      add(
        'build-backend',
        'pyproject.toml build-backend',
        'pyproject.toml',
        1,
        moduleFile(files, inside(folder), backend),
      );
    }
    for (const [origin, path] of toolHooks(toml)) {
      add(
        'build-backend',
        `pyproject.toml ${origin}`,
        'pyproject.toml',
        1,
        files.has(path) ? path : undefined,
      );
    }
    const tool = isRecord(toml.tool) ? toml.tool : {};
    for (const [origin, module] of setuptoolsModules(tool.setuptools)) {
      add('setup', `pyproject.toml ${origin}`, 'pyproject.toml', 1, moduleFile(files, '', module));
    }
  }
  return entries;
}

/** `attr:` values, which setuptools imports when it cannot read them statically, and `cmdclass`. */
function setupCfgModules(
  files: Files,
): { origin: string; from: string; line: number; path: string | undefined }[] {
  const file = files.get('setup.cfg');
  if (file === undefined) return [];
  const found: { origin: string; from: string; line: number; path: string | undefined }[] = [];
  for (const [section, values] of parseIni(textOf(file))) {
    for (const [key, { value, line }] of values) {
      const attr = /^\s*attr:\s*([\w.]+)\.\w+/.exec(value)?.[1];
      const classes = key === 'cmdclass' ? [...value.matchAll(/=\s*([\w.]+)\.\w+/g)].map((m) => m[1]!) : [];
      for (const module of attr === undefined ? classes : [attr]) {
        found.push({
          origin: `setup.cfg ${section}.${key}`,
          from: 'setup.cfg',
          line,
          path: moduleFile(files, '', module),
        });
      }
    }
  }
  return found;
}

function setuptoolsModules(setuptools: unknown): [origin: string, module: string][] {
  if (!isRecord(setuptools)) return [];
  const found: [string, string][] = [];
  for (const [key, value] of Object.entries(isRecord(setuptools.dynamic) ? setuptools.dynamic : {})) {
    const attr = isRecord(value) ? value.attr : undefined;
    if (typeof attr === 'string') found.push([`tool.setuptools.dynamic.${key}`, attr.replace(/\.\w+$/, '')]);
  }
  for (const [key, value] of Object.entries(isRecord(setuptools.cmdclass) ? setuptools.cmdclass : {})) {
    if (typeof value === 'string')
      found.push([`tool.setuptools.cmdclass.${key}`, value.replace(/[.:]\w+$/, '')]);
  }
  return found;
}

/** Scripts that poetry, hatch and pdm run during a build, by their own documentation. */
function toolHooks(
  toml: Record<string, unknown> | Readonly<Record<string, unknown>>,
): [origin: string, path: string][] {
  const at = (...keys: string[]): unknown => {
    let value: unknown = toml;
    for (const key of keys) value = isRecord(value) ? value[key] : undefined;
    return value;
  };
  const found: [string, string][] = [];
  const push = (origin: string, path: unknown, otherwise?: string) => {
    const text = typeof path === 'string' ? path : otherwise;
    if (text !== undefined) found.push([origin, inside(text)]);
  };
  const poetry = at('tool', 'poetry', 'build');
  push('tool.poetry.build', isRecord(poetry) ? poetry.script : poetry);
  const hatch: string[][] = [
    ['tool', 'hatch', 'build', 'hooks', 'custom'],
    ['tool', 'hatch', 'build', 'targets', 'wheel', 'hooks', 'custom'],
    ['tool', 'hatch', 'build', 'targets', 'sdist', 'hooks', 'custom'],
    ['tool', 'hatch', 'metadata', 'hooks', 'custom'],
    ['tool', 'hatch', 'build', 'targets', 'custom'],
  ];
  for (const keys of hatch) {
    const value = at(...keys);
    if (isRecord(value)) push(keys.join('.'), value.path, 'hatch_build.py');
  }
  const version = at('tool', 'hatch', 'version');
  if (isRecord(version) && version.source === 'code') push('tool.hatch.version', version.path);
  push('tool.pdm.build.custom-hook', at('tool', 'pdm', 'build', 'custom-hook'), 'pdm_build.py');
  push('tool.pdm.build.run-setuptools', at('tool', 'pdm', 'build', 'setup-script'));
  push(
    'tool.pdm.version',
    at('tool', 'pdm', 'version', 'getter') === undefined ? undefined : at('tool', 'pdm', 'version', 'path'),
  );
  return found;
}

/** File of a dotted module below a folder, as import would find it; also in `src`. */
export function moduleFile(files: Files, folder: string, module: string): string | undefined {
  const path = module.replaceAll('.', '/');
  for (const root of [folder, folder === '' ? 'src' : folder]) {
    const base = root === '' ? path : `${root}/${path}`;
    for (const candidate of [`${base}/__init__.py`, `${base}.py`]) if (files.has(candidate)) return candidate;
  }
  return undefined;
}
