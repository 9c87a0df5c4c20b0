/**
 * The one file a watch of one machine keeps: SQLite in write-ahead mode, so that a process killed at any moment leaves
 * whole transactions and others can look on. Nothing here is loaded before a `watch` command runs.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type Libsql from 'libsql';
import { KnownError } from '../errors.js';
import { userFolders } from '../verdict/folders.js';
import {
  type Database,
  type Dialect,
  type Queries,
  type Row,
  SCHEMA,
  storable,
  tables,
  type Value,
} from './database.js';

/** How long a writer waits for another process, milliseconds. */
const BUSY_MS = 10_000;

// Counting millions of rows takes seconds here: states and verdicts are counted as they change.
const TALLY = `
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
PRAGMA user_version = ${SCHEMA};
`;

export class SqliteDatabase implements Database {
  readonly dialect: Dialect = { indexedBy: (index) => `INDEXED BY ${index}`, skipLocked: '' };
  private readonly statements = new Map<string, Libsql.Statement<unknown[]>>();
  /**
   * What is asked for while a transaction is open waits for its end, on every connection of this process: one that waited
   * inside SQLite would keep the other from ending.
   */
  private static last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly handle: Libsql.Database) {}

  /** Throws `KnownError` when there is no database engine for this machine, or the file is another version's. */
  static async open(file: string = join(userFolders().state, 'watch', 'watch.db')): Promise<SqliteDatabase> {
    let Engine: typeof Libsql;
    try {
      ({ default: Engine } = await import('libsql'));
    } catch (cause) {
      const why = (cause as Error).message.split('\n', 1)[0];
      throw new KnownError(
        'no-database',
        `watch needs the package libsql, which npm leaves out where it has no build for the machine (${why}): use --store postgres://…`,
        undefined,
        { cause },
      );
    }
    let handle: Libsql.Database | undefined;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      handle = new Engine(file, { timeout: BUSY_MS } as Libsql.Options);
      const database = new SqliteDatabase(handle);
      handle.exec('PRAGMA journal_mode = WAL');
      handle.exec('PRAGMA synchronous = NORMAL');
      await database.transaction(async ({ get }) => {
        const found = Number((await get('PRAGMA user_version'))!.user_version);
        if (found === 0) handle!.exec(tables('INTEGER PRIMARY KEY', 'BLOB') + TALLY);
        else if (found !== SCHEMA)
          throw new KnownError(
            'database',
            `${file} was written by another version: name another with --store, or use that version`,
          );
      });
      return database;
    } catch (cause) {
      handle?.close();
      if (cause instanceof KnownError) throw cause;
      throw new KnownError(
        'database',
        `cannot open ${file}: ${(cause as Error).message}; mend its folder, or name another with --store`,
        undefined,
        {
          cause,
        },
      );
    }
  }

  async close(): Promise<void> {
    await this.alone(async () => {
      this.statements.clear();
      this.handle.close();
    });
  }

  all(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.alone(() => this.direct.all(sql, ...values));
  }

  get(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return this.alone(() => this.direct.get(sql, ...values));
  }

  run(sql: string, ...values: Value[]): Promise<number> {
    return this.alone(() => this.direct.run(sql, ...values));
  }

  /** What is read inside cannot change before it is written. */
  transaction<T>(body: (queries: Queries) => Promise<T>): Promise<T> {
    return this.alone(() =>
      named(async () => {
        this.handle.exec('BEGIN IMMEDIATE');
        try {
          const value = await body(this.direct);
          this.handle.exec('COMMIT');
          return value;
        } catch (error) {
          if (this.handle.inTransaction) this.handle.exec('ROLLBACK');
          throw error;
        }
      }),
    );
  }

  private readonly direct: Queries = {
    all: (sql, ...values) => named(async () => this.prepare(sql).all(...values.map(storable)) as Row[]),
    get: async (sql, ...values) => (await this.direct.all(sql, ...values))[0],
    run: (sql, ...values) => named(async () => this.prepare(sql).run(...values.map(storable)).changes),
  };

  private alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = SqliteDatabase.last.then(work);
    SqliteDatabase.last = turn.catch(() => {});
    return turn;
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

/** Disks and locks are no fault of ours: throws `KnownError` for them. */
async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (
      typeof code !== 'string' ||
      !/^SQLITE_(?:FULL|IOERR|READONLY|BUSY|CANTOPEN|CORRUPT|NOTADB)/.test(code)
    )
      throw error;
    throw new KnownError(
      'database',
      `the database of the watch: ${message}; mend that and start again, nothing is lost`,
      undefined,
      { cause: error },
    );
  }
}
