/**
 * `npx …` as the `npm exec …` it stands for. npm's own `npx` rewrites its arguments in the same way
 * (`bin/npx-cli.js`): options end where the first positional stands, all after it belongs to the tool.
 */
import type { NpmLibraries } from './libraries.js';

/** Options of the old npx that npm ignores with a warning. */
const REMOVED_SWITCHES = ['always-spawn', 'ignore-existing', 'shell-auto-fallback'];
const REMOVED_OPTIONS = ['npm', 'node-arg', 'n'];
const SWITCHES = ['no-install', 'quiet', 'q', 'version', 'v', 'help', 'h'];
const OPTIONS = ['package', 'p', 'cache', 'userconfig', 'call', 'c', 'shell'];

export function npxToExec(argv: readonly string[], libraries: NpmLibraries): string[] {
  const isBoolean = (type: unknown): boolean =>
    type === Boolean || (Array.isArray(type) && type.includes(Boolean));
  const switches = new Set([
    ...REMOVED_SWITCHES,
    ...SWITCHES,
    ...Object.entries(libraries.definitions)
      .filter(([, { type }]) => isBoolean(type))
      .map(([key]) => key),
  ]);
  const removed = new Set([...REMOVED_SWITCHES, ...REMOVED_OPTIONS]);
  const valued = new Set([...REMOVED_OPTIONS, ...OPTIONS]);
  const words = [...argv];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--') break;
    if (!word.startsWith('-')) {
      words.splice(i, 0, '--');
      break;
    }
    const [key = '', ...rest] = word.replace(/^-+/, '').split('=');
    if (key === 'p') words[i] = ['--package', ...rest].join('=');
    else if (key === 'shell') words[i] = ['--script-shell', ...rest].join('=');
    else if (key === 'no-install') words[i] = '--yes=false';
    else if (libraries.shorthands[key] !== undefined && !removed.has(key)) {
      words.splice(i, 1, ...libraries.shorthands[key], ...(rest.length > 0 ? [rest.join('=')] : []));
      i--;
      continue;
    }
    const gone = removed.has(key);
    if (gone) words.splice(i--, 1);
    const takesNext =
      rest.length === 0 && !switches.has(key) && (valued.has(key) || !words[i + 1]?.startsWith('-'));
    if (!takesNext) continue;
    if (gone) words.splice(i + 1, 1);
    else i++;
  }
  return ['exec', ...words];
}
