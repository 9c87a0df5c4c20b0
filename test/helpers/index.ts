/** An in-process package index (PEP 503, 691, 658) over http on the loopback interface, with faults on demand. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  buildSdist,
  buildWheel,
  metadataOf,
  type Package,
  type Sources,
  sdistName,
  wheelName,
} from './python-archives.js';

export interface IndexFile {
  readonly project: string;
  readonly filename: string;
  readonly bytes: Buffer;
  /** Served beside a wheel (PEP 658) when set. */
  readonly metadata?: string;
  readonly requiresPython?: string;
  readonly yanked?: boolean;
  /** ISO 8601 (PEP 700); only pages in JSON can say it. */
  readonly uploaded?: string;
}

/** Answers a request in place of the index; returning false leaves it to the index. */
export type Fault = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

export class TestIndex {
  /** Every request seen, `GET /simple/x/`. */
  readonly requests: string[] = [];
  fault: Fault | undefined;
  /** `user:password` that every request must carry. */
  credentials: string | undefined;
  json = true;
  private readonly files = new Map<string, IndexFile>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  static async start(): Promise<TestIndex> {
    const index = new TestIndex();
    await new Promise<void>((resolve) => index.server.listen(0, '127.0.0.1', resolve));
    return index;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/simple`;
  }

  addWheel(pkg: Package, extra?: Sources): Buffer {
    const bytes = buildWheel(pkg, extra);
    this.add({ project: pkg.name, filename: wheelName(pkg), bytes, metadata: metadataOf(pkg) });
    return bytes;
  }

  addSdist(pkg: Package): Buffer {
    const bytes = buildSdist(pkg);
    this.add({ project: pkg.name, filename: sdistName(pkg), bytes });
    return bytes;
  }

  add(file: IndexFile): void {
    this.files.set(file.filename, file);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? '/', this.origin).pathname);
    this.requests.push(`${request.method} ${path}`);
    const given = Buffer.from(
      (request.headers.authorization ?? '').replace(/^Basic /, ''),
      'base64',
    ).toString();
    if (this.credentials !== undefined && given !== this.credentials) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="index"' }).end();
      return;
    }
    if (this.fault?.(path, request, response)) return;
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    if (project !== undefined) {
      this.page(project, request, response);
      return;
    }
    const filename = /^\/files\/(.+)$/.exec(path)?.[1] ?? '';
    const file = this.files.get(filename.replace(/\.metadata$/, ''));
    const body = filename.endsWith('.metadata') ? file?.metadata : file?.bytes;
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
  }

  private page(project: string, request: IncomingMessage, response: ServerResponse): void {
    const normal = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');
    const files = [...this.files.values()].filter((file) => normal(file.project) === project);
    if (files.length === 0) {
      response.writeHead(404).end();
      return;
    }
    const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
    if (this.json && (request.headers.accept ?? '').includes('application/vnd.pypi.simple.v1+json')) {
      const body = JSON.stringify({
        meta: { 'api-version': '1.0' },
        name: project,
        files: files.map((file) => ({
          filename: file.filename,
          url: `/files/${file.filename}`,
          hashes: { sha256: sha256(file.bytes) },
          yanked: file.yanked ?? false,
          ...(file.uploaded === undefined ? {} : { 'upload-time': file.uploaded }),
          ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
          ...(file.metadata === undefined ? {} : { 'core-metadata': { sha256: sha256(file.metadata) } }),
        })),
      });
      response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' }).end(body);
      return;
    }
    const rows = files.map((file) => {
      const python =
        file.requiresPython === undefined ? '' : ` data-requires-python="${file.requiresPython}"`;
      const yanked = file.yanked ? ' data-yanked=""' : '';
      const metadata =
        file.metadata === undefined ? '' : ` data-dist-info-metadata="sha256=${sha256(file.metadata)}"`;
      return `<a href="/files/${file.filename}#sha256=${sha256(file.bytes)}"${python}${yanked}${metadata}>${file.filename}</a>`;
    });
    const html = `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"></head><body>${rows.join('\n')}</body></html>`;
    response.writeHead(200, { 'content-type': 'text/html' }).end(html);
  }
}
