/** What the command line lends a guard: one scanner, the policy in force, words, and the record of the run. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Progress } from '../report/progress.js';
import { type PackageResult, type Run, summarize } from '../report/run.js';
import type { Scanner } from '../scan.js';
import type { Accept, Recall, Scan, UnverifiedReason, Verdict } from '../types.js';
import type { Policy } from '../verdict/policy.js';

export interface Services {
  /**
   * The scanner under the policy in force. It loads the model and the parsers at its first call, so that a command
   * with nothing to scan does not pay for them.
   */
  readonly scan: Scan;
  /** The same scanner's verdict on bytes it read in an earlier run. */
  readonly recall: Recall;
  readonly accept: Accept;
  /** `verdictIdentity` under the policy in force. */
  readonly identity: () => Promise<string | undefined>;
  /** Says what of the policy does not take effect, before anything is resolved; the report then does not say it again. */
  readonly announce: () => Promise<void>;
  /** Prints the cards and the one line. To be called once, when the verdicts on everything are known. */
  readonly report: (packages: readonly PackageResult[]) => Promise<void>;
  /** The same without waiting, for a caller that cannot; false when nothing was scanned, and nothing is printed. */
  readonly reportNow: (packages: readonly PackageResult[]) => boolean;
  /** What was reported; undefined when nothing was. */
  readonly run: () => Run | undefined;
  /** Ends the scanner's threads and finishes its cache. Must be awaited before the command ends; may be called twice. */
  readonly close: () => Promise<void>;
}

export interface ServiceOptions {
  readonly cwd: string;
  /** Neither progress nor the line of success; what blocks is always said. */
  readonly silent: boolean;
}

/** Everything a scan needs, loaded at the first one. */
export interface Opened {
  readonly scanner: Scanner;
  readonly policy: Policy;
  readonly tool: Run['tool'];
  readonly progress: Progress;
  readonly print: (run: Run) => void;
}

/** Loads nothing until it is used. */
export function createServices({ cwd, silent }: ServiceOptions): Services {
  const start = performance.now();
  let opening: Promise<Opened> | undefined;
  let opened: Opened | undefined;
  let run: Run | undefined;

  const open = (): Promise<Opened> => {
    opening ??= openAll(cwd, silent).then((all) => {
      opened = all;
      return all;
    });
    return opening;
  };

  let announced = false;
  const announce = async (): Promise<void> => {
    // Reading a policy costs more than all else that is done before npm starts; most projects have none.
    if (!mayHavePolicy(cwd)) return;
    const [{ loadPolicy }, { noticeWords }, { escapeText }, { say }] = await Promise.all([
      import('../verdict/policy.js'),
      import('../report/messages.js'),
      import('../report/escape.js'),
      import('./exit.js'),
    ]);
    for (const notice of loadPolicy(cwd).notices) say(escapeText(`policy: ${noticeWords(notice)}`));
    announced = true;
  };
  let read = 0;
  const told = ({ progress }: Opened, verdict: Verdict): Verdict => {
    progress.update('read', ++read, undefined, `${verdict.name}@${verdict.version}`);
    return verdict;
  };
  const scan: Scan = async (input) => {
    const all = await open();
    const verdict = await all.scanner.scan(input);
    return input.ownScripts ? verdict : told(all, verdict);
  };
  const recall: Recall = async (input) => {
    const all = await open();
    const verdict = await all.scanner.recall(input);
    return verdict && told(all, verdict);
  };
  const accept: Accept = async (verdict) => {
    const { policy } = await open();
    const { acceptUnread } = await import('../verdict/decide.js');
    return acceptUnread(verdict, policy);
  };
  const reportNow = (packages: readonly PackageResult[]): boolean => {
    if (opened === undefined) return false;
    opened.progress.clear();
    const { tool, policy, print } = opened;
    const notices = announced ? [] : policy.notices;
    run = { tool, packages, notices, durationMs: performance.now() - start };
    print(run);
    return true;
  };
  return {
    scan,
    recall,
    accept,
    identity: async () => {
      const { policy } = await open();
      const { verdictIdentity } = await import('../scan.js');
      return verdictIdentity(policy);
    },
    announce,
    reportNow,
    report: async (packages) => {
      await open();
      reportNow(packages);
    },
    run: () => run,
    close: async () => {
      opened?.progress.clear();
      await (await opening?.catch(() => undefined))?.scanner.close();
    },
  };
}

/** Whether a file that can hold a policy of the project is there. */
function mayHavePolicy(cwd: string): boolean {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'safe-install.json'))) return true;
    try {
      if (/"safe-install"\s*:/.test(readFileSync(join(folder, 'package.json'), 'utf8'))) return true;
    } catch {
      // None here.
    }
    if (dirname(folder) === folder || existsSync(join(folder, '.git'))) return false;
  }
}

/** Opens policy, scanner and reporter. A malformed policy or a missing model ends here, before anything is fetched. */
async function openAll(cwd: string, silent: boolean): Promise<Opened> {
  const { loadPolicy } = await import('../verdict/policy.js');
  const policy = loadPolicy(cwd);
  const [{ createScanner }, { createProgress }, { renderText }, { styleOf }] = await Promise.all([
    import('../scan.js'),
    import('../report/progress.js'),
    import('../report/text.js'),
    import('../report/style.js'),
  ]);
  const print = (run: Run): void => {
    const { blocked, unverified } = summarize(run.packages);
    if (silent && blocked + unverified === 0) return;
    process.stderr.write(renderText(run, styleOf('stderr'), 'install'));
  };
  return {
    policy,
    print,
    tool: await describeTool(),
    progress: createProgress({ silent }),
    scanner: await createScanner({ policy, cache: true }),
  };
}

/** Versions and threshold as reports name them. Throws `KnownError` (102) when the model is missing. */
export async function describeTool(): Promise<Run['tool']> {
  const { toolVersion } = await import('../report/output.js');
  const { loadModelConfig } = await import('../classifier/config.js');
  const { version, threshold } = loadModelConfig();
  return { version: toolVersion(), model: version, threshold };
}

/** The verdict on what has no bytes: unverified for its reason, unless the policy accepts that kind. */
export async function unreadVerdict(
  about: Pick<Verdict, 'ecosystem' | 'name' | 'version'> & { readonly reason: UnverifiedReason },
  policy: Policy,
): Promise<Verdict> {
  const { decide } = await import('../verdict/decide.js');
  const { ecosystem, name, version, reason } = about;
  const facts = { ecosystem, name, version, integrity: '', findings: [], opaqueFiles: 0, durationMs: 0 };
  return decide({ ...facts, unverified: reason }, policy, Date.now());
}
