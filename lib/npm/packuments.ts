/** Packuments as first seen, shared by the resolver (as pacote's cache) and by the gate. */
import type { PackumentStore } from '../gate/registry.js';
import { tarballKey } from '../gate/registry.js';
import { disagreements, type FactKey, type Facts, overlay } from './facts.js';
import type { Manifest } from './libraries.js';

export class FrozenPackuments extends Map<string, Manifest> implements PackumentStore {
  readonly #facts = new Map<string, Facts>();

  /** pacote stores what it fetched: only the first answer counts. */
  override set(key: string, packument: Manifest): this {
    if (!this.has(key)) {
      this.#apply(packument);
      super.set(key, packument);
    }
    return this;
  }

  override delete(): boolean {
    return false;
  }

  /** pacote keys by address with `full:`/`corgi:` before it, older versions without. */
  find(url: string): Manifest | undefined {
    const plain = url.replace(/%2f/gi, '%2f');
    for (const prefix of ['full:', 'corgi:', '']) {
      const found = this.get(prefix + plain);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  keep(url: string, packument: Manifest): void {
    this.set(`full:${url.replace(/%2f/gi, '%2f')}`, packument);
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
    for (const packument of this.values()) {
      const times =
        packument.name === name ? (packument.time as Record<string, unknown> | undefined) : undefined;
      if (typeof times?.[version] === 'string') return times[version];
    }
    return undefined;
  }

  /** What the registry says of one version. */
  version(name: string, version: string): Manifest | undefined {
    for (const packument of this.values()) {
      const versions =
        packument.name === name ? (packument.versions as Record<string, Manifest> | undefined) : undefined;
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
