/** Which reporter a format names, and writing what it gives whole or not at all. */
import { randomBytes } from 'node:crypto';
import { readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { EXIT, KnownError } from '../errors.js';
import type { Run } from './run.js';

export const FORMATS = ['text', 'json', 'sarif', 'html'] as const;
export type Format = (typeof FORMATS)[number];

/** The report of a scan, in a format. `toFile`: no colours, width of a page. Reporters load when needed. */
export async function renderReport(run: Run, format: Format, toFile: boolean): Promise<string> {
  switch (format) {
    case 'text': {
      const { renderText } = await import('./text.js');
      const { makeStyle, styleOf } = await import('./style.js');
      const style = toFile ? makeStyle({ columns: 100, unicode: true, level: 0 }) : styleOf('stdout');
      return renderText(run, style, 'scan');
    }
    case 'json':
      return (await import('./json.js')).renderJson(run);
    case 'sarif':
      return (await import('./sarif.js')).renderSarif(run);
    case 'html':
      return (await import('./html.js')).renderHtml(run);
  }
}

/** Writes a file whole: beside its place, then renamed. A reader never sees half. Throws `KnownError` (exit 2). */
export function writeWhole(path: string, content: string): void {
  const target = throughLinks(resolve(path));
  const aside = join(
    dirname(target),
    `.${basename(target)}.${process.pid}.${randomBytes(4).toString('hex')}`,
  );
  try {
    writeFileSync(aside, content);
    renameSync(aside, target);
  } catch (cause) {
    rmSync(aside, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new KnownError(
      'output',
      `cannot write ${path} (${code}): name a file in a folder you can write`,
      EXIT.usage,
      {
        cause,
      },
    );
  }
}

/** A link is written through, not replaced. */
function throughLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** safe-install's own version, from its package.json. */
export function toolVersion(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
