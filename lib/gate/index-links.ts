/** What an index page says of the files it lists (PEP 503 in HTML, PEP 691 in JSON), as far as the gate needs it. */
import { isRecord } from '../artifact/manifest-npm.js';
import { earliest } from './first-published.js';

export interface IndexLink {
  /** Absolute, without fragment. */
  readonly url: string;
  /** Hash the index promises, `[algorithm, hex]`; the strongest when there are several. */
  readonly hash: readonly [string, string] | undefined;
  /** ISO 8601, when the index says when the file was uploaded (PEP 700). */
  readonly published: string | undefined;
  /** The earliest such date of the whole page, which is that of one project; when every file has one. */
  readonly firstPublished: string | undefined;
}

const STRENGTH = ['sha512', 'sha384', 'sha256', 'sha224', 'sha1', 'md5'];

export function readLinks(body: Buffer, contentType: string, base: URL): IndexLink[] {
  const json = /^application\/vnd\.pypi\.simple\.v\d+\+json\b/i.test(contentType);
  return json ? readJson(body, base) : readHtml(body.toString('utf8'), base);
}

function readJson(body: Buffer, base: URL): IndexLink[] {
  let page: unknown;
  try {
    page = JSON.parse(body.toString('utf8'));
  } catch {
    return []; // the installer reads the same bytes and says so itself
  }
  const files = isRecord(page) && Array.isArray(page.files) ? page.files : [];
  const firstPublished = earliest(files.map((file) => (isRecord(file) ? file['upload-time'] : undefined)));
  return files.flatMap((file: unknown): IndexLink[] => {
    if (!isRecord(file) || typeof file.url !== 'string' || !URL.canParse(file.url, base.href)) return [];
    const url = new URL(file.url, base);
    const fragment = fragmentHash(url);
    url.hash = '';
    const hashes = isRecord(file.hashes) ? file.hashes : {};
    const algorithm = STRENGTH.find((name) => typeof hashes[name] === 'string');
    const published = file['upload-time'];
    return [
      {
        url: url.href,
        hash: algorithm === undefined ? fragment : [algorithm, String(hashes[algorithm]).toLowerCase()],
        published: typeof published === 'string' ? published : undefined,
        firstPublished,
      },
    ];
  });
}

/** What the addresses of an HTML page are relative to. */
export function baseOf(text: string, page: URL): URL {
  const [href = ''] = hrefs(text, 'base');
  return URL.canParse(href, page.href) ? new URL(href, page) : page;
}

function readHtml(text: string, page: URL): IndexLink[] {
  const base = baseOf(text, page);
  const links: IndexLink[] = [];
  for (const raw of hrefs(text, 'a')) {
    const href = unescapeHtml(raw);
    if (!URL.canParse(href, base.href)) continue;
    const url = new URL(href, base);
    const hash = fragmentHash(url);
    url.hash = '';
    links.push({ url: url.href, hash, published: undefined, firstPublished: undefined });
  }
  return links;
}

/**
 * The `href` of every such tag. Walks the text once: one expression for the whole tag would begin again at each `<a`
 * of a page that never closes one, and take the square of its length.
 */
function* hrefs(text: string, tag: string): Generator<string> {
  const open = new RegExp(`<${tag}\\b`, 'gi');
  const name = /\bhref\s*=\s*/gi;
  const value = /"([^"]*)"|'([^']*)'|([^\s>]+)/y;
  let close = 0;
  let href: RegExpExecArray | null | undefined;
  while (open.exec(text) !== null) {
    const start = open.lastIndex;
    if (close !== -1 && close < start) close = text.indexOf('>', start);
    if (href === undefined || (href !== null && href.index < start)) {
      name.lastIndex = start;
      href = name.exec(text);
    }
    if (href === null) return;
    if (close !== -1 && href.index > close) continue;
    value.lastIndex = href.index + href[0].length;
    const found = value.exec(text);
    if (found === null) continue;
    yield found[1] ?? found[2] ?? found[3] ?? '';
    open.lastIndex = value.lastIndex;
  }
}

/** `#sha256=…` of a link, as pip reads it. */
export function fragmentHash(url: URL): readonly [string, string] | undefined {
  const match = /[#&](sha512|sha384|sha256|sha224|sha1|md5)=([0-9a-f]+)/i.exec(url.hash);
  return match === null ? undefined : [match[1]!.toLowerCase(), match[2]!.toLowerCase()];
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeHtml(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, named) => {
    if (named !== undefined) return ENTITIES[named] ?? whole;
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
