/** The library's public entry: bytes in, verdict out. */
export { type ErrorCode, EXIT, KnownError } from './errors.js';
export { expandTargets, type TargetItem, type TargetOptions } from './scan/targets.js';
export { createScanner, type Scanner, type ScannerOptions } from './scan.js';
export type * from './types.js';
export { loadPolicy, type Policy } from './verdict/policy.js';
