/** What README says of the closed lists must be what the code says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '../../lib/errors.js';
import { UNVERIFIED_WORDS } from '../../lib/report/messages.js';
import { UNVERIFIED_CODES } from '../../lib/verdict/policy-file.js';

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

describe('README', () => {
  const readme = read('README.md');
  const section = (title: string): string => readme.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!;

  it('lists every reason for unverified, and no other', () => {
    const rows = [...section('Unverified').matchAll(/^\| `([a-z-]+)` \| (.*) \|$/gm)];
    assert.deepEqual(
      rows.map(([, code]) => code),
      UNVERIFIED_CODES,
    );
    for (const [, code, words] of rows) {
      assert.equal(
        words!.replace(' (never acceptable)', ''),
        UNVERIFIED_WORDS[code as keyof typeof UNVERIFIED_WORDS],
      );
    }
  });
  it('lists every code of an error once, and no other', () => {
    const errors = readme.split('\n### Errors\n')[1]!.split('\n### ')[0]!;
    const listed = [...errors.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) => cell!.split(', '));
    assert.deepEqual(listed.sort(), ERROR_CODES.map((code) => `\`${code}\``).sort());
  });
  it('lists every dependency, and no other', () => {
    const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(read('package.json'));
    const named = section('Dependencies')
      .match(/^\| `.*?\|/gm)!
      .flatMap((row) => [...row.matchAll(/`([^`]+)`/g)]);
    assert.deepEqual(
      named.map(([, name]) => name).sort(),
      Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).sort(),
    );
  });
  it('lists every rule of a policy file', () => {
    const { properties } = JSON.parse(read('lib/verdict/policy.schema.json'));
    const named = [...section('Policy').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    assert.deepEqual(
      named.sort(),
      Object.keys(properties)
        .filter((key) => key !== '$schema')
        .sort(),
    );
  });
  it('holds the line that .ci/run runs for the tests', () => {
    assert.match(section('Two lines'), /```sh\nnpm ci && npm test\n```/);
    assert.match(read('.ci/run'), /npm ci && npm test/);
  });
});
