/**
 * A hash over the code that turns bytes into a score: the score cache is keyed by it, so that no score outlives a change
 * of what reads, also where nobody thought of raising a version. Some 10 ms, once a run that scans.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folders below `lib` whose code a score depends on, and the files beside them. */
const READING = ['artifact', 'behavior', 'classifier', 'scan/examine.js', 'types.js'];

/** Packages whose version a score depends on: they unpack, parse and run the model. */
const READING_PACKAGES = [
  '@babel/parser',
  '@babel/traverse',
  '@babel/types',
  'acorn',
  'onnxruntime-node',
  'smol-toml',
  'ssri',
  'tar',
  'tree-sitter-python',
  'web-tree-sitter',
  'yauzl',
];

/**
 * @param lib folder of the compiled code
 * @param versionOf the installed version of a package
 */
export function codeFingerprint(
  lib: string = fileURLToPath(new URL('..', import.meta.url)),
  versionOf: (name: string) => string = installedVersion,
): string {
  const hash = createHash('sha256');
  for (const path of READING.flatMap((entry) => codeFiles(lib, entry))) {
    const bytes = readFileSync(join(lib, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  for (const name of READING_PACKAGES) hash.update(`\0${name}@${versionOf(name)}`);
  return hash.digest('hex').slice(0, 32);
}

function codeFiles(lib: string, entry: string): string[] {
  if (entry.endsWith('.js')) return [entry];
  return readdirSync(join(lib, entry), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .map((path) => `${entry}/${path.replaceAll('\\', '/')}`)
    .sort();
}

/** Not every package exports its package.json, so it is looked for where Node looks for the package. */
function installedVersion(name: string): string {
  for (let folder = new URL('./', import.meta.url); ; folder = new URL('../', folder)) {
    try {
      const text = readFileSync(new URL(`node_modules/${name}/package.json`, folder), 'utf8');
      return String((JSON.parse(text) as { version?: unknown }).version);
    } catch {
      if (folder.pathname === new URL('../', folder).pathname) return 'unknown';
    }
  }
}
