/**
 * How long the property tests run. In CI: a fixed seed and few runs. `FUZZ_MINUTES=60 npm run fuzz`: that long for each
 * property, from a seed of the clock, or from `FUZZ_SEED`; a failure prints seed and path, and the
 * input belongs into a test of its own.
 */
import fc from 'fast-check';

const minutes = Number(process.env.FUZZ_MINUTES ?? 0);
const SEED = 20261122;

let executions = 0;

interface Runs {
  readonly numRuns: number;
  readonly seed?: number;
  readonly interruptAfterTimeLimit?: number;
}

/** Parameters of a property: `short` runs in CI, or as long as `FUZZ_MINUTES` says. */
export function runs(short: number): Runs {
  const seed = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);
  if (minutes === 0) return { numRuns: short, seed: seed ?? SEED };
  const forever = { numRuns: 1_000_000_000, interruptAfterTimeLimit: minutes * 60_000 };
  return seed === undefined ? forever : { ...forever, seed };
}

/** Counts executions; put around what a property does. */
export function counted<A extends unknown[], R>(body: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    executions++;
    return body(...args);
  };
}

after(() => {
  if (minutes > 0 && executions > 0) process.stdout.write(`    ${executions} executions\n`);
  executions = 0;
});

/** Pieces of these samples joined, cut, doubled and nested, with tokens strewn in: code that looks real and is not. */
export function mutated(samples: readonly string[], tokens: readonly string[]): fc.Arbitrary<string> {
  const at = fc.double({ min: 0, max: 1, noNaN: true });
  const step = fc.record({
    kind: fc.constantFrom('splice', 'cut', 'double', 'token', 'swap', 'nest'),
    from: at,
    to: at,
    token: fc.constantFrom(...tokens),
    other: fc.constantFrom(...samples),
    times: fc.integer({ min: 1, max: 40 }),
  });
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(step, { minLength: 1, maxLength: 8 }))
    .map(([sample, steps]) =>
      steps.reduce((text, { kind, from, to, token, other, times }) => {
        const a = Math.floor(Math.min(from, to) * text.length);
        const b = Math.floor(Math.max(from, to) * text.length);
        const part = text.slice(a, b);
        if (text.length > 60_000) return text.slice(0, 30_000);
        if (kind === 'cut') return text.slice(0, a) + text.slice(b);
        if (kind === 'double') return text.slice(0, b) + part.repeat(Math.min(times, 4)) + text.slice(b);
        if (kind === 'token') return text.slice(0, a) + token + text.slice(a);
        if (kind === 'nest') return text.slice(0, a) + token.repeat(times) + text.slice(a);
        const foreign = other.slice(Math.floor(from * other.length), Math.floor(to * other.length));
        return kind === 'swap'
          ? text.slice(0, a) + foreign + text.slice(b)
          : text.slice(0, a) + foreign + text.slice(a);
      }, sample),
    );
}

/** Tokens in any order, sometimes with any text between. */
export function soup(tokens: readonly string[], maxLength = 80): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...tokens) },
    { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  );
  return fc
    .array(fc.tuple(piece, fc.constantFrom('', ' ', '\n')), { maxLength })
    .map((pieces) => pieces.map(([text, space]) => text + space).join(''));
}
