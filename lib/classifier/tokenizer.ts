/**
 * Tokens of a unit → windows of token ids. The vocabulary is closed (`lib/behavior/tokens.ts`), so there
 * is no splitting of words: a token is in the vocabulary or is [UNK].
 *
 * A unit longer than the model reads is cut into overlapping windows, each beginning with the unit's own kind and
 * phase; nothing is ever truncated, or an attacker would put the payload behind the cut.
 */
import { KnownError } from '../errors.js';

export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  readonly unknown: number;
  readonly start: number;
  readonly end: number;
  readonly mask: number;
}

/** Tokens at the head of a unit that every window repeats: `unit:…` and `phase:…`. */
export const HEADER_TOKENS = 2;

/** Reads a vocabulary file: one token a line, the line number its id. Throws `KnownError` (102). */
export function parseVocabulary(text: string): Vocabulary {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const ids = new Map(lines.map((token, id) => [token, id]));
  if (ids.size !== lines.length) {
    throw new KnownError(
      'model-vocabulary',
      'the model vocabulary names a token twice: reinstall safe-install',
    );
  }
  const special = (token: string): number => {
    const id = ids.get(token);
    if (id === undefined) {
      throw new KnownError('model-vocabulary', `the model vocabulary lacks ${token}: reinstall safe-install`);
    }
    return id;
  };
  special('[PAD]');
  const unknown = special('[UNK]');
  return { ids, unknown, start: special('[CLS]'), end: special('[SEP]'), mask: ids.get('[MASK]') ?? unknown };
}

/** A window and where its body stands in the unit's tokens (half-open, header not counted in). */
export interface Window {
  readonly ids: readonly number[];
  readonly from: number;
  readonly to: number;
  /** One of the shorter windows that a longer unit is cut into besides. */
  readonly short?: true;
}

/** How windows are cut: ids each at most, and body tokens that two neighbours share. */
export interface Cut {
  readonly maxTokens: number;
  readonly overlap: number;
}

/**
 * The shorter windows of a longer unit. What one says is weighed with what is said by the long window around it: the long one has
 * `around` of the weight, 0 to 1.
 */
export interface ShortCut extends Cut {
  readonly around: number;
}

/**
 * Windows of one unit: `[CLS] unit:… phase:… body… [SEP]`, at most `maxTokens` ids, each body starting
 * `overlap` tokens before the last one ended. Always at least one window. A unit longer than a window of `short` is also
 * cut into those: a few behaviours that act stand out there among the many honest ones put round them.
 */
export function cutWindows(
  tokens: readonly string[],
  vocabulary: Vocabulary,
  { maxTokens, overlap, short }: Cut & { readonly short?: ShortCut },
): Window[] {
  const id = (token: string): number => vocabulary.ids.get(token) ?? vocabulary.unknown;
  const header = tokens.slice(0, HEADER_TOKENS).map(id);
  const body = tokens.slice(HEADER_TOKENS).map(id);
  const room = maxTokens - header.length - 2;
  const windows: Window[] = [];
  for (let from = 0; ; from += room - overlap) {
    const to = Math.min(from + room, body.length);
    windows.push({ ids: [vocabulary.start, ...header, ...body.slice(from, to), vocabulary.end], from, to });
    if (to === body.length) break;
  }
  if (short !== undefined && body.length > short.maxTokens - header.length - 2) {
    const { maxTokens, overlap } = short;
    windows.push(
      ...cutWindows(tokens, vocabulary, { maxTokens, overlap }).map((w) => ({ ...w, short: true as const })),
    );
  }
  return windows;
}
