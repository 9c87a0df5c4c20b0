/** The core metadata of a wheel, out of its bytes. */
import { LIMITS } from './limits.js';
import { isMetadataPath } from './manifest-pypi.js';
import { readZip, readZipDirectory, type ZipMember } from './zip.js';

/**
 * METADATA as stored, when the wheel is one that every reader takes alike; undefined for one that is not, is damaged,
 * has none or a very large one: what is wrong with it, its scan says.
 */
export async function wheelMetadata(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const members = await readZip(bytes);
    const folders = new Set(members.map(({ name }) => /^([^/]+\.dist-info)\/./.exec(name)?.[1]));
    folders.delete(undefined);
    const [metadata, ...others] = members.filter(isMetadata);
    const plain = folders.size === 1 && others.length === 0;
    return plain && metadata !== undefined && metadata.size <= LIMITS.manifestBytes
      ? metadata.read()
      : undefined;
  } catch {
    return undefined;
  }
}

/** The same as Python's `zipfile` would give it, whatever else a reader could see: for a wheel that is allowed. */
export async function acceptedMetadata(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return (await readZipDirectory(bytes)).findLast(isMetadata)?.read();
  } catch {
    return undefined;
  }
}

const isMetadata = ({ name }: ZipMember): boolean => isMetadataPath(name);
