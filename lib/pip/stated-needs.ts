/**
 * What an archive itself says it needs, read without running it: METADATA of a wheel, PKG-INFO, `requires.txt` and
 * pyproject.toml of an sdist. Serves to tell how a package came in and to find needs that point past the index.
 */
import { parse } from 'smol-toml';
import { isMetadataPath } from '../artifact/manifest-pypi.js';

export interface StatedNeeds {
  readonly name: string;
  readonly version: string;
  readonly requires: readonly string[];
  /** `build-system.requires`: installed and imported by whoever builds the archive. */
  readonly buildRequires: readonly string[];
  /** A wheel's METADATA as stored; to be compared with what the index said it would be (PEP 658). */
  readonly metadata: Uint8Array | undefined;
}

type Files = ReadonlyMap<string, { readonly bytes: Uint8Array }>;

export function readStatedNeeds(files: Files): StatedNeeds {
  const text = (path: string): string => Buffer.from(files.get(path)?.bytes ?? []).toString('utf8');
  const metadataPath = [...files.keys()].find(isMetadataPath);
  const fields = metadataFields(text(metadataPath ?? 'PKG-INFO'));
  const requires = [...fields.requires];
  for (const path of files.keys()) {
    if (/(?:^|\/)[^/]+\.egg-info\/requires\.txt$/.test(path)) requires.push(...requiresTxt(text(path)));
  }
  const pyproject = metadataPath === undefined ? readPyproject(text('pyproject.toml')) : NO_PYPROJECT;
  return {
    name: fields.name,
    version: fields.version,
    requires: [...requires, ...pyproject.requires],
    buildRequires: pyproject.buildRequires,
    metadata: metadataPath === undefined ? undefined : files.get(metadataPath)?.bytes,
  };
}

export function metadataFields(text: string): { name: string; version: string; requires: string[] } {
  const head = text.split(/\r?\n\r?\n/, 1)[0]!.replace(/\r?\n[ \t]+/g, ' ');
  const values = (field: string): string[] =>
    [...head.matchAll(new RegExp(`^${field}:[ \\t]*(.*)$`, 'gim'))].map((match) => match[1]!.trim());
  return {
    name: values('Name')[0] ?? '',
    version: values('Version')[0] ?? '',
    requires: values('Requires-Dist'),
  };
}

/** setuptools' own form: requirements under `[extra:marker]` headings. */
function requiresTxt(text: string): string[] {
  let extra = '';
  return text.split(/\r?\n/).flatMap((line) => {
    const heading = /^\[([^\]:]*)(?::.*)?\]\s*$/.exec(line);
    if (heading) extra = heading[1]!;
    else if (line.trim() !== '' && !line.startsWith('#')) {
      return [extra === '' ? line.trim() : `${line.trim()} ; extra == "${extra}"`];
    }
    return [];
  });
}

const NO_PYPROJECT = { requires: [] as string[], buildRequires: [] as string[], groups: [] as string[] };

export function readPyproject(text: string): typeof NO_PYPROJECT {
  let document: Record<string, unknown>;
  try {
    document = parse(text);
  } catch {
    return NO_PYPROJECT; // pip refuses it as well
  }
  const project = table(document.project);
  const optional = Object.entries(table(project['optional-dependencies'])).flatMap(([extra, list]) =>
    strings(list).map((line) => `${line} ; extra == "${extra}"`),
  );
  return {
    requires: [...strings(project.dependencies), ...optional],
    buildRequires: strings(table(document['build-system']).requires),
    groups: Object.values(table(document['dependency-groups'])).flatMap(strings),
  };
}

const table = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
