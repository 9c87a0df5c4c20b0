/**
 * `npm run bench`: prepares, measures and prints what a guard costs, as ratios within this one run.
 *
 *   npm run bench -- [--rows install,scan,pip,hard,growth] [--runs 3] [--spec ember-cli@6.6.0] [--warm]
 *                    [--npm FOLDER] [--pypi FOLDER] [--count 300] [--guarddog PYTHON] [--keep]
 *
 * --npm, --pypi: folders of archives for the scan rows; without --npm those of the tree just installed are taken.
 * --warm: no cold installs after the first. Installs come from the configured registry and run the packages' scripts.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { benchGuardDog } from './guarddog.js';
import { benchLargest, benchSlow } from './hard.js';
import { benchInstalls, createWorld } from './npm-installs.js';
import { benchPip } from './pip-installs.js';
import { archivesIn, benchCache, benchGrowth, benchScan, profile } from './scans.js';
import { printTable, say } from './table.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'install,scan,pip,hard,growth' },
    runs: { type: 'string', default: '3' },
    spec: { type: 'string', default: 'ember-cli@6.6.0' },
    warm: { type: 'boolean', default: false },
    npm: { type: 'string' },
    pypi: { type: 'string' },
    count: { type: 'string', default: '300' },
    guarddog: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const wants = new Set(values.rows.split(','));
const runs = Number(values.runs);
const count = Number(values.count);
const world = createWorld();
try {
  let cache: string | undefined;
  if (wants.has('install'))
    cache = await benchInstalls(world, { spec: values.spec, runs, cold: !values.warm });
  const npm = values.npm ?? (cache && (await tarballsOf(cache, path.join(world.root, 'tarballs'))));
  // The scanner of this process keeps its scores apart too.
  process.env.XDG_CACHE_HOME = `${world.scores}-scan`;
  if (wants.has('scan')) {
    if (npm === undefined)
      say('\nscan of npm packages: skipped, give a folder with --npm or run the install rows');
    else await scanRow('popular npm trees', '≥ 100 a second', npm);
    if (values.pypi === undefined) say('\nscan of wheels and sdists: skipped, give a folder with --pypi');
    else await scanRow('popular wheels and sdists', '≥ 10 × GuardDog', values.pypi);
  }
  if (wants.has('growth') && npm !== undefined) {
    await benchGrowth(await archivesIn(npm, 3000), [10, 100, 1000, 3000]);
  }
  if (wants.has('pip')) await benchPip(world, runs);
  if (wants.has('hard')) {
    await benchLargest(cache ?? path.join(world.root, 'npm-ours'));
    await benchSlow();
  }
  printTable();
} finally {
  if (values.keep) say(`\nkept: ${world.root}`);
  else rmSync(world.root, { recursive: true, force: true });
}
// The classifier of the profile stays open.
process.exit();

async function scanRow(what: string, target: string, folder: string): Promise<void> {
  const archives = await archivesIn(folder, count);
  const ours = await benchScan(what, target, archives, runs);
  await profile(archives);
  await benchCache(archives);
  await benchGuardDog(what, values.guarddog, archives, ours);
}

/** The tarballs of an npm cache as files. */
async function tarballsOf(cache: string, folder: string): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('@npmcli/arborist'));
  const cacache = require('cacache') as {
    ls(cache: string): Promise<Record<string, { key: string; integrity: string }>>;
    get: { byDigest(cache: string, integrity: string): Promise<Buffer> };
  };
  mkdirSync(folder, { recursive: true });
  const place = path.join(cache, '_cacache');
  for (const { key, integrity } of Object.values(await cacache.ls(place))) {
    if (!/\.tgz$/.test(key) || !key.startsWith('make-fetch-happen:')) continue;
    writeFileSync(path.join(folder, path.posix.basename(key)), await cacache.get.byDigest(place, integrity));
  }
  return folder;
}
