import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePipArguments } from '../../lib/pip/argv.js';
import { pipSettings, readListing } from '../../lib/pip/config.js';
import { Provenance } from '../../lib/pip/provenance.js';
import { parseRequirement, referenceKind } from '../../lib/pip/requirement.js';
import { parseRequirementsFile } from '../../lib/pip/requirements-file.js';
import { SourceReader } from '../../lib/pip/sources.js';
import { readStatedNeeds } from '../../lib/pip/stated-needs.js';
import { parseGitReference } from '../../lib/pip/vcs.js';

describe('pip/config', () => {
  it('lets the command section win over global, the environment over both', () => {
    const listing = [
      "global.index-url='https://a.invalid/simple'",
      "install.index-url='https://b.invalid/simple'",
      "download.index-url='https://c.invalid/simple'",
      ":env:.timeout='60'",
      "global.timeout='5'",
    ].join('\n');
    assert.deepEqual(pipSettings(listing, 'install', new Map()).indexUrls, ['https://b.invalid/simple']);
    assert.deepEqual(pipSettings(listing, 'wheel', new Map()).indexUrls, ['https://a.invalid/simple']);
    assert.equal(pipSettings(listing, 'install', new Map()).timeoutMs, 60_000);
  });

  it('adds lists of the command line to configured ones, and takes single values from it', () => {
    const listing =
      "global.extra-index-url='https://a.invalid\\nhttps://b.invalid'\nglobal.index-url='https://x.invalid'";
    const { options } = parsePipArguments([
      'install',
      '--extra-index-url',
      'https://c.invalid',
      '-i',
      'https://i.invalid',
    ]);
    assert.deepEqual(pipSettings(listing, 'install', options).indexUrls, [
      'https://i.invalid',
      'https://a.invalid',
      'https://b.invalid',
      'https://c.invalid',
    ]);
  });

  it('asks PyPI when nothing is configured; an empty value is none', () => {
    assert.deepEqual(pipSettings("global.index-url=''", 'install', new Map()).indexUrls, [
      'https://pypi.org/simple',
    ]);
  });

  it('undoes the quoting of repr', () => {
    assert.equal(readListing(`global.proxy="it's \\\\ \\xe9"`, 'install').get('proxy'), "it's \\ é");
  });

  for (const [listing, argv, expected] of [
    ['', ['--no-cache-dir'], true],
    [":env:.no-cache-dir='1'", [], true],
    [":env:.no-cache-dir='0'", [], false],
    ['', [], false],
  ] as const) {
    it(`no cache: ${listing || 'nothing configured'} ${argv.join(' ')} → ${expected}`, () => {
      const { options } = parsePipArguments(['install', ...argv]);
      assert.equal(pipSettings(listing, 'install', options).noCache, expected);
    });
  }
});

describe('pip/requirement', () => {
  for (const [text, expected] of [
    ['Flask', ['flask', [], undefined, undefined]],
    ['ruamel.yaml_x >= 1, <2', ['ruamel-yaml-x', [], undefined, undefined]],
    [
      'requests[security, socks]>=2; python_version<"4"',
      ['requests', ['security', 'socks'], undefined, undefined],
    ],
    ['a @ https://h.invalid/a-1.whl', ['a', [], 'https://h.invalid/a-1.whl', undefined]],
    ['a@git+https://h.invalid/a.git@main', ['a', [], 'git+https://h.invalid/a.git@main', undefined]],
    ['a[x] @ file:///a.whl ; extra == "dev"', ['a', ['x'], 'file:///a.whl', 'dev']],
    ['a ; extra == "b" or os_name == "nt"', ['a', [], undefined, undefined]],
    ['https://h.invalid/a.whl', ['', [], 'https://h.invalid/a.whl', undefined]],
    ['a (>=1)', ['a', [], undefined, undefined]],
  ] as const) {
    it(`reads ${text}`, () => {
      const { name, extras, reference, onlyForExtra } = parseRequirement(text)!;
      assert.deepEqual([name, extras, reference, onlyForExtra], expected);
    });
  }

  for (const [reference, kind] of [
    ['https://h.invalid/a.whl', 'remote'],
    ['HTTP://h.invalid/a.whl', 'remote'],
    ['git+ssh://git@h.invalid/a', 'vcs'],
    ['hg+file:///a', 'vcs'],
    ['git://h.invalid/a', 'vcs'],
    ['file:///a.whl', 'local'],
    ['./a.whl', 'local'],
    ['ftp://h.invalid/a.whl', 'local'],
  ] as const) {
    it(`${reference} is ${kind}`, () => assert.equal(referenceKind(reference), kind));
  }
});

describe('pip/vcs', () => {
  for (const [reference, expected] of [
    ['git+https://h.invalid/r.git', ['https://h.invalid/r.git', undefined, undefined]],
    ['git+https://user:word@h.invalid/r', ['https://user:word@h.invalid/r', undefined, undefined]],
    ['git+ssh://git@h.invalid/r@v1#egg=x&subdirectory=a/b', ['ssh://git@h.invalid/r', 'v1', 'a/b']],
    ['git+file:///tmp/r@feature/x', ['file:///tmp/r', 'feature/x', undefined]],
  ] as const) {
    it(`reads ${reference}`, () => {
      const { url, revision, subdirectory } = parseGitReference(reference)!;
      assert.deepEqual([url, revision, subdirectory], expected);
    });
  }
  for (const reference of [
    'hg+https://h.invalid/r',
    'git+ext::sh',
    'git+git@h.invalid:r',
    'svn+ssh://h.invalid/r',
  ]) {
    it(`does not read ${reference}`, () => assert.equal(parseGitReference(reference), undefined));
  }
});

describe('pip/requirements-file', () => {
  it('reads requirements, options, comments, continuations and variables as pip does', () => {
    const file = parseRequirementsFile(
      [
        '\uFEFF# comment \\',
        'flask==1.0 \\',
        '    --hash=sha256:00 \\',
        '    --hash=sha256:11  # why',
        '-r other.txt',
        '--constraint=c.txt',
        '-i https://${TOKEN}@i.invalid/simple',
        '--extra-index-url "https://e.invalid/simple"',
        '-f ./wheels --trusted-host t.invalid',
        '-e ./mine[dev]',
        'a @ https://h.invalid/a.whl#sha256=00',
        'name#not-a-comment',
      ].join('\n'),
      { TOKEN: 'secret' },
    );
    assert.deepEqual(file, {
      requirements: ['flask==1.0', 'a @ https://h.invalid/a.whl#sha256=00', 'name#not-a-comment'],
      editables: ['./mine[dev]'],
      requirementFiles: ['other.txt'],
      constraintFiles: ['c.txt'],
      indexUrls: ['https://secret@i.invalid/simple', 'https://e.invalid/simple'],
      findLinks: ['./wheels'],
      trustedHosts: ['t.invalid'],
    });
  });
});

describe('pip/stated-needs', () => {
  const files = (entries: Record<string, string>) =>
    new Map(Object.entries(entries).map(([path, text]) => [path, { bytes: Buffer.from(text) }]));

  it('reads METADATA up to the description', () => {
    const needs = readStatedNeeds(
      files({
        'a-1.dist-info/METADATA':
          'Name: a\nVersion: 1\nRequires-Dist: b\nRequires-Dist: c\n >1\n\nRequires-Dist: d\n',
      }),
    );
    assert.deepEqual([needs.name, needs.version, needs.requires], ['a', '1', ['b', 'c >1']]);
  });

  it('reads requires.txt and pyproject.toml of an sdist', () => {
    const needs = readStatedNeeds(
      files({
        'PKG-INFO': 'Name: a\nVersion: 1\n',
        'src/a.egg-info/requires.txt': 'b\n[dev]\nc @ file:///c.whl\n[:os_name=="nt"]\nd\n',
        'pyproject.toml':
          '[build-system]\nrequires = ["x @ file:///x.whl"]\n[project]\ndependencies = ["e"]\n',
      }),
    );
    assert.deepEqual(needs.requires, ['b', 'c @ file:///c.whl ; extra == "dev"', 'd', 'e']);
    assert.deepEqual(needs.buildRequires, ['x @ file:///x.whl']);
  });
});

describe('pip/provenance', () => {
  it('gives the shortest way from the command line, and stands circles', () => {
    const provenance = new Provenance();
    const needs = (from: string, text: string, toBuild = false) =>
      provenance.needs(from, parseRequirement(text)!, toBuild);
    needs('pip install', 'a');
    needs('a', 'b[x]');
    needs('b', 'c');
    needs('c', 'b');
    needs('a', 'tool', true);
    provenance.served('A', '1.0');
    provenance.served('c', '3.0');
    assert.deepEqual(provenance.pathTo('C'), ['pip install', 'A@1.0', 'b', 'c@3.0']);
    assert.deepEqual(provenance.pathTo('tool'), ['pip install', 'A@1.0 (to build it)', 'tool']);
    assert.deepEqual(provenance.pathTo('unknown'), ['unknown']);
    assert.equal(provenance.asksForExtra('b', 'x'), true);
    assert.equal(provenance.asksForExtra('b', 'y'), false);
  });
});

describe('pip/sources', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sources-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('follows files, folders and links to everything pip may read', () => {
    mkdirSync(join(folder, 'reqs', 'wheels'), { recursive: true });
    mkdirSync(join(folder, 'mine'));
    const write = (name: string, text = '') => writeFileSync(join(folder, name), text);
    write('reqs/a.txt', '-r b.txt\n-f wheels\n./local.tar.gz\n--index-url https://two.invalid/simple\n');
    write('reqs/b.txt', 'deep @ https://h.invalid/deep.whl\n-r a.txt\n-r https://r.invalid/more.txt\n');
    write('reqs/wheels/w-1-py3-none-any.whl');
    write('reqs/wheels/notes.txt');
    write('local.tar.gz');
    write('given.whl');
    write(
      'mine/pyproject.toml',
      '[project]\ndependencies=["own @ git+https://g.invalid/o"]\n[build-system]\nrequires=["maker"]\n',
    );
    const argv = ['install', '-r', 'reqs/a.txt', './given.whl', '-e', './mine[x]', 'plain>1'];
    const args = parsePipArguments(argv);
    const reader = new SourceReader(folder, {});
    const found = reader.readCommand(args, pipSettings('', 'install', args.options));
    assert.deepEqual([...found.archives.keys()].sort(), [
      join(folder, 'given.whl'),
      join(folder, 'local.tar.gz'),
      join(folder, 'reqs/wheels/w-1-py3-none-any.whl'),
    ]);
    assert.deepEqual([...found.addresses].sort(), [
      'https://h.invalid/deep.whl',
      'https://pypi.org/simple',
      'https://r.invalid/more.txt',
      'https://two.invalid/simple',
    ]);
    assert.deepEqual(
      found.git.map(({ target, from, reference }) => [target, from, reference.url]),
      [['git+https://g.invalid/o', 'mine', 'https://g.invalid/o']],
    );
    assert.deepEqual(
      found.requirements.map(({ from, requirement, toBuild }) => [from, requirement.name, toBuild]),
      [
        ['pip install', 'plain', false],
        ['mine', 'own', false],
        ['mine', 'maker', true],
        ['b.txt', 'deep', false],
      ],
    );
    reader.readRemoteFile('-i https://three.invalid/simple\n-r other.txt\n', 'https://r.invalid/more.txt');
    assert.ok(found.addresses.has('https://three.invalid/simple'));
    assert.ok(found.remoteFiles.has('https://r.invalid/other.txt'));
  });
});
