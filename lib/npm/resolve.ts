/**
 * The tree npm would arrive at, and the artifacts it would unpack for it. Arborist builds it in memory;
 * nothing is written and no code of a package runs: git specs, which npm would build on the way, are refused.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { NpmConfig } from './config.js';
import { heardWarnings, lockfileFor } from './handed-tree.js';
import type { ArboristLike, Manifest, ParsedSpec, TreeNode } from './libraries.js';
import type { FrozenPackuments } from './packuments.js';
import type { NpmTool } from './tool.js';

/** One tarball npm would unpack. */
export interface Artifact {
  /** Where it goes, relative to the tree's root: `node_modules/a/node_modules/b`. */
  readonly location: string;
  /** Name it is published under (an alias points elsewhere). */
  readonly name: string;
  readonly version: string;
  /** As the tree or lockfile has it; undefined for a lockfile without addresses. */
  readonly resolved: string | undefined;
  readonly integrity: string | undefined;
  readonly optional: boolean;
  readonly dev: boolean;
  /** How it came into the tree: project first, itself last, as `name@version`. */
  readonly path: readonly string[];
}

/** A dependency whose code cannot be read before npm would run or unpack it. */
export interface Unreadable {
  readonly spec: string;
  readonly reason: 'git-source' | 'local-source';
  readonly path: readonly string[];
}

export interface Resolution {
  readonly artifacts: readonly Artifact[];
  readonly unreadable: readonly Unreadable[];
  /** Folders of the user's own that are linked in: not judged, but named. */
  readonly ownFolders: readonly string[];
  /** Already in place with the same version and integrity; npm leaves them alone. */
  readonly kept: number;
  /** Some package brings its own shrinkwrap: its dependencies show only in a complete resolution. */
  readonly needsComplete: boolean;
  /** The tree as a lockfile, where npm can begin with it in place of resolving once more. */
  readonly lockfile?: string | undefined;
}

/** What tree is asked for. */
export interface TreeRequest {
  /** npm's command that would build it: `install`, `ci`, `update`, `dedupe`, `prune`, `uninstall`, `audit`, `link`. */
  readonly command: string;
  readonly args: readonly string[];
  /** Folder whose tree it is. */
  readonly where: string;
  /** Whether it is the tree of globally installed packages. */
  readonly global: boolean;
  /** Packages already in place are looked at like new ones: npm is about to run them. */
  readonly includeKept?: boolean;
}

class GitRefused extends Error {
  readonly code = 'EALLOWGIT';
}

/**
 * @param complete also open tarballs that carry shrinkwraps or bundles (they must have been allowed already)
 * @param onManifest called with each manifest the resolver is given, long before the tree stands
 * @throws what Arborist throws: `E404`, `ETARGET`, `ERESOLVE`, network errors
 */
export async function resolveTree(
  tool: NpmTool,
  config: NpmConfig,
  request: TreeRequest,
  packuments: FrozenPackuments,
  complete = false,
  onManifest: (manifest: Manifest) => void = () => {},
): Promise<Resolution> {
  const refused: string[] = [];
  const options: Record<string, unknown> = {
    ...config.flat,
    path: request.where,
    global: request.global,
    workspaces: config.workspaceNames,
    packumentCache: packuments,
    auditLevel: null,
    ...(complete ? { complete: true } : {}),
  };
  const empty = existsSync(request.where) ? undefined : mkdtempSync(path.join(os.tmpdir(), 'safe-install-'));
  // npm would make a missing (global) folder first; nothing is to be made before the verdict.
  if (empty !== undefined) options.path = empty;
  const work = async () => {
    let ideal: TreeNode;
    const warned = heardWarnings();
    try {
      ideal = await buildTree(tool, config, request, options);
    } catch (error) {
      if (refused.length === 0) throw error;
      return {
        artifacts: [],
        unreadable: refused.map(gitSpec),
        ownFolders: [],
        kept: 0,
        needsComplete: false,
      };
    } finally {
      warned.stop();
    }
    const lockfile = warned.any ? undefined : lockfileFor(ideal, config, request);
    const keepsOld =
      !request.includeKept && request.command !== 'ci' && request.command !== 'install-ci-test';
    const actual = keepsOld ? await loadActual(tool, options) : undefined;
    const resolution = listArtifacts(ideal, actual, new Set((config.flat.omit ?? []) as string[]));
    const named = new Set(resolution.unreadable.map((item) => item.spec));
    // A refused optional git dependency has left no trace in the tree.
    const dropped = refused.filter((spec) => !named.has(spec)).map(gitSpec);
    return {
      ...resolution,
      unreadable: [...resolution.unreadable, ...dropped],
      lockfile,
    };
  };
  try {
    return await withoutGit(tool, refused, onManifest, work);
  } finally {
    if (empty !== undefined) rmSync(empty, { recursive: true, force: true });
  }
}

function gitSpec(spec: string): Unreadable {
  return { spec, reason: 'git-source', path: [spec] };
}

async function loadActual(tool: NpmTool, options: Record<string, unknown>): Promise<TreeNode | undefined> {
  const arborist = new tool.libraries.Arborist(options);
  return arborist.loadActual().catch(() => undefined);
}

async function buildTree(
  tool: NpmTool,
  config: NpmConfig,
  request: TreeRequest,
  options: Record<string, unknown>,
): Promise<TreeNode> {
  const { command, args, where } = request;
  const create = (extra: Record<string, unknown> = {}): ArboristLike =>
    new tool.libraries.Arborist({ ...options, ...extra });
  switch (command) {
    case 'ci':
    case 'install-ci-test': {
      const extra = { packageLock: true, save: false };
      return create(extra).buildIdealTree({ ...options, ...extra });
    }
    case 'update': {
      const extra = { save: config.isDefault('save') ? false : config.get('save') };
      return create(extra).buildIdealTree({
        ...options,
        ...extra,
        update: args.length === 0 ? true : [...args],
      });
    }
    case 'audit': {
      const arborist = create({ audit: true });
      await arborist.audit();
      return arborist.buildIdealTree({ ...options, audit: true });
    }
    // Workspaces whose versions npm is about to change: nothing is added by name.
    case 'version':
      return create().buildIdealTree(options);
    case 'link':
      return create({ prune: false }).buildIdealTree({ ...options, prune: false, add: [...args] });
    case 'dedupe':
      return dedupedTree(create({ save: false }), options);
    case 'prune':
      return create().buildIdealTree({ ...options, prune: true });
    case 'uninstall':
      return create().buildIdealTree({ ...options, rm: [...args] });
    default: {
      let add = args.filter((arg) => path.resolve(arg) !== (request.global ? where : config.localPrefix));
      if (request.global && add.length === 0) add = ['.'];
      return create().buildIdealTree({ ...options, add });
    }
  }
}

/** Arborist's `dedupe()`, up to the point where it would write: names with more than one version, updated. */
async function dedupedTree(arborist: ArboristLike, options: Record<string, unknown>): Promise<TreeNode> {
  const tree = await arborist.loadVirtual().catch(() => arborist.loadActual());
  const versions = new Map<string, Set<string>>();
  for (const { name, version } of tree.inventory.values()) {
    versions.set(name, (versions.get(name) ?? new Set()).add(version));
  }
  const names = [...versions].filter(([, set]) => set.size > 1).map(([name]) => name);
  return arborist.buildIdealTree({ ...options, save: false, preferDedupe: true, update: { names } });
}

/**
 * Runs `work` while pacote refuses git specs. pacote below 22 runs `npm install` and `prepare` of a git
 * package already to learn its manifest, and older ones know no option against it.
 */
async function withoutGit<T>(
  tool: NpmTool,
  refused: string[],
  onManifest: (manifest: Manifest) => void,
  work: () => Promise<T>,
): Promise<T> {
  const { pacote, npa } = tool.libraries;
  const { manifest, extract, tarball, packument } = pacote;
  const check = (spec: string | ParsedSpec): void => {
    let parsed = typeof spec === 'string' ? npa(spec) : spec;
    if (parsed.type === 'alias' && parsed.subSpec !== undefined) parsed = parsed.subSpec;
    if (parsed.type !== 'git') return;
    const name = parsed.saveSpec ?? parsed.raw;
    if (!refused.includes(name)) refused.push(name);
    throw new GitRefused(`git dependency ${parsed.raw}`);
  };
  pacote.manifest = async (spec, options) => {
    check(spec);
    const found = await manifest(spec, options);
    onManifest(found);
    return found;
  };
  pacote.packument = async (spec, options) => {
    check(spec);
    return packument(spec, options);
  };
  pacote.tarball = async (spec, options) => {
    check(spec);
    return tarball(spec, options);
  };
  pacote.extract = async (spec, dest, options) => {
    check(spec);
    return extract(spec, dest, options);
  };
  try {
    return await work();
  } finally {
    Object.assign(pacote, { manifest, extract, tarball, packument });
  }
}

/** What npm would unpack for this tree: what is not bundled, omitted, inert, linked, or there already. */
function listArtifacts(ideal: TreeNode, actual: TreeNode | undefined, omit: Set<string>): Resolution {
  const artifacts: Artifact[] = [];
  const unreadable: Unreadable[] = [];
  const ownFolders: string[] = [];
  let kept = 0;
  let needsComplete = false;
  for (const node of ideal.inventory.values()) {
    if (node.isRoot || node.isProjectRoot || node.isWorkspace || node.inert) continue;
    if (node.isLink) {
      if (node.target.isWorkspace) continue;
      if (isOwnChoice(node)) ownFolders.push(node.target.path);
      else
        unreadable.push({
          spec: `${node.name}@${node.resolved}`,
          reason: 'local-source',
          path: pathTo(node),
        });
      continue;
    }
    // The target of a link stands at the top of its own tree; it is the link that was looked at.
    if (node.parent === null || node.inDepBundle || node.inBundle) continue;
    if (node.shouldOmit?.(omit)) continue;
    if (isInPlace(node, actual?.inventory.get(node.location))) {
      kept++;
      continue;
    }
    if (node.hasShrinkwrap) needsComplete = true;
    if (node.resolved?.startsWith('git')) {
      unreadable.push({ spec: node.resolved, reason: 'git-source', path: pathTo(node) });
      continue;
    }
    artifacts.push({
      location: node.location,
      name: node.packageName ?? node.name,
      version: node.version,
      resolved: node.resolved ?? undefined,
      integrity: node.integrity ?? undefined,
      optional: node.optional,
      dev: node.dev,
      path: pathTo(node),
    });
  }
  return { artifacts, unreadable, ownFolders, kept, needsComplete };
}

/** A folder is the user's own unless only downloaded packages ask for it. */
function isOwnChoice(node: TreeNode): boolean {
  const edges = [...node.edgesIn];
  return (
    edges.length === 0 || edges.some(({ from }) => from?.isProjectRoot || from?.isWorkspace || from?.isRoot)
  );
}

/** Arborist's own rule (lib/diff.js): same version, the same integrity or, without one, address, and its programs linked. */
function isInPlace(ideal: TreeNode, actual: TreeNode | undefined): boolean {
  if (actual === undefined || actual.isLink || actual.version !== ideal.version) return false;
  if (!ideal.binPaths.every((file) => existsSync(file))) return false;
  if (ideal.integrity && actual.integrity) return ideal.integrity === actual.integrity;
  return !ideal.integrity && !actual.integrity && ideal.resolved === actual.resolved;
}

/** Shortest way from the project to a node along dependency edges. */
function pathTo(node: TreeNode): string[] {
  const label = (item: TreeNode): string =>
    item.isRoot || item.isProjectRoot
      ? item.packageName || 'your project'
      : `${item.packageName ?? item.name}@${item.version}`;
  const queue: [TreeNode, string[]][] = [[node, [label(node)]]];
  const seen = new Set<TreeNode>([node]);
  for (const [current, names] of queue) {
    if (current.isRoot || current.isProjectRoot) return names;
    for (const { from } of current.edgesIn) {
      if (from === null || seen.has(from)) continue;
      seen.add(from);
      queue.push([from, [label(from), ...names]]);
    }
  }
  return [label(node)];
}
