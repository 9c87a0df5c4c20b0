/** Asks the user's npm registries when they first had a name. */
import { firstPublishedIn } from '../gate/first-published.js';
import type { NpmLibraries } from './libraries.js';

/** One more try at once, and no date: together less than the scanner waits. */
const PATIENCE = { timeout: 7_000, retry: { retries: 1, minTimeout: 300, maxTimeout: 300 } };

/**
 * Each name is asked for once, by its full packument: the abbreviated ones that npm resolves with have no dates.
 * @param flat npm's configuration as pacote takes it
 * @returns ISO 8601; undefined when the registry does not say. Never rejects.
 */
export function nameDates(
  libraries: Pick<NpmLibraries, 'pacote' | 'npa'>,
  flat: Readonly<Record<string, unknown>>,
): (name: string) => Promise<string | undefined> {
  const known = new Map<string, Promise<string | undefined>>();
  const ask = async (name: string): Promise<string | undefined> => {
    if (name === '') return undefined;
    const packument = await libraries.pacote.packument(
      // Never as a spec: what a package calls itself could read as a git address, which pacote clones.
      libraries.npa.resolve(name, '*'),
      { ...flat, ...PATIENCE, fullMetadata: true, packumentCache: null },
    );
    return firstPublishedIn(packument);
  };
  return (name) => {
    const answer = known.get(name) ?? ask(name).catch(() => undefined);
    known.set(name, answer);
    return answer;
  };
}
