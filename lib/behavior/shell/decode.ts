/** Filters that turn known text into known text: what hides a command line in a pipe. */
import { gunzipSync } from 'node:zlib';

const MAX_OUTPUT = 1 << 20;

/** The output of `program args` on this input; undefined when it is not one of these filters. */
export function decodeText(program: string, args: readonly string[], input: string): string | undefined {
  const decodes = args.some((a) => /^-[a-zA-Z]*[dD]|^--decode$/.test(a));
  switch (program) {
    case 'base64':
      return decodes
        ? Buffer.from(input, 'base64').toString('latin1')
        : Buffer.from(input, 'latin1').toString('base64');
    case 'xxd':
      return args.some((a) => /^-[a-z]*r/.test(a))
        ? Buffer.from(input.replace(/\s+/g, ''), 'hex').toString('latin1')
        : undefined;
    case 'openssl':
      return args.includes('base64') && decodes ? Buffer.from(input, 'base64').toString('latin1') : undefined;
    case 'rev':
      return input
        .split('\n')
        .map((line) => [...line].reverse().join(''))
        .join('\n');
    case 'tr':
      return translate(args, input);
    case 'gunzip':
    case 'zcat':
    case 'gzip':
      try {
        return gunzipSync(Buffer.from(input, 'latin1'), { maxOutputLength: MAX_OUTPUT }).toString('latin1');
      } catch {
        return undefined;
      }
    case 'cat':
    case 'tee':
      return input;
    default:
      return undefined;
  }
}

function translate(args: readonly string[], input: string): string | undefined {
  const [from, to] = args.filter((a) => a !== '-d' && a !== '-s');
  if (from === undefined) return undefined;
  const source = characters(from);
  if (args.includes('-d')) return [...input].filter((c) => !source.includes(c)).join('');
  if (to === undefined) return undefined;
  const target = characters(to);
  return [...input]
    .map((c) => {
      const at = source.indexOf(c);
      return at === -1 ? c : (target[Math.min(at, target.length - 1)] ?? c);
    })
    .join('');
}

/** `a-zA-Z` spelled out. */
function characters(set: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < set.length; i++) {
    const c = set[i]!;
    const last = set[i + 2];
    if (set[i + 1] === '-' && last !== undefined && last > c) {
      for (let code = c.charCodeAt(0); code <= last.charCodeAt(0); code++)
        out.push(String.fromCharCode(code));
      i += 2;
    } else out.push(c);
  }
  return out;
}
