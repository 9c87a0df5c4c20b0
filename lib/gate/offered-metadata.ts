/**
 * Core metadata the gate offers where an index has none: its pages are passed on with a word (PEP 658, 714) at each
 * wheel whose METADATA the gate can answer for itself. Nothing else of a page changes.
 */
import { isRecord } from '../artifact/manifest-npm.js';
import { baseOf, type IndexLink } from './index-links.js';

export interface OfferingPage {
  readonly body: Buffer;
  /** Addresses of the wheels metadata is now offered for, without fragment. */
  readonly wheels: readonly URL[];
}

/** Text to put at a place, and how much of what stands there it replaces. */
interface Edit {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

interface Offer {
  readonly wheel: URL;
  readonly edits: readonly Edit[];
}

/** What a page may be that installers look for links in; any other text passes as it is. */
const JSON_PAGE = /^application\/vnd\.pypi\.simple\.v1\+json\b/i;
const HTML_PAGE = /^(?:text\/html|application\/vnd\.pypi\.simple\.v1\+html)\b/i;

/**
 * @param links those of the page; nothing is offered for an address without a hash
 * @param mostBytes wheels said to be larger are left as they are: getting one for its metadata alone saves nobody time
 * @returns the same body when nothing is offered; so it is for a page that cannot be read or written back exactly
 */
export function offerMetadata(
  body: Buffer,
  contentType: string,
  page: URL,
  links: readonly IndexLink[],
  mostBytes: number,
): OfferingPage {
  const json = JSON_PAGE.test(contentType);
  if (!json && !HTML_PAGE.test(contentType)) return { body, wheels: [] };
  const text = body.toString('utf8');
  const hashed = new Map(links.map(({ url, hash }) => [url, hash !== undefined]));
  const named = json ? offersOfJson(text, page, mostBytes) : offersOfHtml(text, page);
  const offers = named.filter(({ wheel }) => hashed.get(wheel.href));
  if (offers.length === 0 || !Buffer.from(text, 'utf8').equals(body)) return { body, wheels: [] };
  const edits = offers.flatMap((offer) => offer.edits);
  return { body: Buffer.from(edited(text, edits), 'utf8'), wheels: offers.map(({ wheel }) => wheel) };
}

function edited(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let end = 0;
  for (const edit of edits) {
    parts.push(text.slice(end, edit.at), edit.text);
    end = edit.at + edit.length;
  }
  return parts.join('') + text.slice(end);
}

/**
 * The wheel an address names, where every installer reads the address alike and asks for its metadata at
 * `ADDRESS.metadata`: behind a query some append that to the query.
 */
function wheelAddress(address: string, base: URL): URL | undefined {
  if (!/\.whl(?:#|$)/.test(address) || !/^[\w!#$'()*+,./:;=@~%-]+$/.test(address)) return undefined;
  if (!URL.canParse(address, base.href)) return undefined;
  const url = new URL(address, base);
  if (address.includes('#')) url.hash = '';
  if (!/^https?:$/.test(url.protocol) || url.search !== '' || !url.pathname.endsWith('.whl'))
    return undefined;
  try {
    if (url.pathname.includes('%')) decodeURIComponent(url.pathname);
  } catch {
    return undefined;
  }
  return url;
}

/**
 * Only `core-metadata` is written: pip 22.3 to 23.1 cannot read the older `dist-info-metadata` in JSON and stops with an
 * error of its own where it finds `true`.
 */
function offersOfJson(text: string, page: URL, mostBytes: number): Offer[] {
  let document: { files?: unknown } | null;
  try {
    document = JSON.parse(text);
  } catch {
    return []; // the installer reads the same bytes and says so itself
  }
  const listed = document?.files;
  const files = Array.isArray(listed) ? listed.filter(isRecord) : [];
  if (!files.some((file) => !hasMetadata(file))) return [];
  const places = filePlaces(text);
  if (places.length !== files.length) return [];
  return files.flatMap((file, at): Offer[] => {
    const large = typeof file.size === 'number' && file.size > mostBytes;
    if (hasMetadata(file) || large || typeof file.url !== 'string') return [];
    const wheel = wheelAddress(file.url, page);
    if (wheel === undefined) return [];
    const { start, denials } = places[at]!;
    const edits =
      denials.length === 0
        ? [{ at: start, length: 0, text: '"core-metadata": true, ' }]
        : denials.map(([from, to]) => ({ at: from, length: to - from, text: 'true' }));
    return [{ wheel, edits }];
  });
}

/** By any of the names installers look under; uv takes that of HTML too. */
const hasMetadata = (file: Readonly<Record<string, unknown>>): boolean =>
  ['core-metadata', 'dist-info-metadata', 'data-dist-info-metadata'].some((key) => Boolean(file[key]));

interface FilePlace {
  /** Behind its opening brace. */
  readonly start: number;
  /** Where its `core-metadata` says `false` or `null`. */
  readonly denials: [from: number, to: number][];
}

/** Where the objects of `files` stand, in their order. The text is known to be JSON. */
function filePlaces(text: string): FilePlace[] {
  let places: FilePlace[] = [];
  let depth = 0;
  /** Where the list of the latest `files` opens: the last of several counts. */
  let opens = -1;
  let inside = false;
  const denied = /\s*:\s*(false|null)/y;
  const value = /\s*:\s*/y;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      depth++;
      if (at === opens) inside = true;
      if (inside && depth === 3 && char === '{') places.push({ start: at + 1, denials: [] });
    } else if (char === '}' || char === ']') {
      depth--;
      if (depth === 1) inside = false;
    } else if (char === '"') {
      const start = at;
      at = closingQuote(text, start);
      if (depth !== 1 && !(inside && depth === 3)) continue;
      value.lastIndex = at + 1;
      if (!value.test(text)) continue;
      const key: unknown = JSON.parse(text.slice(start, at + 1));
      if (depth === 1 && key === 'files') {
        places = [];
        opens = value.lastIndex;
      } else if (depth === 3 && key === 'core-metadata') {
        denied.lastIndex = at + 1;
        const word = denied.exec(text)?.[1];
        if (word !== undefined)
          places.at(-1)?.denials.push([denied.lastIndex - word.length, denied.lastIndex]);
      }
    }
  }
  return places;
}

function closingQuote(text: string, opening: number): number {
  let at = opening + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

const CORE = 'data-core-metadata';
const OLDER = 'data-dist-info-metadata';

function offersOfHtml(text: string, page: URL): Offer[] {
  const base = baseOf(text, page);
  const offers: Offer[] = [];
  for (const { start, attributes } of anchors(text)) {
    const hrefs = attributes.filter(({ name }) => name === 'href');
    const address = hrefs.length === 1 ? (hrefs[0]?.value ?? '') : '';
    const wheel = wheelAddress(address, base);
    if (wheel === undefined) continue;
    const said = attributes.filter(({ name }) => name === CORE || name === OLDER);
    if (said.some(({ value }) => !/^(?:false)?$/i.test(value ?? ''))) continue;
    const edits =
      said.length === 0
        ? [{ at: start, length: 0, text: ` ${CORE}="true" ${OLDER}="true"` }]
        : said.map(({ nameEnd, end }) => ({ at: nameEnd, length: end - nameEnd, text: '="true"' }));
    offers.push({ wheel, edits });
  }
  return offers;
}

interface Attribute {
  /** Lower case. */
  readonly name: string;
  readonly value: string | undefined;
  readonly nameEnd: number;
  readonly end: number;
}

interface Anchor {
  /** Behind `<a`. */
  readonly start: number;
  readonly attributes: readonly Attribute[];
}

/** Tags `<a …>` that can be read in one way only; each is walked once, and the search goes on behind it. */
function* anchors(text: string): Generator<Anchor> {
  const open = /<a(?=\s)/gi;
  const attribute = /[\s/]*([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>`]+))?/y;
  const close = /[\s/]*>/y;
  while (open.exec(text) !== null) {
    const start = open.lastIndex;
    const attributes: Attribute[] = [];
    attribute.lastIndex = start;
    for (let end = start; ; end = attribute.lastIndex) {
      const found = attribute.exec(text);
      if (found === null) {
        close.lastIndex = end;
        if (close.test(text)) yield { start, attributes };
        open.lastIndex = end;
        break;
      }
      const [whole, name = '', given] = found;
      const nameEnd = found.index + whole.indexOf(name) + name.length;
      const value = given === undefined ? undefined : given.replace(/^(["'])(.*)\1$/s, '$2');
      attributes.push({ name: name.toLowerCase(), value, nameEnd, end: attribute.lastIndex });
    }
  }
}
