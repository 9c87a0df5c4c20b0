/**
 * Where a watch keeps everything: one SQLite file by default, a PostgreSQL database where many machines share it. The
 * statements are the same for both; what the two say differently is in `Dialect`.
 */

export type Value = string | number | Buffer | null;
export type Row = Record<string, Value>;

export interface Queries {
  /** Parameters are `?`, in order. */
  all(sql: string, ...values: Value[]): Promise<Row[]>;
  get(sql: string, ...values: Value[]): Promise<Row | undefined>;
  /** Returns the number of rows changed. */
  run(sql: string, ...values: Value[]): Promise<number>;
}

export interface Database extends Queries {
  readonly dialect: Dialect;
  /** All of it or nothing. The body may run more than once, and must ask through what it is given. */
  transaction<T>(body: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface Dialect {
  /** After a table's name: reads by this index only. */
  readonly indexedBy: (index: string) => string;
  /** After a SELECT of what is to be changed: rows others are about to change are passed over. */
  readonly skipLocked: string;
}

/** Version of the tables; another one is refused, not guessed at. */
export const SCHEMA = 2;

/** Text as both databases keep it: hostile names must not be two names after a zero character. */
export const storable = (value: Value): Value =>
  typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;

/** With the words SQLite or PostgreSQL has for a number that counts itself up, and for bytes. */
export function tables(identity: string, bytes: string): string {
  // A year of a registry is millions of rows: what a page or a metric asks for is found by an index.
  return `
CREATE TABLE feeds (
  id TEXT PRIMARY KEY, position TEXT NOT NULL, floor BIGINT, checked BIGINT, behind BIGINT, notice TEXT
);
CREATE TABLE jobs (
  id ${identity}, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, ecosystem TEXT NOT NULL, name TEXT NOT NULL,
  version TEXT NOT NULL, filename TEXT NOT NULL, url TEXT NOT NULL, promised TEXT NOT NULL, registry TEXT NOT NULL,
  published BIGINT, floor BIGINT, state TEXT NOT NULL DEFAULT 'queued', due BIGINT NOT NULL, seen BIGINT NOT NULL,
  finished BIGINT, failures BIGINT NOT NULL DEFAULT 0, deaths BIGINT NOT NULL DEFAULT 0,
  looks BIGINT NOT NULL DEFAULT 0, wanted BIGINT NOT NULL DEFAULT 1, claims BIGINT NOT NULL DEFAULT 0, owner TEXT,
  lease BIGINT, reason TEXT, integrity TEXT, reader TEXT
);
CREATE INDEX jobs_next ON jobs (kind, state, due);
CREATE INDEX jobs_bytes ON jobs (integrity);
CREATE INDEX jobs_judged ON jobs (finished) WHERE kind = 'artifact' AND state = 'done';
CREATE INDEX jobs_earlier ON jobs (ecosystem, name, published) WHERE kind = 'artifact';
CREATE TABLE results (
  id ${identity}, ecosystem TEXT NOT NULL, integrity TEXT NOT NULL, reader TEXT NOT NULL,
  model TEXT NOT NULL, taxonomy TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,
  verdict TEXT NOT NULL, score DOUBLE PRECISION, threshold DOUBLE PRECISION, phase TEXT, facts TEXT NOT NULL,
  sequence ${bytes}, behaviors ${bytes}, ms DOUBLE PRECISION NOT NULL, created BIGINT NOT NULL,
  UNIQUE (ecosystem, integrity, reader, model, taxonomy)
);
CREATE INDEX results_flagged ON results (verdict, id);
CREATE INDEX results_created ON results (created);
CREATE TABLE marks (
  ecosystem TEXT NOT NULL, integrity TEXT NOT NULL, mark TEXT NOT NULL, note TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (ecosystem, integrity)
);
`;
}
