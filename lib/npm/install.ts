/** Resolve, fetch, scan, judge; then npm behind the gate. */
import { type ErrorCode, EXIT, KnownError } from '../errors.js';
import { type GateRequest, type GateResponse, openGate } from '../gate/proxy.js';
import { registryHandler, type TarballSource } from '../gate/registry.js';
import { timed } from '../stages.js';
import type { Verdict } from '../types.js';
import type { NpmConfig } from './config.js';
import { TREE_KEYS } from './facts.js';
import type { Decision, GuardOptions, Outcome, ScannedPackage } from './guard.js';
import { packagesInPlace } from './in-place.js';
import type { Manifest } from './libraries.js';
import { FrozenPackuments } from './packuments.js';
import { keyOf, type ReadArtifact, Reader, recheckFile } from './read.js';
import { type Artifact, type Resolution, resolveTree, type TreeRequest, type Unreadable } from './resolve.js';
import { type Handed, runBehindGate } from './run.js';
import type { NpmTool } from './tool.js';

/** What to guard: the trees npm will unpack, and npm's own arguments for them. */
export interface GuardRequest {
  readonly trees: readonly TreeRequest[];
  readonly argv: readonly string[];
  /** Whether npm asks the registry for more than its resolver does. */
  readonly asksMore?: boolean;
}

/** Corrected manifests can bring new dependencies, whose manifests can be wrong too. */
const MAX_ROUNDS = 20;

/** Errors npm explains best itself, with its own exit code: the request cannot be met. */
const NPM_EXPLAINS = new Set(
  (
    'E401 E403 E404 ETARGET ENOVERSIONS ERESOLVE EBADENGINE EBADPLATFORM EBADDEVENGINES EUSAGE ENOLOCK EJSONPARSE ' +
    'EINVALIDPACKAGENAME EINVALIDTAGNAME EUNSUPPORTEDPROTOCOL EALLOWGIT EALLOWREMOTE EALLOWFILE EALLOWDIRECTORY EOVERRIDE ' +
    'EDUPLICATEWORKSPACE ENOENT'
  ).split(' '),
);

export async function guardInstall(
  tool: NpmTool,
  config: NpmConfig,
  request: GuardRequest,
  options: GuardOptions,
): Promise<Outcome> {
  const started = performance.now();
  const inPlace = await installNothing(tool, config, request, options);
  if (inPlace !== undefined) return inPlace;
  const packuments = new FrozenPackuments();
  const reader = new Reader(tool, config, options, packuments);
  const read = new Map<string, ReadArtifact>();
  const run: Run = { tool, config, request, options, packuments, reader, read };
  try {
    let resolution: Resolution;
    try {
      resolution = await scanTree(run);
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error;
      return await npmExplains(run, error);
    }
    reader.stop();
    const decision: Decision = {
      packages: [
        ...(await Promise.all(resolution.unreadable.map((item) => judgeUnread(options, item)))),
        ...resolution.artifacts.flatMap((artifact) => {
          const found = read.get(keyOf(artifact));
          return found === undefined ? [] : [packageOf(artifact, found.verdict)];
        }),
      ],
      ownFolders: resolution.ownFolders,
      kept: resolution.kept,
      durationMs: performance.now() - started,
    };
    options.onDecision?.(decision);
    const verdicts = decision.packages.map(({ verdict }) => verdict.verdict);
    if (verdicts.includes('block')) return { kind: 'blocked', exitCode: 100, decision };
    if (verdicts.includes('unverified')) return { kind: 'unverified', exitCode: 101, decision };

    for (const found of read.values()) recheckFile(found, config);
    reader.allow([...read.values()]);
    if (asksTheSame(run)) packuments.reduce();
    const handed = { lockfile: resolution.lockfile, lend: (cache: string) => reader.lend(cache) };
    const { exitCode, missed } = await timed('install', () => runNpm(run, reader.source, handed));
    if (missed === undefined) return { kind: 'ran', exitCode, decision };
    return failed(decision, 'past-the-gate', missedMessage(missed));
  } finally {
    reader.close();
  }
}

/**
 * Where everything is in place by npm's own records: npm runs behind a gate that gives it neither archive nor metadata.
 * Undefined when that is not so, or when npm asked for something all the same; it has been stopped then.
 */
async function installNothing(
  tool: NpmTool,
  config: NpmConfig,
  request: GuardRequest,
  options: GuardOptions,
): Promise<Outcome | undefined> {
  const [tree] = request.trees;
  const kept = request.trees.length === 1 ? packagesInPlace(config, tree!) : undefined;
  if (kept === undefined) return undefined;
  const started = performance.now();
  const run = { tool, config, request, options, packuments: new FrozenPackuments() };
  const { exitCode, missed } = await runNpm(run, NO_TARBALLS, { metadata: false });
  if (missed !== undefined) return undefined;
  const durationMs = performance.now() - started;
  return { kind: 'ran', exitCode, decision: { packages: [], ownFolders: [], kept, durationMs } };
}

const nothing = async (): Promise<undefined> => undefined;
const NO_TARBALLS: TarballSource = { byAddress: nothing, byIntegrity: nothing };

/** What the steps of one guarded command share. */
interface Run {
  readonly tool: NpmTool;
  readonly config: NpmConfig;
  readonly request: GuardRequest;
  readonly options: GuardOptions;
  readonly packuments: FrozenPackuments;
  readonly reader: Reader;
  /** By `keyOf`. */
  readonly read: Map<string, ReadArtifact>;
}

/**
 * Whether npm will ask for nothing that the resolver did not ask for. Its audit looks at all versions of a package; it
 * asks for the abbreviated form, which is told apart, unless publishing times are needed.
 */
function asksTheSame({ config, request, packuments }: Run): boolean {
  if (request.asksMore) return false;
  if (request.trees.some(({ command, includeKept }) => !RESOLVES_ALIKE.has(command) || includeKept))
    return false;
  return config.get('audit') === false || (packuments.onlyFull && !config.flat.before);
}

const RESOLVES_ALIKE = new Set(['install', 'install-test', 'ci', 'install-ci-test', 'update', 'dedupe']);

const failed = (decision: Decision, code: ErrorCode, message: string): Outcome => ({
  kind: 'failed',
  exitCode: EXIT.failed,
  decision,
  error: new KnownError(code, message),
});

const unresolvedMessage = (why: string): string =>
  `cannot resolve the dependency tree: ${why.split('\n')[0]}; nothing was installed: check what you asked for, the network and the registry`;

function missedMessage(url: string): string {
  return `npm asked for ${url}, which was not scanned; npm was stopped and put node_modules back. Try again, and report this if it stays.`;
}

/** A failure to resolve that is npm's to explain. */
class Unresolved extends Error {}

/** Until the tree stands still: resolve, scan what is new, correct what the registry told wrongly. */
async function scanTree(run: Run): Promise<Resolution> {
  const { tool, config, request, packuments, reader, read } = run;
  // What is left out of the tree is still given to the resolver.
  const readAhead = (config.flat.omit ?? []).length === 0;
  const onManifest = (manifest: Manifest): void => {
    packuments.pick(String(manifest.name), String(manifest.version));
    if (readAhead) reader.ahead(manifest);
  };
  let complete = false;
  let corrected = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const parts: Resolution[] = [];
    for (const tree of request.trees) {
      parts.push(await timed('resolve', () => resolve(tool, config, tree, packuments, complete, onManifest)));
    }
    const resolution = merged(parts);
    for (const item of resolution.unreadable) {
      const { verdict } = await judgeUnread(run.options, item);
      if (verdict.verdict !== 'allow') return resolution;
    }
    const fresh = new Map<string, Artifact>();
    for (const artifact of resolution.artifacts) {
      const key = keyOf(artifact);
      if (!read.has(key)) fresh.set(key, artifact);
    }
    const reading = [...fresh.values()].map((artifact) => reader.read(artifact));
    const news = await timed('read', () => Promise.all(reading));
    for (const [at, key] of [...fresh.keys()].entries()) read.set(key, news[at]!);
    if (news.some(({ verdict }) => verdict.verdict !== 'allow')) return resolution;
    for (const { urls, facts } of news) if (facts !== undefined) packuments.learn(urls, facts);
    const changes = [...packuments.correct().values()].flat();
    corrected ||= changes.length > 0;
    const again = changes.some((key) => TREE_KEYS.includes(key));
    if (resolution.needsComplete && !complete) complete = true;
    // What was corrected is not in the tree as it was resolved.
    else if (!again) return corrected ? { ...resolution, lockfile: undefined } : resolution;
  }
  throw new KnownError(
    'unstable-tree',
    `the dependency tree did not settle after ${MAX_ROUNDS} rounds; nothing was installed: try again, and report this if it stays`,
  );
}

function merged(parts: readonly Resolution[]): Resolution {
  return {
    artifacts: parts.flatMap(({ artifacts }) => artifacts),
    unreadable: parts.flatMap(({ unreadable }) => unreadable),
    ownFolders: parts.flatMap(({ ownFolders }) => ownFolders),
    kept: parts.reduce((sum, { kept }) => sum + kept, 0),
    needsComplete: parts.some(({ needsComplete }) => needsComplete),
    lockfile: parts.length === 1 ? parts[0]!.lockfile : undefined,
  };
}

async function resolve(
  tool: NpmTool,
  config: NpmConfig,
  request: TreeRequest,
  packuments: FrozenPackuments,
  complete: boolean,
  onManifest: (manifest: Manifest) => void,
): Promise<Resolution> {
  try {
    return await resolveTree(tool, config, request, packuments, complete, onManifest);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && NPM_EXPLAINS.has(code)) throw new Unresolved(message, { cause: error });
    const line = unresolvedMessage(code ? `${code}: ${message}` : message);
    throw new KnownError('not-resolved', line, undefined, { cause: error });
  }
}

function packageOf(artifact: Artifact, verdict: Verdict): ScannedPackage {
  return { target: `${artifact.name}@${artifact.version}`, verdict, path: artifact.path };
}

/** A git source stays unverified: npm is given no git, since what it would build is read by nobody. */
async function judgeUnread({ accept }: GuardOptions, item: Unreadable): Promise<ScannedPackage> {
  const unread = unreadablePackage(item);
  if (accept === undefined || item.reason === 'git-source') return unread;
  return { ...unread, verdict: await accept(unread.verdict) };
}

function unreadablePackage({ spec, reason, path: route }: Unreadable): ScannedPackage {
  const verdict: Verdict = {
    ecosystem: 'npm',
    name: spec,
    version: '',
    integrity: '',
    verdict: 'unverified',
    findings: [],
    evidence: [],
    unverified: { code: reason, args: { spec } },
    opaqueFiles: 0,
    durationMs: 0,
  };
  return { target: spec, verdict, path: route };
}

/** Lets npm fail in its own words: the gate gives it the same metadata and no tarball at all. */
async function npmExplains(run: Run, error: Unresolved): Promise<Outcome> {
  run.reader.stop();
  const decision: Decision = { packages: [], ownFolders: [], kept: 0, durationMs: 0 };
  const { exitCode, missed } = await runNpm(run, NO_TARBALLS);
  if (missed === undefined) return { kind: 'npm-refused', exitCode, decision };
  return failed(decision, 'not-resolved', unresolvedMessage(error.message));
}

interface NpmRun extends Handed {
  /** Whether the gate answers what the resolver did not ask for; otherwise that is a miss too. Default: it does. */
  readonly metadata?: boolean;
}

async function runNpm(
  { tool, config, request, options, packuments }: Omit<Run, 'reader' | 'read'>,
  tarballs: TarballSource,
  { metadata = true, ...handed }: NpmRun = {},
): Promise<{ exitCode: number; missed: string | undefined }> {
  let missed: string | undefined;
  let stop = (): void => {};
  const onMiss = (url: string): void => {
    missed ??= url;
    stop();
  };
  const gate = await openGate(
    registryHandler({
      packuments,
      tarballs,
      upstream: (asked) => upstream(tool, config, asked),
      metadata,
      onMiss,
    }),
  );
  try {
    const running = runBehindGate(tool, config, request.argv, gate, options.cwd, options.env, handed);
    stop = running.stop;
    const { exitCode } = await running.done;
    return { exitCode, missed };
  } finally {
    await gate.close();
  }
}

const PASSED_HEADERS = ['accept', 'content-type', 'content-encoding', 'npm-command', 'user-agent'];

async function upstream(tool: NpmTool, config: NpmConfig, request: GateRequest): Promise<GateResponse> {
  const headers: Record<string, string> = {};
  for (const name of PASSED_HEADERS) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  try {
    const response = await tool.libraries.registryFetch(request.url.href, {
      ...config.flat,
      method: request.method,
      headers,
      ...(request.body.length > 0 ? { body: request.body } : {}),
      gzip: false,
    });
    return { status: response.status, body: await response.buffer() };
  } catch (error) {
    const { statusCode, message } = error as { statusCode?: number; message: string };
    return { status: statusCode ?? 502, body: JSON.stringify({ error: message }) };
  }
}
