/** The JavaScript library surface: rules for what has an effect, pure evaluation for what has none. */
import type { LanguageLibrary } from '../api.js';
import { javascriptBuiltins } from './javascript/builtins.js';
import { encodingRules } from './javascript/rules-encoding.js';
import { executionRules } from './javascript/rules-execution.js';
import { fileRules } from './javascript/rules-files.js';
import { informationRules } from './javascript/rules-information.js';
import { moduleRules } from './javascript/rules-modules.js';
import { networkRules } from './javascript/rules-network.js';

export const javascriptLibrary: LanguageLibrary = {
  rules: [
    ...moduleRules,
    ...informationRules,
    ...fileRules,
    ...networkRules,
    ...encodingRules,
    ...executionRules,
  ],
  builtins: javascriptBuiltins,
};
