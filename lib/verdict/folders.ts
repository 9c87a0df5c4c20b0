/** Where safe-install keeps what is the user's own, by the XDG base directory rules. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import process from 'node:process';

export interface Folders {
  /** Configuration: the user's policy. */
  readonly config: string;
  /** What can be lost at any time: scores. */
  readonly cache: string;
  /** What should outlive an upgrade: the record of runs, accepted policy files. */
  readonly state: string;
  /** The machine's policy; a user cannot write there. */
  readonly machine: string;
}

export function userFolders(env: NodeJS.ProcessEnv = process.env, home: string = homedir()): Folders {
  // The specification tells to ignore relative values.
  const base = (variable: string, otherwise: string): string => {
    const value = env[variable];
    return join(value !== undefined && isAbsolute(value) ? value : join(home, otherwise), 'safe-install');
  };
  return {
    config: base('XDG_CONFIG_HOME', '.config'),
    cache: base('XDG_CACHE_HOME', '.cache'),
    state: base('XDG_STATE_HOME', '.local/state'),
    machine: '/etc/safe-install',
  };
}
