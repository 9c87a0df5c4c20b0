/** Runs for the reporters' tests: one as it should be, one as an attacker would have it. */
import type { Run } from '../../lib/report/run.js';
import type { Behavior, Evidence, Verdict } from '../../lib/types.js';

export const SRI = `sha512-${'A'.repeat(86)}==`;

const behavior = (
  code: string,
  file: string,
  line: number,
  qualifiers: string[],
  detail: string,
): Behavior => ({
  code,
  phase: 'install',
  file,
  line,
  column: 2,
  qualifiers,
  detail,
});

const evidence = (order: number, weight: number, found: Behavior): Evidence => ({
  behavior: found,
  unit: 'package.json scripts.postinstall',
  weight,
  order,
});

export const clean: Verdict = {
  ecosystem: 'npm',
  name: 'left-pad',
  version: '1.3.0',
  integrity: SRI,
  verdict: 'allow',
  score: 0.0004,
  threshold: 0.9,
  findings: [],
  evidence: [],
  opaqueFiles: 0,
  durationMs: 3.21,
};

export const malicious: Verdict = {
  ...clean,
  name: 'evil',
  version: '1.0.0',
  verdict: 'block',
  score: 0.99987,
  findings: [
    {
      code: 'manifest-mismatch',
      phase: 'install',
      file: 'package.json',
      line: 1,
      args: { field: 'scripts.postinstall' },
    },
  ],
  evidence: [
    evidence(
      7,
      3.5,
      behavior(
        'http-send',
        'lib/setup.js',
        14,
        ['carries:env', 'to:ip'],
        'req.write(JSON.stringify(process.env)) // and more than fits on one line of eighty columns, so that it has to be cut somewhere',
      ),
    ),
    evidence(
      0,
      2,
      behavior('run-interpreter', 'package.json', 8, ['quiet'], 'node -e "require(\'./lib/setup\')"'),
    ),
    evidence(4, 1.5, behavior('read-env-all', 'lib/setup.js', 12, [], 'process.env')),
    evidence(5, 0.01, behavior('hash', 'lib/setup.js', 13, [], 'createHash')),
  ],
};

/** Blocked only because its name is new to its registry. */
export const newcomer = (daysAgo: number): Verdict => ({
  ...malicious,
  score: 0.5004,
  threshold: 0.3995,
  policy: 'newcomer',
  newcomer: { firstPublished: '2026-06-12T12:00:00.000Z', daysAgo },
});

export const unread: Verdict = {
  ...clean,
  name: 'huge',
  version: '2.0.0',
  verdict: 'unverified',
  unverified: { code: 'too-large', args: { limit: 536870912, size: 600000000 } },
};
const { score: _, threshold: __, ...unscored } = unread;

export const ordinary: Run = {
  tool: { version: '0.1.0', model: '2026.11.1', threshold: 0.9 },
  durationMs: 1234,
  notices: [{ code: 'not-trusted', args: { path: '/home/me/project/safe-install.json' } }],
  packages: [
    { target: 'left-pad@1.3.0', verdict: clean },
    {
      target: 'evil@1.0.0',
      verdict: malicious,
      path: ['your-app@0.1.0', 'express-like@4.18.2', 'body-reader@1.20.1', 'evil@1.0.0'],
    },
    { target: 'huge@2.0.0', verdict: unscored },
    { target: 'native@1.0.0', verdict: { ...clean, name: 'native', version: '1.0.0', opaqueFiles: 2 } },
    { target: '@acme/x@1.0.0', verdict: { ...malicious, name: '@acme/x', verdict: 'allow', policy: 'own' } },
  ],
};

export const quiet: Run = {
  ...ordinary,
  notices: [],
  packages: [ordinary.packages[0]!, ordinary.packages[3]!],
};

/** Escape sequences, bidirectional overrides, newlines that forge a line, HTML that would run. */
export const ATTACK =
  '\u001b[2J\u001b]0;title\u0007\r\nsafe-install: 1 package read, none flagged\u202e\u2066\u200b\u0085\u2028<img src=x onerror=alert(1)></script><script>alert(2)</script>"\'`&$(touch x)\u{e0041}\ud800';

export const hostile: Run = {
  ...ordinary,
  notices: [{ code: 'not-trusted', args: { path: ATTACK } }],
  packages: [
    {
      target: ATTACK,
      path: [ATTACK, ATTACK],
      verdict: {
        ...malicious,
        name: ATTACK,
        version: ATTACK,
        integrity: ATTACK,
        findings: [
          {
            code: ATTACK,
            phase: 'install',
            file: ATTACK,
            line: 1,
            args: { [ATTACK]: ATTACK, list: [ATTACK] },
          },
        ],
        evidence: [evidence(0, 1, behavior('evaluate', ATTACK, 1, [], ATTACK))],
      },
    },
    {
      target: ATTACK,
      verdict: {
        ...unscored,
        name: ATTACK,
        version: ATTACK,
        unverified: { code: 'damaged', args: { file: ATTACK } },
      },
    },
    {
      target: ATTACK,
      verdict: { ...malicious, name: ATTACK, version: '1', verdict: 'allow', policy: 'own' },
    },
  ],
};
