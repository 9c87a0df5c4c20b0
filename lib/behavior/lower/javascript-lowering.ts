/** What one lowering carries along: nesting and hoisted variables. */
import type { Node as BabelNode } from '@babel/types';
import type {
  ChainExpression,
  Literal,
  MethodDefinition,
  PrivateIdentifier,
  Property,
  PropertyDefinition,
} from 'acorn';
import type { Assign, Constant, Name, Position } from '../ir.js';

/** Babel's tree, or what stands in its place in acorn's: ESTree, whose other nodes are Babel's as far as they are read here. */
export type Node =
  | BabelNode
  | ChainExpression
  | Literal
  | MethodDefinition
  | PrivateIdentifier
  | Property
  | PropertyDefinition;

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

export class Lowering {
  recovered = false;
  private depth = 0;
  private readonly functions: FunctionScope[] = [];
  private readonly lineStarts: readonly number[];
  /** Index of the line that was asked for last: the next is mostly the same or one soon after. */
  private line = 0;

  constructor(
    readonly isModule: boolean,
    readonly source: string,
  ) {
    this.lineStarts = startsOfLines(source);
  }

  /** Where a node begins. Told by its offset: a tree with a line and a column in every node is twice as large. */
  positionOf(node: { readonly start?: number | null }): Position {
    const offset = node.start ?? 0;
    const starts = this.lineStarts;
    let line = this.line;
    if (offset < starts[line]! || offset >= (starts[line + 1] ?? Infinity)) {
      let last = starts.length - 1;
      if (offset < starts[line]!) {
        last = line - 1;
        line = 0;
      } else {
        line += 1;
        if (offset < (starts[line + 1] ?? Infinity)) last = line;
      }
      while (line < last) {
        const middle = (line + last + 1) >>> 1;
        if (starts[middle]! <= offset) line = middle;
        else last = middle - 1;
      }
      this.line = line;
    }
    return { line: line + 1, column: offset - starts[line]! };
  }

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

function startsOfLines(source: string): number[] {
  const starts = [0];
  const lineEnd = /\r\n?|[\n\u2028\u2029]/g;
  while (lineEnd.test(source)) starts.push(lineEnd.lastIndex);
  return starts;
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
