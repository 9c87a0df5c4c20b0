/** `path` and `url` on strings that are known or partly known. Locations stay what they are on POSIX. */
import path from 'node:path';
import { PROJECT_ROOT } from '../../strings.js';
import { known, type Labels, partialText, UNKNOWN_PIECE, union, unknown, type Value } from '../../values.js';
import { stringify } from './operators.js';

/** A string value of this text: known when it has no unknown piece. */
export function textValue(text: string, labels: Labels): Value {
  return text.includes(UNKNOWN_PIECE) || isPlace(text) ? unknown(labels, text) : known(text, labels);
}

/** Places that stand for a folder of the machine: their text is a name for it, not what the code would see. */
function isPlace(text: string): boolean {
  return text.startsWith('~') || text.startsWith('%');
}

const piece = (value: Value): string => stringify(value) ?? partialText(value) ?? UNKNOWN_PIECE;

/** `path.join`, where a step out of what is not known leads to what is not known, not back to where it began. */
function joined(parts: readonly string[]): string {
  const out: string[] = [];
  for (const step of parts
    .filter((part) => part !== '')
    .join('/')
    .split('/')) {
    const isKnown = out.at(-1)?.includes(UNKNOWN_PIECE) !== true;
    if (step === '..' && !isKnown) out[out.length - 1] = UNKNOWN_PIECE;
    else if (isKnown || (step !== '.' && step !== '')) out.push(step);
  }
  return path.posix.normalize(out.join('/'));
}

/** `path.dirname`; of a single name that is not known: not known. */
function directory(text: string): string {
  return text.includes(UNKNOWN_PIECE) && !text.includes('/') ? UNKNOWN_PIECE : path.posix.dirname(text);
}

/** `path.NAME(...)`; undefined for functions that say nothing about a location. */
export function pathCall(name: string, args: readonly Value[], cwd: string): Value | undefined {
  const labels = union(...args.map((a) => a.labels));
  const texts = args.map(piece);
  const first = texts[0];
  if (first === undefined) return undefined;
  const slashed = texts.map((t) => t.replaceAll('\\', '/'));
  switch (name) {
    case 'join':
      return textValue(joined(slashed), labels);
    case 'resolve': {
      const start = slashed.findLastIndex(
        (t) => t.startsWith('/') || isPlace(t) || t.startsWith(UNKNOWN_PIECE),
      );
      const parts = start === -1 ? [cwd, ...slashed] : slashed.slice(start);
      return textValue(joined(parts), labels);
    }
    case 'normalize':
      return textValue(joined([slashed[0]!]), labels);
    case 'dirname':
      return textValue(directory(slashed[0]!), labels);
    case 'basename':
      return textValue(path.posix.basename(slashed[0]!, texts[1]), labels);
    case 'extname':
      return textValue(path.posix.extname(slashed[0]!), labels);
    case 'isAbsolute':
      return first.includes(UNKNOWN_PIECE) ? undefined : known(path.posix.isAbsolute(first));
    case 'toNamespacedPath':
      return args[0];
    case 'relative': {
      if (first.includes(UNKNOWN_PIECE) || texts[1]?.includes(UNKNOWN_PIECE) || isPlace(first))
        return undefined;
      // Both made absolute first: Node would complete them by the folder this process itself stands in.
      const [from, to] = [slashed[0]!, slashed[1] ?? ''].map((t) => path.posix.resolve(PROJECT_ROOT, t));
      return known(path.posix.relative(from!, to!), labels);
    }
    default:
      return undefined;
  }
}

/** `url.fileURLToPath(x)`: the path of a `file:` URL. */
export function fileUrlToPath(value: Value | undefined): Value | undefined {
  if (value === undefined) return undefined;
  const text = piece(value);
  return textValue(text.replace(/^file:\/\//, ''), value.labels);
}
