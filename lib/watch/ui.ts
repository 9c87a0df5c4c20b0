/** Serves the triage page to this machine, to whoever has the token of its address. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type http from 'node:http';
import { type Loopback, listenLoopback } from './loopback.js';
import { addressOf, PAGE_POLICY, readView, renderPage } from './page.js';
import { MARKS, type Result, type WatchStore } from './store.js';
import { exportOsv, exportReport, exportSequences } from './triage.js';

export interface Ui extends Loopback {
  /** To be opened; carries the token. */
  readonly address: string;
}

const MAX_FORM_BYTES = 64 * 1024;

const HEADERS = {
  'content-security-policy': PAGE_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

export async function serveUi(store: WatchStore, port: number): Promise<Ui> {
  const token = randomBytes(24).toString('hex');
  const server = await listenLoopback(port, async (request, response, own) => {
    const url = new URL(request.url ?? '/', `http://127.0.0.1:${own}`);
    const cookie = `safe-install-watch-${own}`;
    const answer = (
      status: number,
      type: string,
      body: string,
      more: http.OutgoingHttpHeaders = {},
    ): void => {
      response.writeHead(status, { ...HEADERS, 'content-type': `${type}; charset=utf-8`, ...more }).end(body);
    };
    const refuse = (status: number, why: string): void => answer(status, 'text/plain', `${why}\n`);
    const seeOther = (location: string, more: http.OutgoingHttpHeaders = {}): void => {
      response.writeHead(303, { ...HEADERS, location, ...more }).end();
    };

    if (url.searchParams.has('token') && request.method === 'GET') {
      if (!same(url.searchParams.get('token')!, token)) return refuse(403, 'wrong token');
      // Out of the address at once, so that it is in no history and no referrer.
      return seeOther('/', { 'set-cookie': `${cookie}=${token}; HttpOnly; SameSite=Lax; Path=/` });
    }
    if (!same(cookieOf(request, cookie), token))
      return refuse(403, 'open the address that safe-install watch --ui has printed');

    if (request.method === 'POST' && url.pathname === '/mark') {
      const form = await readForm(request);
      if (form === undefined) return refuse(413, 'too much text');
      // A page elsewhere can make a browser send the cookie, but does not know the token.
      if (!same(form.get('token') ?? '', token)) return refuse(403, 'wrong token');
      const mark = MARKS.find((value) => value === form.get('mark'));
      const id = Number(form.get('id'));
      if (mark === undefined || !Number.isSafeInteger(id)) return refuse(400, 'no such mark');
      if (!(await store.mark(id, mark, (form.get('note') ?? '').slice(0, 4000), Date.now())))
        return refuse(404, 'no such finding');
      const back = addressOf(readView(new URLSearchParams((form.get('view') ?? '').split('?')[1] ?? '')));
      return seeOther(`${back}${back.includes('?') ? '&' : '?'}saved=${id}`);
    }
    if (request.method !== 'GET') return refuse(405, 'not here');

    const results = (): Promise<Result[]> =>
      store.results({ verdicts: ['block'], ids: [Number(url.searchParams.get('id'))] });
    const file = (name: string) => ({ 'content-disposition': `attachment; filename="${name}"` });
    switch (url.pathname) {
      case '/':
        return answer(
          200,
          'text/html',
          await renderPage(store, readView(url.searchParams), token, Date.now()),
        );
      case '/export/report': {
        const [result] = await results();
        return result === undefined
          ? refuse(404, 'no such finding')
          : answer(200, 'text/plain', exportReport(result));
      }
      case '/export/osv': {
        const [record] = exportOsv(await results(), undefined, Date.now());
        if (record === undefined) return refuse(404, 'no confirmed finding of that number');
        const name = record.path
          .split('/')
          .pop()!
          .replace(/[^\w.-]/g, '_');
        return answer(200, 'application/json', record.content, file(name));
      }
      case '/export/sequences': {
        const marked = await store.results({ verdicts: ['block'], marks: MARKS });
        const lines = await exportSequences(store, marked);
        return answer(200, 'application/x-ndjson', lines.join(''), file('sequences.jsonl'));
      }
      default:
        return refuse(404, 'nothing here');
    }
  });
  return { ...server, address: `http://127.0.0.1:${server.port}/?token=${token}` };
}

/** Hashed first: the time says nothing of length or content. */
function same(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function cookieOf(request: http.IncomingMessage, name: string): string {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name) return value ?? '';
  }
  return '';
}

async function readForm(request: http.IncomingMessage): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
