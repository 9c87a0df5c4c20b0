/**
 * The one file a watch keeps: SQLite in write-ahead mode, so that a process killed at any moment leaves whole
 * transactions and others can look on. Nothing here is loaded before a `watch` command runs.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type Libsql from 'libsql';
import { KnownError } from '../errors.js';
import { userFolders } from '../verdict/folders.js';

export type Value = string | number | Buffer | null;
export type Row = Record<string, Value>;

/** Version of the tables; another one is refused, not guessed at. */
const SCHEMA = 1;

/** How long a writer waits for another process, milliseconds. */
const BUSY_MS = 10_000;

// A year of a registry is millions of rows: what a page or a metric asks for is kept in a tally or found by an index.
const TABLES = `
CREATE TABLE feeds (
  id TEXT PRIMARY KEY, position TEXT NOT NULL, floor INTEGER, checked INTEGER, behind INTEGER, notice TEXT
);
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, ecosystem TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
  filename TEXT NOT NULL, url TEXT NOT NULL, promised TEXT NOT NULL, published INTEGER, floor INTEGER,
  state TEXT NOT NULL DEFAULT 'queued', due INTEGER NOT NULL, seen INTEGER NOT NULL, finished INTEGER,
  failures INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, looks INTEGER NOT NULL DEFAULT 0,
  wanted INTEGER NOT NULL DEFAULT 1, claims INTEGER NOT NULL DEFAULT 0, owner TEXT, lease INTEGER,
  reason TEXT, integrity TEXT, reader TEXT,
  UNIQUE (kind, ecosystem, name, version, filename, promised)
);
CREATE INDEX jobs_next ON jobs (kind, state, due);
CREATE INDEX jobs_bytes ON jobs (integrity);
CREATE INDEX jobs_judged ON jobs (finished) WHERE kind = 'artifact' AND state = 'done';
CREATE TABLE results (
  id INTEGER PRIMARY KEY, ecosystem TEXT NOT NULL, integrity TEXT NOT NULL, reader TEXT NOT NULL,
  model TEXT NOT NULL, taxonomy TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,
  verdict TEXT NOT NULL, score REAL, threshold REAL, facts TEXT NOT NULL, sequence BLOB, ms REAL NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (ecosystem, integrity, reader, model, taxonomy)
);
CREATE INDEX results_flagged ON results (verdict, id);
CREATE INDEX results_created ON results (created);
CREATE TABLE tally (what TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
  INSERT INTO tally VALUES (new.kind || ' ' || new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER job_moved AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
  UPDATE tally SET n = n - 1 WHERE what = old.kind || ' ' || old.state;
  INSERT INTO tally VALUES (new.kind || ' ' || new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER result_added AFTER INSERT ON results BEGIN
  INSERT INTO tally VALUES ('result ' || new.verdict, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TABLE marks (
  ecosystem TEXT NOT NULL, integrity TEXT NOT NULL, mark TEXT NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (ecosystem, integrity)
);
PRAGMA user_version = ${SCHEMA};
`;

export class Database {
  private readonly statements = new Map<string, Libsql.Statement<unknown[]>>();

  private constructor(private readonly handle: Libsql.Database) {}

  /** Throws `KnownError` when there is no database engine for this machine, or the file is another version's. */
  static async open(file: string = join(userFolders().state, 'watch', 'watch.db')): Promise<Database> {
    let Engine: typeof Libsql;
    try {
      ({ default: Engine } = await import('libsql'));
    } catch (cause) {
      const why = (cause as Error).message.split('\n', 1)[0];
      throw new KnownError(
        'no-database',
        `watch needs the package libsql, which npm leaves out where it has no build for the machine (${why})`,
        undefined,
        { cause },
      );
    }
    let handle: Libsql.Database | undefined;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      handle = new Engine(file, { timeout: BUSY_MS } as Libsql.Options);
      const database = new Database(handle);
      handle.exec('PRAGMA journal_mode = WAL');
      handle.exec('PRAGMA synchronous = NORMAL');
      database.transaction(() => {
        const found = Number(database.get('PRAGMA user_version')!.user_version);
        if (found === 0) database.handle.exec(TABLES);
        else if (found !== SCHEMA) throw new KnownError('database', `${file} was written by another version`);
      });
      return database;
    } catch (cause) {
      handle?.close();
      if (cause instanceof KnownError) throw cause;
      throw new KnownError('database', `cannot open ${file}: ${(cause as Error).message}`, undefined, {
        cause,
      });
    }
  }

  close(): void {
    this.statements.clear();
    this.handle.close();
  }

  all(sql: string, ...values: Value[]): Row[] {
    return named(() => this.prepare(sql).all(...values.map(storable)) as Row[]);
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.all(sql, ...values)[0];
  }

  /** Returns the number of rows changed. */
  run(sql: string, ...values: Value[]): number {
    return named(() => this.prepare(sql).run(...values.map(storable)).changes);
  }

  /** All of it or nothing; what is read inside cannot change before it is written. */
  transaction<T>(body: () => T): T {
    return named(() => {
      this.handle.exec('BEGIN IMMEDIATE');
      try {
        const value = body();
        this.handle.exec('COMMIT');
        return value;
      } catch (error) {
        if (this.handle.inTransaction) this.handle.exec('ROLLBACK');
        throw error;
      }
    });
  }

  private prepare(sql: string): Libsql.Statement<unknown[]> {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.handle.prepare(sql) as Libsql.Statement<unknown[]>;
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

/** SQLite's texts end at a zero character for some of its functions: hostile names must not be two names. */
const storable = (value: Value): Value =>
  typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;

/** Disks and locks are no fault of ours: throws `KnownError` for them. */
function named<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (
      typeof code !== 'string' ||
      !/^SQLITE_(?:FULL|IOERR|READONLY|BUSY|CANTOPEN|CORRUPT|NOTADB)/.test(code)
    )
      throw error;
    throw new KnownError('database', `the database of the watch: ${message}`, undefined, { cause: error });
  }
}
