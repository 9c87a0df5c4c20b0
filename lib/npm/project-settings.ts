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
  /**
   * `program`: npm or a script will run it. `insecure`: what is fetched can be changed on the way. `foreign`: a registry
   * that only the project names.
   */
  readonly risk: 'program' | 'insecure' | 'foreign';
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
  config: Pick<NpmConfig, 'projectSettings' | 'userSettings'>,
  known: readonly string[],
): ProjectSetting[] {
  const found: ProjectSetting[] = [];
  for (const [key, raw] of Object.entries(config.projectSettings)) {
    const value = String(raw);
    if (raw === null || (raw === false && key !== 'strict-ssl') || known.includes(`${key}=${value}`))
      continue;
    if (PROGRAMS.has(key)) found.push({ key, value, risk: 'program' });
    else if (isInsecure(key, value)) found.push({ key, value, risk: 'insecure' });
    else if (isForeign(key, value, config.userSettings)) found.push({ key, value, risk: 'foreign' });
  }
  return found;
}

/** Keys by which who wrote them can pass for the registry. */
const AUTHORITIES = new Set(['ca', 'cafile', 'ca[]']);

function isInsecure(key: string, value: string): boolean {
  if (key === 'strict-ssl') return value === 'false';
  if (AUTHORITIES.has(key)) return value !== '';
  const url = registryOf(key, value);
  return url?.protocol === 'http:' && !LOOPBACK.test(url.hostname);
}

function registryOf(key: string, value: string): URL | undefined {
  if (key !== 'registry' && !key.endsWith(':registry')) return undefined;
  return URL.canParse(value) ? new URL(value) : undefined;
}

/**
 * A registry at a host the user's own configuration does not know, as its own or by a login to it. Who works with an
 * organisation's registry has one of them, and is not told of it at every command.
 */
function isForeign(key: string, value: string, own: Readonly<Record<string, unknown>>): boolean {
  const url = registryOf(key, value);
  if (url === undefined || url.host === 'registry.npmjs.org' || LOOPBACK.test(url.hostname)) return false;
  return !Object.entries(own).some(
    ([name, setting]) =>
      registryOf(name, String(setting))?.host === url.host || name.startsWith(`//${url.host}/`),
  );
}
