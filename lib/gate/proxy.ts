/**
 * A loopback proxy that answers every request itself. The child believes it speaks with the registries the
 * user configured, under their real addresses; nothing it asks for leaves this process unless the handler
 * lets it. The child therefore needs no other registry setting, and its lockfile keeps the real addresses.
 */
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type Authority, createAuthority } from './certificate.js';
import { proxyFor } from './upstream.js';

export interface GateRequest {
  readonly method: string;
  /** Absolute and normalised: default port and fragment dropped. */
  readonly url: URL;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface GateResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

export type GateHandler = (request: GateRequest) => Promise<GateResponse>;

export interface Gate {
  /** `http://gate:SECRET@127.0.0.1:PORT`: only the child is told the secret, other local users are refused. */
  readonly proxy: string;
  /** PEM of the authority the child must trust for as long as it runs. */
  readonly certificate: string;
  close(): Promise<void>;
}

const REQUEST_LIMIT = 64 * 1024 * 1024;

export interface GateOptions {
  /**
   * Whether a connection to a host (`name:port`) is passed on as it is, unread: for what judged scripts fetch by
   * themselves. Asked anew for each connection; without it every connection is answered here.
   */
  readonly tunnel?: (host: string) => boolean;
}

/** @throws Error when no loopback port can be had. */
export async function openGate(handler: GateHandler, options: GateOptions = {}): Promise<Gate> {
  const authority = createAuthority();
  const origins = new WeakMap<object, string>();
  const sockets = new Set<Socket>();

  const secret = randomBytes(16).toString('hex');
  const expected = `Basic ${Buffer.from(`gate:${secret}`).toString('base64')}`;

  const server = http.createServer((incoming, outgoing) => {
    if (!origins.has(incoming.socket) && incoming.headers['proxy-authorization'] !== expected) {
      outgoing.writeHead(407).end();
      return;
    }
    answer(incoming, outgoing, origins.get(incoming.socket), handler).catch(() => outgoing.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (request, socket) => {
    socket.on('error', () => socket.destroy());
    if (request.headers['proxy-authorization'] !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    if (options.tunnel?.(request.url ?? '') === true) {
      tunnelTo(request.url!, socket as Socket);
      return;
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    // npm's agent asks for a tunnel to a plain http host too, once it has asked for one to an https host.
    socket.once('readable', () => {
      const first: Buffer | null = socket.read(1);
      if (first === null) {
        socket.destroy();
        return;
      }
      socket.unshift(first);
      const secure = first[0] === TLS_HANDSHAKE;
      const target = new URL(`${secure ? 'https' : 'http'}://${request.url}`);
      const inside = secure ? startTls(socket as Socket, target.hostname, authority) : (socket as Socket);
      origins.set(inside, target.origin);
      server.emit('connection', inside);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    proxy: `http://gate:${secret}@127.0.0.1:${port}`,
    certificate: authority.certificate,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Connects two sockets; through the proxy of the environment where there is one. */
function tunnelTo(host: string, socket: Socket): void {
  const target = new URL(`https://${host}`);
  const port = Number(target.port || 443);
  const proxy = proxyFor(target, { env: process.env });
  const refuse = (): void => {
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  };
  const join = (far: Duplex, head: Buffer): void => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) socket.write(head);
    far.on('error', () => socket.destroy());
    far.on('close', () => socket.destroy());
    socket.on('close', () => far.destroy());
    far.pipe(socket).pipe(far);
  };
  if (proxy === undefined) {
    const far = net.connect(port, target.hostname.replace(/^\[|\]$/g, ''));
    far.once('error', refuse);
    far.once('connect', () => {
      far.off('error', refuse);
      join(far, Buffer.alloc(0));
    });
    return;
  }
  const { hostname, port: proxyPort, protocol, username, password } = new URL(proxy);
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const ask = (protocol === 'https:' ? https : http).request({
    host: hostname,
    port: proxyPort || (protocol === 'https:' ? 443 : 80),
    method: 'CONNECT',
    path: `${target.hostname}:${port}`,
    headers: {
      host: `${target.hostname}:${port}`,
      ...(username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }),
    },
  });
  ask.once('error', refuse);
  ask.once('connect', (response, far, head) => {
    if (response.statusCode === 200) join(far, head);
    else {
      far.destroy();
      refuse();
    }
  });
  ask.end();
}

/** First byte of a TLS record that opens a handshake. */
const TLS_HANDSHAKE = 0x16;

function startTls(socket: Socket, host: string, authority: Authority): TLSSocket {
  const secureContext = authority.contextFor(host);
  const secure = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
  secure.on('error', () => secure.destroy());
  return secure;
}

async function answer(
  incoming: http.IncomingMessage,
  outgoing: http.ServerResponse,
  origin: string | undefined,
  handler: GateHandler,
): Promise<void> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > REQUEST_LIMIT) throw new Error('request too large');
    chunks.push(chunk);
  }
  let response: GateResponse;
  try {
    // Inside a tunnel the request line is a path; through a plain proxy it is the whole address.
    const url = new URL(incoming.url ?? '/', origin);
    url.hash = '';
    const { method = 'GET', headers } = incoming;
    response = await handler({ method, url, headers, body: Buffer.concat(chunks) });
  } catch (error) {
    response = { status: 502, body: JSON.stringify({ error: (error as Error).message }) };
  }
  outgoing.writeHead(response.status, {
    'content-type': 'application/json',
    // What need not be written to the child's cache is not.
    'cache-control': 'no-store',
    ...response.headers,
    'content-length': Buffer.byteLength(response.body),
  });
  outgoing.end(response.body);
}
