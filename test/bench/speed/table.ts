/** The rows of the bench, collected and printed. */
import os from 'node:os';
import process from 'node:process';
import { type Cost, shown, spread } from './measure.js';

export interface Row {
  readonly work: string;
  readonly target: string;
  readonly measured: string;
}

const rows: Row[] = [];

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function addRow(work: string, target: string, measured: string): void {
  rows.push({ work, target, measured });
  say(`  ${work}: ${measured} (target ${target})`);
}

export function printTable(): void {
  say(
    `\n${os.cpus().length} cores, Node.js ${process.version}, load ${os
      .loadavg()
      .map((value) => value.toFixed(1))
      .join(' ')}\n`,
  );
  say('| work | target | measured |\n|---|---|---|');
  for (const { work, target, measured } of rows) say(`| ${work} | ${target} | ${measured} |`);
}

/** `ours` against `plain`, run by run in pairs, as ratios of clock and of processor time. */
export function ratios(plain: readonly Cost[], ours: readonly Cost[]): string {
  const ratio = (of: (cost: Cost) => number): string =>
    shown(spread(ours.map((cost, at) => of(cost) / of(plain[at]!))), 2);
  const middle = (costs: readonly Cost[], of: (cost: Cost) => number): string => shown(spread(costs.map(of)));
  return (
    `${ratio(({ clock }) => clock)} × by the clock (${middle(plain, (c) => c.clock)} → ${middle(ours, (c) => c.clock)} s), ` +
    `${ratio(({ cpu }) => cpu)} × processor time (${middle(plain, (c) => c.cpu)} → ${middle(ours, (c) => c.cpu)} s)`
  );
}

export function memory(plain: readonly Cost[], ours: readonly Cost[]): string {
  const peak = (costs: readonly Cost[]): string => shown(spread(costs.map((cost) => cost.peak)), 0);
  return `${peak(plain)} → ${peak(ours)} MB`;
}
