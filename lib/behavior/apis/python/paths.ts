/** `os.path` and `pathlib` on known paths. Paths are POSIX here; Windows ones are joined with `/` too. */
import { chargeCharacters } from '../../text-work.js';
import { known, partialText, type Value } from '../../values.js';
import { labelsOf, labelsOfAll, partly, pieces, settle, stringOf } from './core.js';

/** The text of a path: a `str`, bytes, or a `Path` (which is kept as its text). */
export function pathText(value: Value | undefined): string | undefined {
  const one = settle(value);
  if (one?.kind === 'bytes') return Buffer.from(one.value).toString('utf8');
  return stringOf(one) ?? partialText(one);
}

export function joinPaths(parts: readonly string[]): string {
  let out = '';
  for (const part of parts) {
    if (part.startsWith('/') || /^[A-Za-z]:[\\/]/.test(part)) out = part;
    else if (out === '' || out.endsWith('/') || out.endsWith('\\')) out += part;
    else out += `/${part}`;
  }
  return out;
}

export function normalizePath(path: string): string {
  chargeCharacters(path.length, 4);
  const absolute = path.startsWith('/');
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && out.length > 0 && out[out.length - 1] !== '..') out.pop();
    else if (part !== '..' || !absolute) out.push(part);
  }
  return (absolute ? '/' : '') + out.join('/') || '.';
}

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

export function directoryName(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : at === 0 ? '/' : path.slice(0, at);
}

export function pathFunction(path: string, args: readonly Value[]): Value | undefined {
  const match = /^(?:os\.path|posixpath|ntpath)\.(\w+)$/.exec(path);
  const [first] = args;
  const one = pathText(first);
  if (match === null) {
    if (/^pathlib\.(Pure)?(Posix|Windows)?Path$/.test(path)) {
      return args.length === 0 ? known('.') : partly(joinPaths(args.map(pieces)), labelsOfAll(args));
    }
    if (path === 'os.fspath' || path === 'os.fsdecode' || path === 'os.fsencode')
      return one === undefined ? undefined : partly(one, labelsOf(first));
    return undefined;
  }
  if (match[1] === 'join') {
    return partly(joinPaths(args.map(pieces)), labelsOfAll(args));
  }
  if (one === undefined) return undefined;
  const labels = labelsOf(first);
  const text = (value: string, of: typeof labels): Value => partly(value, of);
  switch (match[1]) {
    case 'abspath':
    case 'realpath':
    case 'normpath':
      return text(normalizePath(one), labels);
    case 'expanduser':
    case 'expandvars':
    case 'normcase':
      return text(one, labels);
    case 'basename':
      return text(baseName(one), labels);
    case 'dirname':
      return text(directoryName(one), labels);
    case 'split':
      return {
        kind: 'list',
        items: [known(directoryName(one), labels), known(baseName(one), labels)],
        open: false,
        labels,
      };
    case 'splitext': {
      const name = baseName(one);
      const dot = name.lastIndexOf('.');
      const cut = dot <= 0 ? one.length : one.length - name.length + dot;
      return {
        kind: 'list',
        items: [known(one.slice(0, cut), labels), known(one.slice(cut), labels)],
        open: false,
        labels,
      };
    }
    case 'isabs':
      return known(one.startsWith('/') || /^[A-Za-z]:/.test(one));
  }
  return undefined;
}
