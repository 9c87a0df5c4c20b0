/** The user's pip settings, as that pip itself reports them (`pip config list`: files, environment and all). */

export interface PipSettings {
  readonly indexUrls: readonly string[];
  readonly findLinks: readonly string[];
  readonly trustedHosts: readonly string[];
  readonly requirementFiles: readonly string[];
  readonly constraintFiles: readonly string[];
  readonly cert: string | undefined;
  readonly clientCert: string | undefined;
  /** '' when the user said there shall be none. */
  readonly proxy: string | undefined;
  readonly timeoutMs: number;
  readonly noCache: boolean;
}

const PYPI = 'https://pypi.org/simple';

/**
 * @param listing what `pip config list` printed
 * @param options of the command line, which win (lists are added to)
 */
export function pipSettings(
  listing: string,
  command: string,
  options: ReadonlyMap<string, readonly string[]>,
): PipSettings {
  const configured = readListing(listing, command);
  const one = (name: string): string | undefined => options.get(name)?.at(-1) ?? configured.get(name);
  const many = (name: string): string[] => [
    ...(configured.get(name)?.split(/\s+/).filter(Boolean) ?? []),
    ...(options.get(name) ?? []),
  ];
  const timeout = Number(one('timeout') ?? configured.get('default-timeout') ?? 15);
  const index = options.get('index-url')?.at(-1) ?? configured.get('index-url') ?? configured.get('pypi-url');
  return {
    indexUrls: [index ?? PYPI, ...many('extra-index-url')],
    findLinks: many('find-links'),
    trustedHosts: many('trusted-host'),
    requirementFiles: many('requirement'),
    constraintFiles: [...many('constraint'), ...many('build-constraint')],
    cert: one('cert'),
    clientCert: one('client-cert'),
    proxy: one('proxy'),
    timeoutMs: Number.isFinite(timeout) && timeout > 0 ? timeout * 1000 : 15_000,
    noCache:
      options.has('no-cache-dir') || isTrue(configured.get('no-cache-dir')) || one('cache-dir') === 'false',
  };
}

/** Settings that hold for the command: `[global]`, then its own section, then the environment. */
export function readListing(listing: string, command: string): Map<string, string> {
  const sections = new Map<string, [string, string][]>(
    ['global', command, ':env:'].map((name) => [name, []]),
  );
  for (const line of listing.split(/\r?\n/)) {
    const match = /^(:env:|[^.=]+)\.([^=]+)=(.*)$/.exec(line);
    if (match === null) continue;
    const [, section = '', key = '', quoted = ''] = match;
    const value = fromRepr(quoted);
    // pip passes over settings without a value.
    if (value !== '') sections.get(section)?.push([key.replaceAll('_', '-').toLowerCase(), value]);
  }
  return new Map([...sections.values()].flat());
}

/** A Python string literal as `repr` writes it. */
function fromRepr(literal: string): string {
  const match = /^(['"])(.*)\1$/s.exec(literal.trim());
  if (match === null) return literal.trim();
  return match[2]!.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gi,
    (_, x, u, long, plain) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return { n: '\n', r: '\r', t: '\t' }[plain as string] ?? plain;
    },
  );
}

const isTrue = (value: string | undefined): boolean =>
  value !== undefined && /^(?:1|y|yes|t|true|on)$/i.test(value);
