/**
 * `safe-install init`: what makes plain `npm install` and `npm ci` in a project go through the guard, for everyone who
 * works on it.
 *
 * npm has no place for a guard; each lever has a hole (measured by `test/bench/levers.ts`, table in the README):
 *   - a root `preinstall` or `prepare` runs after the dependencies' own scripts (from npm 12 on `preinstall` runs before
 *     anything is fetched), and not at all for `npm install NAME`;
 *   - `script-shell` is reached before the first dependency script, but only when there is one, a crafted package can put
 *     a program of that name before it on PATH, and npm swallows its refusal for an optional dependency;
 *   - a `registry` that cannot be reached refuses every plain install, and `npm view` or `publish` with it.
 * The first two together are the default, the third is added by `--strict`. `devEngines` stops everything too, but also
 * `npm run`, so it is not used.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';
import { KnownError } from '../errors.js';
import { SCRIPT_SHELL, STRICT_REGISTRY } from '../npm/project-hook.js';
import { CLOSE, CREATED, OPEN, replaceFile } from './marked-block.js';

const HOOK = 'safe-install hook';

/** A published package's `preinstall` would run at everyone who installs it; its `prepare` runs only in the project. */
type HookScript = 'preinstall' | 'prepare';

export interface ProjectHook {
  readonly script: boolean;
  readonly scriptShell: boolean;
  readonly strict: boolean;
}

/**
 * Adds the hook; what stands already stays. Returns the files changed.
 * @throws KnownError `no-project` without a readable package.json, `script-shell-taken` when the project has its own.
 */
export function initProject(folder: string, options: { readonly strict: boolean }): string[] {
  const manifest = path.join(folder, 'package.json');
  const npmrc = path.join(folder, '.npmrc');
  const text = readManifest(manifest);
  const rc = existsSync(npmrc) ? readFileSync(npmrc, 'utf8') : undefined;
  const taken = withoutBlock(rc ?? '').match(/^\s*script-shell\s*=\s*(.*)$/m);
  if (taken !== null) {
    throw new KnownError(
      'script-shell-taken',
      `${npmrc} sets script-shell=${taken[1]}; the hook needs that key: move it to your own ~/.npmrc, then run init again`,
      2,
    );
  }
  // Both new texts exist before the first file is touched, so that a refusal changes nothing.
  const newManifest = hasHook(text) ? text : addHook(text);
  const newRc = withBlock(rc, options.strict);
  const changed: string[] = [];
  if (newManifest !== text) changed.push(replaceFile(manifest, newManifest));
  if (newRc !== rc) changed.push(replaceFile(npmrc, newRc));
  return changed;
}

/** Takes the hook out: every byte outside it stays. Returns the files changed. */
export function removeProjectHook(folder: string): string[] {
  const manifest = path.join(folder, 'package.json');
  const npmrc = path.join(folder, '.npmrc');
  const changed: string[] = [];
  const text = readManifest(manifest);
  const restored = removeHook(text);
  if (restored !== text) changed.push(replaceFile(manifest, restored));
  if (existsSync(npmrc)) {
    const rc = readFileSync(npmrc, 'utf8');
    const rest = withoutBlock(rc);
    if (rest === '' && rc.includes(CREATED)) {
      rmSync(npmrc);
      changed.push(npmrc);
    } else if (rest !== rc) changed.push(replaceFile(npmrc, rest));
  }
  return changed;
}

/** Which parts of the hook a project has; undefined without a package.json. */
export function inspectProject(folder: string): ProjectHook | undefined {
  const manifest = path.join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const npmrc = path.join(folder, '.npmrc');
  const rc = existsSync(npmrc) ? readFileSync(npmrc, 'utf8') : '';
  return {
    script: hasHook(readFileSync(manifest, 'utf8')),
    scriptShell: new RegExp(`^script-shell=${SCRIPT_SHELL}\\s*$`, 'm').test(rc),
    strict: rc.split(/\r?\n/).includes(`registry=${STRICT_REGISTRY}`),
  };
}

function readManifest(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new KnownError(
      'no-project',
      `no package.json in ${path.dirname(file)}: run this in a project, or 'npm init' first`,
      2,
    );
  }
  if (root(text) === undefined) {
    throw new KnownError('no-project', `${file} is not valid JSON: mend it, then run this again`, 2);
  }
  return text;
}

function root(text: string): Node | undefined {
  const errors: never[] = [];
  const tree = parseTree(text.replace(/^\uFEFF/, ' '), errors, { disallowComments: true });
  return tree?.type === 'object' && errors.length === 0 ? tree : undefined;
}

function hasHook(text: string): boolean {
  const tree = root(text);
  return (['preinstall', 'prepare'] as const).some((name) => {
    const value = tree && findNodeAtLocation(tree, ['scripts', name])?.value;
    return typeof value === 'string' && (value === HOOK || value.startsWith(`${HOOK} && `));
  });
}

const scriptFor = (tree: Node): HookScript =>
  findNodeAtLocation(tree, ['private'])?.value === true ? 'preinstall' : 'prepare';

/** Inserts the script by text, so that the formatting of the rest, and its bytes, are the project's. */
function addHook(text: string): string {
  const { offset, inserted } = insertion(text);
  return text.slice(0, offset) + inserted + text.slice(offset);
}

function insertion(text: string): { offset: number; inserted: string } {
  const tree = root(text)!;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const indent = text.match(/^([ \t]+)"/m)?.[1] ?? '  ';
  const name = scriptFor(tree);
  const existing = findNodeAtLocation(tree, ['scripts', name]);
  if (existing?.type === 'string') return { offset: existing.offset + 1, inserted: `${HOOK} && ` };
  const scripts = findNodeAtLocation(tree, ['scripts']);
  if (scripts?.type === 'object') {
    const entry = `"${name}": "${HOOK}"`;
    const inserted = scripts.children?.length ? `${eol}${indent}${indent}${entry},` : entry;
    return { offset: scripts.offset + 1, inserted };
  }
  const entry = `${eol}${indent}"scripts": { "${name}": "${HOOK}" }`;
  return { offset: tree.offset + 1, inserted: tree.children?.length ? `${entry},` : entry };
}

/** The inverse of addHook: of all places where the inserted text could stand, the one from which addHook leads back here. */
function removeHook(text: string): string {
  if (!hasHook(text)) return text;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const indents = new Set([...text.matchAll(/^([ \t]+)"/gm)].map((match) => match[1]!));
  const entries = (['preinstall', 'prepare'] as const).map((name) => `"${name}": "${HOOK}"`);
  const candidates = [
    `${HOOK} && `,
    ...entries.flatMap((entry) => [
      ...[...indents].flatMap((indent) => [
        `${eol}${indent}${entry},`,
        `${eol}${indent}"scripts": { ${entry} },`,
        `${eol}${indent}"scripts": { ${entry} }`,
      ]),
      entry,
    ]),
  ];
  for (const candidate of candidates) {
    for (let at = text.indexOf(candidate); at >= 0; at = text.indexOf(candidate, at + 1)) {
      const without = text.slice(0, at) + text.slice(at + candidate.length);
      if (root(without) !== undefined && !hasHook(without) && addHook(without) === text) return without;
    }
  }
  throw new KnownError(
    'hook-changed',
    `a script holds '${HOOK}' in a form that init did not write: take it out by hand, then run this again`,
    2,
  );
}

function withBlock(rc: string | undefined, strict: boolean): string {
  const rest = withoutBlock(rc ?? '');
  const isNew = rc === undefined || (rest === '' && rc.includes(CREATED));
  const eol = rest.includes('\r\n') ? '\r\n' : '\n';
  const lines = [
    '',
    OPEN,
    ...(isNew ? [CREATED] : []),
    "# Install scripts run through the guard. 'spawn install-safe-install-first ENOENT' says that it is not installed here:",
    '#   npm install -g --ignore-scripts safe-install',
    `script-shell=${SCRIPT_SHELL}`,
    ...(strict
      ? [
          "# Plain npm reaches no registry here: use 'safe-install' in place of 'npm install'.",
          `registry=${STRICT_REGISTRY}`,
        ]
      : []),
    CLOSE,
    '',
  ];
  return rest + lines.join(eol);
}

function withoutBlock(rc: string): string {
  return rc.replace(/\r?\n# >>> safe-install >>>\r?\n[\s\S]*?\r?\n# <<< safe-install <<<\r?\n/, '');
}
