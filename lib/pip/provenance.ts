/** Who asked for whom: from the command line over what each served archive says it needs. */
import { normalizeName, type Requirement } from './requirement.js';

interface Parent {
  /** A place (`requirements.txt`) or a normalised package name. */
  readonly from: string;
  readonly toBuild: boolean;
}

export class Provenance {
  private readonly parents = new Map<string, Parent[]>();
  /** Normalised name → `name@version` as last served. */
  private readonly labels = new Map<string, string>();
  private readonly extras = new Map<string, Set<string>>();

  needs(from: string, requirement: Requirement, toBuild = false): void {
    if (requirement.name === '') return;
    const known = this.parents.get(requirement.name) ?? [];
    if (!known.some((parent) => parent.from === from)) known.push({ from, toBuild });
    this.parents.set(requirement.name, known);
    const extras = this.extras.get(requirement.name) ?? new Set();
    for (const extra of requirement.extras) extras.add(extra);
    this.extras.set(requirement.name, extras);
  }

  served(name: string, version: string): void {
    this.labels.set(normalizeName(name), `${name}@${version}`);
  }

  /** Whether anything seen so far asks for that extra of the package. */
  asksForExtra(name: string, extra: string): boolean {
    return this.extras.get(normalizeName(name))?.has(extra) ?? false;
  }

  /** Shortest way from a place to the package, both included: `['requirements.txt', 'a@1.0', 'b@2.0']`. */
  pathTo(name: string): string[] {
    const target = normalizeName(name);
    const ways: { readonly top: string; readonly shown: readonly string[] }[] = [
      { top: target, shown: [this.label(target)] },
    ];
    const seen = new Set([target]);
    for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
      const parents = this.parents.get(way.top);
      if (parents === undefined && way.top !== target) return [...way.shown];
      for (const { from, toBuild } of parents ?? []) {
        if (seen.has(from)) continue;
        seen.add(from);
        const label = this.label(from);
        ways.push({ top: from, shown: [toBuild ? `${label} (to build it)` : label, ...way.shown] });
      }
    }
    return [this.label(target)];
  }

  private label(step: string): string {
    return this.labels.get(step) ?? step;
  }
}
