import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifact } from '../../lib/artifact/open.js';
import { versionOf } from '../../lib/scan/pypi-index.js';
import { expandTargets } from '../../lib/scan/targets.js';
import { sdist, wheel } from '../artifact/build.js';

const FILES: Readonly<Record<string, Uint8Array>> = {
  'my_demo-1.0-py3-none-any.whl': wheel({ 'a.py': '1' }),
  'my_demo-1.0-cp311-cp311-linux_x86_64.whl': wheel({ 'a.py': '2' }),
  'my-demo-1.0.tar.gz': sdist({ 'setup.py': '' }),
  'my_demo-1.1-py3-none-any.whl': wheel({ 'a.py': '3' }),
  'my_demo-2.0rc1-py3-none-any.whl': wheel({ 'a.py': '4' }),
  'my_demo-3.0-py3-none-any.whl': wheel({ 'a.py': '5' }),
  'my_demo-1.0-py3-none-any.whl.asc': Buffer.from('signature'),
};
const YANKED = 'my_demo-3.0-py3-none-any.whl';
const sha256 = (name: string) => createHash('sha256').update(FILES[name]!).digest('hex');

describe('scan targets of PyPI', () => {
  let folder = '';
  let server: Server;
  let index = '';
  let json = true;
  let authorization: (string | undefined)[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'safe-install-pypi-'));
    server = createServer((request, response) => {
      authorization.push(request.headers.authorization);
      const name = decodeURIComponent(request.url!.split('/').pop()!);
      if (request.url === '/simple/my-demo/') {
        const files = Object.keys(FILES);
        if (json) {
          response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json');
          response.end(
            JSON.stringify({
              files: files.map((filename) => ({
                filename,
                url: `../../files/${filename}`,
                hashes: { sha256: sha256(filename) },
                yanked: filename === YANKED,
                'upload-time': '2020-01-02T03:04:05Z',
              })),
            }),
          );
        } else {
          response.setHeader('content-type', 'text/html');
          response.end(
            files
              .map(
                (f) =>
                  `<a ${f === YANKED ? 'data-yanked="bad" ' : ''}href="../../files/${f}#sha256=${sha256(f)}">${f}</a><br>`,
              )
              .join('\n'),
          );
        }
      } else if (request.url === '/moved/my-demo/') {
        response.writeHead(302, { location: '/simple/my-demo/' }).end();
      } else if (FILES[name] !== undefined) response.end(FILES[name]);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    index = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  });

  async function expand(targets: readonly string[], url = `${index}/simple`): Promise<string[]> {
    const env = { ...process.env, PIP_INDEX_URL: url, PIP_CONFIG_FILE: '/dev/null' };
    const shown: string[] = [];
    for await (const found of expandTargets(targets, { cwd: folder, env })) {
      const { input, unverified } = await found.load();
      const artifact = input === undefined ? undefined : await openArtifact(input);
      const reason = unverified ?? artifact?.unverified;
      shown.push(`${found.name} ${found.version} ${reason === undefined ? input!.filename : reason.code}`);
    }
    return shown;
  }
  const RELEASE = [
    'my-demo 1.0 my-demo-1.0.tar.gz',
    'my-demo 1.0 my_demo-1.0-cp311-cp311-linux_x86_64.whl',
    'my-demo 1.0 my_demo-1.0-py3-none-any.whl',
  ];

  for (const kind of ['JSON', 'HTML']) {
    it(`takes every file of a release from a ${kind} index`, async () => {
      json = kind === 'JSON';
      assert.deepEqual(await expand(['pypi:My_Demo==1.0']), RELEASE);
      assert.deepEqual(await expand(['pypi:my.demo[extra]']), ['my-demo 1.1 my_demo-1.1-py3-none-any.whl']);
      assert.deepEqual(await expand(['pypi:my-demo>=1.2']), [
        'my-demo 2.0rc1 my_demo-2.0rc1-py3-none-any.whl',
      ]);
      assert.deepEqual(await expand(['pypi:my-demo==3.0']), ['my-demo 3.0 my_demo-3.0-py3-none-any.whl']);
      assert.deepEqual(await expand(['pypi:my-demo==9', 'pypi:gone']), ['  not-fetched', '  not-fetched']);
    });
  }

  it('follows redirects and sends the password of the address to that host only', async () => {
    json = true;
    authorization = [];
    const url = index.replace('http://', 'http://user:p%40ss@');
    assert.deepEqual(await expand(['pypi:my-demo==1.1'], `${url}/moved/`), [
      'my-demo 1.1 my_demo-1.1-py3-none-any.whl',
    ]);
    const basic = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    assert.deepEqual([...new Set(authorization)], [basic]);
  });

  it('reads a requirements file: pins, ranges, hashes, other files; what points elsewhere is unverified', async () => {
    json = true;
    await writeFile(join(folder, 'more.txt'), 'my-demo<1.1\n');
    await writeFile(
      join(folder, 'requirements.txt'),
      [
        '# comment',
        '-r more.txt',
        `my-demo==1.0 ; python_version < "3" \\`,
        `  --hash=sha256:${sha256('my-demo-1.0.tar.gz')} --hash=sha256:${'0'.repeat(64)}`,
        `my_demo == 1.1 --hash=sha256:${'0'.repeat(64)} # none of these`,
        'other @ https://h.invalid/other-1.0.tar.gz',
        'git+https://h.invalid/x.git#egg=x',
        './local',
        '-e .',
      ].join('\n'),
    );
    assert.deepEqual(await expand(['requirements.txt']), [
      '  local-source',
      'my-demo 1.0 my-demo-1.0.tar.gz',
      'my-demo  integrity-mismatch',
      'other  remote-source',
      '  git-source',
      '  local-source',
      ...RELEASE,
    ]);
  });

  it('reads the version out of a file name', () => {
    const versions: [string, string, string | undefined][] = [
      ['zope.interface-5.0-py3-none-any.whl', 'zope-interface', '5.0'],
      ['a_b-1.0-1-py2.py3-none-any.whl', 'a-b', '1.0'],
      ['a-b-1.0-2.tar.gz', 'a-b', '1.0-2'],
      ['a-1.0.tar.gz', 'b', undefined],
      ['a-1.0.exe', 'a', undefined],
    ];
    for (const [file, name, version] of versions) {
      assert.equal(versionOf(file, name), version, file);
    }
  });
});
