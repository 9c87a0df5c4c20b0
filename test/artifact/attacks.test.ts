/**
 * Archives built to show the scanner other files than the installer. Each attack stands beside an honest
 * archive of the same shape that must be read in full.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { openArtifact } from '../../lib/artifact/open.js';
import type { Ecosystem, OpenedArtifact } from '../../lib/types.js';
import { longName, npmPackage, pax, sdist, type TarEntry, tar, tgz, wheel, zip } from './build.js';

const MANIFEST = JSON.stringify({ name: 'demo', version: '1.0.0' });
const PKG_INFO = 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n';

async function open(ecosystem: Ecosystem, filename: string, bytes: Uint8Array): Promise<OpenedArtifact> {
  return openArtifact({ ecosystem, filename, bytes });
}
const npm = (bytes: Uint8Array) => open('npm', 'demo-1.0.0.tgz', bytes);
const source = (bytes: Uint8Array) => open('pypi', 'demo-1.0.tar.gz', bytes);
const whl = (bytes: Uint8Array) => open('pypi', 'demo-1.0-py3-none-any.whl', bytes);
const text = (artifact: OpenedArtifact, path: string) => {
  const file = artifact.files.get(path);
  return file === undefined ? undefined : Buffer.from(file.bytes).toString();
};

/** The reason's code and what it says, or `read`. */
const outcome = ({ unverified }: OpenedArtifact) =>
  unverified === undefined
    ? 'read'
    : `${unverified.code} ${unverified.args.why ?? unverified.args.format ?? unverified.args.limit}`;

const file = (name: string, body = 'x = 1\n', more: Partial<TarEntry> = {}): TarEntry => ({
  name,
  body,
  ...more,
});
const pkg = (...entries: TarEntry[]) => tgz([file('package/package.json', MANIFEST), ...entries]);
const src = (...entries: TarEntry[]) => tgz([file('demo-1.0/PKG-INFO', PKG_INFO), ...entries]);
const many = (count: number) => Array.from({ length: count }, (_, i) => file(`package/${i}.js`, ''));

interface Row {
  readonly attack: string;
  readonly open: (bytes: Uint8Array) => Promise<OpenedArtifact>;
  readonly bytes: () => Uint8Array;
  readonly expected: string;
  readonly honest: () => Uint8Array;
}

const TABLE: readonly Row[] = [
  {
    attack: 'npm: path that climbs out',
    open: npm,
    bytes: () => pkg(file('package/../../evil.js')),
    expected: 'ambiguous path-escapes',
    honest: () => pkg(file('package/a..b/...js')),
  },
  {
    attack: 'npm: file where a folder is',
    open: npm,
    bytes: () => pkg(file('package/lib/a.js'), file('package/lib')),
    expected: 'ambiguous file-and-folder',
    honest: () => pkg(file('package/lib/a.js'), file('package/lib.js')),
  },
  {
    attack: 'npm: folder below a file',
    open: npm,
    bytes: () => pkg(file('package/lib'), file('package/lib/a.js')),
    expected: 'ambiguous file-and-folder',
    honest: () => pkg(file('package/lib/', '', { type: '5' }), file('package/lib/a.js')),
  },
  {
    attack: 'npm: backslash that is a separator on Windows only',
    open: npm,
    bytes: () => pkg(file('package/lib\\index.js')),
    expected: 'ambiguous backslash-in-path',
    honest: () => pkg(file('package/lib/odd name (1) [x] ü 日本.js')),
  },
  {
    attack: 'npm: drive letter',
    open: npm,
    bytes: () => pkg(file('package/C:/x.js')),
    expected: 'ambiguous drive-letter',
    honest: () => pkg(file('package/C/x.js')),
  },
  {
    attack: 'npm: header with a wrong checksum before a file',
    open: npm,
    bytes: () => pkg(file('package/a.js', '1', { badChecksum: true }), file('package/b.js')),
    expected: 'ambiguous tar header: checksum failure',
    honest: () => pkg(file('package/a.js', '1'), file('package/b.js')),
  },
  {
    attack: 'npm: PAX size that differs from the header',
    open: npm,
    bytes: () => pkg(pax({ size: '0' }), file('package/a.js', 'x'.repeat(600))),
    expected: 'ambiguous tar size given twice',
    honest: () => pkg(pax({ path: `package/${'long/'.repeat(40)}a.js` }), file('package/short.js')),
  },
  {
    attack: 'npm: PAX size that differs from the header by no block',
    open: npm,
    bytes: () => pkg(pax({ size: '700' }), file('package/a.js', 'x'.repeat(600))),
    expected: 'ambiguous tar size given twice',
    honest: () => pkg(pax({ size: '600' }), file('package/a.js', 'x'.repeat(600))),
  },
  {
    attack: 'npm: global PAX path',
    open: npm,
    bytes: () => pkg(pax({ path: 'package/other.js' }, 'g'), file('package/a.js')),
    expected: 'ambiguous global tar path or size',
    honest: () => pkg(pax({ comment: '0123abc' }, 'g'), file('package/a.js')),
  },
  {
    attack: 'npm: truncated in the middle of a file',
    open: npm,
    bytes: () =>
      gzipSync(
        tar([file('package/package.json', MANIFEST), file('package/a.js', 'x'.repeat(5000))], {
          end: false,
        }).subarray(0, 2000),
      ),
    expected: 'damaged truncated',
    honest: () => gzipSync(tar([file('package/package.json', MANIFEST)], { end: false })),
  },
  {
    attack: 'npm: truncated gzip',
    open: npm,
    bytes: () => npmPackage({ 'package.json': MANIFEST, 'a.js': 'x'.repeat(5000) }).subarray(0, 100),
    expected: 'damaged gzip',
    honest: () => {
      const whole = tar([file('package/package.json', MANIFEST), file('package/a.js', 'x'.repeat(5000))]);
      return Buffer.concat([gzipSync(whole.subarray(0, 700)), gzipSync(whole.subarray(700))]); // two members
    },
  },
  {
    attack: 'npm: tar in gzip in gzip',
    open: npm,
    bytes: () => gzipSync(npmPackage({ 'package.json': MANIFEST })),
    expected: 'damaged not-a-tar',
    honest: () => tar([file('package/package.json', MANIFEST)]), // not compressed at all: npm takes it
  },
  {
    attack: 'npm: zip under a tarball name',
    open: npm,
    bytes: () => zip([{ name: 'package/package.json', body: MANIFEST }]),
    expected: 'unsupported-format zip',
    honest: () => pkg(file('package/assets.zip', 'PK\x03\x04')),
  },
  {
    attack: 'npm: not an archive',
    open: npm,
    bytes: () => Buffer.from('#!/bin/sh\necho no\n'.repeat(100)),
    expected: 'damaged not-a-tar',
    honest: () => pkg(file('package/install.sh', '#!/bin/sh\necho yes\n')),
  },
  {
    attack: 'npm: path longer than a disk takes',
    open: npm,
    bytes: () => pkg(pax({ path: `package/${'d/'.repeat(3000)}a.js` }), file('package/x')),
    expected: 'too-large path',
    honest: () => pkg(pax({ path: `package/${'d/'.repeat(100)}a.js` }), file('package/x')),
  },
  {
    attack: 'npm: nesting without end',
    open: npm,
    bytes: () => pkg(pax({ path: `package/${'d/'.repeat(500)}a.js` }), file('package/x')),
    expected: 'too-large depth',
    honest: () => pkg(pax({ path: `package/${'d/'.repeat(60)}a.js` }), file('package/x')),
  },
  {
    attack: 'npm: compression bomb',
    open: npm,
    bytes: () =>
      gzipSync(
        Buffer.concat([
          tar([file('package/package.json', MANIFEST)], { end: false }),
          tar([{ name: 'package/zeros', body: Buffer.alloc(160 * 1024 * 1024) }]),
        ]),
        { level: 9 },
      ),
    expected: 'too-large ratio',
    honest: () => pkg(file('package/bundle.js', `var a=1;${'function f(){return 1};'.repeat(450_000)}`)), // 10 MB
  },
  {
    attack: 'npm: more entries than any package',
    open: npm,
    bytes: () => tgz([file('package/package.json', MANIFEST), ...many(100_001)]),
    expected: 'too-large entries',
    honest: () => tgz([file('package/package.json', MANIFEST), ...many(5_000)]),
  },
  {
    attack: 'npm: package.json that is not JSON',
    open: npm,
    bytes: () => npmPackage({ 'package.json': '{ "name": "demo", }', 'index.js': '' }),
    expected: 'damaged json',
    honest: () => npmPackage({ 'package.json': `\uFEFF${MANIFEST}`, 'index.js': '' }),
  },
  {
    attack: 'sdist: path that climbs out',
    open: source,
    bytes: () => src(file('demo-1.0/../../evil.py')),
    expected: 'ambiguous path-escapes',
    honest: () => src(file('demo-1.0/demo/__init__.py')),
  },
  {
    attack: 'sdist: absolute path',
    open: source,
    bytes: () => src(file('/etc/evil.py')),
    expected: 'ambiguous absolute-path',
    honest: () => src(file('demo-1.0/etc/fine.py')),
  },
  {
    attack: 'sdist: link out of the archive',
    open: source,
    bytes: () => src(file('demo-1.0/a.py', '', { type: '2', linkname: '../../../etc/passwd' })),
    expected: 'ambiguous link-outside',
    honest: () => src(file('demo-1.0/b.py'), file('demo-1.0/a.py', '', { type: '2', linkname: 'b.py' })),
  },
  {
    attack: 'sdist: link to a folder above itself',
    open: source,
    bytes: () => src(file('demo-1.0/a.py'), file('demo-1.0/b', '', { type: '2', linkname: '.' })),
    expected: 'ambiguous link-to-folder-above',
    honest: () => src(file('demo-1.0/c/a.py'), file('demo-1.0/b', '', { type: '2', linkname: 'c/' })),
  },
  {
    attack: 'sdist: file whose name ends as a folder does',
    open: source,
    bytes: () => src(pax({ path: 'demo-1.0/setup.py/' }), file('demo-1.0/a.py')),
    expected: 'ambiguous file-named-as-folder',
    honest: () => src(file('demo-1.0/c/', '', { type: '\0' }), file('demo-1.0/c/a.py')),
  },
  {
    attack: 'sdist: link whose name ends as a folder does',
    open: source,
    bytes: () => src(file('demo-1.0/real/a.py'), file('demo-1.0/ln/.', '', { type: '2', linkname: 'real' })),
    expected: 'ambiguous link-named-as-folder',
    honest: () => src(file('demo-1.0/real/a.py'), file('demo-1.0/ln', '', { type: '2', linkname: 'real' })),
  },
  {
    attack: 'sdist: file written through a link',
    open: source,
    bytes: () =>
      src(
        file('demo-1.0/real/a.py'),
        file('demo-1.0/ln', '', { type: '2', linkname: 'real' }),
        file('demo-1.0/ln/b.py'),
      ),
    expected: 'ambiguous file-below-link',
    honest: () => src(file('demo-1.0/real/a.py'), file('demo-1.0/ln', '', { type: '2', linkname: 'real' })),
  },
  {
    attack: 'sdist: device',
    open: source,
    bytes: () => src(file('demo-1.0/dev', '', { type: '3' })),
    expected: 'ambiguous device',
    honest: () => src(file('demo-1.0/dev')),
  },
  {
    attack: 'sdist: GNU sparse file by PAX',
    open: source,
    bytes: () =>
      src(
        pax({ 'GNU.sparse.major': '1', 'GNU.sparse.name': 'demo-1.0/x.py' }),
        file('demo-1.0/GNUSparseFile.0/x.py'),
      ),
    expected: 'unsupported-format tar GNU.sparse.major',
    honest: () => src(pax({ mtime: '1.5', path: 'demo-1.0/x.py' }), file('demo-1.0/y.py')),
  },
  {
    attack: 'sdist: old GNU sparse file',
    open: source,
    bytes: () => src(file('demo-1.0/x.py', 'x', { type: 'S' })),
    expected: 'unsupported-format tar type "S"',
    honest: () => src(longName(`demo-1.0/${'long/'.repeat(40)}x.py`), file('demo-1.0/short.py')),
  },
  {
    attack: 'sdist: wrong checksum after the first file',
    open: source,
    bytes: () => src(file('demo-1.0/a.py', 'a', { badChecksum: true })),
    expected: 'ambiguous tar header',
    honest: () => src(file('demo-1.0/a.py', 'a')),
  },
  {
    attack: 'sdist: PAX size that differs from the header',
    open: source,
    bytes: () => src(pax({ size: '512' }), file('demo-1.0/a.py', 'x'.repeat(1024))),
    expected: 'ambiguous tar size given twice',
    honest: () => src(pax({ size: '1024' }), file('demo-1.0/a.py', 'x'.repeat(1024))),
  },
  {
    attack: 'sdist: zip hung behind the tar',
    open: source,
    bytes: () =>
      Buffer.concat([sdist({ 'PKG-INFO': PKG_INFO }), zip([{ name: 'demo-1.0/setup.py', body: 'evil' }])]),
    expected: 'ambiguous zip-and-other',
    honest: () => zip([{ name: 'demo-1.0/PKG-INFO', body: PKG_INFO }]), // a zip called .tar.gz: pip reads it
  },
  {
    attack: 'sdist: bzip2',
    open: source,
    bytes: () => Buffer.from('BZh91AY&SY'.padEnd(600, '\0')),
    expected: 'unsupported-format bzip2',
    honest: () => sdist({ 'PKG-INFO': PKG_INFO, 'data.bz2': 'BZh9' }),
  },
  {
    attack: 'sdist: truncated before the end mark, other data behind',
    open: source,
    bytes: () =>
      Buffer.concat([
        gzipSync(tar([file('demo-1.0/PKG-INFO', PKG_INFO)], { end: false })),
        Buffer.from('trailing'),
      ]),
    expected: 'damaged truncated',
    honest: () => Buffer.concat([sdist({ 'PKG-INFO': PKG_INFO }), Buffer.from('trailing')]),
  },
  {
    attack: 'wheel: member the directory does not name',
    open: whl,
    bytes: () => wheel({ 'demo.py': '' }, [{ name: 'evil.py', body: 'evil', hidden: true }]),
    expected: 'ambiguous zip-hidden-member',
    honest: () => wheel({ 'demo.py': '', 'data.zip': 'PK\x03\x04' }),
  },
  {
    attack: 'wheel: other name in the local header',
    open: whl,
    bytes: () => wheel({}, [{ name: 'fine.py', localName: 'evil.py', body: '' }]),
    expected: 'ambiguous zip-headers-differ',
    honest: () => wheel({ 'fine.py': '' }, [{ name: 'ü.py', body: '' }]),
  },
  {
    attack: 'wheel: two members of one name',
    open: whl,
    bytes: () => wheel({ 'demo.py': 'good' }, [{ name: 'demo.py', body: 'evil' }]),
    expected: 'ambiguous duplicate-entry',
    honest: () => wheel({ 'demo.py': 'good' }, [{ name: 'demo.py', body: 'good' }]),
  },
  {
    attack: 'wheel: purelib over a file of the root',
    open: whl,
    bytes: () => wheel({ 'demo.py': 'good', 'demo-1.0.data/purelib/demo.py': 'evil' }),
    expected: 'ambiguous duplicate-entry',
    honest: () => wheel({ 'demo-1.0.data/purelib/demo.py': 'good' }),
  },
  {
    attack: 'wheel: encrypted member',
    open: whl,
    bytes: () => wheel({}, [{ name: 'demo.py', body: 'x'.repeat(20), method: 0, flags: 1, size: 8 }]),
    expected: 'encrypted undefined',
    honest: () => wheel({}, [{ name: 'demo.py', body: 'x', method: 0 }]),
  },
  {
    attack: 'wheel: compression method Python has and Node has not',
    open: whl,
    bytes: () => wheel({}, [{ name: 'demo.py', body: 'x', method: 14 }]),
    expected: 'unsupported-format zip method 14',
    honest: () => wheel({ 'demo.py': 'x' }),
  },
  {
    attack: 'wheel: wrong checksum',
    open: whl,
    bytes: () => wheel({}, [{ name: 'demo.py', body: 'x', crc: 1 }]),
    expected: 'damaged zip-data',
    honest: () => wheel({ 'demo.py': 'x' }),
  },
  {
    attack: 'wheel: size that understates the content',
    open: whl,
    bytes: () => wheel({}, [{ name: 'demo.py', body: 'x'.repeat(100_000), size: 10 }]),
    expected: 'damaged zip-data',
    honest: () => wheel({ 'demo.py': 'x'.repeat(100_000) }),
  },
  {
    attack: 'wheel: data behind the directory',
    open: whl,
    bytes: () => Buffer.concat([wheel({ 'demo.py': 'x' }), Buffer.from('PK\x03\x04 behind')]),
    expected: 'ambiguous zip-trailing-data',
    honest: () =>
      zip([{ name: 'demo-1.0.dist-info/METADATA', body: PKG_INFO }], { comment: 'built by hand' }),
  },
  {
    attack: 'wheel: two directories',
    open: whl,
    bytes: () => wheel({ 'demo.py': 'good' }, [], wheel({ 'demo.py': 'evil' })),
    expected: 'ambiguous zip-hidden-member',
    honest: () => wheel({ 'demo.py': 'good' }),
  },
  {
    attack: 'wheel: symbolic link',
    open: whl,
    bytes: () => wheel({}, [{ name: 'a.py', body: '/etc/passwd', mode: 0o120777 }]),
    expected: 'ambiguous link-in-zip',
    honest: () => wheel({}, [{ name: 'a.py', body: 'x', mode: 0o100755 }]),
  },
  {
    attack: 'wheel: two .dist-info folders',
    open: whl,
    bytes: () => wheel({ 'other-2.0.dist-info/METADATA': 'Name: other\n' }),
    expected: 'ambiguous two-dist-info',
    honest: () => wheel({ 'demo/vendored-2.0.dist-info/METADATA': 'Name: vendored\n' }),
  },
  {
    attack: 'wheel: tar under a wheel name',
    open: whl,
    bytes: () => sdist({ 'PKG-INFO': PKG_INFO }),
    expected: 'damaged not-a-zip',
    honest: () => wheel({}),
  },
  {
    attack: 'wheel: name that climbs out',
    open: whl,
    bytes: () => wheel({ '../evil.py': 'x' }),
    expected: 'ambiguous path-escapes',
    honest: () => wheel({ 'demo/..py': 'x' }),
  },
];

describe('archives built to deceive', () => {
  for (const { attack, open: read, bytes, expected, honest } of TABLE) {
    it(`${attack} → ${expected.replace(' undefined', '')}; honest twin read`, async () => {
      assert.equal(outcome(await read(bytes())), expected);
      const twin = await read(honest());
      assert.equal(outcome(twin), 'read', 'the honest twin');
      assert.ok(twin.files.size > 0);
    });
  }
});

describe('archives read as the installer reads them', () => {
  it('strips one component whatever its name, and the last duplicate wins', async () => {
    const artifact = await npm(
      pkg(file('a/index.js', 'first'), file('package/index.js', 'second'), file('/package/abs.js', 'abs')),
    );
    assert.equal(text(artifact, 'index.js'), 'second');
    assert.equal(text(artifact, 'package/abs.js'), 'abs');
    assert.equal(outcome(artifact), 'read');
  });
  it('leaves out links, folders, devices and files beside the package folder', async () => {
    const artifact = await npm(
      pkg(
        file('package/soft.js', '', { type: '2', linkname: 'index.js' }),
        file('package/hard.js', '', { type: '1', linkname: 'package/index.js' }),
        file('package/dev', '', { type: '3' }),
        file('package/dir/', '', { type: '5' }),
        file('beside.js', 'x'),
      ),
    );
    assert.deepEqual([...artifact.files.keys()], ['package.json']);
  });
  it('renames .gitignore unless an .npmignore came first', async () => {
    const renamed = await npm(pkg(file('package/.gitignore', 'g')));
    assert.equal(text(renamed, '.npmignore'), 'g');
    const kept = await npm(pkg(file('package/.npmignore', 'n'), file('package/.gitignore', 'g')));
    assert.equal(text(kept, '.npmignore'), 'n');
    assert.equal(kept.files.has('.gitignore'), false);
  });
  it('reads two gzip members as one', async () => {
    const whole = tar([file('package/package.json', MANIFEST), file('package/index.js', 'x'.repeat(3000))]);
    const artifact = await npm(
      Buffer.concat([gzipSync(whole.subarray(0, 1000)), gzipSync(whole.subarray(1000))]),
    );
    assert.equal(text(artifact, 'index.js'), 'x'.repeat(3000));
  });
  it('notices names that are one file on other disks', async () => {
    for (const [a, b] of [
      ['Index.js', 'index.js'],
      ['caf\u00e9.js', 'cafe\u0301.js'],
    ] as const) {
      const artifact = await npm(pkg(file(`package/${a}`, '1'), file(`package/${b}`, '2')));
      assert.equal(outcome(artifact), 'read');
      assert.deepEqual(
        artifact.findings.map((f) => f.code),
        ['name-collision'],
        a,
      );
    }
    const same = await npm(pkg(file('package/README', '1'), file('package/Readme', '1')));
    assert.deepEqual(same.findings, []);
  });
  it('follows links of a source archive as pip does', async () => {
    const artifact = await source(
      src(
        file('demo-1.0/real/a.py', 'a'),
        file('demo-1.0/soft', '', { type: '2', linkname: 'real' }),
        file('demo-1.0/hard.py', '', { type: '1', linkname: 'demo-1.0/real/a.py' }),
        file('demo-1.0/dangling', '', { type: '2', linkname: 'nowhere' }),
        file('demo-1.0/folder-only', '', { type: '2', linkname: 'real/a.py/' }),
      ),
    );
    assert.equal(text(artifact, 'soft/a.py'), 'a');
    assert.equal(text(artifact, 'hard.py'), 'a');
    assert.equal(artifact.files.has('dangling'), false);
    assert.equal(artifact.files.has('folder-only'), false);
  });
  it('counts folder entries when it looks for the leading folder of a zip', async () => {
    const artifact = await source(zip([{ name: './' }, { name: 'demo-1.0/PKG-INFO', body: PKG_INFO }]));
    assert.deepEqual([...artifact.files.keys()], ['demo-1.0/PKG-INFO']);
  });
  it('keeps the leading folder when not all members share it', async () => {
    const artifact = await source(src(file('other/a.py')));
    assert.deepEqual([...artifact.files.keys()], ['demo-1.0/PKG-INFO', 'other/a.py']);
  });
  it('lays purelib and platlib out beside the root, scripts apart', async () => {
    const artifact = await whl(
      wheel({ 'demo-1.0.data/platlib/demo/__init__.py': 'a', 'demo-1.0.data/scripts/run': 'b' }),
    );
    assert.equal(text(artifact, 'demo/__init__.py'), 'a');
    assert.equal(text(artifact, 'demo-1.0.data/scripts/run'), 'b');
  });
});

describe('integrity', () => {
  const bytes = npmPackage({ 'package.json': MANIFEST });
  const check = (expectedIntegrity: string) =>
    openArtifact({ ecosystem: 'npm', filename: 'x.tgz', bytes, expectedIntegrity });
  it('is always the SHA-512 of the bytes', async () => {
    const { integrity } = await npm(bytes);
    assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/);
    assert.equal((await check(integrity)).unverified, undefined);
  });
  it('names a mismatch and a promise that says nothing', async () => {
    for (const promise of ['sha512-AAAA', 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=', 'nonsense']) {
      assert.equal((await check(promise)).unverified?.code, 'integrity-mismatch', promise);
    }
  });
  it('keeps a promise of SHA-1 alone, as old lockfiles have it, and none of SHA-1 beside a stronger hash', async () => {
    const sha1 = `sha1-${createHash('sha1').update(bytes).digest('base64')}`;
    assert.equal((await check(sha1)).unverified, undefined);
    assert.equal((await check(`sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= ${sha1}`)).unverified, undefined);
    const wrong = `sha512-${createHash('sha512').update('').digest('base64')}`;
    for (const promise of [`${sha1} ${wrong}`, `${wrong} ${sha1}`, sha1.slice(0, -2), `x${sha1}`]) {
      assert.equal((await check(promise)).unverified?.code, 'integrity-mismatch', promise);
    }
  });
  it('holds for a folder whatever the order of its files', async () => {
    const files = ['b.js', 'a.js'].map((path) => ({ path, bytes: Buffer.from(path), executable: false }));
    const one = await openArtifact({ ecosystem: 'npm', filename: 'x', bytes: new Uint8Array(), files });
    const two = await openArtifact({
      ecosystem: 'npm',
      filename: 'x',
      bytes: new Uint8Array(),
      files: files.toReversed(),
    });
    assert.equal(one.integrity, two.integrity);
    assert.equal(one.kind, 'folder');
  });
});
