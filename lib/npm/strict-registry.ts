/**
 * The registry a project has after `safe-install init --strict`: an address that never answers (RFC 2606 reserves
 * `.invalid`), so that plain npm installs nothing there.
 */
export const STRICT_REGISTRY = 'http://use-safe-install-in-place-of-npm.invalid/';
