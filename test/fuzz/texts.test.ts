/** Texts that come from outside: policies, command lines, index pages, requirements, cache entries. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseIni } from '../../lib/artifact/ini.js';
import { readToml } from '../../lib/artifact/toml.js';
import { KnownError } from '../../lib/errors.js';
import { readLinks } from '../../lib/gate/index-links.js';
import { parseArgv } from '../../lib/npm/argv.js';
import { bundledLibraries } from '../../lib/npm/libraries.js';
import { parsePipArguments } from '../../lib/pip/argv.js';
import { parseRequirement } from '../../lib/pip/requirement.js';
import { parseRequirementsFile } from '../../lib/pip/requirements-file.js';
import { readStatedNeeds } from '../../lib/pip/stated-needs.js';
import { escapeText } from '../../lib/report/escape.js';
import { type CacheKey, ScoreCache } from '../../lib/verdict/cache.js';
import { parsePolicy, parsePolicyKey } from '../../lib/verdict/policy-file.js';
import { counted, runs, soup } from './support.js';

/** What is refused is refused by name, with exit code 2. */
function refusedProperly(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof KnownError, String((error as Error).stack));
    assert.equal(error.exitCode, 2);
  }
}

describe('texts from outside, whatever they are', function () {
  this.timeout(0);

  const POLICY = [
    ...'{ } [ ] , : // /* */ "exceptions" "acceptUnverified" "threshold" "npm" "own" "minimumReleaseAge" "blockFindings"'.split(
      ' ',
    ),
    ...'"opaque" "block" "locked" true null 0.5 1e999 -1 "@a" "https://a.invalid/" "too-large" "__proto__" "$schema" "until"'.split(
      ' ',
    ),
    '"2027-02-31"',
  ];
  it('policies: read, or refused with file and line', () =>
    fc.assert(
      fc.property(
        fc.oneof(
          soup(POLICY, 30),
          fc.json(),
          fc
            .record(
              {
                exceptions: fc.jsonValue(),
                acceptUnverified: fc.array(fc.constantFrom('too-large', 'integrity-mismatch', 'x')),
                threshold: fc.dictionary(fc.constantFrom('npm', 'pypi', '__proto__'), fc.double()),
                own: fc.jsonValue(),
                opaque: fc.jsonValue(),
              },
              { requiredKeys: [] },
            )
            .map((value) => JSON.stringify(value)),
        ),
        counted((text) => {
          refusedProperly(() => {
            const policy = parsePolicy(text, 'p.json');
            assert.ok(!policy.acceptUnverified?.includes('integrity-mismatch'));
            const { npm = 1, pypi = 1 } = policy.threshold ?? {};
            assert.ok(npm > 0 && npm <= 1 && pypi > 0 && pypi <= 1);
          });
          refusedProperly(() => parsePolicyKey(text, 'safe-install', 'package.json'));
        }),
      ),
      runs(500),
    ));

  const libraries = bundledLibraries();
  const FLAGS = (
    '-g -D -w a -s --save-dev --no-save --registry http://r.invalid --prefix /p --loglevel silent --omit=dev -C /p --workspaces ' +
    '--offline --tag next --dry-run'
  ).split(' ');
  it('npm: an install stays an install, wherever its options stand', () =>
    fc.assert(
      fc.property(
        fc.constantFrom('install', 'i', 'add', 'ci', 'isntall', 'update', 'exec', 'x', 'rebuild', 'link'),
        fc.shuffledSubarray(
          FLAGS.reduce<string[][]>((all, word) => {
            if (word.startsWith('-')) all.push([word]);
            else all.at(-1)!.push(word);
            return all;
          }, []),
        ),
        fc.nat(),
        counted((command, flags, at) => {
          const place = at % (flags.length + 1);
          const argv = [...flags.slice(0, place).flat(), command, ...flags.slice(place).flat(), 'x'];
          const { kind } = parseArgv(argv, libraries);
          assert.ok(kind !== 'pass', `${argv.join(' ')}: ${kind}`);
        }),
      ),
      runs(150),
    ));

  it('npm: any words are taken or refused', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom(
              ...FLAGS,
              'install',
              'run',
              '--',
              '-',
              '--=x',
              '--no-',
              '-abc',
              '--__proto__=1',
              '=',
            ),
            fc.string(),
          ),
          { maxLength: 8 },
        ),
        counted((argv) => refusedProperly(() => parseArgv(argv, libraries))),
      ),
      runs(150),
    ));

  const PIP_FLAGS = [
    '-q',
    '-v',
    '--isolated',
    '--no-input',
    '--proxy=http://p.invalid',
    '--timeout=3',
    '-qq',
  ];
  it('pip: any words are taken, and install stays guarded behind any option', () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...PIP_FLAGS, 'install', '-r', '--', '-'), fc.string()), {
          maxLength: 6,
        }),
        fc.subarray(PIP_FLAGS),
        counted((words, flags) => {
          parsePipArguments(words);
          assert.ok(parsePipArguments([...flags, 'install', 'x']).guarded);
          assert.ok(parsePipArguments([...flags, 'download', ...flags, 'x']).guarded);
        }),
      ),
      runs(500),
    ));

  const PAGE = [
    '<a href="',
    "<a href='",
    '<a href=',
    '<a ',
    '">',
    '</a>',
    '<base href="',
    'x-1.0.tar.gz',
    '#sha256=aa',
    '&#0;',
    '&#x110000;',
    '&#55296;',
    '&amp;',
    'http://[',
    '//b.invalid/x.whl',
    'data-yanked',
    '{"files":[',
    '{"url":"x","hashes":{"sha256":1}}',
    ']}',
    '<!--',
  ];
  it('index pages: links or none', () =>
    fc.assert(
      fc.property(
        fc.oneof(soup(PAGE, 40), fc.json()),
        fc.constantFrom('text/html', 'application/vnd.pypi.simple.v1+json', ''),
        counted((text, type) => {
          for (const { url, hash } of readLinks(
            Buffer.from(text),
            type,
            new URL('https://i.invalid/simple/x/'),
          )) {
            assert.ok(URL.canParse(url));
            assert.ok(!url.includes('#'));
            if (hash !== undefined) assert.match(hash[0], /^(?:sha\d+|md5)$/);
          }
        }),
      ),
      runs(500),
    ));

  it('index pages: time grows with length, not with its square', () => {
    for (const piece of ['<a ', '<base ', '<a href', '&#', '<a href="']) {
      const body = Buffer.from(piece.repeat(200_000));
      const before = process.cpuUsage();
      readLinks(body, 'text/html', new URL('https://i.invalid/'));
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 3_000_000, `${piece}: ${user + system} µs`);
    }
  });

  const LINES = [
    ...'-r x -c -e . --index-url https://i.invalid --hash=sha256:aa a==1 a @ file:///x ; python_version<"3" # \\ $HOME [x] git+https://a.invalid/b'.split(
      ' ',
    ),
    '\n',
    '\r\n',
    "'",
    '"',
    'Requires-Dist: a',
    '[project]',
    'dependencies = ["a"]',
    '[build-system]',
    'requires = [',
    '[a:b]',
    'x = {y=1}',
    '"""',
  ];
  it('requirements, TOML, INI, metadata: read or left', () =>
    fc.assert(
      fc.property(
        soup(LINES, 40),
        counted((text) => {
          parseRequirementsFile(text, { HOME: 'x' });
          parseRequirement(text);
          parseIni(text);
          const bytes = Buffer.from(text);
          const files = new Map(
            ['PKG-INFO', 'pyproject.toml', 'a.egg-info/requires.txt', 'b-1.dist-info/METADATA'].map(
              (path) => [path, { path, bytes, executable: false }],
            ),
          );
          readToml(files, 'pyproject.toml');
          readStatedNeeds(files);
        }),
      ),
      runs(500),
    ));

  it('what is printed holds no control character of a terminal', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        counted((text) => {
          assert.doesNotMatch(
            escapeText(text),
            /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u,
          );
        }),
      ),
      runs(1000),
    ));

  it('cache entries: the very entry, or none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'safe-install-fuzz-'));
    try {
      const key: CacheKey = {
        integrity: 'sha512-x',
        ecosystem: 'npm',
        reader: 'tarball',
        registryManifest: null,
      };
      const open = () => new ScoreCache({ model: '1', taxonomy: '1', limits: '1', code: '1' }, folder);
      const cache = open();
      cache.put(key, {
        ecosystem: 'npm',
        name: 'a',
        version: '1',
        integrity: 'sha512-x',
        score: { value: 0.1, threshold: 0.5, evidence: [] },
        findings: [],
        opaqueFiles: 0,
        durationMs: 0,
      });
      await cache.close();
      const [entry] = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) =>
        each.isFile(),
      );
      const path = join(entry!.parentPath, entry!.name);
      const whole = readFileSync(path);
      const expected = await open().get(key);
      assert.equal(expected?.score, 0.1);
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              at: fc.nat({ max: whole.length }),
              cut: fc.nat({ max: 20 }),
              put: fc.uint8Array({ maxLength: 20 }),
            }),
            { minLength: 1, maxLength: 4 },
          ),
          counted(async (changes) => {
            let bytes = whole;
            for (const { at, cut, put } of changes)
              bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
            writeFileSync(path, bytes);
            const found = await open().get(key);
            if (found !== undefined) assert.deepEqual(found, expected);
          }),
        ),
        runs(200),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
