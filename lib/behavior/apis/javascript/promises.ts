/**
 * Promises are not modelled: the value stands for the promise of it. `then` calls its callback at once with the
 * value; `new Promise(f)` runs `f` with a `resolve` that keeps what it is given.
 */
import type { Context } from '../../api.js';
import type { FunctionExpression } from '../../ir.js';
import { dict, type Func, known, list, NO_LABELS, union, unknown, type Value } from '../../values.js';

const AT = { line: 1, column: 0 } as const;

/** `(value) => { cell.value = value }`, written out as the lowering would. */
const KEEP: FunctionExpression = {
  type: 'function',
  name: '',
  params: [{ target: { type: 'name', name: 'value', ...AT } }],
  body: [
    {
      type: 'expression',
      expression: {
        type: 'assign',
        target: {
          type: 'member',
          object: { type: 'name', name: 'cell', ...AT },
          property: 'value',
          ...AT,
        },
        operator: undefined,
        value: { type: 'name', name: 'value', ...AT },
        postfix: false,
        declare: undefined,
        ...AT,
      },
    },
  ],
  flavor: 'arrow',
  isAsync: false,
  isGenerator: false,
  decorators: [],
  ...AT,
};

/** A function that keeps its argument, and a look at what was kept. */
export function keeper(file: string): { readonly fn: Func; kept(): Value | undefined } {
  const cell = dict();
  const fn: Func = {
    kind: 'func',
    node: KEEP,
    scope: { parent: undefined, names: new Map([['cell', cell]]), isFunction: true },
    file,
    properties: new Map(),
    labels: NO_LABELS,
  };
  return { fn, kept: () => cell.entries.get('value') };
}

export function newPromise(executor: Value | undefined, context: Context): Value {
  if (executor === undefined) return unknown();
  const { fn, kept } = keeper(context.file);
  context.call(executor, [fn, unknown()]);
  return kept() ?? unknown();
}

/** `then`, `catch`, `finally` of any value that has no method of that name. */
export function promiseMethod(
  receiver: Value,
  name: string,
  args: readonly Value[],
  context: Context,
): Value | undefined {
  const [first, second] = args;
  switch (name) {
    case 'then': {
      const result =
        first !== undefined && context.isFunction(first) ? context.call(first, [receiver]) : receiver;
      if (second !== undefined && context.isFunction(second)) context.call(second, [unknown()]);
      return result;
    }
    case 'catch':
      if (first !== undefined && context.isFunction(first)) context.call(first, [unknown()]);
      return receiver;
    case 'finally':
      if (first !== undefined && context.isFunction(first)) context.call(first, []);
      return receiver;
    default:
      return undefined;
  }
}

export function promiseCall(name: string, args: readonly Value[], context: Context): Value | undefined {
  const [first] = args;
  switch (name) {
    case 'resolve':
      return first ?? known(undefined);
    case 'reject':
      return unknown();
    case 'all':
      return first?.kind === 'list' ? list([...first.items], first.open, first.labels) : first;
    case 'allSettled':
      if (first?.kind !== 'list') return first;
      return list(
        first.items.map((item) =>
          dict(
            new Map<string, Value>([
              ['status', unknown()],
              ['value', item],
            ]),
          ),
        ),
        first.open,
      );
    case 'race':
    case 'any':
      return first?.kind === 'list' ? (first.items[0] ?? unknown()) : unknown(union(context.labelsOf(first)));
    case 'withResolvers': {
      const { fn } = keeper(context.file);
      return dict(
        new Map<string, Value>([
          ['promise', unknown()],
          ['resolve', fn],
          ['reject', unknown()],
        ]),
      );
    }
    default:
      return undefined;
  }
}
