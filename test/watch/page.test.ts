/** The triage page: who may see it, what hostile packages can do to it, what a person can do with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TAXONOMY_VERSION } from '../../lib/behavior/taxonomy.js';
import type { BehaviorSequence, Verdict } from '../../lib/types.js';
import { SqliteDatabase } from '../../lib/watch/sqlite.js';
import { WatchStore } from '../../lib/watch/store.js';
import { serveUi, type Ui } from '../../lib/watch/ui.js';
import { Browser, findBrowser } from '../report/browser.js';
import { hostile, malicious } from '../report/runs.js';

const EVIL = '"><img src=x onerror=alert(1)><script>alert(1)</script>\u202e\u0000';

const sequenceOf = (verdict: Verdict): BehaviorSequence => ({
  taxonomy: TAXONOMY_VERSION,
  ecosystem: 'npm',
  units: [
    {
      kind: 'lifecycle',
      phase: 'install',
      origin: EVIL,
      behaviors: verdict.evidence.map(({ behavior }) => ({ ...behavior, detail: EVIL })),
    },
  ],
  stats: { filesParsed: 1, filesSkipped: 0, parseFailures: 0, opaqueFiles: 0, steps: 1, codeBytes: 1 },
});

describe('watch/page', () => {
  let folder: string;
  let store: WatchStore;
  let ui: Ui;
  let cookie: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'safe-install-page-'));
    store = new WatchStore(await SqliteDatabase.open(join(folder, 'watch.db')));
    await store.startFeed(EVIL, '0', undefined);
    const verdicts = [malicious, ...hostile.packages.map(({ verdict }) => verdict)].map((verdict, at) => ({
      ...verdict,
      integrity: `sha512-${at}${EVIL}`,
      verdict: 'block' as const,
      score: 0.99,
      threshold: 0.9,
    }));
    const entries = verdicts.map((_, at) => ({
      kind: 'artifact' as const,
      ecosystem: 'npm' as const,
      name: at === 0 ? 'evil' : `${at}${EVIL}`,
      version: '1.0.0',
      filename: `${at}${EVIL}`,
      url: `https://registry.invalid/${EVIL}`,
      promised: '',
      published: Date.parse('2026-01-02T03:04:05Z'),
    }));
    const lost = { ...entries[0]!, name: EVIL, filename: EVIL };
    await store.advance(EVIL, { from: '0', to: '1', entries: [...entries, lost], notice: EVIL }, 1);
    for (const verdict of verdicts) {
      const job = (await store.claim('artifact', 'o', 2, 1000))!;
      const key = {
        ecosystem: 'npm' as const,
        integrity: verdict.integrity,
        reader: 'tarball',
        model: EVIL,
        taxonomy: 't',
      };
      await store.finishArtifact(
        job,
        key,
        { verdict: { ...verdict, sequence: sequenceOf(verdict) }, sha256: 'ab' },
        3,
      );
    }
    await store.setAside((await store.claim('artifact', 'o', 2, 1000))!, EVIL, 4);
    ui = await serveUi(store, 0);
    const entered = await fetch(ui.address, { redirect: 'manual' });
    cookie = entered.headers.get('set-cookie')!;
  });
  afterEach(async () => {
    await ui.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const at = (path: string) => `http://127.0.0.1:${ui.port}${path}`;
  const get = (path: string, headers: Record<string, string> = { cookie: cookie.split(';')[0]! }) =>
    fetch(at(path), { headers, redirect: 'manual' });
  const token = () => new URL(ui.address).searchParams.get('token')!;
  const post = (
    fields: Record<string, string>,
    headers: Record<string, string> = { cookie: cookie.split(';')[0]! },
  ) => fetch(at('/mark'), { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' });

  it('is for whoever has the token, and no name but our own', async () => {
    assert.equal((await get('/', {})).status, 403);
    assert.equal((await get('/?token=guess', {})).status, 403);
    assert.equal((await get('/export/report?id=1', {})).status, 403);
    assert.equal((await get('/', { cookie: `safe-install-watch-${ui.port}=guess` })).status, 403);
    assert.equal((await get('/')).status, 200);
    assert.match(cookie, /; HttpOnly; SameSite=Lax; Path=\/$/);
    const status = await new Promise((resolve, reject) => {
      const headers = { host: 'rebound.invalid', cookie: cookie.split(';')[0]! };
      http.get(at('/'), { headers }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    assert.equal(status, 421);
  });

  it('marks only with the token in the form, only what is there', async () => {
    const [finding] = await store.results();
    const fields = { id: String(finding!.id), mark: 'confirmed', note: 'n', view: '/?mark=new&page=0' };
    assert.equal((await post(fields)).status, 403);
    assert.equal((await post({ ...fields, token: token() }, {})).status, 403);
    assert.equal((await post({ ...fields, token: token(), mark: 'evil' })).status, 400);
    assert.equal((await post({ ...fields, token: token(), id: '999' })).status, 404);
    assert.equal((await post({ ...fields, token: token(), note: 'x'.repeat(100_000) })).status, 413);
    assert.equal(
      (await fetch(at('/'), { method: 'DELETE', headers: { cookie: cookie.split(';')[0]! } })).status,
      405,
    );
    assert.deepEqual(await store.results({ marks: ['confirmed'] }), []);
    const saved = await post({ ...fields, token: token() });
    assert.equal(saved.headers.get('location'), `/?mark=new&saved=${finding!.id}`);
    assert.deepEqual(
      (await store.results({ marks: ['confirmed'] })).map(({ id, note }) => [id, note]),
      [[finding!.id, 'n']],
    );
    const away = await post({ ...fields, token: token(), view: 'https://elsewhere.invalid/?name=x' });
    assert.equal(away.headers.get('location'), `/?name=x&saved=${finding!.id}`, 'never leads elsewhere');
  });

  it('nothing from a package is markup, on any page', async () => {
    for (const path of [
      '/',
      `/?name=${encodeURIComponent(EVIL)}`,
      '/?name=evil&mark=new&phase=install&ecosystem=npm',
    ]) {
      const reply = await get(path);
      const html = await reply.text();
      assert.doesNotMatch(html, /<(?:script|img)\b|onerror=alert\(1\)>|\u202e|\u0000/);
      const policy = reply.headers.get('content-security-policy')!;
      assert.match(
        policy,
        /^default-src 'none'; img-src data:; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      );
    }
    const report = await (await get(`/export/report?id=${(await store.results())[0]!.id}`)).text();
    assert.doesNotMatch(report, /[\u0000\u202e]/);
  });

  it('filters, pages and exports', async () => {
    const html = await (await get('/?name=evil')).text();
    assert.equal(
      [...html.matchAll(/<section class="card/g)].length,
      (await store.results({ name: 'evil' })).length,
    );
    const evil = (await store.results({ name: 'evil' })).find(({ release }) => release.name === 'evil')!;
    assert.equal((await get(`/export/osv?id=${evil.id}`)).status, 404, 'not confirmed');
    await post({ id: String(evil.id), mark: 'confirmed', note: '', view: '/', token: token() });
    const record = await get(`/export/osv?id=${evil.id}`);
    assert.match(
      record.headers.get('content-disposition')!,
      /^attachment; filename="MAL-0000-safe-install-evil\.json"$/,
    );
    const lines = (await (await get('/export/sequences')).text()).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).label),
      ['malicious'],
    );
    assert.equal((await get('/nothing')).status, 404);
  });

  describe('in a browser', function () {
    this.timeout(60_000);
    const command = findBrowser();
    let browser: Browser;
    before(function () {
      // Without a browser on the machine the page cannot be looked at.
      if (command === undefined) this.skip();
    });
    beforeEach(() => {
      browser = new Browser(command!);
    });
    afterEach(() => browser.close());

    it('breaks no rule of accessibility that axe-core checks, light or dark', async () => {
      await browser.open(ui.address);
      for (const colors of ['light', 'dark'] as const) {
        const { passes, broken } = await browser.accessibility(colors);
        assert.deepEqual(broken, []);
        assert.equal(passes > 20, true);
      }
    });

    it('runs nothing, asks for nothing elsewhere, and can be used by keyboard alone', async () => {
      await browser.open(ui.address);
      assert.equal(await browser.evaluate('location.search'), '', 'the token leaves the address');
      assert.equal(await browser.evaluate('document.scripts.length + document.images.length'), 0);
      // Tab until the first finding's choice, take it, go on to the note, write, go on to the button, press it.
      const focused = () =>
        browser.evaluate('`${document.activeElement.type} ${document.activeElement.name}`');
      const tabTo = async (wanted: string) => {
        for (let i = 0; i < 60; i++) {
          await browser.press('Tab');
          if ((await focused()) === wanted) return;
        }
        assert.fail(`no way to ${wanted} by Tab: at ${await focused()}`);
      };
      const first = (await store.results())[0]!;
      await tabTo('radio mark');
      await browser.press('ArrowDown');
      await tabTo('textarea note');
      await browser.send('Input.insertText', { text: 'seen <b>by</b> keyboard' });
      await tabTo('submit ');
      await browser.press('Enter');
      for (
        let i = 0;
        i < 200 && (await store.results({ marks: ['confirmed', 'false-alarm', 'unsure'] })).length === 0;
        i++
      )
        await new Promise((resolve) => setTimeout(resolve, 20));
      const marked = await store.results({ marks: ['confirmed', 'false-alarm', 'unsure'] });
      assert.deepEqual(
        marked.map(({ id, note }) => [id, note]),
        [[first.id, 'seen <b>by</b> keyboard']],
      );
      const unlabelled = `[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((e) => e.labels.length === 0).length`;
      assert.equal(await browser.evaluate(unlabelled), 0);
      const asked = browser.events
        .filter(({ method }) => method === 'Network.requestWillBeSent')
        .map(({ params }) => new URL((params as { request: { url: string } }).request.url))
        .filter((url) => url.protocol !== 'data:' && url.host !== `127.0.0.1:${ui.port}`);
      assert.deepEqual(asked, []);
      const complaints = browser.events.filter(
        ({ method }) => method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded',
      );
      assert.deepEqual(complaints, []);
    });
  });
});
