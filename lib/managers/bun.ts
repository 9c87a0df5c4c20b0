/**
 * Bun: before it installs anything it shows a configured security scanner all it is going to install, with addresses.
 * Its configuration is given one that hands this list to the gate, which fetches and judges it. Bun believes its cache
 * by name and version alone, so it is given an empty one.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'smol-toml';
import { KnownError } from '../errors.js';
import type { GateResponse } from '../gate/proxy.js';
import { type ScanningRegistry, unreadNpm } from '../gate/registry-scan.js';
import { forEachLimit } from '../npm/pool.js';
import type { Verdict } from '../types.js';
import type { BunAdvisory, BunPackage } from './bun-scanner.js';
import type { ManagerRun } from './guard.js';
import type { Session } from './session.js';

const CONCURRENCY = 12;

export async function runBun(run: ManagerRun): Promise<number> {
  const { session, argv, cwd, invocation } = run;
  if (argv.some((word) => word === '-i' || word === '--interactive')) {
    throw new KnownError(
      'interactive',
      'bun update --interactive is not guarded: name the packages to update',
      2,
    );
  }
  const { rest, base } = configuration(argv, cwd);
  const bunfig = path.join(session.folder, 'bunfig.toml');
  writeFileSync(bunfig, withScanner(base));
  let asked = false;
  session.onReport = async (body) => {
    asked = true;
    return answer(session, body);
  };
  const at = invocation.commandAt - (argv.length - rest.length);
  const env = { BUN_INSTALL_CACHE_DIR: path.join(session.folder, 'cache') };
  const withConfig = [...rest.slice(0, at + 1), `--config=${bunfig}`, ...rest.slice(at + 1)];
  const exitCode = await session.run(withConfig, { cwd: session.options.cwd, env });
  if (exitCode === 0 && !asked && session.results.length > 0) {
    throw new KnownError(
      'scanner-not-asked',
      'bun did not ask the scanner it was given; see what it installed',
    );
  }
  return exitCode;
}

/** The user's own `--config`, taken out of the arguments, and what it or the project's bunfig.toml says. */
function configuration(argv: readonly string[], cwd: string): { rest: string[]; base: string } {
  let file = path.join(cwd, 'bunfig.toml');
  const rest = argv.filter((word) => {
    const own = /^(?:-c|--config)=(.+)$/.exec(word)?.[1];
    if (own !== undefined) file = path.resolve(cwd, own);
    return own === undefined;
  });
  return { rest, base: existsSync(file) ? readFileSync(file, 'utf8') : '' };
}

function withScanner(text: string): string {
  const config = parse(text) as Record<string, Record<string, unknown> | undefined>;
  const scanner = fileURLToPath(new URL('./bun-scanner.js', import.meta.url));
  const security = { ...(config.install?.security as object | undefined), scanner };
  return stringify({ ...config, install: { ...config.install, security } });
}

async function answer(session: Session, body: Buffer): Promise<GateResponse> {
  const packages = JSON.parse(body.toString('utf8')) as readonly BunPackage[];
  const advisories = await advisoriesFor(session.registry, packages);
  if (advisories.length === 0) session.judged = true;
  return { status: 200, body: JSON.stringify(advisories) };
}

/** Fetches and judges what Bun is going to install; one advisory for each package that may not be. */
export async function advisoriesFor(
  registry: ScanningRegistry,
  packages: readonly BunPackage[],
  /** Reads an archive of this machine; without it those were read before. */
  judgeFile?: (file: string) => Promise<Verdict>,
): Promise<BunAdvisory[]> {
  const advisories: BunAdvisory[] = [];
  await forEachLimit([...packages], CONCURRENCY, async ({ name, version, tarball, requestedRange }) => {
    let verdict: Verdict;
    if (/^https?:/.test(tarball)) verdict = await registry.judge(tarball);
    else if (judgeFile !== undefined && /\.(?:tgz|tar\.gz)$/.test(tarball || requestedRange)) {
      verdict = await judgeFile((tarball || requestedRange).replace(/^file:/, ''));
      registry.record(`${name}@${version}`, verdict);
    }
    // The user's own folders.
    else if (tarball !== '' || /^(?:workspace|link|file):|^\.{0,2}\//.test(requestedRange)) return;
    else {
      verdict = unreadNpm({ code: 'git-source', args: { spec: requestedRange } }, name, version);
      registry.record(`${name}@${requestedRange}`, verdict);
    }
    if (verdict.verdict === 'allow') return;
    advisories.push({
      level: 'fatal',
      package: name,
      url: null,
      description: `safe-install: ${verdict.verdict}`,
    });
  });
  return advisories;
}
