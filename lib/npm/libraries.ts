/**
 * The parts of npm that safe-install works with. They are taken from the user's own npm where that can be
 * loaded, so that arguments, configuration and the resolved tree are the ones this npm would arrive at, and
 * from the copies safe-install depends on otherwise.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import semver from 'semver';

export type FlatOptions = Record<string, unknown> & {
  registry: string;
  cache: string;
  omit?: string[];
  before?: Date | string | null;
};

export interface ConfigLike {
  loaded: boolean;
  argv: string[];
  parsedArgv: { remain: string[]; cooked: string[]; original: string[] };
  /** What each level says, by level: `cli`, `env`, `project`, `user`… */
  readonly data: Map<string, { data: Record<string, unknown> }>;
  readonly flat: FlatOptions;
  localPrefix: string;
  globalPrefix: string;
  load(): Promise<void>;
  loadDefaults(): void;
  loadCLI(): void;
  get(key: string, where?: string): unknown;
  find(key: string): string | null;
  set(key: string, value: unknown, where?: string): void;
  delete(key: string, where?: string): void;
  isDefault(key: string): boolean;
}

export interface Definition {
  readonly type: unknown;
  readonly default: unknown;
}

/** An Arborist node, as far as it is used here. */
export interface TreeNode {
  readonly name: string;
  readonly packageName: string | null;
  readonly version: string;
  readonly location: string;
  readonly path: string;
  readonly realpath: string;
  readonly resolved: string | null;
  readonly integrity: string | null;
  readonly package: Record<string, unknown>;
  readonly isRoot: boolean;
  readonly isProjectRoot: boolean;
  readonly isWorkspace: boolean;
  readonly isLink: boolean;
  readonly parent: TreeNode | null;
  readonly target: TreeNode;
  readonly inBundle: boolean;
  /** Where the package's programs are linked. */
  readonly binPaths: readonly string[];
  readonly inDepBundle: boolean;
  readonly hasShrinkwrap: boolean;
  readonly inert?: boolean;
  readonly dev: boolean;
  readonly optional: boolean;
  readonly devOptional: boolean;
  readonly edgesIn: Set<TreeEdge>;
  readonly edgesOut: Map<string, TreeEdge>;
  readonly inventory: Map<string, TreeNode>;
  readonly children: Map<string, TreeNode>;
  /** Of a root: the lockfile that goes with its tree. */
  readonly meta?: { readonly resolveOptions?: Record<string, unknown>; toString(): string };
  shouldOmit?(omit: Set<string>): boolean;
}

export interface TreeEdge {
  readonly name: string;
  readonly spec: string;
  readonly type: string;
  readonly from: TreeNode | null;
  readonly to: TreeNode | null;
}

export interface ArboristLike {
  audit(): Promise<unknown>;
  buildIdealTree(options?: Record<string, unknown>): Promise<TreeNode>;
  loadActual(options?: Record<string, unknown>): Promise<TreeNode>;
  loadVirtual(options?: Record<string, unknown>): Promise<TreeNode>;
}

export interface ParsedSpec {
  readonly type: 'git' | 'tag' | 'version' | 'range' | 'file' | 'directory' | 'remote' | 'alias';
  readonly raw: string;
  readonly name: string | null;
  readonly fetchSpec: string | null;
  readonly saveSpec: string | null;
  readonly subSpec?: ParsedSpec;
  readonly registry?: boolean;
}

export type Manifest = Record<string, unknown>;
export type TarballData = Buffer & { resolved?: string; integrity?: string };

/** pacote's functions as Arborist calls them: properties of one shared object, so they can be wrapped. */
export interface PacoteLike {
  manifest(spec: string | ParsedSpec, options: Record<string, unknown>): Promise<Manifest>;
  packument(spec: string | ParsedSpec, options: Record<string, unknown>): Promise<Manifest>;
  tarball(spec: string | ParsedSpec, options: Record<string, unknown>): Promise<TarballData>;
  extract(spec: string | ParsedSpec, dest: string, options: Record<string, unknown>): Promise<unknown>;
}

/** npm's content cache, as far as it is used here. `integrity`: an SRI. */
export interface CacacheLike {
  readonly get: {
    hasContent(cache: string, integrity: string): Promise<unknown>;
    byDigest(cache: string, integrity: string, options: { memoize: boolean }): Promise<Buffer>;
  };
}

export interface RegistryResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  buffer(): Promise<Buffer>;
}

export interface NpmLibraries {
  /** `user`: the installed npm's own; `bundled`: safe-install's dependencies. */
  readonly origin: 'user' | 'bundled';
  readonly Config: new (options: Record<string, unknown>) => ConfigLike;
  readonly definitions: Readonly<Record<string, Definition>>;
  readonly shorthands: Readonly<Record<string, readonly string[]>>;
  readonly flatten: unknown;
  readonly nerfDarts: unknown;
  readonly Arborist: new (options: Record<string, unknown>) => ArboristLike;
  readonly pacote: PacoteLike;
  readonly npa: ((spec: string | ParsedSpec, where?: string) => ParsedSpec) & {
    resolve(name: string, spec: string, where?: string): ParsedSpec;
  };
  readonly cacache: CacacheLike;
  readonly registryFetch: (url: string, options: Record<string, unknown>) => Promise<RegistryResponse>;
  readonly mapWorkspaces: (options: { cwd: string; pkg: unknown }) => Promise<Map<string, string>>;
  /** Command or alias to npm's command name; undefined when npm has no such command. */
  readonly deref: ((command: string) => string | undefined) | undefined;
}

function load(from: string, origin: NpmLibraries['origin']): NpmLibraries {
  const require = createRequire(from);
  const definitions = require('@npmcli/config/lib/definitions');
  // Arborist must see the same pacote object that is handed out here.
  const fromArborist = createRequire(require.resolve('@npmcli/arborist'));
  // What is needed only where something is to be resolved costs more to load than all the rest of a command.
  for (const name of RESOLVING) fromArborist.resolve(name);
  let deref: NpmLibraries['deref'];
  if (origin === 'user') deref = require('./lib/utils/cmd-list.js').deref;
  return {
    origin,
    Config: require('@npmcli/config'),
    definitions: definitions.definitions,
    shorthands: definitions.shorthands,
    flatten: definitions.flatten,
    nerfDarts: definitions.nerfDarts,
    deref,
    get Arborist() {
      return require('@npmcli/arborist');
    },
    get pacote() {
      return fromArborist('pacote');
    },
    get npa() {
      return fromArborist('npm-package-arg');
    },
    get cacache() {
      return fromArborist('cacache');
    },
    get registryFetch() {
      return fromArborist('npm-registry-fetch');
    },
    get mapWorkspaces() {
      return fromArborist('@npmcli/map-workspaces');
    },
  };
}

const RESOLVING = ['pacote', 'npm-package-arg', 'cacache', 'npm-registry-fetch', '@npmcli/map-workspaces'];

/** The copies safe-install depends on. */
export function bundledLibraries(): NpmLibraries {
  return load(import.meta.filename, 'bundled');
}

/**
 * The libraries of the npm installed at `root` (its package folder), or the bundled ones when that npm
 * cannot be loaded into this Node.js.
 */
export function librariesOf(root: string | undefined): NpmLibraries {
  if (root === undefined) return bundledLibraries();
  try {
    const manifest = path.join(root, 'package.json');
    const { engines } = JSON.parse(readFileSync(manifest, 'utf8')) as { engines?: { node?: string } };
    if (engines?.node !== undefined && !semver.satisfies(process.version, engines.node)) {
      return bundledLibraries();
    }
    return load(manifest, 'user');
  } catch {
    return bundledLibraries();
  }
}
