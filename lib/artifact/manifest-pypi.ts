/** METADATA and PKG-INFO: e-mail headers, as `importlib.metadata` reads them. */
import type { ArtifactFile, ArtifactKind } from '../types.js';
import { parseIni } from './ini.js';
import { LIMITS } from './limits.js';
import type { Files, Manifest } from './manifest-npm.js';
import { readToml } from './toml.js';

/** Flat object of lower-case field names (`requires_dist` and other repeated fields as arrays); undefined when there is none. */
export function pythonMetadata(files: Files, kind: ArtifactKind): Manifest | undefined {
  const file = metadataFile(files, kind);
  const fields = file === undefined ? {} : parseHeaders(textOf(file));
  // Trimmed or old source archives have no PKG-INFO; the project's own files name it too.
  if (fields.name === undefined && kind !== 'wheel') {
    const project = readToml(files, 'pyproject.toml')?.project as Manifest | undefined;
    const setup = files.get('setup.cfg');
    const metadata = setup === undefined ? undefined : parseIni(textOf(setup)).get('metadata');
    fields.name = typeof project?.name === 'string' ? project.name : metadata?.get('name')?.value;
    fields.version = typeof project?.version === 'string' ? project.version : metadata?.get('version')?.value;
    for (const key of ['name', 'version']) if (fields[key] === undefined) delete fields[key];
  }
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** Whether a path in a wheel is that of its core metadata. */
export const isMetadataPath = (path: string): boolean => /^[^/]+\.dist-info\/METADATA$/.test(path);

function metadataFile(files: Files, kind: ArtifactKind): ArtifactFile | undefined {
  if (kind !== 'wheel' && files.has('PKG-INFO')) return files.get('PKG-INFO');
  for (const [path, file] of files) {
    if (isMetadataPath(path)) return file;
    if (kind !== 'wheel' && /^(?:src\/)?[^/]+\.egg-info\/PKG-INFO$/.test(path)) return file;
  }
  return undefined;
}

function parseHeaders(text: string): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  let last: string | undefined;
  for (const raw of text.split(/\r\n?|\n/)) {
    if (raw === '') break; // the description follows
    if (/^[ \t]/.test(raw)) {
      if (last !== undefined && typeof fields[last] === 'string')
        fields[last] = `${fields[last]}\n${raw.trim()}`;
      continue;
    }
    const at = raw.indexOf(':');
    if (at <= 0) continue;
    last = raw.slice(0, at).toLowerCase().replaceAll('-', '_');
    const value = raw.slice(at + 1).trim();
    const before = fields[last];
    if (before === undefined)
      fields[last] =
        /^(?:classifier|requires_dist|provides_extra|project_url|license_file|platform|dynamic|requires_external)$/.test(
          last,
        )
          ? [value]
          : value;
    else if (Array.isArray(before)) before.push(value);
  }
  return { ...fields };
}

export function textOf(file: ArtifactFile): string {
  const bytes = file.bytes.subarray(0, LIMITS.manifestBytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}
