/** The page in a real browser, where there is one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderHtml } from '../../lib/report/html.js';
import { Browser, findBrowser } from './browser.js';
import { clean, hostile, ordinary } from './runs.js';

describe('report/html in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let folder: string;
  const command = findBrowser();
  before(function () {
    if (command === undefined) this.skip();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'safe-install-page-'));
    browser = new Browser(command!);
  });
  afterEach(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  const show = async (html: string) => {
    const path = join(folder, 'report.html');
    writeFileSync(path, html);
    await browser.open(pathToFileURL(path).href);
  };
  const complaints = () =>
    browser.events.filter(
      ({ method }) =>
        method === 'Runtime.exceptionThrown' ||
        method === 'Log.entryAdded' ||
        method === 'Runtime.consoleAPICalled',
    );
  const requests = () =>
    browser.events
      .filter(({ method }) => method === 'Network.requestWillBeSent')
      .map(({ params }) => (params as { request: { url: string } }).request.url)
      .filter((url) => !url.endsWith('/report.html') && !url.startsWith('data:'));

  it('1,000 packages: no complaint, no request, sorts and filters at once', async () => {
    const packages = Array.from({ length: 1000 }, (_, i) => ({
      target: `p${i}`,
      verdict: { ...clean, name: `p${i}`, score: ((i * 7919) % 1000) / 2000, durationMs: i },
    }));
    await show(renderHtml({ ...ordinary, packages: [...packages, ...ordinary.packages] }));
    const click = (head: string) =>
      browser.evaluate(
        `{const t=performance.now();[...document.querySelectorAll('th button')].find((b)=>b.textContent==='${head}').click();document.body.offsetHeight;performance.now()-t}`,
      );
    const scores = () =>
      browser.evaluate(
        `[...document.querySelectorAll('#packages tbody tr')].map((r)=>Number(r.cells[3].dataset.value))`,
      );
    const took = (await click('Score')) as number;
    const up = (await scores()) as number[];
    assert.equal(up.length, 1005);
    assert.deepEqual(
      up,
      [...up].sort((a, b) => a - b),
    );
    await click('Score');
    const down = (await scores()) as number[];
    assert.deepEqual(
      down,
      [...down].sort((a, b) => b - a),
    );
    assert.equal(
      await browser.evaluate(`document.querySelectorAll('th')[3].getAttribute('aria-sort')`),
      'descending',
    );
    // A second is ten times what it takes on two busy cores; more would be felt.
    assert(took < 1000, `${took} ms`);
    const shown = await browser.evaluate(
      `{const f=document.getElementById('filter');f.value='p99';f.dispatchEvent(new Event('input'));[...document.querySelectorAll('#packages tbody tr')].filter((r)=>!r.hidden).length}`,
    );
    assert.equal(shown, 11);
    assert.deepEqual(complaints(), []);
    assert.deepEqual(requests(), []);
  });

  it('nothing hostile runs or is asked for', async () => {
    await show(renderHtml(hostile));
    assert.equal(await browser.evaluate(`document.scripts.length`), 1);
    assert.equal(await browser.evaluate(`document.querySelectorAll('img, iframe, object').length`), 0);
    assert.deepEqual(complaints(), []);
    assert.deepEqual(requests(), []);
  });
});
