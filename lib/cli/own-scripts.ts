/**
 * The verdict on a project's own install scripts. Every script anybody ever cloned is somebody's own code, so all that is
 * honest passes in silence, as packages do; what is flagged or cannot be read stops the install before anything is
 * resolved, until the user has accepted exactly these scripts, by hash and place (`safe-install trust`): a file of the
 * project could accept itself.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { integrityOf } from '../artifact/integrity.js';
import { escapeText } from '../report/escape.js';
import type { PackageResult } from '../report/run.js';
import { styleOf } from '../report/style.js';
import { renderCards } from '../report/text.js';
import { type OwnScripts, ownBuilds, ownScripts } from '../scan/own-scripts.js';
import { findTool } from '../tools.js';
import type { Accept, Scan, Verdict } from '../types.js';
import { userFolders } from '../verdict/folders.js';
import { say } from './exit.js';
import { createServices } from './services.js';

/** Under the policy, and allowed where the user has accepted them, which is said. */
export async function judgeOwn(own: OwnScripts, scan: Scan, accept: Accept): Promise<Verdict> {
  const verdict = await verdictOn(own, scan, accept);
  if (verdict.verdict === 'allow' || !existsSync(markOf(own, verdict))) return verdict;
  const what = own.input.ecosystem === 'npm' ? 'install scripts' : 'build scripts';
  say(escapeText(`the ${what} of ${own.folder} are flagged; you have accepted them as they are`));
  return { ...verdict, verdict: 'allow' };
}

export async function verdictOn(own: OwnScripts, scan: Scan, accept: Accept): Promise<Verdict> {
  if (own.unverified === undefined) {
    const verdict = await scan(own.input);
    return verdict.name === '' ? { ...verdict, name: own.name, version: own.version } : verdict;
  }
  return accept({
    ecosystem: own.input.ecosystem,
    name: own.name,
    version: own.version,
    integrity: integrityOf(own.input),
    verdict: 'unverified',
    findings: [],
    evidence: [],
    unverified: own.unverified,
    opaqueFiles: 0,
    durationMs: 0,
  });
}

/**
 * Shows what is flagged of a project's install scripts and accepts it as it is now; any change of it, or another place,
 * needs a new acceptance. Returns how many folders have such scripts.
 */
export async function acceptOwnScripts(cwd: string): Promise<number> {
  const scripts = [...(await ownScripts(await foldersOf(cwd))), ...(await ownBuilds([cwd]))];
  if (scripts.length === 0) return 0;
  const services = createServices({ cwd, silent: true });
  const flagged: PackageResult[] = [];
  let fresh = 0;
  try {
    for (const own of scripts) {
      const verdict = await verdictOn(own, services.scan, services.accept);
      if (verdict.verdict === 'allow') continue;
      flagged.push({ target: own.name, verdict, own: own.folder });
      const mark = markOf(own, verdict);
      if (!existsSync(mark)) fresh++;
      mkdirSync(dirname(mark), { recursive: true, mode: 0o700 });
      writeFileSync(mark, `${own.folder}\n`, { mode: 0o600 });
    }
  } finally {
    await services.close();
  }
  if (flagged.length === 0) return 0;
  process.stderr.write(renderCards(flagged, styleOf('stderr')));
  say(fresh === 0 ? 'already accepted' : 'accepted as they stand now');
  return flagged.length;
}

/** The folders that npm, or else the project's own manager, would run scripts in. */
async function foldersOf(cwd: string): Promise<string[]> {
  const [{ findNpm }, { loadConfig }, { ownFolders }, { isManaged, packageFolders, projectRoot }] =
    await Promise.all([
      import('../npm/tool.js'),
      import('../npm/config.js'),
      import('../npm/own-folders.js'),
      import('../managers/project.js'),
    ]);
  const root = projectRoot(cwd);
  const others = isManaged(root) ? packageFolders(root) : [];
  if (findTool('npm') === undefined) return others;
  const tool = findNpm(process.env);
  const config = await loadConfig(tool, ['install'], cwd, process.env);
  return [...(await ownFolders(tool, config, { args: [] }, cwd)), ...others];
}

function markOf({ folder }: OwnScripts, { integrity }: Verdict): string {
  const id = createHash('sha256').update(`scripts\0${folder}\0${integrity}`).digest('hex');
  return join(userFolders().state, 'trusted', id);
}
