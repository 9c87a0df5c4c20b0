/** Small HTTP servers that only this machine reaches: metrics and the triage page. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { KnownError } from '../errors.js';

export interface Loopback {
  readonly port: number;
  readonly close: () => Promise<void>;
}

export type Handler = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  port: number,
) => Promise<void> | void;

/** Port 0: any free one. Throws `KnownError` when the port cannot be had. */
export async function listenLoopback(
  port: number,
  handler: Handler,
  /** Another one is reached from elsewhere: for what everybody may read. */
  address = '127.0.0.1',
): Promise<Loopback> {
  const server = http.createServer((request, response) => {
    const own = (server.address() as AddressInfo).port;
    // A page elsewhere may have a name that leads to this address: only our own names are answered.
    const { host } = request.headers;
    if (address === '127.0.0.1' && host !== `127.0.0.1:${own}` && host !== `localhost:${own}`) {
      response.writeHead(421, { 'content-type': 'text/plain' }).end('asked by another name\n');
      return;
    }
    Promise.resolve(handler(request, response, own)).catch((error: Error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`${error.message}\n`);
    });
  });
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new KnownError('port', `cannot listen on ${address}:${port} (${cause.code}): name another port`, 2, {
          cause,
        }),
      ),
    );
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
