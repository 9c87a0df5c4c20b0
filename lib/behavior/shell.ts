/** Shell command lines: what they do and what they run. */
import type { Language } from '../types.js';

/** One simple command of a command line, in the order a shell would start them. */
export interface ShellCommand {
  /** Program and arguments after quoting; variables stay as written (`$HOME`). */
  readonly words: readonly string[];
  /** What the command itself does (`run-package-manager`, `http-request`, `delete-tree`, `pipe-to-shell`…), in order. */
  readonly behaviors: readonly {
    readonly code: string;
    readonly qualifiers: readonly string[];
    readonly detail: string;
  }[];
  /** What it starts that can be read again: `node x.js`, `python -c …`, `sh -c …`, `./install.sh`. */
  readonly runs: readonly (
    | { readonly type: 'file'; readonly path: string; readonly language?: Language }
    | { readonly type: 'code'; readonly language: Language; readonly code: string; readonly hidden: boolean }
  )[];
}

export function parseShell(_command: string): ShellCommand[] {
  return [];
}
