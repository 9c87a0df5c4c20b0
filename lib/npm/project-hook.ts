/**
 * What `safe-install init` writes into a project's .npmrc, for the guard to know it again.
 */

/** `script-shell`. Its name is the message npm prints when it is not there: `spawn install-safe-install-first ENOENT`. */
export const SCRIPT_SHELL = 'install-safe-install-first';

/** `registry` after `init --strict`: never answers (RFC 2606 reserves `.invalid`), so plain npm installs nothing there. */
export const STRICT_REGISTRY = 'http://use-safe-install-in-place-of-npm.invalid/';
