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

  /** Where the focus is, and whether a person sees that. */
  interface Stop {
    readonly what: string;
    readonly outlined: boolean;
    readonly inSight: boolean;
  }
  const stop = async (): Promise<Stop | undefined> =>
    (await browser.evaluate(`(async () => {
      // What a person sees is a frame later: a card is laid out when it comes into sight.
      for (let i = 0; i < 2; i++) await new Promise((frame) => requestAnimationFrame(frame));
      const focused = document.activeElement;
      if (focused === null || focused === document.body) return undefined;
      const { outlineStyle, outlineWidth } = getComputedStyle(focused);
      const { top, bottom } = focused.getBoundingClientRect();
      return {
        what: focused.id || focused.getAttribute('href') || focused.className || focused.textContent,
        outlined: outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2,
        inSight: bottom > 0 && top < innerHeight,
      };
    })()`)) as Stop | undefined;
  /** From the top of the page on until the focus leaves it; fails where it never does. */
  const walk = async (): Promise<Stop[]> => {
    const stops: Stop[] = [];
    for (let i = 0; i < 100; i++) {
      await browser.press('Tab');
      const here = await stop();
      if (here === undefined) return stops;
      stops.push(here);
    }
    assert.fail(`the focus does not leave: ${stops.map(({ what }) => what).join(', ')}`);
  };
  const tabTo = async (wanted: string): Promise<void> => {
    for (let i = 0; i < 100; i++) {
      await browser.press('Tab');
      if ((await stop())?.what === wanted) return;
    }
    assert.fail(`no way to ${wanted} by Tab`);
  };

  it('every control is reached by Tab, in order, seen, and left again', async () => {
    await show(renderHtml(ordinary));
    const there = await walk();
    const heads = ['Package', 'Ecosystem', 'Verdict', 'Score', 'Notes', 'Milliseconds'];
    assert.deepEqual(
      there.map(({ what }) => what),
      // Skip link; what the two packages with a sequence do, in words; the table: filter, heads, links to the cards.
      [
        '#all',
        'The same in words',
        'The same in words',
        'filter',
        'scroll',
        ...heads,
        ...['#p1', '#p2', '#p4'],
      ],
    );
    assert.deepEqual(
      there.filter(({ outlined, inSight }) => !outlined || !inSight),
      [],
    );
    for (const before of there.toReversed()) {
      await browser.press('Tab', true);
      assert.deepEqual(await stop(), before);
    }
  });

  it('sorts, filters, follows and opens by keyboard alone', async () => {
    await show(renderHtml(ordinary));
    const first = () => browser.evaluate(`document.querySelector('#packages tbody tr').cells[0].textContent`);
    const sorted = () => browser.evaluate(`document.querySelectorAll('th')[3].getAttribute('aria-sort')`);
    await browser.press('Tab');
    await browser.press('Enter');
    assert.equal(await browser.evaluate('location.hash'), '#all');
    await browser.press('Tab');
    assert.equal((await stop())!.what, 'filter', 'the link skips the cards');
    await browser.send('Input.insertText', { text: 'evil' });
    assert.equal(await browser.evaluate(`document.getElementById('shown').textContent`), '1 shown');
    await browser.evaluate(`document.getElementById('filter').select()`);
    await browser.send('Input.insertText', { text: '' });
    await tabTo('Score');
    await browser.press('Enter');
    assert.equal(await sorted(), 'ascending');
    assert.equal(await first(), 'left-pad@1.3.0');
    await browser.press(' ');
    assert.equal(await sorted(), 'descending');
    assert.equal(await first(), 'huge@2.0.0', 'what has no score comes first');
    assert.equal((await stop())!.what, 'Score', 'the focus stays where it is');
    await tabTo('#p1');
    await browser.press('Enter');
    assert.equal(await browser.evaluate('location.hash'), '#p1');
    await browser.press('Tab');
    const opened = () =>
      browser.evaluate(
        `[document.activeElement.closest('.card').id,document.activeElement.parentElement.open].join()`,
      );
    assert.equal(await opened(), 'p1,false', 'the focus is in the card the link names');
    await browser.press('Enter');
    assert.equal(await opened(), 'p1,true');
    const items = `document.querySelectorAll('#p1 details li').length`;
    assert.equal(await browser.evaluate(items), ordinary.packages[1]!.verdict.evidence.length);
    await browser.press(' ');
    assert.equal(await opened(), 'p1,false');
    assert.deepEqual(complaints(), []);
  });

  for (const [name, run] of Object.entries({ ordinary, hostile })) {
    it(`breaks no rule of accessibility that axe-core checks, light or dark, wide or narrow: ${name}`, async () => {
      await show(renderHtml(run));
      await browser.evaluate(`for(const each of document.querySelectorAll('details'))each.open=true`);
      for (const width of [1280, 360]) {
        const metrics = { width, height: 800, deviceScaleFactor: 1, mobile: false };
        await browser.send('Emulation.setDeviceMetricsOverride', metrics);
        for (const colors of ['light', 'dark'] as const) {
          const { passes, broken } = await browser.accessibility(colors);
          assert.deepEqual(broken, [], `${width} ${colors}`);
          assert(passes > 20);
        }
      }
    });
  }

  it('a screen reader is told the heads, the labels and the state', async () => {
    await show(renderHtml(ordinary));
    const { nodes } = await browser.send('Accessibility.getFullAXTree');
    const told = (nodes as { role?: { value: string }; name?: { value: string } }[]).map(
      ({ role, name }) => `${role?.value}: ${name?.value}`,
    );
    for (const node of [
      'heading: 1 blocked and 1 unverified of 5 packages',
      'region: blocked evil@1.0.0 npm',
      'image: while installing: 4 behaviours',
      'DisclosureTriangle: The same in words',
      'searchbox: Show names that contain',
      'status: ',
      'region: All packages',
      'columnheader: Score',
      'button: Score',
      'link: evil@1.0.0',
    ])
      assert(told.includes(node), `${node} is not among ${[...new Set(told)].join('; ')}`);
  });

  it('nothing hostile runs or is asked for', async () => {
    await show(renderHtml(hostile));
    assert.equal(await browser.evaluate(`document.scripts.length`), 1);
    assert.equal(await browser.evaluate(`document.querySelectorAll('img, iframe, object').length`), 0);
    assert.deepEqual(complaints(), []);
    assert.deepEqual(requests(), []);
  });
});
