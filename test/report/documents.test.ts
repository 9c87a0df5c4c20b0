import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import AjvDraft04 from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import { KnownError } from '../../lib/errors.js';
import { renderHtml } from '../../lib/report/html.js';
import { renderJson } from '../../lib/report/json.js';
import { writeWhole } from '../../lib/report/output.js';
import { renderSarif } from '../../lib/report/sarif.js';
import { ATTACK, hostile, newcomer, ordinary, SRI } from './runs.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const readJson = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

const withRealIntegrity = {
  ...hostile,
  packages: hostile.packages.map((p) => ({ ...p, verdict: { ...p.verdict, integrity: SRI } })),
};

describe('report/json', () => {
  const validate = new Ajv({ allErrors: true }).compile(readJson('lib/report/report.schema.json'));
  for (const [name, run] of [
    ['ordinary', ordinary],
    ['hostile', withRealIntegrity],
    ['empty', { ...ordinary, packages: [] }],
    ['of a new name', { ...ordinary, packages: [{ target: 'evil', verdict: newcomer(3) }] }],
  ] as const) {
    it(`a run, ${name}, is valid by the schema`, () => {
      assert(validate(JSON.parse(renderJson(run))), JSON.stringify(validate.errors));
    });
  }
  it('says since when a name is new, where that blocks', () => {
    const run = { ...ordinary, packages: [{ target: 'evil', verdict: newcomer(3) }] };
    const [found] = JSON.parse(renderJson(run)).packages;
    assert.equal(found.firstPublished, '2026-06-12T12:00:00.000Z');
    assert.equal(found.score, 0.5004);
    const [first] = found.findings;
    assert.equal(first.code, 'policy-newcomer');
    assert.match(first.message, /first published 2026-06-12, 3 days ago/);
    const [result] = JSON.parse(renderSarif(run)).runs[0].results;
    assert.equal(result.ruleId, 'behavior/malicious');
    assert.match(result.message.text, /first published 2026-06-12, 3 days ago/);
  });
  it('says what the design says, in the order of the targets', () => {
    const document = JSON.parse(renderJson(ordinary));
    assert.deepEqual(document.tool, {
      name: 'safe-install',
      version: '0.1.0',
      model: '2026.11.1',
      threshold: 0.9,
    });
    assert.deepEqual(
      document.packages.map((p: { target: string }) => p.target),
      ordinary.packages.map((p) => p.target),
    );
    assert.deepEqual(document.packages[0], {
      target: 'left-pad@1.3.0',
      ecosystem: 'npm',
      name: 'left-pad',
      version: '1.3.0',
      integrity: SRI,
      verdict: 'allow',
      score: 0.0004,
      findings: [],
      durationMs: 3.2,
    });
    assert.deepEqual(document.summary, {
      packages: 5,
      allowed: 3,
      blocked: 1,
      unverified: 1,
      durationMs: 1234,
    });
    assert.deepEqual(
      document.packages[1].findings.map((f: { code: string }) => f.code),
      ['manifest-mismatch', 'run-interpreter', 'read-env-all', 'hash', 'http-send'],
    );
    assert.equal(document.packages[2].findings[0].code, 'unverified-too-large');
  });
  it('keeps hostile text as a value and prints none of it raw', () => {
    const text = renderJson(hostile);
    assert.doesNotMatch(text, /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
    assert.equal(JSON.parse(text).packages[0].target, ATTACK);
  });
});

describe('report/sarif', () => {
  const ajv = new AjvDraft04.default({ strict: false, allErrors: true });
  addFormats.default(ajv as never);
  const validate = ajv.compile(readJson('test/fixtures/sarif-schema-2.1.0.json'));
  for (const [name, run] of [
    ['ordinary', ordinary],
    ['hostile', hostile],
    ['empty', { ...ordinary, packages: [] }],
  ] as const) {
    it(`an ${name} run is valid by the official schema`, () => {
      assert(validate(JSON.parse(renderSarif(run))), JSON.stringify(validate.errors));
    });
  }
  it('the schema refuses what is no SARIF', () => {
    const broken = JSON.parse(renderSarif(ordinary));
    broken.runs[0].results[0].level = 'dreadful';
    assert.equal(validate(broken), false);
  });
  it('names packages that need a person, with files inside the artifact, in running order', () => {
    const { results, tool } = JSON.parse(renderSarif(ordinary)).runs[0];
    assert.deepEqual(
      results.map((r: { ruleId: string; level: string }) => [r.ruleId, r.level]),
      [
        ['behavior/malicious', 'error'],
        ['unverified/too-large', 'warning'],
        ['behavior/malicious', 'note'],
      ],
    );
    const [first] = results;
    assert.equal(first.locations[0].physicalLocation.artifactLocation.uri, 'npm/evil%401.0.0/lib/setup.js');
    assert.deepEqual(first.locations[0].physicalLocation.region.startLine, 14);
    assert.deepEqual(
      first.codeFlows[0].threadFlows[0].locations.map(
        (l: { location: { physicalLocation: { region: { startLine: number } } } }) =>
          l.location.physicalLocation.region.startLine,
      ),
      [8, 12, 14],
    );
    assert.deepEqual(
      tool.driver.rules.map((r: { id: string }) => r.id),
      ['behavior/malicious', 'unverified/too-large'],
    );
  });
  it('does not change with the clock', () => {
    const later = { ...ordinary, durationMs: 9 };
    assert.equal(renderSarif(ordinary), renderSarif(later));
  });
  it('prints nothing hostile raw', () => {
    assert.doesNotMatch(renderSarif(hostile), /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
  });
});

describe('report/html', () => {
  const tags = (html: string) => html.match(/<[a-z][^>]*>/gi) ?? [];
  it('a hostile package adds neither tag nor attribute', () => {
    const harmless = JSON.parse(JSON.stringify(hostile).replaceAll(JSON.stringify(ATTACK).slice(1, -1), 'x'));
    const bare = (html: string) => tags(html).map((tag) => tag.replace(/"[^"]*"/g, '""'));
    assert.deepEqual(bare(renderHtml(hostile)), bare(renderHtml(harmless)));
    assert.doesNotMatch(renderHtml(hostile), /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
  });
  it('asks nothing of a network', () => {
    const html = renderHtml(ordinary);
    assert.doesNotMatch(html, /(src|href)="(?!#|data:,")/);
    assert.doesNotMatch(html, /url\(|@import|fetch\(/);
    assert.match(html, /default-src 'none'/);
  });
  it('shows why, how it came in, and the behaviours in running order', () => {
    const html = renderHtml(ordinary);
    assert.match(html, /almost certainly malicious: score 0\.999, blocks from 0\.900/);
    assert.match(html, /your-app@0\.1\.0 → express-like@4\.18\.2/);
    const order = ['package.json:8', 'lib/setup.js:12', 'lib/setup.js:14'].map((at) =>
      html.indexOf(`<code>${at}</code>`),
    );
    assert(order[0]! > 0 && order[0]! < order[1]! && order[1]! < order[2]!);
  });
});

describe('report/output', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'safe-install-output-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  it('writes whole files and leaves nothing beside them', () => {
    const path = join(folder, 'report.json');
    writeWhole(path, 'one');
    writeWhole(path, 'two');
    assert.equal(readFileSync(path, 'utf8'), 'two');
    assert.deepEqual(readdirSync(folder), ['report.json']);
  });
  it('writes through a link', () => {
    writeWhole(join(folder, 'real'), 'one');
    symlinkSync('real', join(folder, 'link'));
    writeWhole(join(folder, 'link'), 'two');
    assert.equal(readFileSync(join(folder, 'real'), 'utf8'), 'two');
  });
  it('a folder that is not there is one line, exit 2', () => {
    assert.throws(
      () => writeWhole(join(folder, 'none', 'report'), 'x'),
      (error: unknown) =>
        error instanceof KnownError && error.exitCode === 2 && !error.message.includes('\n'),
    );
  });
});
