/** What a watch says while it runs, on stderr: a JSON object a line, or a plain line. Hostile text is escaped. */
import process from 'node:process';
import { escapeJson, escapeText } from '../report/escape.js';

export type Level = 'info' | 'warn' | 'finding';

/** Says one thing; `words` for people, `facts` for programs. */
export type Log = (
  event: string,
  level: Level,
  words: string,
  facts?: Readonly<Record<string, unknown>>,
) => void;

/** Lines of `format`; a plain one is cut to what a terminal can bear. */
export function createLog(
  format: 'text' | 'json',
  write: (line: string) => void = (line) => process.stderr.write(line),
): Log {
  return (event, level, words, facts = {}) => {
    if (format === 'text') {
      const text = escapeText(words);
      write(`safe-install: ${text.length > 2000 ? `${text.slice(0, 2000)}...` : text}\n`);
      return;
    }
    const line = { time: new Date().toISOString(), level, event, ...facts };
    write(`${escapeJson(JSON.stringify(line))}\n`);
  };
}
