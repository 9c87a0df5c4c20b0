/** All rules of the Python library. */
import type { Rule } from '../../api.js';
import { captureRules } from './rules-capture.js';
import { encodingRules } from './rules-encoding.js';
import { executionRules } from './rules-execution.js';
import { fileRules } from './rules-files.js';
import { importRules } from './rules-imports.js';
import { namingRules } from './rules-naming.js';
import { networkRules } from './rules-network.js';
import { packagingRules } from './rules-packaging.js';
import { systemRules } from './rules-system.js';

export const pythonRules: readonly Rule[] = [
  ...importRules,
  ...namingRules,
  ...systemRules,
  ...fileRules,
  ...networkRules,
  ...encodingRules,
  ...executionRules,
  ...captureRules,
  ...packagingRules,
];
