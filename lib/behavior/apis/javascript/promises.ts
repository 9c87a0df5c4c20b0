/**
 * Promises are not modelled: a value stands for the promise of it (the interpreter does so for `await` and
 * `new Promise`). Here: the methods of a promise on values that have no method of that name.
 */
import type { Context } from '../../api.js';
import { unknown, type Value } from '../../values.js';

/** `then`, `catch`, `finally`: the callback is called at once, with the value itself. */
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
