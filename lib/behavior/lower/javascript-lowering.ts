/** What one lowering carries along: nesting and hoisted variables. */
import type { Node } from '@babel/types';
import type { Assign, Constant, Name, Position } from '../ir.js';

/** Nesting of expressions and statements kept; deeper code is dropped and `recovered` says so. */
const MAX_DEPTH = 700;

interface FunctionScope {
  /** Names declared by `var` whose declaration does not stand at the head by itself. */
  readonly hoisted: Set<string>;
  readonly params: Set<string>;
  blocks: number;
}

/** Shared by the many calls without keywords and functions without decorators. */
export const NONE: readonly never[] = [];

const START: Position = { line: 1, column: 0 };

/** To be copied from, not to be kept: it is a part of the tree. */
export function positionOf(node: Node): Position {
  return node.loc?.start ?? START;
}

export class Lowering {
  recovered = false;
  private depth = 0;
  private readonly functions: FunctionScope[] = [];

  constructor(
    readonly isModule: boolean,
    readonly source: string,
  ) {}

  /** Goes one level deeper, until `leave`; false when the nesting is at its limit. */
  enter(): boolean {
    if (this.depth >= MAX_DEPTH) {
      this.recovered = true;
      return false;
    }
    this.depth += 1;
    return true;
  }

  leave(): void {
    this.depth -= 1;
  }

  enterFunction(params: Iterable<string>): void {
    this.functions.push({ hoisted: new Set(), params: new Set(params), blocks: 0 });
  }

  /** Ends the function and returns declarations of its hoisted variables, as `undefined`. */
  leaveFunction(at: Position): Assign[] {
    const scope = this.functions.pop()!;
    return [...scope.hoisted]
      .filter((name) => !scope.params.has(name))
      .map((name) => declareUndefined(name, 'var', at));
  }

  inBlock<T>(body: () => T): T {
    const scope = this.functions.at(-1);
    if (scope !== undefined) scope.blocks += 1;
    try {
      return body();
    } finally {
      if (scope !== undefined) scope.blocks -= 1;
    }
  }

  get inNestedBlock(): boolean {
    return (this.functions.at(-1)?.blocks ?? 0) > 0;
  }

  hoist(name: string): void {
    this.functions.at(-1)?.hoisted.add(name);
  }
}

export function constant(value: Constant['value'], at: Position): Constant {
  return { type: 'constant', value, line: at.line, column: at.column };
}

export function name(text: string, at: Position): Name {
  return { type: 'name', name: text, line: at.line, column: at.column };
}

export function declareUndefined(text: string, declare: 'var' | 'let', at: Position): Assign {
  return {
    type: 'assign',
    target: name(text, at),
    operator: undefined,
    value: constant(undefined, at),
    postfix: false,
    declare,
    line: at.line,
    column: at.column,
  };
}
