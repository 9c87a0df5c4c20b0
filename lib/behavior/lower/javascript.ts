/** JavaScript and TypeScript source → intermediate representation. */
import type { Lower } from '../ir.js';

export const lowerJavaScript: Lower = () => {
  throw new SyntaxError('JavaScript lowering not built yet');
};
