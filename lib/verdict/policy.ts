/**
 * The policy in force: the machine's file, the user's, the project's, put together. Tightening is open to all
 * three. Loosening is the machine's and, unless the machine's file is `locked`, the user's; a project's file
 * loosens only once the user has accepted exactly its content (`safe-install trust`, in the manner of direnv),
 * and never by a higher threshold or by judging new names like others: whoever clones a hostile project must not clone its permissions.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { EXIT, KnownError } from '../errors.js';
import { ECOSYSTEMS, type Ecosystem, type UnverifiedCode } from '../types.js';
import { type Folders, userFolders } from './folders.js';
import { type Exception, type PolicyFile, parsePolicy, parsePolicyKey } from './policy-file.js';

export type PolicySource = 'machine' | 'user' | 'project';

/** Something about the policy a user should hear; its sentence belongs to the reporters. */
export interface PolicyNotice {
  readonly code: 'not-trusted' | 'locked';
  readonly args: Readonly<Record<string, string | number>>;
}

export interface Policy {
  readonly exceptions: readonly (Exception & { readonly source: PolicySource })[];
  readonly acceptUnverified: ReadonlySet<UnverifiedCode>;
  /** `set` replaces the model's threshold, `most` bounds whichever holds; both may be absent. */
  readonly threshold: Readonly<Record<Ecosystem, { readonly set?: number; readonly most?: number }>>;
  readonly own: readonly string[];
  readonly minimumReleaseAge: number;
  readonly newcomers: 'strict' | 'plain';
  readonly blockFindings: ReadonlySet<string>;
  readonly opaque: 'allow' | 'block';
  readonly notices: readonly PolicyNotice[];
}

/** A policy file as found. `text` is what acceptance is given for: the file, or the key of package.json. */
export interface FoundPolicy {
  readonly source: PolicySource;
  readonly path: string;
  readonly text: string;
  readonly content: PolicyFile;
}

export const POLICY_FILE = 'safe-install.json';
export const POLICY_KEY = 'safe-install';

/** No files at all: the model's thresholds and nothing accepted. */
export const NO_POLICY: Policy = mergePolicies([], () => false);

/** Reads and merges the files in force for a folder. Throws `KnownError` (exit 2) on a malformed one. */
export function loadPolicy(cwd: string, folders: Folders = userFolders()): Policy {
  return mergePolicies(findPolicies(cwd, folders), (file) => isTrusted(file, folders));
}

/** The files in force for a folder, machine's first. */
export function findPolicies(cwd: string, folders: Folders = userFolders()): FoundPolicy[] {
  const found: FoundPolicy[] = [];
  for (const [source, folder] of [
    ['machine', folders.machine],
    ['user', folders.config],
  ] as const) {
    const path = join(folder, 'policy.json');
    const text = readIfThere(path);
    if (text === undefined) continue;
    const content = parsePolicy(text, path);
    if (content.locked !== undefined && source !== 'machine') throw lockedElsewhere(path);
    found.push({ source, path, text, content });
  }
  const project = findProjectPolicy(cwd);
  return project === undefined ? found : [...found, project];
}

/** The nearest policy from a folder upwards, not past a repository's root or the home folder. */
export function findProjectPolicy(cwd: string): FoundPolicy | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const policy = policyOfFolder(folder);
    if (policy?.content.locked !== undefined) throw lockedElsewhere(policy.path);
    if (policy !== undefined) return policy;
    if (dirname(folder) === folder || folder === homedir() || existsSync(join(folder, '.git')))
      return undefined;
  }
}

function policyOfFolder(folder: string): FoundPolicy | undefined {
  const path = join(folder, POLICY_FILE);
  const text = readIfThere(path);
  const manifest = join(folder, 'package.json');
  const manifestText = readIfThere(manifest);
  const key = manifestText === undefined ? undefined : parsePolicyKey(manifestText, POLICY_KEY, manifest);
  if (text !== undefined) {
    if (key !== undefined) {
      throw new KnownError(
        'policy',
        `both ${path} and the key '${POLICY_KEY}' of ${manifest} set a policy: keep one`,
        EXIT.usage,
      );
    }
    return { source: 'project', path, text, content: parsePolicy(text, path) };
  }
  // Accepted is what the key says, so that a new dependency in package.json needs no new acceptance.
  return key && { source: 'project', path: manifest, text: JSON.stringify(key), content: key };
}

const lockedElsewhere = (path: string): KnownError =>
  new KnownError('policy', `policy ${path}: 'locked' belongs in the machine's policy`, EXIT.usage);

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new KnownError(
      'policy',
      `policy ${path} cannot be read (${code}): make it readable, or remove it`,
      EXIT.usage,
      { cause },
    );
  }
}

/** What a file says that would let more through than without it. */
export function loosens({ content }: Pick<FoundPolicy, 'content'>): boolean {
  const { exceptions = [], acceptUnverified = [], own = [] } = content;
  return exceptions.length + acceptUnverified.length + own.length > 0;
}

/** Pure: puts files together, in the order machine, user, project. */
export function mergePolicies(
  files: readonly FoundPolicy[],
  trusted: (file: FoundPolicy) => boolean,
): Policy {
  const locked = files.some((file) => file.source === 'machine' && file.content.locked === true);
  const notices: PolicyNotice[] = [];
  const exceptions: (Exception & { source: PolicySource })[] = [];
  const acceptUnverified = new Set<UnverifiedCode>();
  const own: string[] = [];
  const blockFindings = new Set<string>();
  const threshold: Record<Ecosystem, { set?: number; most?: number }> = { npm: {}, pypi: {} };
  let minimumReleaseAge = 0;
  let opaque: 'allow' | 'block' = 'allow';
  let newcomers: 'strict' | 'plain' = 'strict';
  for (const file of files) {
    const { source, path, content } = file;
    minimumReleaseAge = Math.max(minimumReleaseAge, content.minimumReleaseAge ?? 0);
    for (const code of content.blockFindings ?? []) blockFindings.add(code);
    if (content.opaque === 'block') opaque = 'block';
    const mayLoosen = source === 'machine' || (source === 'user' && !locked);
    if (content.newcomers === 'strict' || mayLoosen) newcomers = content.newcomers ?? newcomers;
    for (const ecosystem of ECOSYSTEMS) {
      const value = content.threshold?.[ecosystem];
      if (value === undefined) continue;
      const bounds = threshold[ecosystem];
      if (mayLoosen) bounds.set = value;
      else bounds.most = Math.min(bounds.most ?? 1, value);
    }
    if (!loosens(file)) continue;
    if (locked && source !== 'machine') notices.push({ code: 'locked', args: { path } });
    else if (source === 'project' && !trusted(file)) notices.push({ code: 'not-trusted', args: { path } });
    else {
      exceptions.push(...(content.exceptions ?? []).map((exception) => ({ ...exception, source })));
      for (const code of content.acceptUnverified ?? []) acceptUnverified.add(code);
      own.push(...(content.own ?? []));
    }
  }
  return {
    exceptions,
    acceptUnverified,
    threshold,
    own,
    minimumReleaseAge,
    newcomers,
    blockFindings,
    opaque,
    notices,
  };
}

const trustMark = ({ path, text }: FoundPolicy, folders: Folders): string =>
  join(
    folders.state,
    'trusted',
    createHash('sha256')
      .update(`${resolve(path)}\0${text}`)
      .digest('hex'),
  );

/** Whether the user has accepted this file at this place with this content. */
export function isTrusted(file: FoundPolicy, folders: Folders = userFolders()): boolean {
  return existsSync(trustMark(file, folders));
}

/** Accepts a project's file as it is now; any later change needs a new acceptance. */
export function trust(file: FoundPolicy, folders: Folders = userFolders()): void {
  const mark = trustMark(file, folders);
  mkdirSync(dirname(mark), { recursive: true, mode: 0o700 });
  writeFileSync(mark, `${resolve(file.path)}\n`, { mode: 0o600 });
}
