/** What a stream can show: width, colour, Unicode. */
import process from 'node:process';
import { Chalk, type ChalkInstance, supportsColor, supportsColorStderr } from 'chalk';
import stringWidth from 'string-width';
import { escapeText } from './escape.js';

export interface Style {
  readonly columns: number;
  readonly unicode: boolean;
  readonly paint: ChalkInstance;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Widest line written, however wide the window: long lines are hard to read. */
const MOST_COLUMNS = 120;
const LEAST_COLUMNS = 40;

/** FORCE_COLOR wins over NO_COLOR, both over what the stream is. */
export function styleOf(which: 'stdout' | 'stderr', env: NodeJS.ProcessEnv = process.env): Style {
  const stream: Stream = process[which];
  const detected = which === 'stdout' ? supportsColor : supportsColorStderr;
  const forced = env.FORCE_COLOR !== undefined;
  const level = (env.NO_COLOR ?? '') !== '' && !forced ? 0 : detected ? detected.level : 0;
  return makeStyle({ columns: stream.columns ?? 80, unicode: supportsUnicode(env), level });
}

export function makeStyle({
  columns,
  unicode,
  level,
}: {
  readonly columns: number;
  readonly unicode: boolean;
  readonly level: 0 | 1 | 2 | 3;
}): Style {
  const bounded = Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, columns));
  return { columns: bounded, unicode, paint: new Chalk({ level }) };
}

function supportsUnicode(env: NodeJS.ProcessEnv): boolean {
  if (env.TERM === 'linux' || env.TERM === 'dumb') return false;
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  // Without any locale (containers, CI) output is read as UTF-8 nearly everywhere.
  return locale === undefined || /utf-?8/i.test(locale);
}

/** Hostile text made safe for this stream. */
export const show = (text: string, style: Style): string => escapeText(text, { ascii: !style.unicode });

/** Safe text cut to a width in terminal columns. */
export function cut(text: string, width: number, style: Style): string {
  if (stringWidth(text) <= width) return text;
  const mark = style.unicode ? '…' : '...';
  let kept = '';
  let used = 0;
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)) {
    used += stringWidth(segment);
    if (used > width - mark.length) break;
    kept += segment;
  }
  return kept + mark;
}

/** Words put into lines of a width; a word longer than a line is cut. */
export function wrap(words: readonly string[], width: number, style: Style): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words.map((each) => cut(each, width, style))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && stringWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
}
