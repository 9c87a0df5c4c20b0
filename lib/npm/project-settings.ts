/**
 * What a project's `.npmrc` makes npm run or trust. A freshly cloned project can bring programs of its own
 * this way; they are not a package's code, so no verdict covers them, and they are said before anything is
 * resolved.
 */
import type { NpmConfig } from './config.js';

/** A setting of the project's `.npmrc` that a user should know of. */
export interface ProjectSetting {
  readonly key: string;
  readonly value: string;
  /** `program`: npm or a script will run it. `insecure`: what is fetched can be changed on the way. */
  readonly risk: 'program' | 'insecure';
}

const PROGRAMS = new Set([
  'script-shell',
  'shell',
  'git',
  'node-gyp',
  'node-options',
  'editor',
  'viewer',
  'browser',
]);
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

/** @param known settings that are safe-install's own, as `key=value` */
export function projectSettings(
  config: Pick<NpmConfig, 'projectSettings'>,
  known: readonly string[],
): ProjectSetting[] {
  const found: ProjectSetting[] = [];
  for (const [key, raw] of Object.entries(config.projectSettings)) {
    const value = String(raw);
    if (raw === null || (raw === false && key !== 'strict-ssl') || known.includes(`${key}=${value}`))
      continue;
    if (PROGRAMS.has(key)) found.push({ key, value, risk: 'program' });
    else if (isInsecure(key, value)) found.push({ key, value, risk: 'insecure' });
  }
  return found;
}

function isInsecure(key: string, value: string): boolean {
  if (key === 'strict-ssl') return value === 'false';
  if (key !== 'registry' && !key.endsWith(':registry')) return false;
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return url.protocol === 'http:' && !LOOPBACK.test(url.hostname);
}
