/** Fetches an artifact through pacote and the user's own npm cache. */
import ssri from 'ssri';
import { KnownError } from '../errors.js';
import { tarballKey } from '../gate/registry.js';
import type { NpmConfig } from './config.js';
import type { FrozenPackuments } from './packuments.js';
import type { Artifact } from './resolve.js';
import type { NpmTool } from './tool.js';

export interface FetchedArtifact {
  readonly bytes: Buffer;
  /** Addresses under which npm may ask for it, normalised. */
  readonly urls: readonly string[];
}

/**
 * @throws KnownError `not-fetched` when the registry does not give it, or gives other bytes than promised.
 */
export async function fetchArtifact(
  tool: NpmTool,
  config: NpmConfig,
  packuments: FrozenPackuments,
  artifact: Pick<Artifact, 'name' | 'version' | 'resolved' | 'integrity'>,
): Promise<FetchedArtifact> {
  const { name, version, resolved, integrity } = artifact;
  const address = resolved === undefined ? undefined : effectiveAddress(resolved, config);
  const options: Record<string, unknown> = {
    ...config.flat,
    where: config.where,
    packumentCache: packuments,
    // Full metadata is what the resolver and the gate hold.
    fullMetadata: true,
    allowGit: 'none',
    // Which kinds of sources are welcome has been decided while resolving.
    allowRemote: 'all',
    allowFile: 'all',
    _isRoot: true,
    ...(integrity === undefined ? {} : { integrity }),
    ...(address === undefined ? {} : { resolved: address }),
  };
  try {
    const spec = address === undefined ? `${name}@${version}` : `${name}@${address}`;
    const data = await tool.libraries.pacote.tarball(spec, options);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (integrity !== undefined) ssri.checkData(bytes, integrity, { error: true });
    const urls = [resolved, address, data.resolved].filter((url): url is string => url !== undefined);
    return { bytes, urls: [...new Set(urls.map(tarballKey))] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = message.split('\n')[0];
    throw new KnownError(
      'not-fetched',
      `cannot fetch ${name}@${version}: ${code ? `${code}: ` : ''}${why}; try again, or check the registry`,
      undefined,
      {
        cause: error,
      },
    );
  }
}

/** npm's `replace-registry-host`: a lockfile's registry address stands for the registry configured now. */
export function effectiveAddress(resolved: string, config: Pick<NpmConfig, 'flat'>): string {
  const replace = config.flat.replaceRegistryHost;
  if (typeof replace !== 'string' || replace === 'never' || !/^https?:/.test(resolved)) return resolved;
  const url = new URL(resolved);
  const registry = new URL(config.flat.registry);
  const base = registry.pathname.replace(/\/$/, '');
  let host = replace;
  let prefix = '';
  if (URL.canParse(replace)) {
    const match = new URL(replace);
    host = match.hostname;
    prefix = match.pathname.replace(/\/$/, '');
  }
  const below = (pathname: string, folder: string) =>
    pathname === folder || pathname.startsWith(`${folder}/`);
  if (replace !== 'always' && host !== url.hostname) return resolved;
  if (prefix !== '' && !below(url.pathname, prefix)) return resolved;
  url.protocol = registry.protocol;
  url.hostname = registry.hostname;
  url.port = registry.port;
  if (prefix !== '') url.pathname = base + url.pathname.slice(prefix.length);
  else if (base !== '' && !below(url.pathname, base)) url.pathname = base + url.pathname;
  return url.href;
}
