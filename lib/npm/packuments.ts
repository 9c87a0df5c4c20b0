/** Packuments as first seen, shared by the resolver (as pacote's cache) and by the gate. */
import { isRecord } from '../artifact/manifest-npm.js';
import { firstPublishedIn } from '../gate/first-published.js';
import type { PackumentForm, PackumentStore } from '../gate/registry.js';
import { tarballKey } from '../gate/registry.js';
import { disagreements, type FactKey, type Facts, overlay } from './facts.js';
import type { Manifest } from './libraries.js';

export class FrozenPackuments extends Map<string, Manifest> implements PackumentStore {
  readonly #facts = new Map<string, Facts>();
  readonly #byName = new Map<string, Manifest[]>();
  /** Versions the resolver was given for its ranges, by package name. */
  readonly #picked = new Map<string, Set<string>>();
  #reduced = false;

  /** pacote stores what it fetched: only the first answer counts. */
  override set(key: string, packument: Manifest): this {
    if (!this.has(key)) {
      forget(packument);
      this.#apply(packument);
      super.set(key, packument);
      const name = String(packument.name);
      this.#byName.set(name, [...(this.#byName.get(name) ?? []), packument]);
    }
    return this;
  }

  override delete(): boolean {
    return false;
  }

  /**
   * pacote keys by address with `full:`/`corgi:` before it, older versions without. Either form answers for the other,
   * until `reduce`.
   */
  find(url: string, form: PackumentForm = 'full'): Manifest | undefined {
    const plain = addressOf(url);
    const other = form === 'full' ? 'corgi' : 'full';
    for (const prefix of this.#reduced ? [`${form}:`] : [`${form}:`, `${other}:`, '']) {
      const found = this.get(prefix + plain);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  keep(url: string, packument: Manifest, form: PackumentForm = 'full'): void {
    this.set(`${form}:${addressOf(url)}`, packument);
  }

  /** Notes that the resolver was given this version. */
  pick(name: string, version: string): void {
    const versions = this.#picked.get(name);
    if (versions === undefined) this.#picked.set(name, new Set([version]));
    else versions.add(version);
  }

  /**
   * Once the tree stands: leaves in each packument only the versions the resolver was given. npm asks the same
   * questions again and gets the same answers, since the best of all versions is the best of some it is among; and
   * neither this process nor npm holds thousands of versions that nobody wants.
   */
  reduce(): void {
    // A pacote that tells the forms not apart does not say which one npm will ask for.
    if ([...this.keys()].some((key) => !/^(?:full|corgi):/.test(key))) return;
    for (const [key, packument] of this) {
      const picked = this.#picked.get(String(packument.name));
      if (picked !== undefined && !hasPolicies(packument)) super.set(key, reduced(packument, picked));
    }
    this.#byName.clear();
    this.#reduced = true;
  }

  /** Whether all that the resolver asked for are full packuments, which npm's audit does not ask for. */
  get onlyFull(): boolean {
    return [...this.keys()].every((key) => key.startsWith('full:'));
  }

  /** Records what a scanned tarball says of itself. */
  learn(urls: readonly string[], facts: Facts): void {
    for (const url of urls) this.#facts.set(tarballKey(url), facts);
  }

  /**
   * Corrects every packument that tells otherwise than the tarballs learned of.
   * @returns the facts told otherwise, by tarball address; empty when all told the truth.
   */
  correct(): Map<string, FactKey[]> {
    const wrong = new Map<string, FactKey[]>();
    for (const packument of this.values())
      for (const [url, keys] of this.#apply(packument)) wrong.set(url, keys);
    return wrong;
  }

  /** When the registry says a version was published. */
  published(name: string, version: string): string | undefined {
    for (const packument of this.#byName.get(name) ?? []) {
      const times = packument.time as Record<string, unknown> | undefined;
      if (typeof times?.[version] === 'string') return times[version];
    }
    return undefined;
  }

  /** When the registry first had a name, where the metadata at hand has dates. */
  firstPublished(name: string): string | undefined {
    for (const packument of this.#byName.get(name) ?? []) {
      const date = firstPublishedIn(packument);
      if (date !== undefined) return date;
    }
    return undefined;
  }

  /** What the registry says of one version. */
  version(name: string, version: string): Manifest | undefined {
    for (const packument of this.#byName.get(name) ?? []) {
      const versions = packument.versions as Record<string, Manifest> | undefined;
      if (versions?.[version] !== undefined) return versions[version];
    }
    return undefined;
  }

  #apply(packument: Manifest): Map<string, FactKey[]> {
    const wrong = new Map<string, FactKey[]>();
    const versions = packument.versions;
    if (typeof versions !== 'object' || versions === null || this.#facts.size === 0) return wrong;
    for (const manifest of Object.values(versions as Record<string, Manifest>)) {
      const tarball = (manifest?.dist as { tarball?: unknown } | undefined)?.tarball;
      if (typeof tarball !== 'string') continue;
      const facts = this.#facts.get(tarballKey(tarball));
      if (facts === undefined) continue;
      const keys = disagreements(manifest, facts);
      if (keys.length === 0) continue;
      overlay(manifest, facts, keys);
      wrong.set(tarballKey(tarball), keys);
    }
    return wrong;
  }
}

const addressOf = (url: string): string => url.replace(/%2f/gi, '%2f');

/** What only people read: most of a full packument's weight, and no installer looks at it. */
const FOR_PEOPLE = [
  'readme',
  'readmeFilename',
  'description',
  'keywords',
  'author',
  'contributors',
  'maintainers',
  'repository',
  'bugs',
  'homepage',
  'users',
] as const;

/** Emptied in place rather than deleted: objects that lost keys cost more memory than the keys. */
function forget(packument: Manifest): void {
  const versions = isRecord(packument.versions) ? Object.values(packument.versions) : [];
  for (const manifest of [packument, ...versions]) {
    if (!isRecord(manifest)) continue;
    for (const key of FOR_PEOPLE) if (manifest[key] !== undefined) manifest[key] = undefined;
  }
}

/** Staged or restricted versions: what is picked then depends on more than the list of versions. */
function hasPolicies({ stagedVersions, policyRestrictions }: Manifest): boolean {
  return stagedVersions !== undefined || policyRestrictions !== undefined;
}

function reduced(packument: Manifest, picked: ReadonlySet<string>): Manifest {
  const { versions, time, 'dist-tags': tags } = packument;
  const only = (from: unknown, keep: ReadonlySet<unknown>): unknown =>
    isRecord(from) ? Object.fromEntries(Object.entries(from).filter(([key]) => keep.has(key))) : from;
  const tagged = isRecord(tags) ? Object.values(tags) : [];
  return {
    ...packument,
    versions: only(versions, picked),
    // A tag counts only for versions published before some time, where npm is told one.
    ...(time !== undefined && { time: only(time, new Set([...picked, ...tagged])) }),
  };
}
