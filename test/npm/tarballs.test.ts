import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { bundledLibraries } from '../../lib/npm/libraries.js';
import { Tarballs } from '../../lib/npm/tarballs.js';
import { sha512 } from '../helpers/tarball.js';

describe('tarballs', () => {
  const { cacache } = bundledLibraries();
  const put = (cacache as unknown as { put(cache: string, key: string, bytes: Buffer): Promise<unknown> })
    .put;
  const bytes = Buffer.from('a tarball');
  const integrity = sha512(bytes);
  let cache: string;
  let tarballs: Tarballs;
  const folders = () => readdirSync(temporary).filter((name) => name.startsWith('safe-install-tarballs-'));
  const { TMPDIR } = process.env;
  let temporary: string;

  beforeEach(() => {
    temporary = mkdtempSync(path.join(tmpdir(), 'safe-install-tmp-'));
    process.env.TMPDIR = temporary;
    cache = mkdtempSync(path.join(tmpdir(), 'safe-install-cacache-'));
    tarballs = new Tarballs(cacache, cache);
  });
  afterEach(() => {
    tarballs.close();
    rmSync(cache, { recursive: true, force: true });
    deepEqual(folders(), []);
    rmSync(temporary, { recursive: true, force: true });
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });

  const contents = () =>
    readdirSync(cache, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes('content-v2'))
      .map((entry) => path.join(entry.parentPath, entry.name));

  it("come from npm's cache where it has them", async () => {
    equal(await tarballs.has(integrity), false);
    equal(await tarballs.get(integrity), undefined);
    await put(cache, 'key', bytes);
    equal(await tarballs.has(integrity), true);
    deepEqual(await tarballs.get(integrity), bytes);
  });

  it('come from a folder of the run where it has not, which goes with the run', async () => {
    await tarballs.keep(integrity, bytes);
    equal(await tarballs.has(integrity), true);
    deepEqual(await tarballs.get(integrity), bytes);
    equal(folders().length, 1);
    deepEqual(contents(), []);
  });

  it('are hashed when they are handed out, wherever they lay', async () => {
    await put(cache, 'key', bytes);
    const [file] = contents();
    writeFileSync(file!, 'b tarball');
    equal(await tarballs.get(integrity), undefined);
    equal(readFileSync(file!, 'utf8').length, bytes.length);

    const other = Buffer.from('another');
    await tarballs.keep(sha512(other), other);
    const [folder] = folders();
    const [spooled] = readdirSync(path.join(temporary, folder!));
    writeFileSync(path.join(temporary, folder!, spooled!), 'changed');
    equal(await tarballs.get(sha512(other)), undefined);
  });

  it('are not kept when all is over', async () => {
    tarballs.close();
    await tarballs.keep(integrity, bytes);
    equal(await tarballs.get(integrity), undefined);
  });
});
