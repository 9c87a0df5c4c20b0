/** Politeness and what is taken from hostile or broken answers. */
import assert from 'node:assert/strict';
import { Client, Failure, retryAfter } from '../../lib/watch/client.js';
import { createLog } from '../../lib/watch/log.js';
import { renderMetrics } from '../../lib/watch/metrics.js';
import { parseRpc, rssLinks, unescapeXml } from '../../lib/watch/xml.js';
import { World } from './world.js';

describe('watch/client', () => {
  let world: World;
  let client: Client;
  beforeEach(async () => {
    world = await new World().start();
    client = new Client({ rate: 10_000, env: {}, timeoutMs: 5000 });
  });
  afterEach(async () => {
    client.close();
    await world.stop();
  });
  const wanted = { maxBytes: 1000 };
  const fails = async (kind: string, address = `${world.feeds.url}x`): Promise<Failure> => {
    const failure = await client.get(address, wanted).then(
      () => assert.fail('no failure'),
      (error: unknown) => error as Failure,
    );
    assert(failure instanceof Failure);
    assert.equal(failure.kind, kind);
    return failure;
  };

  it('asks no more of a host that wants to be left alone until then', async () => {
    world.feeds.fault = (_, response) => {
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return true;
    };
    const before = Date.now();
    const { retryAt } = await fails('passing');
    assert(retryAt! >= before + 3_600_000);
    const waiting = client.get(`${world.feeds.url}y`, wanted).catch((error: Failure) => error.message);
    // Another host is not concerned.
    await client.get(`${world.registry.url}z`, wanted).catch(() => {});
    assert.equal(world.feeds.requests.length, 1);
    client.close();
    assert.equal(await waiting, 'the watch is ending');
    assert.equal(world.feeds.requests.length, 1);
  });
  it('a server that says nothing about when gets more time at each refusal', async () => {
    let asked = 0;
    world.feeds.fault = (_, response) => {
      asked++;
      response.writeHead(503, asked < 3 ? { 'retry-after': '0' } : {}).end();
      return true;
    };
    await fails('passing');
    await fails('passing');
    const before = Date.now();
    assert((await fails('passing')).retryAt! >= before + 4000, 'the third refusal: four seconds');
  });
  it('Retry-After in seconds, as a date, and as nonsense', () => {
    assert.equal(retryAfter('120'), 120_000);
    assert.equal(retryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 1000), 59_000);
    assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:00 GMT', 1000), 0);
    assert.equal(retryAfter('soon'), undefined);
    assert.equal(retryAfter(undefined), undefined);
  });
  it('asks for what it has only when it changed', async () => {
    world.feeds.rss = '<rss/>';
    const first = await client.get(`${world.feeds.url}rss/updates.xml`, wanted);
    const second = await client.get(`${world.feeds.url}rss/updates.xml`, { ...wanted, etag: first.etag });
    assert.equal(first.body!.toString(), '<rss/>');
    assert.equal(second.body, undefined);
    assert.equal(client.answers.get('304'), 1);
  });
  it('sends a password to the host it was given for, after redirects too, and to no other', async () => {
    const other = await new World().start();
    try {
      const seen: (string | undefined)[] = [];
      world.feeds.fault = (request, response) => {
        seen.push(request.headers.authorization);
        if (request.url === '/a') response.writeHead(302, { location: '/b' }).end();
        else
          response.writeHead(302, { location: `${other.feeds.url.replace('//', '//%zz:made-up@')}c` }).end();
        return true;
      };
      const address = `${world.feeds.url.replace('//', '//me:secret@')}a`;
      await client.get(address, wanted).catch(() => {});
      const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;
      assert.deepEqual(seen, [basic, basic]);
      assert.deepEqual(
        other.feeds.requests.map(({ path, headers }) => [path, headers.authorization]),
        [['/c', undefined]],
      );
    } finally {
      await other.stop();
    }
  });
  it('tells what is gone from what may come back, and bounds what it takes', async () => {
    await fails('gone');
    world.feeds.fault = (_, response) => {
      response.writeHead(200).end('x'.repeat(5000));
      return true;
    };
    await fails('final');
    world.feeds.fault = (_, response) => {
      response.writeHead(302, { location: 'file:///etc/passwd' }).end();
      return true;
    };
    await fails('final');
    world.feeds.fault = (request, response) => {
      response.writeHead(302, { location: request.url }).end();
      return true;
    };
    await fails('passing');
    await fails('final', 'not an address');
    await fails('passing', 'http://127.0.0.1:1/');
  });
});

describe('watch/xml', () => {
  const value = (inner: string): unknown =>
    parseRpc(`<methodResponse><params><param>${inner}</param></params></methodResponse>`);
  it('reads what a changelog is made of', () => {
    const list =
      '<value><array><data><value><string>a &amp;&lt;b&gt; &#x41;</string></value><value><nil/></value><value><int>-7</int></value><value><array><data></data></array></value></data></array></value>';
    assert.deepEqual(value(list), ['a &<b> A', null, -7, []]);
    assert.equal(value('<value><string></string></value>'), '');
  });
  it('refuses what is none', () => {
    for (const inner of [
      '',
      '</data>',
      '<value><int>x</int></value>',
      '<data>'.repeat(100),
      '<data>',
      '<fault></fault>',
      '<int>1</int><int>2</int>',
    ])
      assert.throws(() => value(inner), inner);
  });
  it('a large hostile answer is read in one go', () => {
    assert.throws(() => parseRpc('<'.repeat(1_000_000)));
    assert.throws(() => parseRpc('<a '.repeat(300_000)));
    assert.deepEqual(rssLinks(`${'<item>'.repeat(100_000)}<link>x</link>`), ['x']);
    assert.equal(rssLinks('<item><link>'.repeat(100_000)).length, 0);
    assert.equal(unescapeXml('&#x110000;&#0;&unknown;&'), '&#x110000;\0&unknown;&');
  });
});

describe('watch/log and metrics', () => {
  const EVIL = 'x\n{"event":"forged"}\u001b[2J\u202e"\\';
  it('one line for one event, whatever is in it', () => {
    for (const format of ['text', 'json'] as const) {
      const lines: string[] = [];
      createLog(format, (line) => lines.push(line))('finding', 'finding', EVIL, { name: EVIL });
      assert.equal(lines.length, 1);
      assert.match(lines[0]!, /^[^\u0000-\u0009\u000b-\u001f\u202e\n]*\n$/);
      if (format === 'json') assert.equal(JSON.parse(lines[0]!).name, EVIL);
    }
  });
  it('every line of the metrics is a comment or a sample', async () => {
    const world = await new World().start();
    try {
      const text = await world.look((store) => {
        store.startFeed(EVIL, '12', undefined);
        store.advance(EVIL, { from: '12', to: '13', entries: [], behind: 3 }, 1);
        return renderMetrics(store, new Client({ rate: 1 }), 1000);
      });
      for (const line of text.trimEnd().split('\n'))
        assert.match(
          line,
          /^(?:# (?:HELP|TYPE) safe_install_watch_\w+ .+|safe_install_watch_\w+(?:\{\w+="(?:[^"\\\n]|\\.)*"(?:,\w+="(?:[^"\\\n]|\\.)*")*\})? -?[\d.e+]+)$/,
        );
      assert.match(text, /safe_install_watch_feed_behind\{feed=".*"\} 3\n/);
    } finally {
      await world.stop();
    }
  });
});
