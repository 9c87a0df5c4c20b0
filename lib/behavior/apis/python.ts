/** The python library surface: rules and pure evaluation. */
import type { LanguageLibrary } from '../api.js';
import { ref } from '../values.js';

export const pythonLibrary: LanguageLibrary = {
  rules: [],
  builtins: {
    callPath: () => undefined,
    callMethod: () => undefined,
    readProperty: () => undefined,
    binary: () => undefined,
    unary: () => undefined,
    stringify: (value) => (value.kind === 'known' ? String(value.value) : undefined),
    truthy: (value) => (value.kind === 'known' ? Boolean(value.value) : undefined),
    global: (name) => ref(`builtins.${name}`),
  },
};
