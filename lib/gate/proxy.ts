/**
 * A proxy on the loopback interface that answers for every host, http and https alike: the guarded installer keeps
 * its own index addresses, credentials and caches keyed by them, and yet every byte it receives comes from one
 * function here. The child alone is pointed at it and trusts its authority.
 *
 * Chosen over a loopback index after trying both with pip 22.3 to 26: an index at another address has to rewrite
 * requirement files, `direct_url.json` and pip's cache keys, and switches off what pip refuses by origin.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { createAuthority } from './certificate.js';

export interface GateRequest {
  readonly method: string;
  /** The address as the installer sees it. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
}

export interface GateReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array;
}

/** Answers one request; `signal` is aborted when nobody waits for the answer any more. A throw becomes a 502. */
export type GateHandler = (request: GateRequest, signal: AbortSignal) => Promise<GateReply>;

export interface InterceptingProxy {
  /** `http://user:token@127.0.0.1:PORT`; without the token nobody else on the machine can use it. */
  readonly url: string;
  /** Certificate of the authority that signed what the proxy shows, PEM. */
  readonly authority: string;
  /** Ends every connection and frees the port. */
  close(): Promise<void>;
}

export async function startProxy(handle: GateHandler): Promise<InterceptingProxy> {
  const authority = createAuthority();
  const token = randomBytes(18).toString('base64url');
  const password = `Basic ${Buffer.from(`safe-install:${token}`).toString('base64')}`;
  const hosts = new WeakMap<object, string>();
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()); // the child went away; nothing to tell anyone
    socket.once('close', () => sockets.delete(socket));
  };

  const inside = createServer((request, response) => {
    const host = hosts.get(request.socket);
    answer(handle, request, response, host === undefined ? undefined : `https://${host}${request.url}`);
  });
  const outside = createServer((request, response) => {
    if (request.headers['proxy-authorization'] !== password) return refuse(response, 407);
    answer(handle, request, response, request.url);
  });
  outside.on('connection', keep);
  outside.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const host = request.url ?? '';
    if (request.headers['proxy-authorization'] !== password) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) socket.unshift(head);
    const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    const secure = new TLSSocket(socket, { isServer: true, secureContext: authority.contextFor(name) });
    hosts.set(secure, host.replace(/:443$/, ''));
    keep(secure);
    inside.emit('connection', secure);
  });
  for (const server of [inside, outside]) {
    // The gate answers when a file is fetched and read, however long that takes.
    server.requestTimeout = 0;
    server.keepAliveTimeout = 60_000;
    server.on('clientError', (_error, socket) => socket.destroy());
  }

  await new Promise<void>((resolve, reject) => {
    outside.once('error', reject);
    outside.listen(0, '127.0.0.1', resolve);
  });
  const { port } = outside.address() as AddressInfo;
  return {
    url: `http://safe-install:${token}@127.0.0.1:${port}`,
    authority: authority.pem,
    close: () =>
      new Promise((resolve) => {
        outside.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function answer(
  handle: GateHandler,
  request: IncomingMessage,
  response: ServerResponse,
  address: string | undefined,
): Promise<void> {
  request.resume(); // no installer sends a body the gate would pass on
  if (address === undefined || !URL.canParse(address)) return refuse(response, 400);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { 'proxy-authorization': _, ...headers } = request.headers;
  let reply: GateReply;
  try {
    reply = await handle({ method: request.method ?? 'GET', url: new URL(address), headers }, gone.signal);
  } catch {
    return refuse(response, 502);
  }
  if (response.destroyed) return;
  const body = reply.body ?? new Uint8Array();
  response.writeHead(reply.status, {
    ...(reply.headers as Record<string, string | string[]>),
    'content-length': body.byteLength,
    // What passed the gate once must pass it again the next time.
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function refuse(response: ServerResponse, status: number): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-length': 0, 'cache-control': 'no-store' });
  response.end();
}
