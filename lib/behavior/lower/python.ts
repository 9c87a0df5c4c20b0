/** Python source → intermediate representation. */
import type { Lower } from '../ir.js';

/** Loads the grammar once; the function it returns is synchronous. */
export async function loadPython(): Promise<Lower> {
  return () => {
    throw new SyntaxError('Python lowering not built yet');
  };
}
