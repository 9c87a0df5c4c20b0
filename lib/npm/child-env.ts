/**
 * Loaded into the guarded npm before npm itself (`node --import`). First, npm hands its configuration on to every
 * lifecycle script as environment variables; the gate's proxy and certificate are meant for npm alone, and a
 * script that downloads its own binary must find the network as it would without safe-install. So whatever
 * npm spawns gets the environment plain npm would have given it. Second, npm finds the tree that was resolved and judged as the
 * lockfile of a project that has none, so that it need not resolve it once more; nothing is written for that.
 */
import childProcess from 'node:child_process';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const VARIABLE = 'SAFE_INSTALL_SCRIPT_ENV';

type Restore = Record<string, string | null>;

function restored(env: NodeJS.ProcessEnv, restore: Restore): NodeJS.ProcessEnv {
  const result: NodeJS.ProcessEnv = {};
  for (const [key, value] of Object.entries(env)) {
    const known = restore[key] !== undefined || key.toLowerCase() in restore;
    if (!known && key !== VARIABLE) result[key] = value;
  }
  for (const [key, value] of Object.entries(restore)) if (value !== null) result[key] = value;
  return result;
}

const text = process.env[VARIABLE];
if (text !== undefined) {
  const restore = JSON.parse(text) as Restore;
  const original = childProcess.spawn as (...args: unknown[]) => childProcess.ChildProcess;
  const spawn = (command: string, ...rest: unknown[]): childProcess.ChildProcess => {
    const args = Array.isArray(rest[0]) ? (rest[0] as string[]) : [];
    const given = (Array.isArray(rest[0]) ? rest[1] : rest[0] === undefined ? rest[1] : rest[0]) as
      | childProcess.SpawnOptions
      | undefined;
    return original(command, args, { ...given, env: restored(given?.env ?? process.env, restore) });
  };
  childProcess.spawn = spawn as typeof childProcess.spawn;
  syncBuiltinESMExports();
}

const TREE_VARIABLE = 'SAFE_INSTALL_TREE';
const tree = process.env[TREE_VARIABLE];
if (tree !== undefined) {
  // Not for what npm starts.
  delete process.env[TREE_VARIABLE];
  const { file, from } = JSON.parse(tree) as { file: string; from: string };
  const original = promises.readFile as (...args: unknown[]) => Promise<unknown>;
  const readFile = async (asked: unknown, ...rest: unknown[]): Promise<unknown> => {
    try {
      return await original(asked, ...rest);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (missing && typeof asked === 'string' && path.resolve(asked) === file)
        return original(from, ...rest);
      throw error;
    }
  };
  promises.readFile = readFile as typeof promises.readFile;
  syncBuiltinESMExports();
}
