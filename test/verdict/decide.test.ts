import assert from 'node:assert/strict';
import { verdictWords } from '../../lib/report/messages.js';
import type { Verdict } from '../../lib/types.js';
import { decide, type Facts } from '../../lib/verdict/decide.js';
import { type FoundPolicy, mergePolicies } from '../../lib/verdict/policy.js';
import type { PolicyFile } from '../../lib/verdict/policy-file.js';

const NOW = Date.parse('2026-06-15T12:00:00Z');
const DAY = 86_400_000;
const SRI = `sha512-${'A'.repeat(86)}==`;
const OTHER_SRI = `sha512-${'B'.repeat(86)}==`;

const honest: Facts = {
  ecosystem: 'npm',
  name: '@acme/lib',
  version: '1.2.3',
  integrity: SRI,
  score: { value: 0.2, threshold: 0.9, evidence: [] },
  findings: [],
  opaqueFiles: 0,
  durationMs: 1,
};
const alarm: Facts = { ...honest, score: { value: 0.95, threshold: 0.9, evidence: [] } };
const { score: _, ...unscored } = honest;
const unread: Facts = { ...unscored, unverified: { code: 'too-large', args: {} } };
const finding = {
  code: 'manifest-mismatch',
  phase: 'install',
  file: 'package.json',
  line: 1,
  args: {},
} as const;
const exception = {
  ecosystem: 'npm',
  name: '@acme/lib',
  version: '1.2.3',
  integrity: SRI,
  reason: 'read it',
} as const;
const served = { registry: 'https://registry.example/', published: new Date(NOW - 5 * DAY).toISOString() };

const machine = (content: PolicyFile): FoundPolicy => ({
  source: 'machine',
  path: 'policy.json',
  text: '',
  content,
});

/** A score of 0.5 under a threshold of 0.9, which is 0.378 for names younger than 30 days. */
const newName: Facts = {
  ...honest,
  score: { value: 0.5, threshold: 0.9, evidence: [] },
  newcomer: { days: 30, logOdds: Math.log(9 / 0.6075) },
  registry: 'https://registry.example/',
  firstPublished: new Date(NOW - 3 * DAY).toISOString(),
};
const { firstPublished: __, ...undatedName } = newName;
const { newcomer: ___, ...withoutPrior } = newName;
const scored = (facts: Facts, value: number): Facts => ({ ...facts, score: { ...facts.score!, value } });

/** name, policy, facts, verdict, effect */
type Case = readonly [string, PolicyFile, Facts, Verdict['verdict'], string?];
const cases: readonly Case[] = [
  ['under the threshold', {}, honest, 'allow'],
  ['over the threshold', {}, alarm, 'block'],
  [
    'exactly at the threshold',
    {},
    { ...honest, score: { value: 0.9, threshold: 0.9, evidence: [] } },
    'block',
  ],
  ['not read', {}, unread, 'unverified'],
  ['neither score nor reason', {}, unscored, 'unverified'],
  ['read in part and over the threshold', {}, { ...alarm, unverified: unread.unverified! }, 'block'],
  ['read in part and under the threshold', {}, { ...honest, unverified: unread.unverified! }, 'unverified'],
  ['a finding alone', {}, { ...honest, findings: [finding] }, 'allow'],
  ['opaque files alone', {}, { ...honest, opaqueFiles: 3 }, 'allow'],

  ['exception', { exceptions: [exception] }, alarm, 'allow', 'exception'],
  [
    'exception, other integrity',
    { exceptions: [{ ...exception, integrity: OTHER_SRI }] },
    alarm,
    'block',
    'exception-mismatch',
  ],
  [
    'exception, other version',
    { exceptions: [{ ...exception, version: '1.2.4' }] },
    alarm,
    'block',
    'exception-mismatch',
  ],
  ['exception, other name', { exceptions: [{ ...exception, name: '@acme/lib2' }] }, alarm, 'block'],
  ['exception, other ecosystem', { exceptions: [{ ...exception, ecosystem: 'pypi' }] }, alarm, 'block'],
  [
    'exception, last day',
    { exceptions: [{ ...exception, until: '2026-06-15' }] },
    alarm,
    'allow',
    'exception',
  ],
  [
    'exception, expired',
    { exceptions: [{ ...exception, until: '2026-06-14' }] },
    alarm,
    'block',
    'exception-expired',
  ],
  [
    'exception, one expired and one in force',
    { exceptions: [{ ...exception, until: '2026-06-14' }, exception] },
    alarm,
    'allow',
    'exception',
  ],
  ['exception for what was not read', { exceptions: [exception] }, unread, 'allow', 'exception'],
  ['exception on what passes anyway', { exceptions: [exception] }, honest, 'allow'],

  ['accepted kind', { acceptUnverified: ['too-large'] }, unread, 'allow', 'unverified-accepted'],
  ['another kind', { acceptUnverified: ['git-source'] }, unread, 'unverified'],
  [
    'accepted kind over the threshold',
    { acceptUnverified: ['too-large'] },
    { ...alarm, unverified: unread.unverified! },
    'block',
  ],
  [
    'accepted kind does not cover a missing reason',
    { acceptUnverified: ['too-large'] },
    unscored,
    'unverified',
  ],

  ['stricter threshold', { threshold: { npm: 0.1 } }, honest, 'block', 'threshold'],
  ['stricter threshold of the other ecosystem', { threshold: { pypi: 0.1 } }, honest, 'allow'],
  ['looser threshold', { threshold: { npm: 0.99 } }, alarm, 'allow', 'threshold'],

  ['own scope', { own: ['@acme'] }, alarm, 'allow', 'own'],
  [
    'own scope, a name that only begins so',
    { own: ['@acme'] },
    { ...alarm, name: '@acme-evil/lib' },
    'block',
  ],
  ['own scope does not cover what was not read', { own: ['@acme'] }, unread, 'unverified'],
  ['own scope in the other ecosystem', { own: ['@acme'] }, { ...alarm, ecosystem: 'pypi' }, 'block'],
  [
    'own registry',
    { own: ['https://npm.acme.example'] },
    { ...alarm, registry: 'https://npm.acme.example/' },
    'allow',
    'own',
  ],
  [
    'own registry, a host that only begins so',
    { own: ['https://npm.acme.example'] },
    { ...alarm, registry: 'https://npm.acme.example.evil.example/' },
    'block',
  ],
  ['own registry, unknown source', { own: ['https://npm.acme.example'] }, alarm, 'block'],

  ['old enough', { minimumReleaseAge: 5 }, { ...honest, ...served }, 'allow'],
  ['too young', { minimumReleaseAge: 6 }, { ...honest, ...served }, 'block', 'release-age'],
  [
    'no date from the registry',
    { minimumReleaseAge: 1 },
    { ...honest, registry: served.registry },
    'block',
    'release-age',
  ],
  [
    'a date that is none',
    { minimumReleaseAge: 1 },
    { ...honest, ...served, published: 'yesterday' },
    'block',
    'release-age',
  ],
  [
    'a date in the future',
    { minimumReleaseAge: 1 },
    { ...honest, ...served, published: '2027-01-01' },
    'block',
    'release-age',
  ],
  ['age of a file on disk', { minimumReleaseAge: 6 }, honest, 'allow'],
  [
    'too young, with an exception',
    { minimumReleaseAge: 6, exceptions: [exception] },
    { ...honest, ...served },
    'allow',
    'exception',
  ],

  ['new name between the thresholds', {}, newName, 'block', 'newcomer'],
  ['new name at the lower threshold', {}, scored(newName, 0.3784), 'block', 'newcomer'],
  ['new name under both', {}, scored(newName, 0.37), 'allow'],
  ['new name over both', {}, scored(newName, 0.9), 'block'],
  [
    'name of just under thirty days',
    {},
    { ...newName, firstPublished: new Date(NOW - 30 * DAY + 1).toISOString() },
    'block',
    'newcomer',
  ],
  [
    'name of thirty days',
    {},
    { ...newName, firstPublished: new Date(NOW - 30 * DAY).toISOString() },
    'allow',
  ],
  ['old name, fresh release', {}, { ...newName, ...served, firstPublished: '2015-01-01T00:00:00Z' }, 'allow'],
  ['name of tomorrow', {}, { ...newName, firstPublished: '2026-06-16T12:00:00Z' }, 'block', 'newcomer'],
  ['name without a date', {}, undatedName, 'allow'],
  ['name with a date that is none', {}, { ...newName, firstPublished: 'last week' }, 'allow'],
  ['new name, model without the prior', {}, withoutPrior, 'allow'],
  ['new name, policy off', { newcomers: 'plain' }, newName, 'allow'],
  [
    'name of tomorrow, policy off',
    { newcomers: 'plain' },
    { ...newName, firstPublished: '2026-06-16T12:00:00Z' },
    'allow',
  ],
  ['name without a date, policy off', { newcomers: 'plain' }, undatedName, 'allow'],
  ['new name over both, policy off', { newcomers: 'plain' }, scored(newName, 0.9), 'block'],
  ['new name, exception', { exceptions: [exception] }, newName, 'allow', 'exception'],
  ['new name of an own scope', { own: ['@acme'] }, newName, 'allow', 'own'],
  [
    'new name under a stricter policy',
    { threshold: { npm: 0.3 } },
    scored(newName, 0.2),
    'block',
    'newcomer',
  ],
  ['new name where nothing is to block', { threshold: { npm: 1 } }, newName, 'allow'],
  [
    'new name read in part',
    { acceptUnverified: ['too-large'] },
    { ...newName, unverified: unread.unverified! },
    'block',
    'newcomer',
  ],

  [
    'finding the policy blocks',
    { blockFindings: ['manifest-mismatch'] },
    { ...honest, findings: [finding] },
    'block',
    'finding',
  ],
  ['another finding', { blockFindings: ['other'] }, { ...honest, findings: [finding] }, 'allow'],
  ['opaque files the policy blocks', { opaque: 'block' }, { ...honest, opaqueFiles: 1 }, 'block', 'opaque'],
  ['no opaque files', { opaque: 'block' }, honest, 'allow'],
  [
    'accepted kind with a blocked finding',
    { acceptUnverified: ['too-large'], blockFindings: ['manifest-mismatch'] },
    { ...unread, findings: [finding] },
    'block',
    'finding',
  ],
];

describe('verdict/decide', () => {
  for (const [name, content, facts, verdict, effect] of cases) {
    it(`${name}: ${verdict}`, () => {
      const before = structuredClone(facts);
      const result = decide(
        facts,
        mergePolicies([machine(content)], () => false),
        NOW,
      );
      assert.deepEqual([result.verdict, result.policy], [verdict, effect]);
      assert.deepEqual(facts, before);
    });
  }
  it('says since when a name is new, and the threshold for it; the score stays', () => {
    const policy = mergePolicies([], () => false);
    const { score, threshold, newcomer } = decide(newName, policy, NOW);
    assert.deepEqual(newcomer, { firstPublished: '2026-06-12T12:00:00.000Z', daysAgo: 3 });
    assert.equal(score, 0.5);
    assert(Math.abs(threshold! - 0.378) < 0.001, `${threshold}`);
    const established = decide({ ...newName, firstPublished: '2020-01-01T00:00:00Z' }, policy, NOW);
    assert.deepEqual([established.score, established.threshold, established.newcomer], [0.5, 0.9, undefined]);
    const over = decide(scored(newName, 0.95), policy, NOW);
    assert.deepEqual([over.threshold, over.newcomer], [0.9, undefined]);
  });
  it('says an exception that does not hold also where the policy blocks for another reason', () => {
    const reasons: readonly [PolicyFile, Facts, string][] = [
      [{ opaque: 'block' }, { ...honest, opaqueFiles: 1 }, 'the policy blocks packages with files'],
      [{ minimumReleaseAge: 6 }, { ...honest, ...served }, 'released more recently'],
      [{ threshold: { npm: 0.1 } }, honest, 'by the threshold of the policy'],
      [
        { blockFindings: ['manifest-mismatch'] },
        { ...honest, findings: [finding] },
        'the policy blocks packages with this finding',
      ],
    ];
    const near: readonly [typeof exception & { until?: string }, string][] = [
      [{ ...exception, until: '2026-06-14' }, 'an exception for it has expired'],
      [{ ...exception, integrity: OTHER_SRI } as never, 'an exception is for another version or other bytes'],
    ];
    for (const [content, facts, reason] of reasons)
      for (const [unmet, words] of near) {
        const policy = mergePolicies([machine({ ...content, exceptions: [unmet] })], () => false);
        const said = verdictWords(decide(facts, policy, NOW));
        assert(said.includes(reason) && said.includes(words), said);
      }
  });
  it('says the threshold that held', () => {
    const policy = mergePolicies([machine({ threshold: { npm: 0.5 } })], () => false);
    assert.equal(decide(honest, policy, NOW).threshold, 0.5);
    assert.equal(decide({ ...honest, ecosystem: 'pypi' }, policy, NOW).threshold, 0.9);
  });
});
