import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeFingerprint } from '../../lib/scan/fingerprint.js';

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));

describe('scan/fingerprint', () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'safe-install-code-'));
    cpSync(LIB, copy, { recursive: true });
  });
  afterEach(() => rmSync(copy, { recursive: true, force: true }));
  const version = (name: string) => `${name} 1.0.0`;

  it('is the same for the same code, wherever it is installed', () => {
    assert.equal(codeFingerprint(copy, version), codeFingerprint(LIB, version));
  });

  for (const folder of ['artifact', 'behavior', 'classifier']) {
    it(`changes with the files of lib/${folder}`, () => {
      const before = codeFingerprint(copy, version);
      const names = readdirSync(join(copy, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.js'))
        .sort((a, b) => a.split('/').length - b.split('/').length);
      // The least and the most deeply nested one, and one between.
      for (const name of [names[0]!, names[names.length >> 1]!, names.at(-1)!]) {
        const file = join(copy, folder, name);
        const text = readFileSync(file, 'utf8');
        writeFileSync(file, `${text} `);
        assert.notEqual(codeFingerprint(copy, version), before, name);
        writeFileSync(file, text);
      }
      writeFileSync(join(copy, folder, 'added.js'), '');
      assert.notEqual(codeFingerprint(copy, version), before);
    });
  }

  it('does not change with what decides nothing about a score', () => {
    const before = codeFingerprint(copy, version);
    writeFileSync(join(copy, 'report', 'text.js'), 'changed');
    assert.equal(codeFingerprint(copy, version), before);
  });

  it('changes with the version of a parser, and knows the versions installed', () => {
    const asked: string[] = [];
    const own = codeFingerprint(LIB);
    const changed = codeFingerprint(LIB, (name) => {
      asked.push(name);
      return '0.0.0';
    });
    assert.notEqual(changed, own);
    assert(
      asked.includes('@babel/parser') && asked.includes('acorn') && asked.includes('tree-sitter-python'),
    );
    for (const name of asked) {
      const manifest = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
      assert.match((JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version, /^\d/, name);
    }
    const installed = (name: string) =>
      String(
        (
          JSON.parse(
            readFileSync(new URL(`../../../node_modules/${name}/package.json`, import.meta.url), 'utf8'),
          ) as { version: string }
        ).version,
      );
    assert.equal(codeFingerprint(LIB, installed), own);
  });
});
