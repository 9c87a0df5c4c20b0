import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addExceptions, targetOf } from '../../lib/cli/allow.js';
import { rescanTargets } from '../../lib/cli/log.js';
import { type RecordedRun, readRuns, recordRun } from '../../lib/cli/record.js';
import { parsePolicy } from '../../lib/verdict/policy-file.js';
import { ordinary, SRI } from '../report/runs.js';

describe('cli/allow', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'safe-install-allow-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const exception = (name: string) =>
    ({ ecosystem: 'npm', name, version: '1.0.0', integrity: SRI, reason: 'read it' }) as const;

  it('makes the file and its folder when there is none', () => {
    const path = join(folder, 'below', 'policy.json');
    addExceptions(path, [], [exception('a'), exception('b')]);
    const { exceptions } = parsePolicy(readFileSync(path, 'utf8'), path);
    assert.deepEqual(
      exceptions?.map(({ name }) => name),
      ['a', 'b'],
    );
  });
  it('keeps comments, other rules and other exceptions', () => {
    const path = join(folder, 'safe-install.json');
    writeFileSync(
      path,
      `{\n  // ours\n  "own": ["@a"],\n  "exceptions": [${JSON.stringify(exception('a'))}]\n}\n`,
    );
    addExceptions(path, [], [exception('b')]);
    const text = readFileSync(path, 'utf8');
    assert.match(text, /\/\/ ours/);
    const policy = parsePolicy(text, path);
    assert.deepEqual(policy.own, ['@a']);
    assert.equal(policy.exceptions?.length, 2);
  });
  it("writes into package.json's key and leaves the rest", () => {
    const path = join(folder, 'package.json');
    writeFileSync(path, '{\n  "name": "x",\n  "safe-install": { "opaque": "block" }\n}\n');
    addExceptions(path, ['safe-install'], [exception('a')]);
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    assert.equal(manifest.name, 'x');
    assert.equal(manifest['safe-install'].opaque, 'block');
    assert.equal(manifest['safe-install'].exceptions[0].name, 'a');
  });
  it('NAME@VERSION is a release of the ecosystem, anything else a target as it stands', () => {
    assert.equal(targetOf('a@1.0.0', 'npm'), 'npm:a@1.0.0');
    assert.equal(targetOf('@s/a@1.0.0', 'npm'), 'npm:@s/a@1.0.0');
    assert.equal(targetOf('a@1.0', 'pypi'), 'pypi:a==1.0');
    assert.equal(targetOf('pypi:a==1.0', 'npm'), 'pypi:a==1.0');
    assert.equal(targetOf(folder, 'npm'), folder);
    assert.throws(() => targetOf('a', 'npm'), /neither/);
  });
});

describe('cli/record', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'safe-install-record-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const record = () =>
    recordRun({ command: 'npm', cwd: '/p', outcome: 'blocked', exitCode: 100, run: ordinary }, folder);

  it('keeps a line a run: what was judged, and with what', () => {
    record();
    record();
    const [first, ...rest] = readRuns(folder);
    assert.equal(rest.length, 1);
    assert.deepEqual([first?.model, first?.outcome, first?.exitCode], ['2026.11.1', 'blocked', 100]);
    assert.deepEqual(first?.packages[1], {
      ecosystem: 'npm',
      name: 'evil',
      version: '1.0.0',
      integrity: SRI,
      archive: true,
      verdict: 'block',
      score: 0.9999,
    });
    assert.equal(readFileSync(join(folder, 'runs.jsonl'), 'utf8').split('\n').length, 3);
  });
  it('a damaged line costs that line only', () => {
    record();
    writeFileSync(
      join(folder, 'runs.jsonl'),
      `{"time": 1}\n{half\n${readFileSync(join(folder, 'runs.jsonl'))}`,
    );
    assert.equal(readRuns(folder).length, 1);
  });
  it('is put aside when large, once', () => {
    writeFileSync(join(folder, 'runs.jsonl'), `${'x'.repeat(17 * 1024 * 1024)}\n`);
    record();
    record();
    assert.equal(readFileSync(join(folder, 'runs.jsonl'), 'utf8').split('\n').length, 3);
    assert.equal(readRuns(folder).length, 2);
  });
  it('a folder that cannot be written stops nothing', () => {
    writeFileSync(join(folder, 'file'), '');
    recordRun(
      { command: 'npm', cwd: '/p', outcome: 'allowed', exitCode: 0, run: ordinary },
      join(folder, 'file', 'x'),
    );
    assert.deepEqual(readRuns(join(folder, 'file', 'x')), []);
  });
  it('what is judged again is what passed, once each', () => {
    record();
    record();
    assert.deepEqual(rescanTargets(readRuns(folder) as RecordedRun[]), [
      'npm:left-pad@1.3.0',
      'npm:native@1.0.0',
      'npm:@acme/x@1.0.0',
    ]);
  });
});
