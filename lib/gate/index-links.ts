/** What an index page says of the files it lists (PEP 503 in HTML, PEP 691 in JSON), as far as the gate needs it. */

export interface IndexLink {
  /** Absolute, without fragment. */
  readonly url: string;
  /** Hash the index promises, `[algorithm, hex]`; the strongest when there are several. */
  readonly hash: readonly [string, string] | undefined;
  /** ISO 8601, when the index says when the file was uploaded (PEP 700). */
  readonly published: string | undefined;
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
      },
    ];
  });
}

function readHtml(text: string, page: URL): IndexLink[] {
  const baseTag = /<base\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/i.exec(text);
  const baseHref = baseTag?.[1] ?? baseTag?.[2] ?? baseTag?.[3] ?? '';
  const base = URL.canParse(baseHref, page.href) ? new URL(baseHref, page) : page;
  const links: IndexLink[] = [];
  for (const anchor of text.matchAll(/<a\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi)) {
    const href = unescapeHtml(anchor[1] ?? anchor[2] ?? anchor[3] ?? '');
    if (!URL.canParse(href, base.href)) continue;
    const url = new URL(href, base);
    const hash = fragmentHash(url);
    url.hash = '';
    links.push({ url: url.href, hash, published: undefined });
  }
  return links;
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
