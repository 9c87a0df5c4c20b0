import type { Rule } from '../../api.js';
export const pythonRules: readonly Rule[] = [];
