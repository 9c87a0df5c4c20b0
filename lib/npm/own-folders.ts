/** The folders of a project in which npm itself runs scripts: the root, its workspaces, and folders it links in. */
import { readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Invocation } from './argv.js';
import type { NpmConfig } from './config.js';
import type { NpmTool } from './tool.js';

const DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];

/** Absolute, the root first; empty where npm runs no script of the project. Never throws: npm itself says what is wrong. */
export async function ownFolders(
  tool: NpmTool,
  config: NpmConfig,
  { args }: Pick<Invocation, 'args'>,
  cwd: string,
): Promise<string[]> {
  if (config.get('ignore-scripts') === true) return [];
  const given = args.filter((arg) => /^(?:file:|\.{1,2}(?:[\\/]|$)|[\\/~])/.test(arg));
  const folders = given.flatMap((arg) => linkedFolder(arg, cwd));
  if (!config.global) {
    folders.unshift(config.where);
    const pkg = manifestOf(config.where);
    if (pkg?.workspaces !== undefined) {
      const workspaces = await tool.libraries
        .mapWorkspaces({ cwd: config.where, pkg })
        .catch(() => new Map());
      folders.push(...workspaces.values());
    }
  }
  const seen = new Set(folders);
  // A set hands out what is added on the way.
  for (const folder of seen) {
    const manifest = manifestOf(folder) ?? {};
    for (const key of DEPENDENCIES) {
      for (const spec of Object.values(Object(manifest[key]))) {
        if (typeof spec === 'string') for (const linked of linkedFolder(spec, folder)) seen.add(linked);
      }
    }
  }
  return [...seen];
}

/** The folder that a spec names, where it names one that is there. */
function linkedFolder(spec: string, from: string): string[] {
  if (!/^(?:file:|link:|\.{1,2}(?:[\\/]|$)|[\\/~])/.test(spec)) return [];
  const name = spec.replace(/^(?:file|link):(?:\/\/(?=\/))?/, '').replace(/^~(?=[\\/])/, os.homedir());
  const folder = path.resolve(from, name);
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? [folder] : [];
}

function manifestOf(folder: string): Record<string, unknown> | undefined {
  try {
    const text = readFileSync(path.join(folder, 'package.json'), 'utf8').replace(/^\uFEFF/, '');
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
