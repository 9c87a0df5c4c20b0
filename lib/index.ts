/** The library's public entry. */
export type * from './types.js';
