/**
 * Source archives as pip unpacks them: Python's `tarfile` (GNU and PAX names, links followed), then pip's
 * `untar_file`, which strips the leading folder when all members share one. node-tar reads a different
 * dialect (prefix field, checksums, resynchronisation), so it cannot stand in here. Members of kinds that
 * no packer of source archives writes make the archive `ambiguous`.
 */
import { Layout } from './layout.js';
import { LIMITS } from './limits.js';
import { Unreadable } from './unreadable.js';

interface Member {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly linkname: string;
  readonly data: Buffer;
}

const BLOCK = 512;

/** `rest`: bytes after the compressed data; then the archive must end by its own mark before them. */
export function readPythonTar(tar: Buffer, archiveBytes: number, rest = 0): Layout {
  if (tar.length > LIMITS.ratioFloorBytes && tar.length > archiveBytes * LIMITS.ratio) {
    throw new Unreadable('too-large', { limit: 'ratio', max: LIMITS.ratio });
  }
  const members = readMembers(tar, rest > 0);
  const strip = hasLeadingFolder(members.map((member) => member.name));
  const layout = new Layout('last-wins', archiveBytes);
  const links: { path: string; member: Member }[] = [];
  const place = (name: string) => (strip ? splitLeading(name)[1] : name);
  const byName = new Map<string, Member>();
  for (const member of members) {
    const path = place(member.name);
    if (member.type === '5') {
      if (path.split('/').includes('..'))
        throw new Unreadable('ambiguous', { why: 'path-escapes', file: path });
      continue;
    }
    if (member.name.startsWith('/'))
      throw new Unreadable('ambiguous', { why: 'absolute-path', file: member.name });
    if (member.type === '1') {
      // tarfile gives a hard link the content of the last earlier member of that name.
      const target = byName.get(normal(member.linkname));
      if (target === undefined) throw new Unreadable('damaged', { why: 'link-without-target', file: path });
      layout.add(path, target.data, (member.mode & 0o111) !== 0);
      byName.set(normal(member.name), target);
    } else if (member.type === '2') links.push({ path, member });
    else {
      layout.add(path, member.data, (member.mode & 0o111) !== 0);
      byName.set(normal(member.name), member);
    }
  }
  placeLinks(layout, links);
  return layout;
}

function readMembers(tar: Buffer, mustEnd: boolean): Member[] {
  const members: Member[] = [];
  let at = 0;
  let ended = false;
  let pax: Map<string, string> | undefined;
  let longName: string | undefined;
  let longLink: string | undefined;
  while (at + BLOCK <= tar.length) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) {
      ended = true;
      break;
    }
    if (!checksumValid(header)) {
      throw at === 0
        ? new Unreadable('damaged', { why: 'not-a-tar' })
        : new Unreadable('ambiguous', { why: 'tar header' });
    }
    const type = header[156] === 0 ? '0' : String.fromCharCode(header[156]!);
    const stored = number(header.subarray(124, 136));
    let size = stored;
    if ('gxXLK'.includes(type)) {
      if (size > 1024 * 1024) throw new Unreadable('ambiguous', { why: 'tar extended header too large' });
      const body = slice(tar, at + BLOCK, size);
      at += BLOCK + padded(size);
      if (type === 'L') longName = text(untilNul(body));
      else if (type === 'K') longLink = text(untilNul(body));
      else {
        const records = paxRecords(body);
        if (type === 'g') {
          for (const key of ['path', 'linkpath', 'size']) {
            if (records.has(key)) throw new Unreadable('ambiguous', { why: 'global tar path or size' });
          }
        } else pax = records;
      }
      continue;
    }
    for (const key of pax?.keys() ?? []) {
      if (key.startsWith('GNU.sparse') || key === 'hdrcharset') {
        throw new Unreadable('unsupported-format', { format: `tar ${key}` });
      }
    }
    let name = longName ?? text(untilNul(header.subarray(0, 100)));
    const prefix = text(untilNul(header.subarray(345, 500)));
    // GNU tar keeps times and sparse maps where POSIX has the prefix; tarfile joins it for any other type.
    if (longName === undefined && prefix !== '') name = `${prefix}/${name}`;
    name = pax?.get('path') ?? name;
    const linkname = pax?.get('linkpath') ?? longLink ?? text(untilNul(header.subarray(157, 257)));
    const paxSize = pax?.get('size');
    if (paxSize !== undefined && Number(paxSize) !== stored) {
      throw new Unreadable('ambiguous', { why: 'tar size given twice', file: name });
    }
    let kind = type === '7' ? '0' : type;
    if (kind === '0' && name.endsWith('/')) {
      // Only the oldest headers name folders so. By any other way tarfile drops the slash, or keeps it, and writes a file.
      if (header[156] !== 0 || longName !== undefined || pax?.has('path') || size > 0)
        throw new Unreadable('ambiguous', { why: 'file-named-as-folder', file: name });
      kind = '5';
    }
    if (!'0125'.includes(kind)) {
      const device = '346'.includes(kind);
      throw new Unreadable(
        device ? 'ambiguous' : 'unsupported-format',
        device ? { why: 'device', file: name } : { format: `tar type ${JSON.stringify(type)}` },
      );
    }
    // tarfile skips a body only for regular files; a folder or link with a size would shift what follows.
    if (kind !== '0') {
      if (size > 0 && kind !== '5')
        throw new Unreadable('ambiguous', { why: 'link-with-content', file: name });
      size = 0;
    }
    const data = slice(tar, at + BLOCK, size);
    at += BLOCK + padded(size);
    if (kind === '5') name = name.replace(/\/+$/, '');
    members.push({ name, type: kind, mode: number(header.subarray(100, 108)), linkname, data });
    if (members.length > LIMITS.entries)
      throw new Unreadable('too-large', { limit: 'entries', max: LIMITS.entries });
    pax = longName = longLink = undefined;
  }
  if (mustEnd && !ended) throw new Unreadable('damaged', { why: 'truncated' });
  if (members.length === 0 && at === 0) throw new Unreadable('damaged', { why: 'not-a-tar' });
  return members;
}

/** Symbolic links that stay inside become copies of what they point to; any other is a way out. */
function placeLinks(layout: Layout, links: readonly { path: string; member: Member }[]): void {
  const targets = new Map<string, string>();
  // A target written with a slash at its end leads to folders only.
  const asFolder = new Set<string>();
  for (const { path, member } of links) {
    const target = member.linkname;
    // No system makes a link of such a name; pip goes on without it.
    if (/(?:^|\/)\.?$/.test(path))
      throw new Unreadable('ambiguous', { why: 'link-named-as-folder', file: member.name });
    // Where such a link stands is found out on disk only.
    const back = /(?:^|\/)(?!\.\.?\/)[^/]+\/+(?:\.\/+)*\.\.(?:\/|$)/.test(target);
    if (back || normal(path) === '' || member.name.split('/').includes('..'))
      throw new Unreadable('ambiguous', { why: 'path-escapes', file: member.name });
    const joined = resolve(normal(path), target);
    if (target.startsWith('/') || joined === undefined) {
      throw new Unreadable('ambiguous', { why: 'link-outside', file: path, target });
    }
    if (layout.get(normal(path)) !== undefined)
      throw new Unreadable('ambiguous', { why: 'duplicate-entry', file: path });
    targets.set(normal(path), joined);
    if (/\/\.*$/.test(target)) asFolder.add(normal(path));
  }
  if (targets.size === 0) return;
  const files = [...layout.paths()];
  for (const path of files) {
    for (const link of targets.keys()) {
      if (path.startsWith(`${link}/`))
        throw new Unreadable('ambiguous', { why: 'file-below-link', file: path });
    }
  }
  for (const [path, first] of targets) {
    let target = first;
    let folderOnly = asFolder.has(path);
    for (let hops = 0; targets.has(target) && hops < 16; hops++) {
      folderOnly ||= asFolder.has(target);
      target = targets.get(target)!;
    }
    const file = layout.get(target);
    if (file !== undefined) {
      if (!folderOnly) layout.add(path, file.bytes, file.executable);
    } else if (target === '' || `${path}/`.startsWith(`${target}/`))
      // On disk every file of that folder has names without end, and Python can import it by any of them.
      throw new Unreadable('ambiguous', { why: 'link-to-folder-above', file: path, target });
    else {
      for (const other of files) {
        if (!other.startsWith(`${target}/`)) continue;
        const below = layout.get(other)!;
        layout.add(`${path}${other.slice(target.length)}`, below.bytes, below.executable);
      }
    }
  }
}

/** Path a link leads to, relative to the root; undefined when it leaves it. */
function resolve(from: string, target: string): string | undefined {
  const parts = from
    .split('/')
    .slice(0, -1)
    .filter((part) => part !== '' && part !== '.');
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (parts.pop() === undefined) return undefined;
    } else parts.push(part);
  }
  return parts.join('/');
}

/** pip's `split_leading_dir`. */
export function splitLeading(path: string): [first: string, rest: string] {
  const bare = path.replace(/^\/+/, '').replace(/^\\+/, '');
  const slash = bare.indexOf('/');
  const back = bare.indexOf('\\');
  const at = slash !== -1 && (back === -1 || slash < back) ? slash : back;
  return at === -1 ? [bare, ''] : [bare.slice(0, at), bare.slice(at + 1)];
}

/** pip's `has_leading_dir`. */
export function hasLeadingFolder(paths: readonly string[]): boolean {
  let common: string | undefined;
  for (const path of paths) {
    const [first] = splitLeading(path);
    if (first === '' || (common !== undefined && first !== common)) return false;
    common = first;
  }
  return true;
}

function paxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const space = body.indexOf(0x20, at);
    const length = space === -1 ? Number.NaN : Number(body.toString('latin1', at, space));
    const equals = body.indexOf(0x3d, space);
    if (
      !Number.isInteger(length) ||
      length < 5 ||
      at + length > body.length ||
      equals === -1 ||
      equals >= at + length
    ) {
      throw new Unreadable('damaged', { why: 'tar extended header' });
    }
    records.set(text(body.subarray(space + 1, equals)), text(body.subarray(equals + 1, at + length - 1)));
    at += length;
  }
  return records;
}

function checksumValid(header: Buffer): boolean {
  const stored = number(header.subarray(148, 156));
  let unsigned = 256;
  let signed = 256;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    unsigned += header[i]!;
    signed += (header[i]! << 24) >> 24;
  }
  return stored === unsigned || stored === signed;
}

/** tarfile's `nti`: octal text, or base 256. */
function number(field: Buffer): number {
  if (field[0] === 0x80 || field[0] === 0xff) {
    let value = 0;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    if (field[0] === 0xff || !Number.isSafeInteger(value))
      throw new Unreadable('damaged', { why: 'tar number' });
    return value;
  }
  const digits = field.toString('latin1').replace(/\0.*$/s, '').trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw new Unreadable('damaged', { why: 'tar number' });
  return Number.parseInt(digits, 8);
}

function slice(tar: Buffer, start: number, size: number): Buffer {
  if (start + size > tar.length) throw new Unreadable('damaged', { why: 'truncated' });
  return tar.subarray(start, start + size);
}

const padded = (size: number) => Math.ceil(size / BLOCK) * BLOCK;
const normal = (path: string) =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
const untilNul = (field: Buffer) => {
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
};

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Python keeps undecodable bytes apart (surrogateescape); Latin-1 does the same for our purpose. */
function text(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
