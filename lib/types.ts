/**
 * The shared nouns: what flows from an archive to a verdict. Every stage of the pipeline imports its
 * data shapes from here, and none of them knows the stages after it.
 */

export type Ecosystem = 'npm' | 'pypi';

export const ECOSYSTEMS: readonly Ecosystem[] = ['npm', 'pypi'];

/** When code runs: while installing, when imported, or only when something calls it. */
export type Phase = 'install' | 'import' | 'runtime';

export const PHASES: readonly Phase[] = ['install', 'import', 'runtime'];

/** A regular file of an artifact, in memory. */
export interface ArtifactFile {
  /** Path inside the package as the installer would lay it out, `/`-separated, no leading `./`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

export type ArtifactKind = 'npm-tarball' | 'sdist' | 'wheel' | 'folder';

/**
 * What starts a piece of code. The kinds are the units the model reads (one unit an entry point).
 * `fallback` stands for an archive whose manifest is missing or leads nowhere.
 */
export type UnitKind =
  | 'lifecycle' // npm preinstall/install/postinstall/prepare…, with everything the command runs
  | 'gyp' // binding.gyp command expansions and actions
  | 'setup' // setup.py, setup.cfg
  | 'build-backend' // in-tree PEP 517 backend
  | 'pth' // .pth line run at interpreter start
  | 'import' // main/exports/module, __init__.py and top-level modules
  | 'bin' // bin entries, console scripts
  | 'remainder' // code no entry point reaches
  | 'fallback';

/** Where execution starts: either a file of the artifact, a shell command line, or inline code. */
export interface EntryPoint {
  readonly kind: UnitKind;
  readonly phase: Phase;
  /** What names it, for people: `package.json scripts.postinstall`, `setup.py`, `x.pth:1`. */
  readonly origin: string;
  /** File the origin stands in, for evidence (for `scripts.postinstall`: `package.json`). */
  readonly file: string;
  readonly line: number;
  readonly run:
    | { readonly type: 'file'; readonly path: string }
    | { readonly type: 'command'; readonly command: string; readonly cwd: string }
    | { readonly type: 'code'; readonly language: Language; readonly code: string };
}

export type Language = 'javascript' | 'python' | 'shell';

/** Closed list of reasons for `unverified`; documented in README. Add a row there with each code. */
export type UnverifiedCode =
  | 'too-large' // compressed or unpacked size, entries, nesting or ratio over the limit
  | 'damaged' // archive or manifest cannot be read as the installer would read it
  | 'ambiguous' // two readers would see different files
  | 'encrypted'
  | 'not-fetched'
  | 'integrity-mismatch'
  | 'git-source' // a git dependency that would need `prepare`, or cannot be fetched without running code
  | 'remote-source'
  | 'local-source'
  | 'scan-budget' // analysis stopped at its budget of steps or bytes
  | 'scan-failed' // a worker crashed or was killed on this artifact
  | 'unsupported-format';

export interface UnverifiedReason {
  readonly code: UnverifiedCode;
  /** Plain data for the sentence (`limit`, `size`, `file` …); the sentence itself belongs to reporters. */
  readonly args: Readonly<Record<string, string | number>>;
}

/** An archive opened in memory. Produced by `lib/artifact`, consumed by `lib/behavior`. */
export interface OpenedArtifact {
  readonly ecosystem: Ecosystem;
  readonly kind: ArtifactKind;
  /** From the artifact's own manifest; empty string when it has none. */
  readonly name: string;
  readonly version: string;
  /** SHA-512 SRI computed from the archive's bytes (for a folder: of its sorted files). */
  readonly integrity: string;
  /** Every regular file the installer would put on disk, sorted by path. */
  readonly files: ReadonlyMap<string, ArtifactFile>;
  readonly entryPoints: readonly EntryPoint[];
  /** Parsed package.json (npm), or the metadata fields of METADATA/PKG-INFO as a flat object (pypi). */
  readonly manifest: Readonly<Record<string, unknown>> | undefined;
  readonly findings: readonly Finding[];
  /** Present when the artifact could not be read in full. */
  readonly unverified?: UnverifiedReason;
}

/** One thing the code does, at one place. */
export interface Behavior {
  /** Names one row of the taxonomy (`lib/behavior/taxonomy.ts`). */
  readonly code: string;
  readonly phase: Phase;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 0-based. */
  readonly column: number;
  /** Words of the closed qualifier list of the taxonomy, sorted: destination class, data carried, `hidden`… */
  readonly qualifiers: readonly string[];
  /** Short excerpt or evaluated argument, at most 200 characters, NOT yet escaped for a terminal. */
  readonly detail: string;
}

/** The behaviours one entry point leads to, in the order they would run. */
export interface Unit {
  readonly kind: UnitKind;
  readonly phase: Phase;
  readonly origin: string;
  readonly behaviors: readonly Behavior[];
}

export interface BehaviorSequence {
  readonly taxonomy: string;
  readonly ecosystem: Ecosystem;
  /** install units first, then import, then runtime. */
  readonly units: readonly Unit[];
  /** Counts for reports and benches; no times, so that the same bytes give the same object. */
  readonly stats: {
    readonly filesParsed: number;
    readonly filesSkipped: number;
    readonly parseFailures: number;
    readonly opaqueFiles: number;
    readonly steps: number;
    readonly codeBytes: number;
  };
  /** Set when a budget ended the analysis early. */
  readonly incomplete?: UnverifiedReason;
}

/** A fact a policy can act on. `code` names it, `args` are data; its sentence belongs to the reporters. */
export interface Finding {
  readonly code: string;
  readonly phase: Phase;
  readonly file: string;
  readonly line: number;
  readonly args: Readonly<Record<string, string | number | readonly string[]>>;
}

export type VerdictKind = 'allow' | 'block' | 'unverified';

/** One behaviour and how much of the score it carries (share of log-odds, larger is more). */
export interface Evidence {
  readonly behavior: Behavior;
  readonly unit: string;
  readonly weight: number;
  /** Its place in the whole sequence, from 0: reports show evidence in running order. */
  readonly order: number;
}

/** Output of the model for one artifact. */
export interface Score {
  /** Probability that the artifact is malicious, 0 to 1. */
  readonly value: number;
  readonly threshold: number;
  readonly evidence: readonly Evidence[];
}

export interface Verdict {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  readonly verdict: VerdictKind;
  /** Undefined only when nothing could be scored (`unverified`). */
  readonly score?: number;
  readonly threshold?: number;
  readonly findings: readonly Finding[];
  readonly evidence: readonly Evidence[];
  readonly unverified?: UnverifiedReason;
  /** Why the policy changed the outcome, when it did (`exception`, `threshold`…). */
  readonly policy?: string;
  /** Set when `threshold` is the lower one for names that are new to their registry, and the score lies over it alone. */
  readonly newcomer?: {
    /** When the registry first had the name, ISO 8601, and how many whole days ago; negative in the future. */
    readonly firstPublished: string;
    readonly daysAgo: number;
  };
  /** An exception for it that does not hold (`exception-expired`, `exception-mismatch`), where `policy` is another reason. */
  readonly unmet?: string;
  readonly opaqueFiles: number;
  /** npm only, when the manifest could be read. */
  readonly installs?: InstallFacts;
  /** Read from an unpacked folder: `integrity` is of its files, not of what a registry serves. */
  readonly unpacked?: true;
  /** Only when the scanner was asked to keep it, for reports that draw it. */
  readonly sequence?: BehaviorSequence;
  readonly durationMs: number;
}

/** What npm acts on in a package's own manifest when it installs it. */
export interface InstallFacts {
  /** The manifest, without what only people read. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** Of the package's files: `binding.gyp`, and those under `directories.bin`. */
  readonly files: readonly string[];
}

/** What `lib/scan.ts` is given: bytes and the facts that stand outside them. */
export interface ScanInput {
  readonly ecosystem: Ecosystem;
  /** File name as served; decides nothing that magic bytes can decide. */
  readonly filename: string;
  readonly bytes: Uint8Array;
  /** Instead of `bytes` (then empty): an unpacked package, paths relative to its root. */
  readonly files?: readonly ArtifactFile[];
  /** `files` are what the install scripts, or the build, of a project itself lead to: these are the only entry points. */
  readonly ownScripts?: true;
  /** What the registry said of the package (`scripts`, `bin`, `dependencies`…), to find disagreement. */
  readonly registryManifest?: Readonly<Record<string, unknown>>;
  /** SRI the registry promised; checked. */
  readonly expectedIntegrity?: string;
  /** Where the bytes came from (registry or index address); absent for a file on disk. For the policy. */
  readonly registry?: string;
  /** When the registry says it was published, ISO 8601. For the policy's minimum release age. */
  readonly published?: string;
  /**
   * When the registry first had the *name*, ISO 8601; undefined where it does not say. Called only where the answer can
   * change the verdict, since it can cost a request; a rejection counts as no date.
   */
  readonly firstPublished?: () => Promise<string | undefined>;
}

/** The scanner as the guards see it. */
export type Scan = (input: ScanInput) => Promise<Verdict>;

/**
 * The verdict on bytes an earlier run has read, known by the SHA-512 SRI in `expectedIntegrity`; undefined when they must
 * be read. Whoever goes by it must hand on no other bytes than those.
 */
export type Recall = (
  input: Omit<ScanInput, 'bytes' | 'files'> & { readonly expectedIntegrity: string },
) => Promise<Verdict | undefined>;

/** The policy's word on what a guard itself could not read: an `unverified` verdict, allowed where it accepts that kind. */
export type Accept = (verdict: Verdict) => Promise<Verdict>;
