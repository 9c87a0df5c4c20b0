/**
 * Work of functions that do not know the walk they are called in: parts of values they looked at. The walk takes the
 * sum after each call and each operation and charges it (`Machine.looksAt`), so that what a program makes them look at
 * counts against its budget.
 */
let parts = 0;

export function looked(count: number): void {
  parts += count;
}

/** Parts looked at since this was asked last. */
export function takeLooked(): number {
  const taken = parts;
  parts = 0;
  return taken;
}
