/**
 * Wheels, laid out as pip's `install_wheel` does: `X.data/purelib` and `X.data/platlib` land beside the root,
 * the other `X.data` folders (`scripts`, `headers`, `data`) elsewhere and keep their path here.
 */
import { createHash } from 'node:crypto';
import type { Finding } from '../types.js';
import type { Layout } from './layout.js';
import { Unreadable } from './unreadable.js';
import type { ZipMember } from './zip.js';

const LIBRARY = /^[^/]+\.data\/(?:purelib|platlib)\//;

export function layOutWheel(members: readonly ZipMember[], layout: Layout): Finding[] {
  let record: string | undefined;
  const contents = new Map<string, Uint8Array>();
  const infos = new Set<string>();
  for (const member of members) {
    const { name } = member;
    const bytes = member.read();
    layout.add(name.replace(LIBRARY, ''), bytes, member.executable);
    contents.set(name, bytes);
    const info = /^([^/]+\.dist-info)\/(.+)$/.exec(name);
    if (info !== null) infos.add(info[1]!);
    if (info?.[2] === 'RECORD') record = Buffer.from(bytes).toString('utf8');
  }
  // pip refuses a wheel without exactly one of them.
  if (infos.size === 0) throw new Unreadable('damaged', { why: 'no-dist-info' });
  if (infos.size > 1) throw new Unreadable('ambiguous', { why: 'two-dist-info' });
  return record === undefined ? [] : recordFindings(record, contents);
}

/** The rows of a RECORD; what is no row is left out. */
export function recordRows(record: string): { path: string; hash: string }[] {
  const rows: { path: string; hash: string }[] = [];
  for (const line of record.split(/\r?\n/)) {
    const match = /^(?:"((?:[^"]|"")*)"|([^,]*)),([^,]*),/.exec(line);
    if (match === null) continue;
    const path = (match[1]?.replaceAll('""', '"') ?? match[2]!).replace(/^\.\//, '');
    rows.push({ path, hash: match[3]! });
  }
  return rows;
}

/** Code files that RECORD does not name, or names with another hash. pip does not look; a policy may. */
function recordFindings(record: string, contents: ReadonlyMap<string, Uint8Array>): Finding[] {
  const hashes = new Map(recordRows(record).map(({ path, hash }) => [path, hash]));
  const findings: Finding[] = [];
  for (const [name, bytes] of contents) {
    if (!/\.(?:py|pth)$/.test(name)) continue;
    const listed = hashes.get(name);
    const sha256 = /^sha256=([A-Za-z0-9_-]+)=*$/.exec(listed ?? '')?.[1];
    const why =
      listed === undefined
        ? 'not-listed'
        : sha256 !== undefined && sha256 !== createHash('sha256').update(bytes).digest('base64url')
          ? 'other-hash'
          : undefined;
    if (why === undefined) continue;
    findings.push({ code: 'record-mismatch', phase: 'import', file: name, line: 1, args: { why } });
    if (findings.length >= 20) break;
  }
  return findings;
}
