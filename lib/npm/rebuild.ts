/** `npm rebuild` runs the scripts of what is on disk, so what is on disk is scanned, not what a registry has. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expandTargets, type TargetItem } from '../scan/targets.js';
import type { Verdict } from '../types.js';
import type { Invocation } from './argv.js';
import type { NpmConfig } from './config.js';
import { type GuardOptions, NOTHING, type Outcome, type ScannedPackage } from './guard.js';
import { forEachLimit } from './pool.js';
import { runPlain } from './run.js';
import type { NpmTool } from './tool.js';

const CONCURRENCY = 4;

export async function guardRebuild(
  tool: NpmTool,
  config: NpmConfig,
  invocation: Invocation,
  options: GuardOptions,
): Promise<Outcome> {
  const started = performance.now();
  const items: TargetItem[] = [];
  if (existsSync(path.join(config.where, 'node_modules'))) {
    for await (const item of expandTargets([config.where], { cwd: options.cwd, env: options.env }))
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
    packages.push({ target, verdict, path: [path.basename(config.where), target] });
  });
  const decision = { ...NOTHING, packages, durationMs: performance.now() - started };
  options.onDecision?.(decision);
  const verdicts = packages.map(({ verdict }) => verdict.verdict);
  if (verdicts.includes('block')) return { kind: 'blocked', exitCode: 100, decision };
  if (verdicts.includes('unverified')) return { kind: 'unverified', exitCode: 101, decision };
  const { exitCode } = await runPlain(tool, invocation.argv, options.cwd, options.env).done;
  return { kind: 'ran', exitCode, decision };
}
