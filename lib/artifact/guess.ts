/** Which ecosystem an archive belongs to, for targets whose name does not say it. By content only. */
import type { Ecosystem } from '../types.js';
import { gunzip, magicOf } from './compression.js';
import { readPythonTar } from './python-tar.js';
import { readZip } from './zip.js';

export async function guessEcosystem(filename: string, bytes: Uint8Array): Promise<Ecosystem> {
  let paths: string[] = [];
  try {
    const magic = magicOf(bytes);
    if (magic === 'zip') paths = (await readZip(bytes)).map((member) => member.name);
    else if (magic === 'gzip') paths = [...readPythonTar(gunzip(bytes), bytes.length).paths()];
    else if (magic === 'tar') paths = [...readPythonTar(Buffer.from(bytes), bytes.length).paths()];
  } catch {
    // Unreadable for Python's reader; it will be said of it what npm's says.
  }
  const has = (pattern: RegExp) => paths.some((path) => pattern.test(path));
  if (has(/^(?:[^/]+\/)?PKG-INFO$|^[^/]+\.dist-info\//)) return 'pypi';
  if (has(/^(?:[^/]+\/)?package\.json$/)) return 'npm';
  if (has(/^(?:[^/]+\/)?(?:setup\.py|pyproject\.toml|setup\.cfg)$/)) return 'pypi';
  const count = (pattern: RegExp) => paths.filter((path) => pattern.test(path)).length;
  const python = count(/\.py$/i);
  if (python > count(/\.[cm]?[jt]sx?$/i)) return 'pypi';
  return python === 0 && paths.length === 0 && /\.(?:tar\.gz|zip)$/i.test(filename) ? 'pypi' : 'npm';
}
