/** A user's own tool as a child in a process group of its own: signals reach all of it, and none of it is left. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import process from 'node:process';
import { KnownError } from './errors.js';

export interface ChildOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
}

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** Time between asking to end and ending by force. */
const PATIENCE_MS = 3000;

export class Child {
  /** What it printed, where `stdio` is `pipe`. */
  output = '';
  /** Exit code, or 128 + signal number as shells count; rejects when it could not be started. */
  readonly ended: Promise<number>;
  private readonly child: ChildProcess;
  private over = false;

  constructor(options: ChildOptions) {
    const [program = '', ...args] = options.command;
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: options.stdio,
      detached: true,
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    const forward = (signal: NodeJS.Signals): void => this.signal(signal);
    for (const signal of FORWARDED) process.on(signal, forward);
    this.ended = new Promise<number>((resolve, reject) => {
      child.once('error', (error) =>
        reject(
          new KnownError(
            'spawn',
            `cannot start ${program}: ${error.message}; see that it is there and may be run`,
          ),
        ),
      );
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    }).finally(() => {
      this.over = true;
      for (const signal of FORWARDED) process.off(signal, forward);
    });
    this.ended.catch(() => undefined);
  }

  /** End it and everything it started; settled when the child itself is gone. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const force = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
    await this.ended.catch(() => undefined);
    clearTimeout(force);
    this.signal('SIGKILL'); // what it started may be slower to go than itself
  }

  private signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is empty.
    }
  }

  get running(): boolean {
    return !this.over;
  }
}
