/**
 * What a constant string is: an address, a path, the name of an environment variable. One place for
 * both languages, so that rules ask and never carry lists of their own.
 */
import { type Labels, NO_LABELS } from './values.js';

/** Where the artifact's files seem to stand for the code that runs: the base of `__dirname` and `__file__`. */
export const PACKAGE_ROOT = '/project/node_modules/self';
/** Working directory of import-time code; install-time code starts in `PACKAGE_ROOT`. */
export const PROJECT_ROOT = '/project';

/** `to:*` qualifiers of an address (URL or host[:port]); `to:unknown` when undefined. Sorted. */
export function urlQualifiers(_text: string | undefined): string[] {
  return ['to:unknown'];
}

/** What a file path is. */
export interface PathClass {
  /** Row for reading it (`read-ssh-keys`, `read-wallet`…), when it is sensitive. */
  readonly code: string | undefined;
  /** Labels of its content (`credentials`, `browser`, `wallet`; `file` always). */
  readonly labels: Labels;
  /** `path:*` qualifiers, sorted. */
  readonly qualifiers: readonly string[];
  /** Writing it persists (start-up file, cron, service), changes git hooks, or another package. */
  readonly writeCode: 'persist-startup' | 'modify-git-hooks' | 'modify-package' | undefined;
}
export function classifyPath(_path: string): PathClass {
  return { code: undefined, labels: NO_LABELS, qualifiers: [], writeCode: undefined };
}

/** The row and label of reading one environment variable. */
export function environmentVariable(_name: string): {
  readonly code:
    | 'read-env-secret'
    | 'read-env-variable'
    | 'check-ci'
    | 'read-home'
    | 'read-user-name'
    | 'read-host-name'
    | 'check-locale';
  readonly labels: Labels;
} {
  return { code: 'read-env-variable', labels: NO_LABELS };
}

/** `carries:*` qualifiers of labels, sorted; labels without one (`assembled`) are left out. */
export function carried(_labels: Labels): string[] {
  return [];
}
