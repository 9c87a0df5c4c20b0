import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { initProject, inspectProject, removeProjectHook } from '../../lib/setup/project.js';

describe('project hook', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'hook-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const at = (name: string) => path.join(folder, name);
  const manifests: readonly [string, string][] = [
    ['an empty object', '{}'],
    ['an empty object with a newline', '{}\n'],
    ['no scripts', '{\n  "name": "x",\n  "version": "1.0.0"\n}\n'],
    ['empty scripts', '{\n  "name": "x",\n  "scripts": {}\n}\n'],
    ['scripts with two spaces', '{\n  "scripts": {\n    "test": "mocha"\n  }\n}\n'],
    ['scripts with tabs and no final newline', '{\n\t"scripts": {\n\t\t"test": "mocha"\n\t}\n}'],
    ['Windows line ends', '{\r\n  "scripts": {\r\n    "test": "mocha"\r\n  }\r\n}\r\n'],
    ['one line', '{"name":"x","scripts":{"test":"mocha"}}'],
    ['a preinstall of its own', '{\n  "scripts": { "preinstall": "node a.js && b", "test": "x" }\n}\n'],
    ['a private project', '{\n  "private": true,\n  "scripts": {\n    "test": "mocha"\n  }\n}\n'],
    ['a private project with a preinstall', '{ "private": true, "scripts": { "preinstall": "x" } }'],
    ['a prepare of its own', '{\n    "scripts": {\n        "prepare": "husky"\n    }\n}'],
    ['a preinstall with escapes', '{ "scripts": { "preinstall": "node -e \\"1\\"" } }'],
  ];
  for (const [name, text] of manifests) {
    it(`keeps what stands and restores every byte: ${name}`, () => {
      writeFileSync(at('package.json'), text);
      assert.deepEqual(initProject(folder, { strict: false }), [at('package.json'), at('.npmrc')]);
      const changed = JSON.parse(readFileSync(at('package.json'), 'utf8'));
      const before = JSON.parse(text);
      // A published package's preinstall would run at its users.
      const script = before.private ? 'preinstall' : 'prepare';
      const own = before.scripts?.[script];
      assert.deepEqual(changed, {
        ...before,
        scripts: { ...before.scripts, [script]: own ? `safe-install hook && ${own}` : 'safe-install hook' },
      });
      assert.deepEqual(inspectProject(folder), { script: true, scriptShell: true, strict: false });
      assert.deepEqual(initProject(folder, { strict: false }), [], 'a second run changes nothing');
      removeProjectHook(folder);
      assert.equal(readFileSync(at('package.json'), 'utf8'), text);
      assert.equal(existsSync(at('.npmrc')), false);
    });
  }

  for (const rc of [
    'registry=https://registry.invalid/\n',
    '# mine\nsave-exact=true',
    'a=1\r\nb=2\r\n',
    '',
  ]) {
    it(`keeps the lines of .npmrc: ${JSON.stringify(rc)}`, () => {
      writeFileSync(at('package.json'), '{}');
      writeFileSync(at('.npmrc'), rc);
      initProject(folder, { strict: true });
      assert.ok(readFileSync(at('.npmrc'), 'utf8').startsWith(rc));
      assert.equal(inspectProject(folder)?.strict, true);
      initProject(folder, { strict: false });
      assert.equal(
        inspectProject(folder)?.strict,
        false,
        'init without --strict takes the registry out again',
      );
      removeProjectHook(folder);
      assert.equal(readFileSync(at('.npmrc'), 'utf8'), rc);
    });
  }

  it('refuses, with nothing changed, a project that has its own script-shell', () => {
    writeFileSync(at('package.json'), '{}');
    writeFileSync(at('.npmrc'), 'script-shell=/bin/zsh\n');
    assert.throws(() => initProject(folder, { strict: false }), { code: 'script-shell-taken', exitCode: 2 });
    assert.equal(readFileSync(at('package.json'), 'utf8'), '{}');
    assert.equal(readFileSync(at('.npmrc'), 'utf8'), 'script-shell=/bin/zsh\n');
  });

  it('names what is missing', () => {
    assert.throws(() => initProject(folder, { strict: false }), /no package\.json in/);
    writeFileSync(at('package.json'), '{ "scripts": ');
    assert.throws(() => initProject(folder, { strict: false }), /not valid JSON/);
  });
});
