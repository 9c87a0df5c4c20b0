/**
 * Queue and results of a watch. A job is `queued`, `running` under a lease, `done`, or set `aside` with its reason.
 * Each method that changes something is one transaction; a job is finished only by the claim that holds it, so that a
 * process that lost its lease changes nothing. All times are milliseconds since 1970.
 */
import { hostname } from 'node:os';
import process from 'node:process';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { BehaviorSequence, Ecosystem, Phase, Verdict, VerdictKind } from '../types.js';
import type { Database, Row, Value } from './database.js';

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
  readonly published?: number | undefined;
  /** Of a package: what was published before is old. */
  readonly floor?: number | undefined;
}

export interface Job extends Entry {
  readonly id: number;
  readonly state: JobState;
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
  constructor(private readonly db: Database) {}

  close(): void {
    this.db.close();
  }

  feed(id: string): { position: string; floor: number | undefined } | undefined {
    const row = this.db.get('SELECT position, floor FROM feeds WHERE id = ?', id);
    return row && { position: String(row.position), floor: optional(row.floor) };
  }

  feeds(): { id: string; position: string; checked?: number; behind?: number; notice?: string }[] {
    return this.db.all('SELECT * FROM feeds ORDER BY id').map((row) => ({
      id: String(row.id),
      position: String(row.position),
      ...(row.checked !== null && { checked: Number(row.checked) }),
      ...(row.behind !== null && { behind: Number(row.behind) }),
      ...(row.notice !== null && { notice: String(row.notice) }),
    }));
  }

  /** Begins a feed at a position; one that has begun keeps its own unless `again`. */
  startFeed(id: string, position: string, floor: number | undefined, again = false): void {
    const sql = 'INSERT INTO feeds (id, position, floor) VALUES (?, ?, ?) ON CONFLICT (id) DO';
    const update = again ? 'UPDATE SET position = excluded.position, floor = excluded.floor' : 'NOTHING';
    this.db.run(`${sql} ${update}`, id, position, floor ?? null);
  }

  /**
   * Takes over what a feed named between two positions, with the new position, or nothing when another process has moved
   * it meanwhile (false). What is known already makes no second job; a package is looked at again.
   */
  advance(id: string, { from, to, entries, behind, notice }: Advance, now: number): boolean {
    return this.db.transaction(() => {
      const moved = this.db.run(
        'UPDATE feeds SET position = ?, checked = ?, behind = ?, notice = coalesce(?, notice) WHERE id = ? AND position = ?',
        to,
        now,
        behind ?? null,
        notice === undefined ? null : `${new Date(now).toISOString()} ${notice}`,
        id,
        from,
      );
      if (moved === 0) return false;
      for (const entry of entries) this.add(entry, now);
      return true;
    });
  }

  private add(entry: Entry, now: number): void {
    const insert = `INSERT INTO jobs (kind, ecosystem, name, version, filename, url, promised, published, floor, due, seen)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO`;
    const { kind, ecosystem, name, version, filename, url, promised, published, floor } = entry;
    // A package that runs now may have been fetched before this change: it runs once more.
    const again = `UPDATE SET wanted = wanted + 1, looks = 0, failures = 0, deaths = 0, url = excluded.url,
      floor = CASE WHEN state IN ('queued', 'running') THEN min(floor, excluded.floor) ELSE excluded.floor END,
      due = CASE state WHEN 'running' THEN due ELSE excluded.due END,
      seen = CASE WHEN state IN ('queued', 'running') THEN seen ELSE excluded.seen END,
      state = CASE state WHEN 'running' THEN state ELSE 'queued' END`;
    const values: Value[] = [kind, ecosystem, name, version, filename, url, promised];
    const times = [published ?? null, floor ?? null, now, now];
    this.db.run(`${insert} ${kind === 'package' ? again : 'NOTHING'}`, ...values, ...times);
  }

  /** The next job of a kind that is due, or whose lease has run out; leased to `owner`. */
  claim(kind: JobKind, owner: string, now: number, leaseMs: number): Job | undefined {
    return this.db.transaction(() => {
      this.giveUp("kind = ? AND state = 'running' AND lease < ?", 'its lease ran out', now, kind, now);
      const row = this.db.get(
        `UPDATE jobs SET state = 'running', owner = ?, lease = ?, claims = claims + 1
         WHERE id = (SELECT id FROM jobs WHERE kind = ? AND state = 'queued' AND due <= ? ORDER BY due, id LIMIT 1)
         RETURNING *`,
        owner,
        now + leaseMs,
        kind,
        now,
      );
      return row && jobOf(row);
    });
  }

  /** Keeps the leases of an owner; must be called more often than they last. */
  renew(owner: string, until: number): void {
    this.db.run(`UPDATE jobs SET lease = ? WHERE ${ALL} AND state = 'running' AND owner = ?`, until, owner);
  }

  /** Takes up the jobs of processes of this machine that are no more, without waiting for their leases. */
  recover(now: number): number {
    const owners = this.db.all(`SELECT DISTINCT owner FROM jobs WHERE ${ALL} AND state = 'running'`);
    const dead = owners.map(({ owner }) => String(owner)).filter((owner) => !isAlive(owner));
    return this.db.transaction(() =>
      dead.reduce(
        (sum, owner) =>
          sum + this.giveUp(`${ALL} AND state = 'running' AND owner = ?`, 'its process ended', now, owner),
        0,
      ),
    );
  }

  /** Back into the queue, or aside when it has been the last thing of too many processes. */
  private giveUp(where: string, why: string, now: number, ...values: Value[]): number {
    return this.db.run(
      `UPDATE jobs SET deaths = deaths + 1, owner = NULL, lease = NULL, due = ?,
         state = CASE WHEN deaths + 1 >= ${MOST_DEATHS} THEN 'aside' ELSE 'queued' END,
         finished = CASE WHEN deaths + 1 >= ${MOST_DEATHS} THEN ? ELSE finished END,
         reason = CASE WHEN deaths + 1 >= ${MOST_DEATHS} THEN ? ELSE reason END
       WHERE ${where}`,
      now,
      now,
      `${why} ${MOST_DEATHS} times before it was done`,
      ...values,
    );
  }

  /** Hands back what an owner has not finished, as if it had never been claimed. */
  release(owner: string): number {
    return this.db.run(
      `UPDATE jobs SET state = 'queued', owner = NULL, lease = NULL WHERE ${ALL} AND state = 'running' AND owner = ?`,
      owner,
    );
  }

  /** The artifacts a package was found to have; `lookAgain`: when to look once more, as a mirror may be behind its feed. */
  finishPackage(job: Job, artifacts: readonly Entry[], now: number, lookAgain?: number): boolean {
    return this.db.transaction(() => {
      const finished = this.db.run(
        `UPDATE jobs SET owner = NULL, lease = NULL, reason = NULL, deaths = 0, failures = 0, finished = ?,
           looks = CASE WHEN wanted > ? THEN 0 ELSE looks + 1 END,
           due = CASE WHEN wanted > ? THEN ? ELSE coalesce(?, due) END,
           state = CASE WHEN wanted > ? OR ? THEN 'queued' ELSE 'done' END
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
      for (const artifact of artifacts) this.add(artifact, now);
      return true;
    });
  }

  /** Which of these artifacts have no job yet. */
  unknown(entries: readonly Entry[]): Entry[] {
    const known = `SELECT 1 FROM jobs WHERE kind = 'artifact' AND ecosystem = ? AND name = ? AND version = ?
      AND filename = ? AND promised = ?`;
    return entries.filter(
      (e) => this.db.get(known, e.ecosystem, e.name, e.version, e.filename, e.promised) === undefined,
    );
  }

  hasResult({ ecosystem, integrity, reader, model, taxonomy }: ResultKey): boolean {
    const found = this.db.get(
      'SELECT 1 FROM results WHERE ecosystem = ? AND integrity = ? AND reader = ? AND model = ? AND taxonomy = ?',
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
  ): { done: boolean; fresh: boolean } {
    const { ecosystem, integrity, reader, model, taxonomy } = key;
    return this.db.transaction(() => {
      const finished = this.db.run(
        `UPDATE jobs SET state = 'done', owner = NULL, lease = NULL, reason = NULL, finished = ?, integrity = ?, reader = ?
         WHERE id = ? AND claims = ? AND state = 'running'`,
        ...[now, integrity, reader, job.id, job.claims],
      );
      if (finished === 0 || read === undefined) return { done: finished > 0, fresh: false };
      const { verdict, sha256 } = read;
      const { name, version, findings, evidence, unverified, policy, opaqueFiles } = verdict;
      // As JSON every text comes back as it was; the columns of the same name are to search in.
      const facts = JSON.stringify({ name, version, findings, evidence, unverified, policy, opaqueFiles });
      const fresh = this.db.run(
        `INSERT OR IGNORE INTO results (ecosystem, integrity, reader, model, taxonomy, name, version, sha256, verdict,
           score, threshold, facts, sequence, ms, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[
          ecosystem,
          integrity,
          reader,
          model,
          taxonomy,
          verdict.name,
          verdict.version,
          sha256,
          verdict.verdict,
        ],
        ...[verdict.score ?? null, verdict.threshold ?? null, facts],
        // Pictures and labelled sequences are only asked for of what was flagged.
        verdict.verdict === 'block' && verdict.sequence !== undefined
          ? gzipSync(JSON.stringify(verdict.sequence))
          : null,
        ...[verdict.durationMs, now],
      );
      return { done: true, fresh: fresh > 0 };
    });
  }

  /** Back into the queue for later. `counts`: one failure more. */
  postpone(job: Job, due: number, reason: string, counts = true): boolean {
    const sql = `UPDATE jobs SET state = 'queued', owner = NULL, lease = NULL, due = ?, reason = ?,
      failures = failures + ?, deaths = 0 WHERE id = ? AND claims = ? AND state = 'running'`;
    return this.db.run(sql, due, reason, counts ? 1 : 0, job.id, job.claims) > 0;
  }

  setAside(job: Job, reason: string, now: number): boolean {
    // A package that was named again meanwhile gets its next try at once.
    const sql = `UPDATE jobs SET state = CASE WHEN wanted > ? THEN 'queued' ELSE 'aside' END, owner = NULL, lease = NULL,
      reason = ?, finished = ? WHERE id = ? AND claims = ? AND state = 'running'`;
    return this.db.run(sql, job.wanted, reason, now, job.id, job.claims) > 0;
  }

  /** Queues every artifact that has no result of this model and taxonomy; what was set aside gets another chance. */
  rescan(model: string, taxonomy: string, now: number): number {
    return this.db.run(
      `UPDATE jobs SET state = 'queued', due = ?, failures = 0, deaths = 0
       WHERE kind = 'artifact' AND state IN ('done', 'aside') AND NOT EXISTS (
         SELECT 1 FROM results r WHERE r.ecosystem = jobs.ecosystem AND r.integrity = jobs.integrity
           AND r.reader = jobs.reader AND r.model = ? AND r.taxonomy = ?)`,
      ...[now, model, taxonomy],
    );
  }

  /** Queues again what was set aside. */
  retryAside(now: number): number {
    return this.db.run(
      `UPDATE jobs SET state = 'queued', due = ?, failures = 0, deaths = 0 WHERE ${ALL} AND state = 'aside'`,
      now,
    );
  }

  counts(): Record<JobKind, Record<JobState, number>> {
    const none = (): Record<JobState, number> => ({ queued: 0, running: 0, done: 0, aside: 0 });
    const counts = { package: none(), artifact: none() };
    for (const [kind, state, n] of this.tally()) {
      if (kind !== 'result') counts[kind as JobKind][state as JobState] = n;
    }
    return counts;
  }

  /** Jobs that are not over; second looks at a package that wait for their time keep nobody. */
  open(): number {
    const row = this.db.get(
      `SELECT count(*) AS n FROM jobs WHERE ${ALL}
       AND (state = 'running' OR (state = 'queued' AND looks = 0))`,
    );
    return Number(row!.n);
  }

  /** When the next job of a kind is due or loses its lease; undefined when there is none. */
  nextDue(kind: JobKind): number | undefined {
    const row = this.db.get(
      `SELECT min(CASE state WHEN 'queued' THEN due ELSE lease END) AS at FROM jobs
       WHERE kind = ? AND state IN ('queued', 'running')`,
      kind,
    );
    return optional(row?.at);
  }

  /** When the feed named the oldest release that is not judged yet. */
  oldestOpen(): number | undefined {
    const row = this.db.get(
      `SELECT min(seen) AS at FROM jobs WHERE ${ALL} AND state IN ('queued', 'running') AND looks = 0`,
    );
    return optional(row?.at);
  }

  /** Every artifact a feed has named, in the order it was named, a page at a time. */
  *artifacts(perPage = 1000): Generator<Job> {
    for (let after = 0; ; ) {
      const rows = this.db.all(
        "SELECT * FROM jobs WHERE kind = 'artifact' AND id > ? ORDER BY id LIMIT ?",
        after,
        perPage,
      );
      for (const row of rows) yield jobOf(row);
      if (rows.length < perPage) return;
      after = Number(rows.at(-1)!.id);
    }
  }

  aside(limit = 1000): Job[] {
    return this.db
      .all(`SELECT * FROM jobs WHERE ${ALL} AND state = 'aside' ORDER BY id DESC LIMIT ?`, limit)
      .map(jobOf);
  }

  verdicts(): Record<VerdictKind, number> {
    const counts = { allow: 0, block: 0, unverified: 0 };
    for (const [kind, verdict, n] of this.tally()) if (kind === 'result') counts[verdict as VerdictKind] = n;
    return counts;
  }

  private tally(): [kind: string, of: string, n: number][] {
    return this.db.all('SELECT what, n FROM tally').map(({ what, n }) => {
      const [kind = '', of = ''] = String(what).split(' ');
      return [kind, of, Number(n)];
    });
  }

  /** Results made since a time, and the mean time from publication to result of those with a date, in milliseconds. */
  recent(since: number): { results: number; lagMs: number | undefined } {
    const made = this.db.get('SELECT count(*) AS n FROM results WHERE created >= ?', since)!;
    const lag = this.db.get(
      `SELECT avg(finished - published) AS lag FROM jobs INDEXED BY jobs_judged
       WHERE kind = 'artifact' AND state = 'done' AND finished >= ? AND published IS NOT NULL`,
      since,
    )!;
    return { results: Number(made.n), lagMs: optional(lag.lag) };
  }

  /** The newest result of each artifact, newest first. */
  results(filter: ResultFilter = {}): Result[] {
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
    if (filter.name !== undefined && filter.name !== '') {
      where.push('(instr(lower(j.name), lower(?)) OR instr(lower(r.name), lower(?)))');
      values.push(filter.name, filter.name);
    }
    if (filter.phase !== undefined) {
      where.push(`(SELECT json_extract(e.value, '$.behavior.phase') FROM json_each(r.facts, '$.evidence') e
        ORDER BY json_extract(e.value, '$.weight') DESC LIMIT 1) = ?`);
      values.push(filter.phase);
    }
    const columns = RESULT_COLUMNS.map((column) => `r.${column}`).join(', ');
    const rows = this.db.all(
      `SELECT ${columns}, m.mark, m.note, j.name AS jobName, j.version AS jobVersion, j.filename,
         j.url, j.published, j.seen, (SELECT count(*) FROM jobs s WHERE s.ecosystem = r.ecosystem
           AND s.integrity = r.integrity AND s.reader = r.reader) AS releases
       FROM results r JOIN jobs j ON j.id = (SELECT min(f.id) FROM jobs f WHERE f.integrity = r.integrity
         AND f.ecosystem = r.ecosystem AND f.reader = r.reader)
       LEFT JOIN marks m ON m.ecosystem = r.ecosystem AND m.integrity = r.integrity
       WHERE ${where.join(' AND ')} ORDER BY r.id ${filter.order === 'oldest' ? 'ASC' : 'DESC'} LIMIT ? OFFSET ?`,
      ...values,
      filter.limit ?? -1,
      filter.offset ?? 0,
    );
    return rows.map(resultOf);
  }

  /** Behaviours in running order, kept for what was flagged. */
  sequence(id: number): BehaviorSequence | undefined {
    const blob = this.db.get('SELECT sequence FROM results WHERE id = ?', id)?.sequence;
    if (blob === undefined || blob === null) return undefined;
    return JSON.parse(gunzipSync(blob as Buffer).toString()) as BehaviorSequence;
  }

  /** What a person says of a result's bytes; it outlives a newer model. False when there is no such result. */
  mark(id: number, mark: Mark | undefined, note: string, now: number): boolean {
    return this.db.transaction(() => {
      const row = this.db.get('SELECT ecosystem, integrity FROM results WHERE id = ?', id);
      if (row === undefined) return false;
      this.db.run('DELETE FROM marks WHERE ecosystem = ? AND integrity = ?', row.ecosystem!, row.integrity!);
      if (mark !== undefined)
        this.db.run(
          'INSERT INTO marks VALUES (?, ?, ?, ?, ?)',
          row.ecosystem!,
          row.integrity!,
          mark,
          note,
          now,
        );
      return true;
    });
  }
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
      name: String(row.jobName),
      version: String(row.jobVersion),
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
