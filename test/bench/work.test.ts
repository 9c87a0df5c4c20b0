/** Gross regressions of speed, found by counting work rather than seconds: files parsed, runs of the model, bytes fetched. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { openClassifier } from '../../lib/classifier/classify.js';
import { TestRegistry } from '../helpers/registry.js';
import { Sandbox } from '../helpers/sandbox.js';
import { packageTarball } from '../helpers/tarball.js';

const BIN = fileURLToPath(new URL('../../../bin/safe-install.js', import.meta.url));

describe('work done for a package', () => {
  const reading = async (files: Record<string, string>) => {
    const bytes = packageTarball({ name: 'x', version: '1.0.0', main: 'index.js' }, files);
    return buildSequence(await openArtifact({ ecosystem: 'npm', filename: 'x-1.0.0.tgz', bytes }));
  };

  it('parses each file of code once, and nothing else', async () => {
    const files: Record<string, string> = { 'index.js': '', 'data.json': '{"a": 1}', 'README.md': '# x' };
    for (let at = 0; at < 60; at++) {
      files[`lib/${at}.js`] = `exports.f = () => require('./${(at * 7) % 60}.js');\n`;
      files['index.js'] += `require('./lib/${at}.js').f(); require('./lib/${(at + 1) % 60}.js');\n`;
    }
    const { stats } = await reading(files);
    ok(stats.filesParsed <= 61, `${stats.filesParsed} files parsed`);
  });

  it('takes steps in proportion to the code', async () => {
    const code = (count: number) =>
      Array.from(
        { length: count },
        (_, at) => `exports.f${at} = (a) => require('fs').readFileSync(a + ${at});`,
      ).join('\n');
    const small = (await reading({ 'index.js': code(100) })).stats.steps;
    const large = (await reading({ 'index.js': code(1000) })).stats.steps;
    ok(small > 0 && large < small * 15, `${small} steps, ten times the code: ${large}`);
  });

  it('runs the model once for each distinct window, however many packages hold it', async () => {
    const classifier = await openClassifier();
    const { run } = classifier.model;
    let runs = 0;
    Object.assign(classifier.model, {
      run: (ids: readonly number[]) => {
        runs++;
        return run(ids);
      },
    });
    const files = { 'index.js': 'require("child_process").exec("ls"); fetch("https://a.invalid/");' };
    const one = await reading(files);
    const first = await classifier.score(one);
    const needed = runs;
    ok(needed >= 1 && needed <= one.units.length, `${needed} runs for ${one.units.length} units`);
    // The same code under other names, as copies in a tree have it.
    deepEqual(await classifier.score(await reading({ ...files, 'README.md': 'other bytes' })), first);
    equal(runs, needed);
    await classifier.model.close();
  });
});

describe('work done for an install', function () {
  this.timeout(300_000);
  let registry: TestRegistry;
  let box: Sandbox;

  beforeEach(async () => {
    registry = await new TestRegistry().start();
    box = new Sandbox(`registry=${registry.url}`);
  });
  afterEach(async () => {
    box.remove();
    await registry.stop();
  });

  const install = async (folder: string, argv: readonly string[]): Promise<string> => {
    const env = {
      ...box.environment(),
      XDG_CACHE_HOME: path.join(box.root, 'xdg'),
      XDG_STATE_HOME: path.join(box.root, 'state'),
    };
    const child = spawn(process.execPath, [BIN, 'install', ...argv], { cwd: folder, env });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    const code = await new Promise((resolve) => child.once('close', resolve));
    equal(code, 0, text);
    return text;
  };
  const asked = () => {
    const paths = registry.requests.map((request) => request.path);
    registry.requests.length = 0;
    return {
      tarballs: paths.filter((file) => file.endsWith('.tgz')),
      others: paths.filter((file) => !file.endsWith('.tgz')),
    };
  };

  it('fetches each archive once, none that is in the cache, and nothing at all when all is in place', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `p${at}`);
    for (const [at, name] of names.entries()) {
      const next = names[at + 1];
      registry.publish(
        {
          name,
          version: '1.0.0',
          main: 'index.js',
          ...(next !== undefined && { dependencies: { [next]: '^1.0.0' } }),
        },
        { files: { 'index.js': `exports.${name} = require('fs').readFileSync('${name}');` } },
      );
    }
    const cold = box.project('cold');
    await install(cold, ['p0']);
    const first = asked();
    equal(first.tarballs.length, names.length);
    equal(new Set(first.tarballs).size, names.length);
    ok(first.others.length <= names.length, `${first.others.length} packuments for ${names.length} packages`);

    const scores = (): number =>
      fs
        .readdirSync(path.join(box.root, 'xdg/safe-install/scores'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile()).length;
    equal(scores(), names.length);
    const warm = box.project('warm');
    await install(warm, ['p0']);
    deepEqual(asked().tarballs, []);

    // A lockfile says nothing of what packuments said: what was read beside them is known all the same.
    fs.rmSync(path.join(warm, 'node_modules'), { recursive: true });
    await install(warm, []);
    equal(scores(), names.length);
    asked();

    await install(warm, []);
    deepEqual(asked(), { tarballs: [], others: [] });

    // What is missing comes back, through the scan.
    fs.rmSync(path.join(warm, 'node_modules/p3'), { recursive: true });
    await install(warm, []);
    ok(fs.existsSync(path.join(warm, 'node_modules/p3/package.json')));
  });
});
