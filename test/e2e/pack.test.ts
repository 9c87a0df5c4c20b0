/**
 * What is published holds everything it needs: packed, installed without install scripts into an empty prefix, and run
 * from an empty folder. Dependencies come from the registry npm is configured for.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../cli/run.js';

/** Compressed size of the package itself, in bytes; its dependencies are not in it. */
const MOST_BYTES = 12 * 1024 * 1024;

describe('the published package', function () {
  this.timeout(600_000);
  let root: string;
  before(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'safe-install-pack-')));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const run = (command: string, argv: readonly string[], cwd: string) => {
    const env = { ...process.env, XDG_CACHE_HOME: join(root, 'cache'), XDG_STATE_HOME: join(root, 'state') };
    const { status, stdout, stderr } = spawnSync(command, argv, { cwd, env, encoding: 'utf8' });
    assert.equal(status, 0, `${command} ${argv.join(' ')}: ${stderr}`);
    return stdout;
  };

  it('installs globally without install scripts and scans in an empty folder elsewhere', () => {
    // Without scripts: packing would otherwise build anew under the feet of these very tests.
    const argv = ['pack', '--ignore-scripts', '--json', '--pack-destination', root];
    const [packed] = JSON.parse(run('npm', argv, ROOT)) as { filename: string; files: { path: string }[] }[];
    const archive = join(root, packed!.filename);
    assert(statSync(archive).size < MOST_BYTES, `${statSync(archive).size} bytes`);
    const paths = packed!.files.map(({ path }) => path);
    for (const needed of ['model/config.json', 'lib/report/report.schema.json', 'dist/lib/scan/worker.js']) {
      assert(paths.includes(needed), `${needed} is not packed`);
    }
    assert.deepEqual(
      paths.filter((path) => /^(test|dist\/test|model\/(training|data))\//.test(path)),
      [],
    );

    const prefix = join(root, 'prefix');
    mkdirSync(prefix);
    run(
      'npm',
      ['install', '--global', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', prefix, archive],
      root,
    );

    const elsewhere = join(root, 'elsewhere');
    mkdirSync(join(elsewhere, 'honest'), { recursive: true });
    writeFileSync(
      join(elsewhere, 'honest', 'package.json'),
      '{"name":"honest","version":"1.0.0","main":"index.js"}',
    );
    writeFileSync(join(elsewhere, 'honest', 'index.js'), 'module.exports = (a, b) => a + b;\n');
    const command = join(prefix, 'bin', 'safe-install');
    assert.match(run(command, ['--version'], elsewhere), /^\d+\.\d+\.\d+/);
    const report = JSON.parse(run(command, ['scan', 'honest', '--format', 'json'], elsewhere));
    assert.equal(report.packages[0].verdict, 'allow');
    assert.equal(report.packages[0].name, 'honest');

    const library = join(prefix, 'lib', 'node_modules', 'safe-install', 'dist', 'lib', 'index.js');
    writeFileSync(
      join(elsewhere, 'use.mjs'),
      `import { createScanner } from ${JSON.stringify(library)};
const scanner = await createScanner();
const files = [{ path: 'package.json', bytes: Buffer.from('{"name":"x","version":"1.0.0"}'), executable: false }];
const { verdict } = await scanner.scan({ ecosystem: 'npm', filename: 'x', bytes: new Uint8Array(), files });
await scanner.close();
console.log(verdict);`,
    );
    assert.equal(run(process.execPath, ['use.mjs'], elsewhere), 'allow\n');
  });
});
