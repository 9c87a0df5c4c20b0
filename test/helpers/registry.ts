/** An npm registry inside the test process, which can misbehave in chosen ways. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { packageTarball, sha512 } from './tarball.js';

export interface PublishOptions {
  readonly files?: Record<string, string>;
  /** Replaces keys of what the packument says of this version; undefined drops a key. */
  readonly packument?: Record<string, unknown>;
  /** ISO time of publication; long ago by default. */
  readonly published?: string;
  /** ISO time at which the name itself appeared; by default when its first version did. */
  readonly created?: string;
  readonly tag?: string;
  /** The tarball itself, instead of one made from manifest and files. */
  readonly tarball?: Buffer;
  /** What `dist` says: `none` leaves integrity and shasum out. */
  readonly integrity?: string | 'none' | 'sha1';
}

export type Fault =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Answers in place of the registry. */
  | { readonly kind: 'answer'; readonly answer: (path: string, response: http.ServerResponse) => void }
  /** Runs instead of nothing: lets a test publish something between two requests. */
  | { readonly kind: 'call'; readonly run: () => void };

interface Rule {
  readonly match: string;
  readonly fault: Fault;
  /** Applies from this request for the address on (1 is the first). */
  readonly from: number;
}

interface Release {
  readonly packument: Record<string, unknown>;
  readonly tarball: Buffer;
  readonly published: string;
}

interface Published {
  readonly releases: Map<string, Release>;
  readonly tags: Record<string, string>;
  created?: string;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

export class TestRegistry {
  readonly requests: SeenRequest[] = [];
  /** With a token set, every request must carry it. */
  token: string | undefined;
  /** Whether full packuments have dates; abbreviated ones never do. */
  dates = true;
  /** Answers of `npm audit` and other reports, as JSON. */
  audit: unknown = {};
  #packages = new Map<string, Published>();
  #rules: Rule[] = [];
  #counts = new Map<string, number>();
  #server = http.createServer((request, response) => this.#answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** @returns the tarball's SHA-512 integrity */
  publish(
    manifest: { name: string; version: string } & Record<string, unknown>,
    options: PublishOptions = {},
  ): string {
    const { name, version } = manifest;
    const tarball = options.tarball ?? packageTarball(manifest, options.files);
    const own: Published = this.#packages.get(name) ?? { releases: new Map(), tags: {} };
    this.#packages.set(name, own);
    const file = `${name.split('/').at(-1)}-${version}.tgz`;
    const dist: Record<string, unknown> = { tarball: `${this.url}${name}/-/${file}` };
    if (options.integrity !== 'none') dist.shasum = createHash('sha1').update(tarball).digest('hex');
    if (options.integrity === undefined) dist.integrity = sha512(tarball);
    else if (!['none', 'sha1'].includes(options.integrity)) dist.integrity = options.integrity;
    const packument: Record<string, unknown> = { ...manifest, _id: `${name}@${version}`, dist };
    const scripts = manifest.scripts as Record<string, string> | undefined;
    if (scripts?.preinstall || scripts?.install || scripts?.postinstall) packument.hasInstallScript = true;
    for (const [key, value] of Object.entries(options.packument ?? {})) {
      if (value === undefined) delete packument[key];
      else packument[key] = value;
    }
    own.releases.set(version, {
      packument,
      tarball,
      published: options.published ?? '2020-01-01T00:00:00.000Z',
    });
    own.tags[options.tag ?? 'latest'] = version;
    if (options.created !== undefined) own.created = options.created;
    return sha512(tarball);
  }

  /** Misbehaves for addresses that contain `match`, from the given request on. */
  fault(match: string, fault: Fault, from = 1): void {
    this.#rules.push({ match, fault, from });
  }

  /** Requests for addresses that contain `part`. */
  seen(part: string): SeenRequest[] {
    return this.requests.filter(({ path }) => path.includes(part));
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const path = decodeURIComponent(request.url ?? '/');
    const { authorization } = request.headers;
    this.requests.push({ method: request.method ?? '', path, authorization });
    const count = (this.#counts.get(path) ?? 0) + 1;
    this.#counts.set(path, count);
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (this.token !== undefined && authorization !== `Bearer ${this.token}`) {
      json(401, { error: 'token needed' });
      return;
    }
    const rule = this.#rules.find(({ match, from }) => path.includes(match) && count >= from);
    if (rule?.fault.kind === 'status') {
      json(rule.fault.status, { error: 'injected' });
      return;
    }
    if (rule?.fault.kind === 'reset') {
      request.socket.destroy();
      return;
    }
    if (rule?.fault.kind === 'answer') {
      rule.fault.answer(path, response);
      return;
    }
    if (rule?.fault.kind === 'call') rule.fault.run();
    if (path.includes('/-/npm/v1/security')) {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        this.audited = JSON.parse((body[0] === 0x1f ? gunzipSync(body) : body).toString());
        json(200, this.audit);
      });
      return;
    }
    const [name = '', file] = path.slice(1).split('/-/');
    const own = this.#packages.get(name);
    if (own === undefined) {
      json(404, { error: 'Not found' });
      return;
    }
    if (file === undefined) {
      const abbreviated = (request.headers.accept ?? '').includes('vnd.npm.install');
      json(200, this.#packument(name, own, this.dates && !abbreviated));
      return;
    }
    const release = [...own.releases].find(
      ([version]) => file === `${name.split('/').at(-1)}-${version}.tgz`,
    )?.[1];
    if (release === undefined) {
      json(404, { error: 'Not found' });
      return;
    }
    let body = release.tarball;
    if (rule?.fault.kind === 'bytes') body = rule.fault.bytes;
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length });
    if (rule?.fault.kind === 'truncate') {
      response.write(body.subarray(0, body.length >> 1), () => request.socket.destroy());
    } else response.end(body);
  }

  /** Body of the last audit request. */
  audited: unknown;

  #packument(name: string, own: Published, dates: boolean): unknown {
    const releases = [...own.releases];
    return {
      _id: name,
      name,
      'dist-tags': { ...own.tags },
      versions: Object.fromEntries(releases.map(([version, { packument }]) => [version, packument])),
      ...(dates && {
        time: {
          ...(own.created !== undefined && { created: own.created }),
          ...Object.fromEntries(releases.map(([version, { published }]) => [version, published])),
        },
      }),
    };
  }
}
