import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { KnownError } from '../../lib/errors.js';
import { thresholdOf } from '../../lib/verdict/decide.js';
import { type Folders, userFolders } from '../../lib/verdict/folders.js';
import { findProjectPolicy, isTrusted, loadPolicy, trust } from '../../lib/verdict/policy.js';
import { parsePolicy } from '../../lib/verdict/policy-file.js';

const SRI = `sha512-${'A'.repeat(86)}==`;
const exception = { ecosystem: 'npm', name: 'a', version: '1.0.0', integrity: SRI, reason: 'looked at' };

describe('verdict/policy-file', () => {
  it('reads comments, trailing commas and every rule', () => {
    const policy = parsePolicy(
      `{ // why\n "$schema": "x", "exceptions": [${JSON.stringify({ ...exception, until: '2026-02-28' })},],
        "acceptUnverified": ["too-large"], "threshold": {"npm": 0.5}, "own": ["@acme", "https://npm.acme.example/x"],
        "minimumReleaseAge": 2, "newcomers": "plain", "blockFindings": ["manifest-mismatch"], "opaque": "block", }`,
      'p',
    );
    assert.deepEqual(Object.keys(policy), [
      'exceptions',
      'acceptUnverified',
      'threshold',
      'own',
      'minimumReleaseAge',
      'newcomers',
      'blockFindings',
      'opaque',
    ]);
  });

  const bad: readonly [string, string, RegExp][] = [
    ['nothing', '', /p:1: not JSON/],
    ['half an object', '{\n"own": [', /p:2: not JSON/],
    ['a list', '[]', /p:1: the policy must be an object/],
    ['a misspelt rule', '{\n\n"minimumRelaseAge": 3}', /p:3: the policy knows no 'minimumRelaseAge'/],
    ['a rule given twice', '{"opaque": "block", "opaque": "allow"}', /'opaque' is given twice/],
    ['a rule of the prototype', '{"constructor": 1}', /knows no 'constructor'/],
    [
      'an exception without integrity',
      JSON.stringify({ exceptions: [{ ...exception, integrity: undefined }] }),
      /needs 'integrity'/,
    ],
    [
      'an exception without reason',
      JSON.stringify({ exceptions: [{ ...exception, reason: '' }] }),
      /text expected/,
    ],
    [
      'half an integrity',
      JSON.stringify({ exceptions: [{ ...exception, integrity: 'sha512-abc' }] }),
      /sha512/,
    ],
    [
      'sha1',
      JSON.stringify({ exceptions: [{ ...exception, integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }] }),
      /sha512/,
    ],
    [
      'a day that is none',
      JSON.stringify({ exceptions: [{ ...exception, until: '2026-02-30' }] }),
      /no such day/,
    ],
    [
      'a date with time',
      JSON.stringify({ exceptions: [{ ...exception, until: '2026-02-20T00:00' }] }),
      /YYYY-MM-DD/,
    ],
    ['an unknown reason', '{"acceptUnverified": ["everything"]}', /must be one of/],
    ['bytes of another integrity', '{"acceptUnverified": ["integrity-mismatch"]}', /must be one of/],
    ['a threshold of nought', '{"threshold": {"npm": 0}}', /number from/],
    ['a threshold over one', '{"threshold": {"npm": 1.5}}', /number from/],
    ['a threshold as text', '{"threshold": {"npm": "0.5"}}', /number from/],
    ['a scope without @', '{"own": ["acme"]}', /@scope or a registry/],
    ['every scope', '{"own": ["@*"]}', /@scope or a registry/],
    ['a file address', '{"own": ["file:///tmp"]}', /@scope or a registry/],
    ['a newcomer that is neither', '{"newcomers": "allow"}', /newcomers must be one of strict, plain/],
    ['a negative age', '{"minimumReleaseAge": -1}', /number from/],
    ['an unknown word', '{"opaque": "maybe"}', /must be one of allow, block/],
  ];
  it('the published schema refuses the same, and accepts what is right', () => {
    const path = new URL('../../../lib/verdict/policy.schema.json', import.meta.url);
    const ajv = new Ajv();
    ajv.addFormat('date', true);
    const validate = ajv.compile(JSON.parse(readFileSync(path, 'utf8')));
    // What no schema can say: a key given twice, a day that is none, a value of the object's own prototype.
    const beyond = new Set(['a rule given twice', 'a day that is none']);
    for (const [what, text] of bad) {
      if (!/^[{[]/.test(text) || what === 'half an object' || beyond.has(what)) continue;
      assert.equal(validate(JSON.parse(text)), false, what);
    }
    assert(validate({ exceptions: [{ ...exception, until: '2026-02-28' }], opaque: 'block', own: ['@a'] }));
  });
  for (const [what, text, message] of bad) {
    it(`refuses ${what} in one line, exit 2`, () => {
      assert.throws(
        () => parsePolicy(text, 'p'),
        (error: unknown) => {
          assert(error instanceof KnownError);
          assert.equal(error.exitCode, 2);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/);
          return true;
        },
      );
    });
  }
});

describe('verdict/policy', () => {
  let root: string;
  let project: string;
  let folders: Folders;
  const write = (path: string, content: unknown): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  };
  const ofMachine = (content: unknown) => write(join(folders.machine, 'policy.json'), content);
  const ofUser = (content: unknown) => write(join(folders.config, 'policy.json'), content);
  const ofProject = (content: unknown) => write(join(project, 'safe-install.json'), content);
  const load = () => loadPolicy(project, folders);

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'safe-install-policy-')));
    project = join(root, 'project');
    mkdirSync(join(project, '.git'), { recursive: true });
    folders = {
      config: join(root, 'config'),
      cache: join(root, 'cache'),
      state: join(root, 'state'),
      machine: join(root, 'machine'),
    };
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('without files nothing is accepted and nothing asked', () => {
    const policy = load();
    assert.deepEqual(policy.exceptions, []);
    assert.equal(policy.acceptUnverified.size, 0);
    assert.equal(thresholdOf({ ecosystem: 'npm' }, 0.9, policy, false), 0.9);
    assert.deepEqual(policy.notices, []);
  });

  it("a project's file tightens at once and loosens only once accepted, until it changes", () => {
    ofProject({
      exceptions: [exception],
      acceptUnverified: ['too-large'],
      own: ['@a'],
      minimumReleaseAge: 3,
    });
    const before = load();
    assert.equal(before.minimumReleaseAge, 3);
    assert.deepEqual([before.exceptions.length, before.acceptUnverified.size, before.own.length], [0, 0, 0]);
    assert.equal(before.notices[0]?.code, 'not-trusted');

    trust(findProjectPolicy(project)!, folders);
    const after = load();
    assert.deepEqual([after.exceptions.length, after.acceptUnverified.size, after.own.length], [1, 1, 1]);
    assert.deepEqual(after.notices, []);

    ofProject({ exceptions: [exception, { ...exception, name: 'b' }] });
    assert.deepEqual(load().exceptions, []);
    assert.equal(load().notices[0]?.code, 'not-trusted');
  });

  it('an accepted file is not accepted at another place', () => {
    ofProject({ exceptions: [exception] });
    const found = findProjectPolicy(project)!;
    trust(found, folders);
    assert.equal(isTrusted({ ...found, path: join(root, 'elsewhere', 'safe-install.json') }, folders), false);
  });

  it("a project's looser threshold never holds, a stricter one always does", () => {
    ofProject({ threshold: { npm: 0.99, pypi: 0.1 } });
    trust(findProjectPolicy(project)!, folders);
    assert.equal(thresholdOf({ ecosystem: 'npm' }, 0.9, load(), false), 0.9);
    assert.equal(thresholdOf({ ecosystem: 'pypi' }, 0.9, load(), false), 0.1);
  });

  it('the user may loosen what the machine set, unless it is locked', () => {
    ofMachine({ threshold: { npm: 0.5 } });
    ofUser({ threshold: { npm: 0.95 }, exceptions: [exception] });
    assert.equal(thresholdOf({ ecosystem: 'npm' }, 0.9, load(), false), 0.95);
    assert.equal(load().exceptions.length, 1);
    ofMachine({ threshold: { npm: 0.5 }, locked: true });
    assert.equal(thresholdOf({ ecosystem: 'npm' }, 0.9, load(), false), 0.5);
    assert.equal(load().exceptions.length, 0);
    assert.equal(load().notices[0]?.code, 'locked');
    ofUser({ threshold: { npm: 0.2 } });
    assert.equal(thresholdOf({ ecosystem: 'npm' }, 0.9, load(), false), 0.2);
  });

  it("new names are judged like others where the machine or the user says so, and never by a project's word", () => {
    assert.equal(load().newcomers, 'strict');
    ofProject({ newcomers: 'plain' });
    trust(findProjectPolicy(project)!, folders);
    assert.equal(load().newcomers, 'strict');
    ofUser({ newcomers: 'plain' });
    assert.equal(load().newcomers, 'plain');
    ofProject({ newcomers: 'strict' });
    assert.equal(load().newcomers, 'strict');
    ofProject({});
    ofMachine({ locked: true });
    assert.equal(load().newcomers, 'strict');
    ofMachine({ locked: true, newcomers: 'plain' });
    ofUser({});
    assert.equal(load().newcomers, 'plain');
  });

  it('a locked machine accepts no project file either', () => {
    ofMachine({ locked: true });
    ofProject({ own: ['@a'] });
    trust(findProjectPolicy(project)!, folders);
    assert.deepEqual(load().own, []);
  });

  it("'locked' anywhere but in the machine's file is refused", () => {
    ofUser({ locked: false });
    assert.throws(load, /'locked' belongs/);
    ofUser({});
    ofProject({ locked: true });
    assert.throws(load, /'locked' belongs/);
  });

  it("package.json's key is a policy too; acceptance survives other changes to package.json", () => {
    write(join(project, 'package.json'), { name: 'x', 'safe-install': { own: ['@a'] } });
    trust(findProjectPolicy(project)!, folders);
    write(join(project, 'package.json'), { name: 'x', version: '2.0.0', 'safe-install': { own: ['@a'] } });
    assert.deepEqual(load().own, ['@a']);
    write(join(project, 'package.json'), { name: 'x', 'safe-install': { own: ['@a', '@b'] } });
    assert.deepEqual(load().own, []);
  });

  it('two policies in one folder are refused', () => {
    write(join(project, 'package.json'), { 'safe-install': {} });
    ofProject({});
    assert.throws(load, /keep one/);
  });

  it('is found from a folder below, not above the repository', () => {
    write(join(root, 'safe-install.json'), { minimumReleaseAge: 99 });
    assert.equal(load().minimumReleaseAge, 0);
    ofProject({ minimumReleaseAge: 4 });
    mkdirSync(join(project, 'packages', 'a'), { recursive: true });
    assert.equal(loadPolicy(join(project, 'packages', 'a'), folders).minimumReleaseAge, 4);
  });

  it('a policy that cannot be read is an error, not an absence', () => {
    mkdirSync(join(project, 'safe-install.json'));
    assert.throws(load, /cannot be read/);
  });

  it('folders follow the XDG rules', () => {
    assert.equal(userFolders({ XDG_CACHE_HOME: '/c' }, '/home/u').cache, '/c/safe-install');
    assert.equal(userFolders({ XDG_CACHE_HOME: 'relative' }, '/home/u').cache, '/home/u/.cache/safe-install');
    assert.equal(userFolders({}, '/home/u').state, '/home/u/.local/state/safe-install');
  });
});
