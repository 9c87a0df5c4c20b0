/** What leaves the machine: records, reports and labelled sequences. */
import assert from 'node:assert/strict';
import type { FlaggedRelease } from '../../lib/report/flagged.js';
import { osvFiles } from '../../lib/report/osv.js';
import { securityTeamText } from '../../lib/report/security-team.js';
import { hostile, malicious } from '../report/runs.js';

const NOW = Date.parse('2026-03-01T00:00:00Z');
const release: FlaggedRelease = {
  name: '@scope/evil',
  version: '1.0.0',
  filename: 'evil-1.0.0.tgz',
  url: 'https://registry.npmjs.org/@scope/evil/-/evil-1.0.0.tgz',
  published: Date.parse('2026-02-28T12:00:00Z'),
  sha256: 'ab'.repeat(32),
  verdict: malicious,
  model: '0.4',
  taxonomy: '1',
  note: 'Sends the environment to a raw address.',
  judged: NOW,
};

describe('watch/reports', () => {
  it('an OSV record as the public database wants it', () => {
    const later = { ...release, version: '1.0.1' };
    const pypi = {
      ...release,
      name: 'evil',
      url: 'https://files.pythonhosted.org/x/evil.whl',
      verdict: { ...malicious, ecosystem: 'pypi' as const },
    };
    const files = osvFiles([release, pypi, later], { finder: 'A. Person', now: NOW });
    assert.deepEqual(
      files.map(({ path }) => path),
      [
        'osv/malicious/npm/@scope/evil/MAL-0000-safe-install-scope-evil.json',
        'osv/malicious/pypi/evil/MAL-0000-safe-install-evil.json',
      ],
    );
    const record = JSON.parse(files[0]!.content);
    // CONTRIBUTING of that database: no id and summary, one affected package, somebody to credit, UTC times.
    assert.deepEqual(Object.keys(record), [
      'schema_version',
      'published',
      'modified',
      'details',
      'affected',
      'references',
      'credits',
    ]);
    assert.deepEqual(record.affected, [
      { package: { ecosystem: 'npm', name: '@scope/evil' }, versions: ['1.0.0', '1.0.1'] },
    ]);
    assert.deepEqual(record.credits, [
      { name: 'A. Person', type: 'FINDER' },
      { name: 'safe-install', type: 'TOOL' },
    ]);
    assert.equal(record.references[0].url, 'https://www.npmjs.com/package/@scope/evil/v/1.0.0');
    assert.match(record.modified, /Z$/);
    const { behavior } = malicious.evidence[0]!;
    assert(record.details.includes(`${behavior.file}:${behavior.line}: `), record.details);
    assert(record.details.includes(release.sha256) && record.details.includes(release.note));
    assert.equal(JSON.parse(files[1]!.content).affected[0].package.ecosystem, 'PyPI');
  });

  it('the text for a security team says what, where, evidence, hashes and when', () => {
    const text = securityTeamText(release);
    const { behavior } = malicious.evidence[0]!;
    for (const part of [
      '@scope/evil (npm)',
      '1.0.0',
      'evil-1.0.0.tgz',
      release.url,
      release.sha256,
      malicious.integrity,
      '2026-02-28T12:00:00.000Z',
      `${behavior.file}:${behavior.line}: `,
      release.note,
    ])
      assert(text.includes(part), part);
  });

  it('hostile names lead nowhere and hostile text stays on its line', () => {
    for (const { verdict } of hostile.packages) {
      for (const name of [
        '../../etc/passwd',
        '..',
        '@../..',
        'a/../../b',
        'x\n- forged: line',
        '\u202eevil',
        verdict.name,
      ]) {
        const flagged = { ...release, name, note: 'a\nb\u001b[2J', verdict };
        const [file] = osvFiles([flagged], { now: NOW });
        assert.match(
          file!.path,
          /^osv\/malicious\/(npm|pypi)\/(?!\.\.?\/)[\w.@~-]*\/((?!\.\.?\/)[\w.@~-]+\/)?MAL-0000-[\w.~-]+\.json$/,
          name,
        );
        assert.equal(file!.path.split('/').includes('..'), false);
        assert.doesNotMatch(JSON.parse(file!.content).details, /[\u0000-\u0009\u000b-\u001f\u202e]/);
        assert.doesNotMatch(file!.content, /[\u0000-\u0009\u000b-\u001f\u202e]/);
        const text = securityTeamText(flagged);
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u202e]/);
        assert.doesNotMatch(text, /^- forged/m);
      }
    }
  });
});
