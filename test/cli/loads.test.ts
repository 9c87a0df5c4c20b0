/** Start-up: what a command does not need is not loaded. Counted in modules, not in milliseconds. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Sandbox, sandbox } from './run.js';

describe('cli start-up', () => {
  let box: Sandbox;
  beforeEach(() => {
    box = sandbox();
  });
  afterEach(() => box.remove());

  /** Addresses of the modules a command line loads. */
  function loaded(argv: readonly string[]): string[] {
    const list = join(box.root, 'loaded.txt');
    rmSync(list, { force: true });
    const hooks = `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context); }`;
    writeFileSync(join(box.root, 'hooks.mjs'), hooks);
    writeFileSync(
      join(box.root, 'register.mjs'),
      `import { appendFileSync } from 'node:fs';
import Module, { register } from 'node:module';
// Only the first process: what it starts loads what it likes.
if (process.env.LISTED === undefined) {
  process.env.LISTED = '1';
  register(${JSON.stringify(pathToFileURL(join(box.root, 'hooks.mjs')).href)});
  process.on('exit', () => appendFileSync(${JSON.stringify(list)}, Object.keys(Module._cache).join('\\n') + '\\n'));
}`,
    );
    const { code, stderr } = box.run(argv, {
      env: { NODE_OPTIONS: `--import=${pathToFileURL(join(box.root, 'register.mjs')).href}` },
    });
    assert.equal(code, 0, stderr);
    assert(existsSync(list));
    return readFileSync(list, 'utf8').split('\n');
  }
  const COSTLY = /onnxruntime|@babel|node_modules\/acorn|tree-sitter|\/lib\/scan\.js|\/lib\/behavior\//;

  it('--help and --version load a handful of small files', () => {
    for (const option of ['--help', '--version']) {
      const modules = loaded([option]).filter((url) => url.startsWith('file:'));
      assert(modules.length < 12, modules.join('\n'));
      assert.equal(
        modules.find((url) => COSTLY.test(url) || url.includes('node_modules')),
        undefined,
      );
    }
  });
  it('what installs nothing loads neither model nor parser', () => {
    assert.equal(
      loaded(['npm', '--version']).find((url) => COSTLY.test(url)),
      undefined,
    );
  });
  it('an install with nothing to do loads neither model nor parser', () => {
    writeFileSync(join(box.project, 'package.json'), '{"name":"app","version":"1.0.0"}');
    mkdirSync(join(box.root, 'home'));
    const modules = loaded([]);
    assert(modules.some((url) => url.endsWith('/lib/npm/guard.js')));
    assert.equal(
      modules.find((url) => COSTLY.test(url)),
      undefined,
    );
  });
  it('an install with everything in place loads no resolver either', () => {
    const manifest = { name: 'app', version: '1.0.0' };
    const lock = { ...manifest, lockfileVersion: 3, requires: true, packages: { '': manifest } };
    writeFileSync(join(box.project, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(box.project, 'package-lock.json'), JSON.stringify(lock));
    mkdirSync(join(box.root, 'home'));
    mkdirSync(join(box.project, 'node_modules'));
    const record = { ...lock, packages: {} };
    writeFileSync(join(box.project, 'node_modules', '.package-lock.json'), JSON.stringify(record));
    const resolving = /arborist|pacote|make-fetch-happen|cacache|node_modules\/tar\//;
    const modules = loaded([]);
    assert.equal(
      modules.find((url) => COSTLY.test(url) || resolving.test(url)),
      undefined,
    );
    // Without npm's own record the resolver is asked, so that this test can fail.
    rmSync(join(box.project, 'node_modules'), { recursive: true });
    assert(loaded([]).some((url) => resolving.test(url)));
  });
  it('only a watch loads its database, and only when it has something to do', () => {
    writeFileSync(join(box.project, 'package.json'), '{"name":"app","version":"1.0.0"}');
    const database = /node_modules\/libsql/;
    for (const argv of [['scan', '.'], ['log'], ['watch', '--help']])
      assert.equal(
        loaded(argv).find((url) => database.test(url)),
        undefined,
        argv.join(' '),
      );
    assert(loaded(['watch', 'status']).some((url) => database.test(url)));
  });
  it('a scan does load the scanner, so that these tests can fail', () => {
    writeFileSync(join(box.project, 'package.json'), '{"name":"app","version":"1.0.0"}');
    assert(loaded(['scan', '.']).some((url) => COSTLY.test(url)));
  });
});
