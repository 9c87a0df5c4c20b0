/**
 * Jobs and results of a watch. A job is `queued`, `running` under a lease, `done`, or set `aside` with its reason.
 * Each method that changes something is one transaction; a job is finished only by the claim that holds it, so that a
 * process that lost its lease changes nothing. All times are milliseconds since 1970.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import process from 'node:process';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Behavior, BehaviorSequence, Ecosystem, Phase, Verdict, VerdictKind } from '../types.js';
import type { Database, Queries, Row, Value } from './database.js';

export type JobKind = 'package' | 'artifact';
export type JobState = 'queued' | 'running' | 'done' | 'aside';
export const JOB_STATES: readonly JobState[] = ['queued', 'running', 'done', 'aside'];

/** What a feed names: a package in which something is new, or one artifact. */
export interface Entry {
  readonly kind: JobKind;
  readonly ecosystem: Ecosystem;
  readonly name: string;
  /** Empty: whatever is newer than `floor`. */
  readonly version: string;
  /** Of an artifact: its file name, address and the SRI promised; of a package: empty, registry, empty. */
  readonly filename: string;
  readonly url: string;
  readonly promised: string;
  /** Where the package of an artifact was looked up; undefined when a feed gave the address itself. */
  readonly registry?: string | undefined;
  readonly published?: number | undefined;
  /** Of a package: what was published before is old. */
  readonly floor?: number | undefined;
}

export interface Job extends Entry {
  readonly id: number;
  readonly state: JobState;
  /** Not to be worked on before. */
  readonly due: number;
  /** When the feed named it first. */
  readonly seen: number;
  readonly failures: number;
  /** How often a package was looked at since the feed last named it. */
  readonly looks: number;
  /** Which claim this is: finishing asks for it. */
  readonly claims: number;
  readonly wanted: number;
  readonly reason: string | undefined;
}

/** What a result is unique for. */
export interface ResultKey {
  readonly ecosystem: Ecosystem;
  readonly integrity: string;
  /** How the bytes are read (`readerOf`). */
  readonly reader: string;
  readonly model: string;
  readonly taxonomy: string;
}

export const MARKS = ['confirmed', 'false-alarm', 'unsure'] as const;
export type Mark = (typeof MARKS)[number];

/** A result, with the release it was first met in and what a person said of it. */
export interface Result extends ResultKey {
  readonly id: number;
  /** Without sequence, installs and duration: what `scan` says of the same bytes. */
  readonly verdict: Verdict;
  readonly sha256: string;
  readonly created: number;
  readonly release: Pick<Entry, 'name' | 'version' | 'filename' | 'url' | 'published'> & {
    readonly seen: number;
  };
  /** Releases with the same bytes. */
  readonly releases: number;
  readonly mark: Mark | undefined;
  readonly note: string;
}

/** What a flagged release does that the release before it did not. */
export interface Difference {
  /** Of the release before; its result may be missing still. */
  readonly version: string;
  readonly judged: boolean;
  /** In running order; empty while the release before is not judged. */
  readonly behaviors: readonly Behavior[];
}

export interface ResultFilter {
  readonly verdicts?: readonly VerdictKind[];
  /** `new`: not marked yet. */
  readonly marks?: readonly (Mark | 'new')[];
  readonly ecosystem?: Ecosystem;
  /** Part of the package's name. */
  readonly name?: string;
  readonly ids?: readonly number[];
  /** What weighs most runs in this phase. */
  readonly phase?: Phase;
  readonly limit?: number;
  readonly offset?: number;
  readonly order?: 'newest' | 'oldest';
}

/** All but the sequence, which is large and seldom asked for. */
const RESULT_COLUMNS = [
  ...['id', 'ecosystem', 'integrity', 'reader', 'model', 'taxonomy', 'name', 'version', 'sha256', 'verdict'],
  ...['score', 'threshold', 'facts', 'ms', 'created'],
];

/** The index of jobs begins with their kind; without it each of these questions would read the whole table. */
const ALL = "kind IN ('package', 'artifact')";

/** A job whose process died so often is suspected to have killed it. */
const MOST_DEATHS = 5;

export class WatchStore {
  /** `spreadMs`: how far apart jobs are tried again whose process died more than once. */
  constructor(
    private readonly db: Database,
    private readonly spreadMs = 5000,
  ) {}

  close(): Promise<void> {
    return this.db.close();
  }

  async feed(id: string): Promise<{ position: string; floor: number | undefined } | undefined> {
    const row = await this.db.get('SELECT position, floor FROM feeds WHERE id = ?', id);
    return row && { position: String(row.position), floor: optional(row.floor) };
  }

  async feeds(): Promise<
    { id: string; position: string; checked?: number; behind?: number; notice?: string }[]
  > {
    return (await this.db.all('SELECT * FROM feeds ORDER BY id')).map((row) => ({
      id: String(row.id),
      position: String(row.position),
      ...(row.checked !== null && { checked: Number(row.checked) }),
      ...(row.behind !== null && { behind: Number(row.behind) }),
      ...(row.notice !== null && { notice: String(row.notice) }),
    }));
  }

  /** Begins a feed at a position; one that has begun keeps its own unless `again`. */
  async startFeed(id: string, position: string, floor: number | undefined, again = false): Promise<void> {
    const sql = 'INSERT INTO feeds (id, position, floor) VALUES (?, ?, ?) ON CONFLICT (id) DO';
    const update = again ? 'UPDATE SET position = excluded.position, floor = excluded.floor' : 'NOTHING';
    await this.db.run(`${sql} ${update}`, id, position, floor ?? null);
  }

  /**
   * Takes over what a feed named between two positions, with the new position, or nothing when another process has moved
   * it meanwhile (false). What is known already makes no second job; a package is looked at again.
   */
  advance(id: string, { from, to, entries, behind, notice }: Advance, now: number): Promise<boolean> {
    return this.db.transaction(async (db) => {
      const moved = await db.run(
        'UPDATE feeds SET position = ?, checked = ?, behind = ?, notice = coalesce(?, notice) WHERE id = ? AND position = ?',
        to,
        now,
        behind ?? null,
        notice === undefined ? null : `${new Date(now).toISOString()} ${notice}`,
        id,
        from,
      );
      if (moved === 0) return false;
      for (const entry of entries) await add(db, entry, now);
      return true;
    });
  }

  /** An artifact no feed has named: the release before a flagged one. */
  async queue(entry: Entry, now: number): Promise<void> {
    await add(this.db, entry, now, 0);
  }

  /** The next job of a kind that is due, or whose lease has run out; leased to `owner`. */
  claim(kind: JobKind, owner: string, now: number, leaseMs: number): Promise<Job | undefined> {
    return this.db.transaction(async (db) => {
      await this.giveUp(
        db,
        "kind = ? AND state = 'running' AND lease < ?",
        'its lease ran out',
        now,
        kind,
        now,
      );
      const row = await db.get(
        `UPDATE jobs SET state = 'running', owner = ?, lease = ?, claims = claims + 1
         WHERE id = (SELECT id FROM jobs WHERE kind = ? AND state = 'queued' AND due <= ?
           ORDER BY due, id LIMIT 1 ${this.db.dialect.skipLocked}) RETURNING *`,
        owner,
        now + leaseMs,
        kind,
        now,
      );
      return row && jobOf(row);
    });
  }

  /**
   * The job a queue elsewhere says it is this owner's turn for. `again`: that queue has given it to a process that said
   * nothing more; otherwise what runs elsewhere stays there. Undefined when there is nothing to do for it.
   */
  take(
    id: number,
    again: boolean,
    owner: string,
    now: number,
    leaseMs: number,
  ): Promise<Job | { readonly retryAt: number } | undefined> {
    return this.db.transaction(async (db) => {
      if (again) {
        await this.giveUp(db, "id = ? AND state = 'running'", 'its process ended', now, id);
        const later = await db.get(
          "SELECT due FROM jobs WHERE id = ? AND state = 'queued' AND due > ?",
          id,
          now,
        );
        if (later !== undefined) return { retryAt: Number(later.due) };
      }
      const row = await db.get(
        `UPDATE jobs SET state = 'running', owner = ?, lease = ?, claims = claims + 1
         WHERE id = ? AND state = 'queued' RETURNING *`,
        ...[owner, now + leaseMs, id],
      );
      return row && jobOf(row);
    });
  }

  /**
   * Jobs of a kind a queue elsewhere should have: what is queued, now or for later, also because its lease ran out; not again what
   * was handed over less than a lease ago.
   */
  async toHandOver(kind: JobKind, now: number, limit: number): Promise<Job[]> {
    await this.giveUp(
      this.db,
      "kind = ? AND state = 'running' AND lease < ?",
      'its lease ran out',
      now,
      kind,
      now,
    );
    const rows = await this.db.all(
      `SELECT * FROM jobs WHERE kind = ? AND state = 'queued' AND (lease IS NULL OR lease < ?)
       ORDER BY due, id LIMIT ?`,
      kind,
      now,
      limit,
    );
    return rows.map(jobOf);
  }

  /** That a queue elsewhere has these; should it lose them, they are handed over again after the lease. */
  async handedOver(jobs: readonly Job[], now: number, leaseMs: number): Promise<void> {
    await this.db.transaction(async (db) => {
      for (const { id, due, wanted, looks } of jobs)
        await db.run(
          "UPDATE jobs SET lease = ? WHERE id = ? AND state = 'queued' AND wanted = ? AND looks = ?",
          ...[Math.max(now, due) + leaseMs, id, wanted, looks],
        );
    });
  }

  /** Keeps the leases of an owner; must be called more often than they last. */
  async renew(owner: string, until: number): Promise<void> {
    await this.db.run(
      `UPDATE jobs SET lease = ? WHERE ${ALL} AND state = 'running' AND owner = ?`,
      until,
      owner,
    );
  }

  /** Takes up the jobs of processes of this machine that are no more, without waiting for their leases. */
  recover(now: number): Promise<number> {
    return this.db.transaction(async (db) => {
      const owners = await db.all(`SELECT DISTINCT owner FROM jobs WHERE ${ALL} AND state = 'running'`);
      const dead = owners.map(({ owner }) => String(owner)).filter((owner) => !isAlive(owner));
      let jobs = 0;
      for (const owner of dead)
        jobs += await this.giveUp(
          db,
          `${ALL} AND state = 'running' AND owner = ?`,
          'its process ended',
          now,
          owner,
        );
      return jobs;
    });
  }

  /**
   * Back into the queue, or aside when it has been the last thing of too many processes. What was under way beside it died
   * of the same: from the second death on each is tried at a time of its own, so that only the culprit dies each time.
   */
  private giveUp(db: Queries, where: string, why: string, now: number, ...values: Value[]): Promise<number> {
    return db.run(
      `UPDATE jobs SET deaths = deaths + 1, owner = NULL, lease = NULL, due = ? + deaths * ((id * 7919) % 12) * ?,
         state = CASE WHEN deaths + 1 >= ${MOST_DEATHS} THEN 'aside' ELSE 'queued' END,
         finished = CASE WHEN deaths + 1 >= ${MOST_DEATHS} THEN ? ELSE finished END,
         reason = CASE WHEN deaths + 1 >= ${MOST_DEATHS} THEN ? ELSE reason END
       WHERE ${where}`,
      now,
      this.spreadMs,
      now,
      `${why} ${MOST_DEATHS} times before it was done`,
      ...values,
    );
  }

  /** Hands back what an owner has not finished, as if it had never been claimed. */
  release(owner: string): Promise<number> {
    return this.db.run(
      `UPDATE jobs SET state = 'queued', owner = NULL, lease = NULL WHERE ${ALL} AND state = 'running' AND owner = ?`,
      owner,
    );
  }

  /** The artifacts a package was found to have; `lookAgain`: when to look once more, as a mirror may be behind its feed. */
  finishPackage(job: Job, artifacts: readonly Entry[], now: number, lookAgain?: number): Promise<boolean> {
    return this.db.transaction(async (db) => {
      const finished = await db.run(
        `UPDATE jobs SET owner = NULL, lease = NULL, reason = NULL, deaths = 0, failures = 0, finished = ?,
           looks = CASE WHEN wanted > ? THEN 0 ELSE looks + 1 END,
           due = CASE WHEN wanted > ? THEN ? ELSE coalesce(?, due) END,
           state = CASE WHEN wanted > ? OR ? = 1 THEN 'queued' ELSE 'done' END
         WHERE id = ? AND claims = ? AND state = 'running'`,
        now,
        job.wanted,
        job.wanted,
        now,
        lookAgain ?? null,
        job.wanted,
        lookAgain === undefined ? 0 : 1,
        job.id,
        job.claims,
      );
      if (finished === 0) return false;
      for (const artifact of artifacts) await add(db, artifact, now);
      return true;
    });
  }

  /** Which of these artifacts have no job yet. */
  async unknown(entries: readonly Entry[]): Promise<Entry[]> {
    const fresh: Entry[] = [];
    for (const entry of entries) {
      const known = await this.db.get('SELECT 1 AS known FROM jobs WHERE key = ?', keyOf(entry));
      if (known === undefined) fresh.push(entry);
    }
    return fresh;
  }

  async hasResult({ ecosystem, integrity, reader, model, taxonomy }: ResultKey): Promise<boolean> {
    const found = await this.db.get(
      'SELECT 1 AS known FROM results WHERE ecosystem = ? AND integrity = ? AND reader = ? AND model = ? AND taxonomy = ?',
      ...[ecosystem, integrity, reader, model, taxonomy],
    );
    return found !== undefined;
  }

  /** Ends a job with its result; false when the lease was lost or the result was there already (it is kept then). */
  finishArtifact(
    job: Job,
    key: ResultKey,
    read: Read | undefined,
    now: number,
  ): Promise<{ done: boolean; fresh: boolean }> {
    const { ecosystem, integrity, reader, model, taxonomy } = key;
    return this.db.transaction(async (db) => {
      const finished = await db.run(
        `UPDATE jobs SET state = 'done', owner = NULL, lease = NULL, reason = NULL, finished = ?, integrity = ?, reader = ?
         WHERE id = ? AND claims = ? AND state = 'running'`,
        ...[now, integrity, reader, job.id, job.claims],
      );
      if (finished === 0 || read === undefined) return { done: finished > 0, fresh: false };
      const { verdict, sha256 } = read;
      const { name, version, findings, evidence, unverified, policy, opaqueFiles, sequence } = verdict;
      // As JSON every text comes back as it was; the columns of the same name are to search in.
      const facts = JSON.stringify({ name, version, findings, evidence, unverified, policy, opaqueFiles });
      // Pictures and labelled sequences are only asked for of what was flagged; what a release did, by its successor.
      const kept = verdict.verdict === 'block' && sequence !== undefined;
      const fresh = await db.run(
        `INSERT INTO results (ecosystem, integrity, reader, model, taxonomy, name, version, sha256, verdict, score,
           threshold, phase, facts, sequence, behaviors, ms, created)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        ...[ecosystem, integrity, reader, model, taxonomy],
        ...[verdict.name, verdict.version, sha256, verdict.verdict],
        ...[verdict.score ?? null, verdict.threshold ?? null, heaviest(verdict)?.phase ?? null, facts],
        kept ? gzipSync(JSON.stringify(sequence)) : null,
        sequence === undefined ? null : marksOf(sequence),
        ...[verdict.durationMs, now],
      );
      return { done: true, fresh: fresh > 0 };
    });
  }

  /** Back into the queue for later, with one failure more. */
  async postpone(job: Job, due: number, reason: string): Promise<boolean> {
    const sql = `UPDATE jobs SET state = 'queued', owner = NULL, lease = NULL, due = ?, reason = ?,
      failures = failures + 1, deaths = 0 WHERE id = ? AND claims = ? AND state = 'running'`;
    return (await this.db.run(sql, due, reason, job.id, job.claims)) > 0;
  }

  async setAside(job: Job, reason: string, now: number): Promise<boolean> {
    // A package that was named again meanwhile gets its next try at once.
    const sql = `UPDATE jobs SET state = CASE WHEN wanted > ? THEN 'queued' ELSE 'aside' END, owner = NULL, lease = NULL,
      reason = ?, finished = ? WHERE id = ? AND claims = ? AND state = 'running'`;
    return (await this.db.run(sql, job.wanted, reason, now, job.id, job.claims)) > 0;
  }

  /** Queues every artifact that has no result of this model and taxonomy; what was set aside gets another chance. */
  rescan(model: string, taxonomy: string, now: number): Promise<number> {
    return this.db.run(
      `UPDATE jobs SET state = 'queued', due = ?, failures = 0, deaths = 0
       WHERE kind = 'artifact' AND state IN ('done', 'aside') AND NOT EXISTS (
         SELECT 1 FROM results r WHERE r.ecosystem = jobs.ecosystem AND r.integrity = jobs.integrity
           AND r.reader = jobs.reader AND r.model = ? AND r.taxonomy = ?)`,
      ...[now, model, taxonomy],
    );
  }

  /** Queues again what was set aside. */
  retryAside(now: number): Promise<number> {
    return this.db.run(
      `UPDATE jobs SET state = 'queued', due = ?, failures = 0, deaths = 0 WHERE ${ALL} AND state = 'aside'`,
      now,
    );
  }

  async counts(): Promise<Record<JobKind, Record<JobState, number>>> {
    const none = (): Record<JobState, number> => ({ queued: 0, running: 0, done: 0, aside: 0 });
    const counts = { package: none(), artifact: none() };
    for (const [kind, state, n] of await this.tally()) {
      if (kind !== 'result') counts[kind as JobKind][state as JobState] = n;
    }
    return counts;
  }

  /** Jobs that are not over; second looks at a package that wait for their time keep nobody. */
  async open(): Promise<number> {
    const row = await this.db.get(
      `SELECT count(*) AS n FROM jobs WHERE ${ALL}
       AND (state = 'running' OR (state = 'queued' AND looks = 0))`,
    );
    return Number(row!.n);
  }

  /** When the next job of a kind is due or loses its lease; undefined when there is none. */
  async nextDue(kind: JobKind): Promise<number | undefined> {
    const row = await this.db.get(
      `SELECT min(CASE state WHEN 'queued' THEN due ELSE lease END) AS at FROM jobs
       WHERE kind = ? AND state IN ('queued', 'running')`,
      kind,
    );
    return optional(row?.at);
  }

  /** When the feed named the oldest release that is not judged yet. */
  async oldestOpen(): Promise<number | undefined> {
    const row = await this.db.get(
      `SELECT min(seen) AS at FROM jobs WHERE ${ALL} AND state IN ('queued', 'running') AND looks = 0`,
    );
    return optional(row?.at);
  }

  /** Every artifact a feed has named, in the order it was named, a page at a time. */
  async *artifacts(perPage = 1000): AsyncGenerator<Job> {
    for (let after = 0; ; ) {
      const rows = await this.db.all(
        "SELECT * FROM jobs WHERE kind = 'artifact' AND wanted > 0 AND id > ? ORDER BY id LIMIT ?",
        after,
        perPage,
      );
      for (const row of rows) yield jobOf(row);
      if (rows.length < perPage) return;
      after = Number(rows.at(-1)!.id);
    }
  }

  async aside(limit = 1000): Promise<Job[]> {
    const sql = `SELECT * FROM jobs WHERE ${ALL} AND state = 'aside' ORDER BY id DESC LIMIT ?`;
    return (await this.db.all(sql, limit)).map(jobOf);
  }

  async verdicts(): Promise<Record<VerdictKind, number>> {
    const counts = { allow: 0, block: 0, unverified: 0 };
    for (const [kind, verdict, n] of await this.tally())
      if (kind === 'result') counts[verdict as VerdictKind] = n;
    return counts;
  }

  private async tally(): Promise<[kind: string, of: string, n: number][]> {
    return (await this.db.all('SELECT what, n FROM tally')).map(({ what, n }) => {
      const [kind = '', of = ''] = String(what).split(' ');
      return [kind, of, Number(n)];
    });
  }

  /** Results made since a time, and the mean time from publication to result of those with a date, in milliseconds. */
  async recent(since: number): Promise<{ results: number; lagMs: number | undefined }> {
    const made = (await this.db.get('SELECT count(*) AS n FROM results WHERE created >= ?', since))!;
    const lag = (await this.db.get(
      `SELECT avg(finished - published) AS lag FROM jobs ${this.db.dialect.indexedBy('jobs_judged')}
       WHERE kind = 'artifact' AND state = 'done' AND finished >= ? AND published IS NOT NULL AND wanted > 0`,
      since,
    ))!;
    return { results: Number(made.n), lagMs: optional(lag.lag) };
  }

  /** The newest result of each artifact, newest first. */
  async results(filter: ResultFilter = {}): Promise<Result[]> {
    const where = [
      `r.id = (SELECT max(n.id) FROM results n
        WHERE n.ecosystem = r.ecosystem AND n.integrity = r.integrity AND n.reader = r.reader)`,
    ];
    const values: Value[] = [];
    const oneOf = (column: string, wanted: readonly Value[]): void => {
      where.push(`${column} IN (${wanted.map(() => '?').join(', ')})`);
      values.push(...wanted);
    };
    if (filter.ids !== undefined) oneOf('r.id', filter.ids);
    if (filter.verdicts !== undefined) oneOf('r.verdict', filter.verdicts);
    if (filter.marks !== undefined) oneOf("coalesce(m.mark, 'new')", filter.marks);
    if (filter.ecosystem !== undefined) oneOf('r.ecosystem', [filter.ecosystem]);
    if (filter.phase !== undefined) oneOf('r.phase', [filter.phase]);
    if (filter.name !== undefined && filter.name !== '') {
      where.push("(lower(j.name) LIKE ? ESCAPE '!' OR lower(r.name) LIKE ? ESCAPE '!')");
      const pattern = `%${filter.name.toLowerCase().replace(/[!%_]/g, '!$&')}%`;
      values.push(pattern, pattern);
    }
    let page = '';
    if (filter.limit !== undefined) {
      page = 'LIMIT ? OFFSET ?';
      values.push(filter.limit, filter.offset ?? 0);
    }
    const columns = RESULT_COLUMNS.map((column) => `r.${column}`).join(', ');
    const rows = await this.db.all(
      `SELECT ${columns}, m.mark, m.note, j.name AS job_name, j.version AS job_version, j.filename,
         j.url, j.published, j.seen, (SELECT count(*) FROM jobs s WHERE s.ecosystem = r.ecosystem
           AND s.integrity = r.integrity AND s.reader = r.reader) AS releases
       FROM results r JOIN jobs j ON j.id = (SELECT min(f.id) FROM jobs f WHERE f.integrity = r.integrity
         AND f.ecosystem = r.ecosystem AND f.reader = r.reader)
       LEFT JOIN marks m ON m.ecosystem = r.ecosystem AND m.integrity = r.integrity
       WHERE ${where.join(' AND ')} ORDER BY r.id ${filter.order === 'oldest' ? 'ASC' : 'DESC'} ${page}`,
      ...values,
    );
    return rows.map(resultOf);
  }

  /** Behaviours in running order, kept for what was flagged. */
  async sequence(id: number): Promise<BehaviorSequence | undefined> {
    const blob = (await this.db.get('SELECT sequence FROM results WHERE id = ?', id))?.sequence;
    if (blob === undefined || blob === null) return undefined;
    return JSON.parse(gunzipSync(blob as Buffer).toString()) as BehaviorSequence;
  }

  /**
   * What a flagged release does that the one published before it did not: behaviours by phase, code and qualifiers,
   * wherever they stand. Undefined when no earlier release is known, or nothing says which is earlier.
   */
  async difference({
    id,
    release,
    reader,
    ecosystem,
    model,
    taxonomy,
  }: Result): Promise<Difference | undefined> {
    if (release.published === undefined) return undefined;
    const earlier = await this.db.get(
      `SELECT version, integrity FROM jobs ${this.db.dialect.indexedBy('jobs_earlier')}
       WHERE kind = 'artifact' AND ecosystem = ? AND name = ? AND published < ? AND version <> ?
         AND (reader IS NULL OR reader = ?) AND state <> 'aside' ORDER BY published DESC LIMIT 1`,
      ...[ecosystem, release.name, release.published, release.version, reader],
    );
    if (earlier === undefined) return undefined;
    const version = String(earlier.version);
    const row = await this.db.get(
      `SELECT behaviors FROM results WHERE ecosystem = ? AND integrity = ? AND reader = ? AND model = ?
         AND taxonomy = ?`,
      ...[ecosystem, earlier.integrity ?? null, reader, model, taxonomy],
    );
    const sequence = await this.sequence(id);
    const behaviors = row?.behaviors;
    if (behaviors === undefined || behaviors === null || sequence === undefined)
      return { version, judged: false, behaviors: [] };
    const before = new Set(chunks(Buffer.from(behaviors as Buffer)));
    const seen = new Set<string>();
    const fresh = behaviorsOf(sequence).filter((behavior) => {
      const mark = markOf(behavior);
      if (before.has(mark) || seen.has(mark)) return false;
      seen.add(mark);
      return true;
    });
    return { version, judged: true, behaviors: fresh };
  }

  /** What a person says of a result's bytes; it outlives a newer model. False when there is no such result. */
  mark(id: number, mark: Mark | undefined, note: string, now: number): Promise<boolean> {
    return this.db.transaction(async (db) => {
      const row = await db.get('SELECT ecosystem, integrity FROM results WHERE id = ?', id);
      if (row === undefined) return false;
      const bytes = [row.ecosystem!, row.integrity!];
      if (mark === undefined)
        await db.run('DELETE FROM marks WHERE ecosystem = ? AND integrity = ?', ...bytes);
      else
        await db.run(
          `INSERT INTO marks VALUES (?, ?, ?, ?, ?) ON CONFLICT (ecosystem, integrity)
           DO UPDATE SET mark = excluded.mark, note = excluded.note, at = excluded.at`,
          ...[...bytes, mark, note, now],
        );
      return true;
    });
  }
}

/** `wanted`: by how many feed entries. */
async function add(db: Queries, entry: Entry, now: number, wanted = 1): Promise<void> {
  const insert = `INSERT INTO jobs (key, kind, ecosystem, name, version, filename, url, promised, registry, published, floor,
    due, seen, wanted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO`;
  const { kind, ecosystem, name, version, filename, url, promised, registry, published, floor } = entry;
  // A package that runs now may have been fetched before this change: it runs once more.
  const again = `UPDATE SET wanted = jobs.wanted + 1, looks = 0, failures = 0, deaths = 0, url = excluded.url,
    floor = CASE WHEN jobs.state IN ('queued', 'running') AND (jobs.floor IS NULL OR jobs.floor < excluded.floor)
      THEN jobs.floor ELSE excluded.floor END,
    lease = CASE jobs.state WHEN 'running' THEN jobs.lease ELSE NULL END,
    due = CASE jobs.state WHEN 'running' THEN jobs.due ELSE excluded.due END,
    seen = CASE WHEN jobs.state IN ('queued', 'running') THEN jobs.seen ELSE excluded.seen END,
    state = CASE jobs.state WHEN 'running' THEN jobs.state ELSE 'queued' END`;
  const values: Value[] = [keyOf(entry), kind, ecosystem, name, version, filename, url, promised];
  const rest = [registry ?? '', published ?? null, floor ?? null, now, now, wanted];
  await db.run(`${insert} ${kind === 'package' ? again : 'NOTHING'}`, ...values, ...rest);
}

/** What makes a job the same job. A digest: names of any length fit an index. */
const keyOf = ({ kind, ecosystem, name, version, filename, promised }: Entry): string =>
  createHash('sha256')
    .update(JSON.stringify([kind, ecosystem, name, version, filename, promised]))
    .digest('base64');

const heaviest = ({ evidence }: Verdict): Behavior | undefined => {
  const [first, ...rest] = evidence;
  return rest.reduce((most, one) => (one.weight > most!.weight ? one : most), first)?.behavior;
};

/** Bytes kept of the digest of one behaviour: among some thousand of them two alike are not met. */
const MARK_BYTES = 6;

const behaviorsOf = (sequence: BehaviorSequence): Behavior[] =>
  sequence.units.flatMap(({ behaviors }) => behaviors);

// Not what it looks like in the code: a bundler renames everything from one release to the next.
const markOf = ({ phase, code, qualifiers }: Behavior): string =>
  createHash('sha256')
    .update(JSON.stringify([phase, code, qualifiers]))
    .digest('hex')
    .slice(0, 2 * MARK_BYTES);

/** What a release does, in a few bytes a behaviour, to tell its successor from it. */
const marksOf = (sequence: BehaviorSequence): Buffer =>
  Buffer.from([...new Set(behaviorsOf(sequence).map(markOf))].join(''), 'hex');

function chunks(bytes: Buffer): string[] {
  const text = bytes.toString('hex');
  return text.match(new RegExp(`.{${2 * MARK_BYTES}}`, 'g')) ?? [];
}

export interface Advance {
  readonly from: string;
  readonly to: string;
  readonly entries: readonly Entry[];
  /** Entries the feed has beyond `to`, when it says so. */
  readonly behind?: number | undefined;
  /** What may have been missed, for people. */
  readonly notice?: string | undefined;
}

/** What a scan gave. */
export interface Read {
  readonly verdict: Verdict;
  readonly sha256: string;
}

/** Names a process: whoever finds its lease can see whether it lives, on its own machine. */
export const ownerName = (random: string): string => `${hostname()} ${process.pid} ${random}`;

function isAlive(owner: string): boolean {
  const [host, pid] = owner.split(' ');
  if (host !== hostname()) return true; // its lease will tell
  // A process with our own number that is not us has died before we got it.
  if (Number(pid) === process.pid) return LIVING.has(owner);
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Owners inside this process. */
export const LIVING = new Set<string>();

const optional = (value: Value | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value);

function jobOf(row: Row): Job {
  return {
    id: Number(row.id),
    kind: row.kind as JobKind,
    ecosystem: row.ecosystem as Ecosystem,
    name: String(row.name),
    version: String(row.version),
    filename: String(row.filename),
    url: String(row.url),
    promised: String(row.promised),
    published: optional(row.published),
    floor: optional(row.floor),
    state: row.state as JobState,
    registry: row.registry === '' ? undefined : String(row.registry),
    due: Number(row.due),
    seen: Number(row.seen),
    failures: Number(row.failures),
    looks: Number(row.looks),
    claims: Number(row.claims),
    wanted: Number(row.wanted),
    reason: row.reason === null ? undefined : String(row.reason),
  };
}

function resultOf(row: Row): Result {
  const ecosystem = row.ecosystem as Ecosystem;
  const integrity = String(row.integrity);
  const facts = JSON.parse(String(row.facts)) as Omit<
    Verdict,
    'ecosystem' | 'integrity' | 'verdict' | 'durationMs'
  >;
  return {
    id: Number(row.id),
    ecosystem,
    integrity,
    reader: String(row.reader),
    model: String(row.model),
    taxonomy: String(row.taxonomy),
    sha256: String(row.sha256),
    created: Number(row.created),
    verdict: {
      ecosystem,
      integrity,
      verdict: row.verdict as VerdictKind,
      ...(row.score !== null && { score: Number(row.score) }),
      ...(row.threshold !== null && { threshold: Number(row.threshold) }),
      ...facts,
      durationMs: Number(row.ms),
    },
    release: {
      name: String(row.job_name),
      version: String(row.job_version),
      filename: String(row.filename),
      url: String(row.url),
      published: optional(row.published),
      seen: Number(row.seen),
    },
    releases: Number(row.releases),
    mark: row.mark === null ? undefined : (row.mark as Mark),
    note: row.note === null ? '' : String(row.note),
  };
}
