/** `npm rebuild` runs the scripts of what is on disk, so what is on disk is scanned, not what a registry has. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../errors.js';
import { outcomeOf } from '../guard.js';
import { expandTargets, type TargetItem } from '../scan/targets.js';
import type { Verdict } from '../types.js';
import type { Invocation } from './argv.js';
import type { NpmConfig } from './config.js';
import { type GuardOptions, NOTHING, type Outcome, type ScannedPackage } from './guard.js';
import { forEachLimit } from './pool.js';
import { runPlain } from './run.js';
import type { NpmTool } from './tool.js';

const CONCURRENCY = 4;

/** Reads every package below a folder's `node_modules`, as it is on disk. */
export async function scanDisk(
  folder: string,
  options: Pick<GuardOptions, 'cwd' | 'env' | 'scan' | 'accept'>,
): Promise<ScannedPackage[]> {
  const items: TargetItem[] = [];
  if (existsSync(path.join(folder, 'node_modules'))) {
    for await (const item of expandTargets([folder], { cwd: options.cwd, env: options.env }))
      items.push(item);
  }
  const packages: ScannedPackage[] = [];
  await forEachLimit(items, CONCURRENCY, async (item) => {
    const loaded = await item.load();
    const found: Verdict =
      loaded.input !== undefined
        ? await options.scan(loaded.input)
        : {
            ecosystem: 'npm',
            name: item.name,
            version: item.version,
            integrity: '',
            verdict: 'unverified',
            findings: [],
            evidence: [],
            unverified: loaded.unverified,
            opaqueFiles: 0,
            durationMs: 0,
          };
    const verdict = (await options.accept?.(found)) ?? found;
    const target = `${verdict.name || item.name}@${verdict.version || item.version}`;
    packages.push({ target, verdict, path: [path.basename(folder), target] });
  });
  return packages;
}

/** What packages on disk come to; undefined when all are allowed. */
export function refusalOf(packages: readonly ScannedPackage[], durationMs: number): Outcome | undefined {
  const decision = { ...NOTHING, packages, durationMs };
  const outcome = outcomeOf(packages.map(({ verdict }) => verdict));
  if (outcome === 'blocked') return { kind: 'blocked', exitCode: EXIT.blocked, decision };
  if (outcome === 'unverified') return { kind: 'unverified', exitCode: EXIT.unverified, decision };
  return undefined;
}

export async function guardRebuild(
  tool: NpmTool,
  config: NpmConfig,
  invocation: Invocation,
  options: GuardOptions,
): Promise<Outcome> {
  const started = performance.now();
  const packages = await scanDisk(config.where, options);
  const durationMs = performance.now() - started;
  options.onDecision?.({ ...NOTHING, packages, durationMs });
  const refusal = refusalOf(packages, durationMs);
  if (refusal !== undefined) return refusal;
  const { exitCode } = await runPlain(tool, invocation.argv, options.cwd, options.env).done;
  return { kind: 'ran', exitCode, decision: { ...NOTHING, packages, durationMs } };
}
