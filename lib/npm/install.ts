/** Resolve, fetch, scan, judge; then npm behind the gate. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KnownError } from '../errors.js';
import { type GateRequest, type GateResponse, openGate } from '../gate/proxy.js';
import { registryHandler, tarballKey } from '../gate/registry.js';
import type { Verdict } from '../types.js';
import type { NpmConfig } from './config.js';
import { factsOf, readTarballManifest, TREE_KEYS } from './facts.js';
import { type FetchedArtifact, fetchArtifact } from './fetch.js';
import type { Decision, GuardOptions, Outcome, ScannedPackage } from './guard.js';
import { FrozenPackuments } from './packuments.js';
import { forEachLimit } from './pool.js';
import { type Artifact, type Resolution, resolveTree, type TreeRequest, type Unreadable } from './resolve.js';
import { runBehindGate } from './run.js';
import type { NpmTool } from './tool.js';

/** What to guard: the trees npm will unpack, and npm's own arguments for them. */
export interface GuardRequest {
  readonly trees: readonly TreeRequest[];
  readonly argv: readonly string[];
}

/** Fetches and scans under way at a time; the scanner has its own, smaller limit. */
const CONCURRENCY = 12;
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

interface Scanned {
  readonly fetched: FetchedArtifact;
  readonly verdict: Verdict;
}

export async function guardInstall(
  tool: NpmTool,
  config: NpmConfig,
  request: GuardRequest,
  options: GuardOptions,
): Promise<Outcome> {
  const started = performance.now();
  const packuments = new FrozenPackuments();
  const scanned = new Map<string, Scanned>();
  const decide = (resolution: Resolution): Decision => ({
    packages: [
      ...resolution.unreadable.map(unreadablePackage),
      ...resolution.artifacts.flatMap((artifact) => {
        const found = scanned.get(keyOf(artifact));
        return found === undefined ? [] : [packageOf(artifact, found.verdict)];
      }),
    ],
    ownFolders: resolution.ownFolders,
    kept: resolution.kept,
    durationMs: performance.now() - started,
  });

  let resolution: Resolution;
  try {
    resolution = await scanTree(tool, config, request, options, packuments, scanned);
  } catch (error) {
    if (!(error instanceof Unresolved)) throw error;
    return npmExplains(tool, config, request, options, packuments, error);
  }
  const decision = decide(resolution);
  options.onDecision?.(decision);
  const verdicts = decision.packages.map(({ verdict }) => verdict.verdict);
  if (verdicts.includes('block')) return { kind: 'blocked', exitCode: 100, decision };
  if (verdicts.includes('unverified')) return { kind: 'unverified', exitCode: 101, decision };

  const allowed = new Map<string, Uint8Array>();
  for (const { fetched } of scanned.values()) {
    for (const url of fetched.urls) allowed.set(url, fetched.bytes);
    recheckFile(fetched, config);
  }
  const { exitCode, missed } = await runNpm(tool, config, request, options, packuments, allowed);
  if (missed === undefined) return { kind: 'ran', exitCode, decision };
  return { kind: 'failed', exitCode: 102, decision, message: missedMessage(missed) };
}

function missedMessage(url: string): string {
  return `npm asked for ${url}, which was not scanned; npm was stopped and put node_modules back. Try again, and report this if it stays.`;
}

/** A failure to resolve that is npm's to explain. */
class Unresolved extends Error {}

/** Until the tree stands still: resolve, scan what is new, correct what the registry told wrongly. */
async function scanTree(
  tool: NpmTool,
  config: NpmConfig,
  request: GuardRequest,
  options: GuardOptions,
  packuments: FrozenPackuments,
  scanned: Map<string, Scanned>,
): Promise<Resolution> {
  let complete = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const parts: Resolution[] = [];
    for (const tree of request.trees) parts.push(await resolve(tool, config, tree, packuments, complete));
    const resolution = merged(parts);
    if (resolution.unreadable.length > 0) return resolution;
    const fresh = new Map<string, Artifact>();
    for (const artifact of resolution.artifacts) {
      const key = keyOf(artifact);
      if (!scanned.has(key)) fresh.set(key, artifact);
    }
    await forEachLimit([...fresh], CONCURRENCY, async ([key, artifact]) => {
      scanned.set(key, await scanOne(tool, config, options, packuments, artifact));
    });
    const news = [...fresh.keys()].map((key) => scanned.get(key)!);
    if (news.some(({ verdict }) => verdict.verdict !== 'allow')) return resolution;
    for (const { fetched } of news) {
      packuments.learn(fetched.urls, factsOf(await readTarballManifest(fetched.bytes)));
    }
    const changes = [...packuments.correct().values()].flat();
    const again = changes.some((key) => TREE_KEYS.includes(key));
    if (resolution.needsComplete && !complete) complete = true;
    else if (!again) return resolution;
  }
  throw new KnownError(
    'unstable-tree',
    `the dependency tree did not settle after ${MAX_ROUNDS} rounds; nothing was installed`,
  );
}

function merged(parts: readonly Resolution[]): Resolution {
  return {
    artifacts: parts.flatMap(({ artifacts }) => artifacts),
    unreadable: parts.flatMap(({ unreadable }) => unreadable),
    ownFolders: parts.flatMap(({ ownFolders }) => ownFolders),
    kept: parts.reduce((sum, { kept }) => sum + kept, 0),
    needsComplete: parts.some(({ needsComplete }) => needsComplete),
  };
}

async function resolve(
  tool: NpmTool,
  config: NpmConfig,
  request: TreeRequest,
  packuments: FrozenPackuments,
  complete: boolean,
): Promise<Resolution> {
  try {
    return await resolveTree(tool, config, request, packuments, complete);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && NPM_EXPLAINS.has(code)) throw new Unresolved(message, { cause: error });
    const line = `cannot resolve the dependency tree: ${code ? `${code}: ` : ''}${message.split('\n')[0]}; nothing was installed`;
    throw new KnownError('not-resolved', line, undefined, { cause: error });
  }
}

function keyOf({ name, version, resolved, integrity }: Artifact): string {
  return JSON.stringify([
    name,
    version,
    resolved === undefined ? null : tarballKey(resolved),
    integrity ?? null,
  ]);
}

async function scanOne(
  tool: NpmTool,
  config: NpmConfig,
  options: GuardOptions,
  packuments: FrozenPackuments,
  artifact: Artifact,
): Promise<Scanned> {
  const fetched = await fetchArtifact(tool, config, packuments, artifact);
  const { name, version, integrity } = artifact;
  const url = fetched.urls.at(-1);
  const registryManifest = packuments.version(name, version);
  const published = packuments.published(name, version);
  const verdict = await options.scan({
    ecosystem: 'npm',
    filename: `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`,
    bytes: fetched.bytes,
    ...(registryManifest === undefined ? {} : { registryManifest: structuredClone(registryManifest) }),
    ...(integrity === undefined ? {} : { expectedIntegrity: integrity }),
    ...(url?.startsWith('http') ? { registry: new URL(url).origin } : {}),
    ...(published === undefined ? {} : { published }),
  });
  return { fetched, verdict };
}

function packageOf(artifact: Artifact, verdict: Verdict): ScannedPackage {
  return { target: `${artifact.name}@${artifact.version}`, verdict, path: artifact.path };
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

/** npm reads a tarball given as a file from disk itself: it must still be the file that was scanned. */
function recheckFile({ artifact, bytes }: FetchedArtifact, config: NpmConfig): void {
  if (!artifact.resolved?.startsWith('file:')) return;
  const file = path.resolve(config.where, artifact.resolved.slice('file:'.length));
  if (!readFileSync(file).equals(bytes)) {
    throw new KnownError('file-changed', `${file} changed while it was scanned; nothing was installed`);
  }
}

/** Lets npm fail in its own words: the gate gives it the same metadata and no tarball at all. */
async function npmExplains(
  tool: NpmTool,
  config: NpmConfig,
  request: GuardRequest,
  options: GuardOptions,
  packuments: FrozenPackuments,
  error: Unresolved,
): Promise<Outcome> {
  const decision: Decision = { packages: [], ownFolders: [], kept: 0, durationMs: 0 };
  const { exitCode, missed } = await runNpm(tool, config, request, options, packuments, new Map());
  if (missed === undefined) return { kind: 'npm-refused', exitCode, decision };
  const message = `cannot resolve the dependency tree: ${error.message.split('\n')[0]}; nothing was installed`;
  return { kind: 'failed', exitCode: 102, decision, message };
}

async function runNpm(
  tool: NpmTool,
  config: NpmConfig,
  request: GuardRequest,
  options: GuardOptions,
  packuments: FrozenPackuments,
  tarballs: ReadonlyMap<string, Uint8Array>,
): Promise<{ exitCode: number; missed: string | undefined }> {
  let missed: string | undefined;
  let stop = (): void => {};
  const onMiss = (url: string): void => {
    missed ??= url;
    stop();
  };
  const gate = await openGate(
    registryHandler({ packuments, tarballs, upstream: (request) => upstream(tool, config, request), onMiss }),
  );
  try {
    const running = runBehindGate(tool, config, request.argv, gate, options.cwd, options.env);
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
