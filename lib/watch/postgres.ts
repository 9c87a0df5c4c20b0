/**
 * PostgreSQL where many machines share what a watch keeps. A server that restarts is waited for: each statement outside
 * a transaction, and each transaction as a whole, is asked again until it is back. All that this project asks may be
 * asked twice: positions, claims and results only move from where they are.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type Pg from 'pg';
import { KnownError } from '../errors.js';
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

const VIEWS = `
CREATE VIEW tally AS SELECT kind || ' ' || state AS what, count(*) AS n FROM jobs GROUP BY kind, state
  UNION ALL SELECT 'result ' || verdict, count(*) FROM results GROUP BY verdict;
CREATE TABLE meta (schema INTEGER NOT NULL);
INSERT INTO meta VALUES (${SCHEMA});
`;

/** Own namespace: the database may be shared with others. */
const NAMESPACE = 'safe_install';
const CONNECT_MS = 10_000;
const LONGEST_WAIT_MS = 5000;
/** Any number of ours: two processes must not make the tables at the same time. */
const LOCK = 7_263_001;

export interface PostgresOptions {
  /** How long a server that was reached once is waited for when it goes away, milliseconds; 0: not at all. */
  readonly patienceMs: number;
  /** Says that it is waited for. */
  readonly notice?: (words: string) => void;
}

export class PostgresDatabase implements Database {
  readonly dialect: Dialect = { indexedBy: () => '', skipLocked: 'FOR UPDATE SKIP LOCKED' };
  private closing = false;
  private away = false;

  private constructor(
    private readonly pool: Pg.Pool,
    private readonly where: string,
    private readonly options: PostgresOptions,
  ) {}

  /** `address` as `postgres://user:password@host/database`. Throws `KnownError`. */
  static async open(address: string, options: PostgresOptions): Promise<PostgresDatabase> {
    let pg: typeof Pg;
    try {
      ({ default: pg } = await import('pg'));
    } catch (cause) {
      throw new KnownError(
        'no-database',
        '--store postgres:// needs the package pg: npm install -g --ignore-scripts pg@8',
        undefined,
        { cause },
      );
    }
    const { host, pathname } = new URL(address);
    const pool = new pg.Pool({
      connectionString: address,
      max: 8,
      connectionTimeoutMillis: CONNECT_MS,
      options: `-c search_path=${NAMESPACE}`,
      // Counts and times fit a number: eight-byte integers come as texts otherwise.
      types: {
        getTypeParser: ((oid: number, format: 'text') =>
          oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
      },
    });
    // Of idle connections; the next statement meets the same trouble and tells.
    pool.on('error', () => {});
    const database = new PostgresDatabase(pool, `${host}${pathname}`, options);
    try {
      await database.prepare();
      return database;
    } catch (cause) {
      await pool.end();
      if (cause instanceof KnownError) throw cause;
      throw new KnownError(
        'database',
        `cannot use ${host}${pathname}: ${reason(cause)}; check --store and the server`,
        undefined,
        {
          cause,
        },
      );
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.pool.end();
  }

  all(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.patiently(() => queriesOf(this.pool).all(sql, ...values));
  }

  get(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return this.patiently(() => queriesOf(this.pool).get(sql, ...values));
  }

  run(sql: string, ...values: Value[]): Promise<number> {
    return this.patiently(() => queriesOf(this.pool).run(sql, ...values));
  }

  transaction<T>(body: (queries: Queries) => Promise<T>): Promise<T> {
    return this.patiently(async () => {
      const client = await this.pool.connect();
      // The pool listens to idle connections only; without a listener a lost one would end the process.
      const lost = (): void => {};
      client.on('error', lost);
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const value = await body(queriesOf(client));
        await client.query('COMMIT');
        return value;
      } catch (error) {
        await client.query('ROLLBACK').catch((failure: Error) => {
          broken = failure;
        });
        throw error;
      } finally {
        client.off('error', lost);
        client.release(broken);
      }
    });
  }

  private async prepare(): Promise<void> {
    await this.transaction(async ({ get, run }) => {
      await get('SELECT pg_advisory_xact_lock(?)', LOCK);
      const made = await get('SELECT to_regclass(?) IS NOT NULL AS made', `${NAMESPACE}.meta`);
      if (made!.made as unknown) {
        const { schema } = (await get('SELECT schema FROM meta'))!;
        if (Number(schema) !== SCHEMA)
          throw new KnownError(
            'database',
            `${this.where} was written by another version: name another with --store, or use that version`,
          );
        return;
      }
      await run(`CREATE SCHEMA IF NOT EXISTS ${NAMESPACE}`);
      await run(tables('BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY', 'BYTEA') + VIEWS);
    });
  }

  private async patiently<T>(work: () => Promise<T>): Promise<T> {
    const until = Date.now() + this.options.patienceMs;
    for (let tries = 0; ; tries++) {
      try {
        const value = await work();
        if (this.away) this.options.notice?.(`${this.where} answers again`);
        this.away = false;
        return value;
      } catch (error) {
        const code = String((error as { code?: unknown }).code ?? '');
        // Two transactions wanted each other's rows: one of them goes again.
        const crossed = code === '40001' || code === '40P01';
        if (!crossed && !isAway(code, (error as Error).message)) throw error;
        if (this.closing || Date.now() >= until)
          throw new KnownError(
            'database',
            `the database ${this.where}: ${reason(error)}; mend that and start again, nothing is lost`,
            undefined,
            {
              cause: error,
            },
          );
        if (!crossed && !this.away)
          this.options.notice?.(`${this.where} is away (${reason(error)}), waiting`);
        this.away ||= !crossed;
        await sleep(Math.min(100 * 2 ** tries, LONGEST_WAIT_MS));
      }
    }
  }
}

const reason = (error: unknown): string => {
  const { message, code } = error as { message: string; code?: unknown };
  return message || String(code);
};

/** The server is not there, is starting or stopping, or cut the connection. */
const isAway = (code: string, message: string): boolean =>
  /^(?:E(?:CONN|PIPE|TIMEDOUT|AI_AGAIN|HOST|NET)|ENOENT$|57P0|08|53300)/.test(code) ||
  /connection (?:terminated|timeout)|timeout exceeded|not queryable/i.test(message);

function queriesOf(client: Pg.Pool | Pg.PoolClient): Queries {
  const query = async (sql: string, values: readonly Value[]): Promise<Pg.QueryResult<Row>> => {
    let n = 0;
    const text = sql.replace(/\?/g, () => `$${++n}`);
    // Without values several statements may be asked for at once.
    return values.length === 0 ? client.query(text) : client.query(text, values.map(storable));
  };
  return {
    all: async (sql, ...values) => (await query(sql, values)).rows,
    get: async (sql, ...values) => (await query(sql, values)).rows[0],
    run: async (sql, ...values) => (await query(sql, values)).rowCount ?? 0,
  };
}
