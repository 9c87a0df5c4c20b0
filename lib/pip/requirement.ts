/** One requirement (PEP 508) as far as the guard needs it: whom it names and whether it points past the index. */

export interface Requirement {
  /** Normalised (PEP 503); empty for a bare address. */
  readonly name: string;
  readonly extras: readonly string[];
  /** What stands after `@`, or the bare address; undefined for one that the index answers. */
  readonly reference: string | undefined;
  /** The extra it belongs to, when its marker names exactly one. */
  readonly onlyForExtra: string | undefined;
}

/** PEP 503: runs of `-`, `_` and `.` are one `-`, lower case. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Reads one requirement; undefined for text that no installer would take for one. */
export function parseRequirement(text: string): Requirement | undefined {
  const trimmed = text.trim();
  if (isAddress(trimmed)) {
    return { name: '', extras: [], reference: trimmed.split(/\s/)[0], onlyForExtra: undefined };
  }
  const match = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(.*)$/s.exec(trimmed);
  if (match === null) return undefined;
  const rest = match[3]!;
  const marker = /;(.*)$/s.exec(rest)?.[1] ?? '';
  // An address ends at white space, so that a `;` inside it is its own.
  const reference = rest.startsWith('@') ? rest.slice(1).trim().split(/\s+/)[0] : undefined;
  const onlyForExtra = /(?:^|[\s(])extra\s*==\s*(['"])([^'"]+)\1/.exec(marker)?.[2];
  return {
    name: normalizeName(match[1]!),
    extras: (match[2] ?? '')
      .split(',')
      .map((extra) => normalizeName(extra.trim()))
      .filter((extra) => extra !== ''),
    reference,
    onlyForExtra:
      onlyForExtra === undefined || /\bor\b/.test(marker) ? undefined : normalizeName(onlyForExtra),
  };
}

/** `https://…`, `git+ssh://…`, `file:…`: a scheme with something behind it. */
export function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:(?=\S)/i.test(text);
}

/** What must be met before the address can be followed. */
export type ReferenceKind = 'remote' | 'vcs' | 'local';

export function referenceKind(reference: string): ReferenceKind {
  if (/^(?:git|hg|svn|bzr)(?:\+|:)/i.test(reference)) return 'vcs';
  return /^https?:\/\//i.test(reference) ? 'remote' : 'local';
}
