/** Plain JavaScript by acorn, which takes half of Babel's memory and four fifths of its time. */
import type { Program } from '@babel/types';
import { type Options, Parser, type TokenType, tokTypes } from 'acorn';

/** The parts of acorn's parser that are changed here: its plugins may, its types name none of them. */
interface Internals {
  readonly scopeStack: { var: NameList; lexical: NameList; functions: NameList }[];
  readonly input: string;
  pos: number;
  readonly containsEsc: boolean;
  parse(): Program;
  raise(at: number, message: string): never;
  readWord1(): string;
  readRegexp(): void;
  parseLiteral(value: unknown): { value: unknown };
  finishToken(type: TokenType, value: unknown): void;
  enterScope(flags: number): void;
  parseImport(node: unknown): unknown;
  parseExport(node: unknown, exports: unknown): unknown;
  parseImportMeta(node: unknown): unknown;
}

/** What acorn does with the array in which it keeps the names of a scope. */
type NameList = { 0?: string | undefined; indexOf(name: string): number; push(name: string): unknown };

/** In place of such an array, through which every declaration is looked for: the square of their number in a large bundle. */
class Names implements NameList {
  0: string | undefined = undefined;
  private names: Set<string> | undefined = undefined;

  indexOf(name: string): number {
    return this.names?.has(name) ? 0 : -1;
  }

  push(name: string): void {
    if (this.names === undefined) {
      this[0] = name;
      this.names = new Set();
    }
    this.names.add(name);
  }
}

const OPTIONS: Options = {
  ecmaVersion: 'latest',
  // As Babel's `unambiguous`: strict everywhere, so that what only a script may do is left to Babel.
  sourceType: 'module',
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
  allowReturnOutsideFunction: true,
  allowSuperOutsideMethod: true,
  allowHashBang: true,
};

const SLASH = 47;
const OPENING = 91;
const BACKSLASH = 92;
const CLOSING = 93;

const isLineEnd = (code: number): boolean => code === 10 || code === 13 || code === 0x2028 || code === 0x2029;

/** Each once, and one way of reading Unicode. */
function areFlags(flags: string): boolean {
  return (
    /^[dgimsuvy]{0,8}$/.test(flags) &&
    new Set(flags).size === flags.length &&
    !(flags.includes('u') && flags.includes('v'))
  );
}

class StrictParser extends (Parser as unknown as new (options: Options, text: string) => Internals) {
  private isModule = false;

  override parse(): Program {
    const program = super.parse();
    program.sourceType = this.isModule ? 'module' : 'script';
    return program;
  }

  override enterScope(flags: number): void {
    super.enterScope(flags);
    const scope = this.scopeStack.at(-1)!;
    scope.var = new Names();
    scope.lexical = new Names();
    scope.functions = new Names();
  }

  override parseImport(node: unknown): unknown {
    this.isModule = true;
    return super.parseImport(node);
  }

  override parseExport(node: unknown, exports: unknown): unknown {
    this.isModule = true;
    return super.parseExport(node, exports);
  }

  override parseImportMeta(node: unknown): unknown {
    this.isModule = true;
    return super.parseImportMeta(node);
  }

  /**
   * acorn's own looks into the pattern, which Babel does not, and has this process make a RegExp of it: a millisecond for each
   * `/\p{RGI_Emoji}/v`, and recursion for brackets.
   */
  override readRegexp(): void {
    const start = this.pos;
    let inClass = false;
    for (let escaped = false; ; this.pos += 1) {
      const code = this.input.charCodeAt(this.pos);
      if (Number.isNaN(code) || isLineEnd(code)) this.raise(start, 'Unterminated regular expression');
      if (escaped) {
        escaped = false;
        continue;
      }
      if (code === SLASH && !inClass) break;
      if (code === OPENING) inClass = true;
      else if (code === CLOSING) inClass = false;
      escaped = code === BACKSLASH;
    }
    const pattern = this.input.slice(start, this.pos);
    this.pos += 1;
    const flags = this.readWord1();
    if (this.containsEsc || !areFlags(flags)) this.raise(start, 'Invalid regular expression flag');
    this.finishToken(tokTypes.regexp, { pattern, flags, value: null });
  }

  /** Without the digits of a bigint, which take seconds when there are millions. */
  override parseLiteral(value: unknown): { value: unknown } {
    if (typeof value !== 'bigint') return super.parseLiteral(value);
    const node = super.parseLiteral(null);
    node.value = value;
    return node;
  }

  /** Nesting beyond the stack stays the RangeError it is, no SyntaxError. */
  catchStackOverflow<T>(read: () => T): T {
    return read();
  }
}

/**
 * A tree as Babel would give it for the same text but for some nodes (`Node` of the lowering) and `loc`; a `script` unless import,
 * export or `import.meta` stands in it.
 * Throws `SyntaxError` for what Babel would read with an error noted, in another dialect or not in strict mode.
 */
export function parseStrictly(text: string): Program {
  return new StrictParser(OPTIONS, text).parse();
}
