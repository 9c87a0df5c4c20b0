/** What a watch is doing, in the text format Prometheus reads. */
import process from 'node:process';
import type { Client } from './client.js';
import { JOB_STATES, type WatchStore } from './store.js';

const HOUR_MS = 3_600_000;

/** `client` only where this process fetches. Label values are ours or escaped. */
export async function renderMetrics(
  store: WatchStore,
  client: Client | undefined,
  now: number,
): Promise<string> {
  const lines: string[] = [];
  const metric = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    values: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[],
  ): void => {
    lines.push(`# HELP safe_install_watch_${name} ${help}`, `# TYPE safe_install_watch_${name} ${type}`);
    for (const [labels, value] of values) {
      const shown = Object.entries(labels).map(([key, text]) => `${key}="${label(text)}"`);
      lines.push(`safe_install_watch_${name}${shown.length > 0 ? `{${shown.join(',')}}` : ''} ${value}`);
    }
  };
  const counts = await store.counts();
  metric(
    'jobs',
    'gauge',
    'Jobs by kind and state.',
    (['package', 'artifact'] as const).flatMap((kind) =>
      JOB_STATES.map((state) => [{ kind, state }, counts[kind][state]] as const),
    ),
  );
  metric(
    'results',
    'gauge',
    'Results kept, by verdict.',
    Object.entries(await store.verdicts()).map(([verdict, count]) => [{ verdict }, count]),
  );
  const { results, lagMs } = await store.recent(now - HOUR_MS);
  metric('results_last_hour', 'gauge', 'Results made in the last hour.', [[{}, results]]);
  if (lagMs !== undefined)
    metric('publish_to_result_seconds', 'gauge', 'Mean time from publication to result, last hour.', [
      [{}, lagMs / 1000],
    ]);
  metric('lag_seconds', 'gauge', 'Age of the oldest release named by a feed and not judged yet.', [
    [{}, Math.max(0, now - ((await store.oldestOpen()) ?? now)) / 1000],
  ]);
  const feeds = await store.feeds();
  metric(
    'feed_position',
    'gauge',
    'Position of each feed, where it is a number.',
    feeds.flatMap(({ id, position }) =>
      position !== '' && Number.isFinite(Number(position)) ? [[{ feed: id }, Number(position)] as const] : [],
    ),
  );
  metric(
    'feed_checked_seconds',
    'gauge',
    'Seconds since each feed was last read.',
    feeds.flatMap(({ id, checked }) =>
      checked === undefined ? [] : [[{ feed: id }, Math.max(0, now - checked) / 1000] as const],
    ),
  );
  metric(
    'feed_behind',
    'gauge',
    'Entries each feed has that are not read yet, where it says so.',
    feeds.flatMap(({ id, behind }) => (behind === undefined ? [] : [[{ feed: id }, behind] as const])),
  );
  if (client !== undefined) {
    metric(
      'http_answers_total',
      'counter',
      'Answers of registries by status.',
      [...client.answers].map(([status, count]) => [{ status }, count]),
    );
    metric('http_bytes_total', 'counter', 'Bytes fetched.', [[{}, client.bytes]]);
  }
  const { user, system } = process.cpuUsage();
  metric('cpu_seconds_total', 'counter', 'Processor time of this process, threads included.', [
    [{}, (user + system) / 1e6],
  ]);
  metric('resident_bytes', 'gauge', 'Resident memory of this process.', [[{}, process.memoryUsage.rss()]]);
  return `${lines.join('\n')}\n`;
}

const label = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
