/**
 * How a language's library surface is described to the interpreter. A table (`apis/javascript.ts`,
 * `apis/python.ts`) is a list of rules; a rule matches the access path of what is called, read, imported or
 * written, emits behaviours, and may say what the result is.
 */
import type { Position } from './ir.js';
import type { Labels, Value } from './values.js';

/** A call, a read or an import, as a rule sees it. */
export interface Site {
  readonly path: string;
  readonly args: readonly Value[];
  readonly keywords: ReadonlyMap<string, Value>;
  /** Receiver of a method call (for `x.toString('utf8')`: x), when it is a value. */
  readonly receiver: Value | undefined;
  readonly isNew: boolean;
  readonly position: Position;
}

/** Where text is evaluated: among the names around it, or in a namespace it was given. */
export interface Place {
  readonly namespace: Value | undefined;
}

/** What the interpreter offers to a rule. */
export interface Context {
  readonly language: 'javascript' | 'python';
  readonly file: string;
  /** Emits a behaviour at the site. Qualifiers outside the taxonomy's closed list throw (a bug). */
  emit(
    code: string,
    options?: { qualifiers?: readonly string[]; detail?: string; position?: Position },
  ): void;
  /** Calls a function value of the package (callbacks, handlers), with these arguments; its behaviours come here. */
  call(fn: Value, args: readonly Value[], receiver?: Value): Value;
  /** Reads decoded or inline text as code of that language, as a program of its own; behaviours in it get `hidden` when `hidden`. The value of one expression is returned. */
  runCode(
    language: 'javascript' | 'python',
    source: string,
    options: { hidden: boolean; place?: Place },
  ): Value | undefined;
  /** Function arguments that a rule does not call are called with unknown arguments after it, in order. */
  /** Reads a string as a shell command line (`shell.ts`), running package files and inline code it names. */
  runCommand(command: string, options?: { hidden?: boolean; quiet?: boolean }): void;
  /** Runs a file of the artifact as a program; false when there is no such file. Relative to the package root. */
  runFile(path: string): boolean;
  /** Bytes of a file of the artifact, for code that reads its own data files; undefined when absent. */
  readFile(path: string): Uint8Array | undefined;
  /** The string of a value when known (also of a Choice: the first known), else undefined. */
  text(value: Value | undefined): string | undefined;
  /** The bytes of a value: a bytes value, a list of known small integers, or a string in Latin-1. */
  toBytes(value: Value | undefined): Uint8Array | undefined;
  /** All labels reachable in a value (through lists and dicts, to a bounded depth). */
  labelsOf(value: Value | undefined): Labels;
  /**
   * Property of any value, by constant key, as the language would read it: an entry of an options object or
   * dict, a method of an instance (bound), `path.key` of a reference. Undefined when certainly absent.
   */
  property(value: Value | undefined, key: string): Value | undefined;
  /** Sets a property of a dict, function, class or list; nothing on other values. */
  setProperty(value: Value, key: string, to: Value): void;
  /** Imports a module as `require(x)` or `import x` would from this file; package files are run at their first import. */
  importModule(specifier: string): Value;
  /** Module namespace of the current file (Python `globals()`, JavaScript `module.exports`). */
  moduleNamespace(): Value;
  /** Calls the function when the entry point's own code has run: exit handlers, servers, `atexit`. */
  defer(fn: Value, args: readonly Value[]): void;
  /** Counts the work of looking at so many elements or bytes. */
  looksAt(elements: number): void;
  /** True for values a call could run: functions, classes, bound methods of the package. */
  isFunction(value: Value | undefined): boolean;
}

export interface Rule {
  /**
   * Access path pattern. `*` matches one path segment, `**` any number. Segments are separated by `.`;
   * a call on the way is `()`. Examples: `child_process.exec`, `http.request().end`, `requests.*`,
   * `axios.**.post`. Alternatives in braces: `fs.{readFile,readFileSync}`, also around several segments
   * (`{fs,fs.promises}.readFile`). An index that is a known string is a segment (`process.env['A']` is
   * `process.env.A`); one that is not known is the segment `?`, which only wildcards match.
   */
  readonly on: string;
  /**
   * Default `call` (also `new`). `read`: the path is read as a value; where longer paths have rules too
   * (`process.env` beside `process.env.*`), the shorter one fires only when the value as a whole is used (passed on,
   * spread, iterated), not when it is aliased. `write`: assigned to, the new value is `args[0]`.
   * All rules that match a path fire, the most specific last; the last result that is not undefined counts.
   */
  readonly when?: 'call' | 'read' | 'import' | 'write';
  /** Emits and returns the result; undefined means: a ref `path()` with the labels of the arguments. */
  readonly apply: (site: Site, context: Context) => Value | undefined;
}

/** Pure evaluation of a library function or method on known values: decoding, slicing, char codes. */
export interface Builtins {
  /** `String.fromCharCode`, `base64.b64decode`: by path. Undefined: not known here, or arguments not concrete. */
  callPath(
    path: string,
    args: readonly Value[],
    keywords: ReadonlyMap<string, Value>,
    context: Context,
  ): Value | undefined;
  /** A method of a known value: `'abc'.split('')`, `[1,2].map(f)`, `b'..'.decode()`. */
  callMethod(
    receiver: Value,
    name: string,
    args: readonly Value[],
    keywords: ReadonlyMap<string, Value>,
    context: Context,
  ): Value | undefined;
  /** A property of a known value: `.length`, `.__name__`. */
  readProperty(receiver: Value, name: string, context: Context): Value | undefined;
  /** Operators where the two languages differ (`+` on numbers and strings, `*` on strings, `%` formatting, comparisons). */
  binary(operator: string, left: Value, right: Value): Value | undefined;
  unary(operator: string, operand: Value): Value | undefined;
  /** String conversion as concatenation and templates do it. */
  stringify(value: Value): string | undefined;
  /** True, false, or undefined when not decidable. */
  truthy(value: Value): boolean | undefined;
  /** What an unbound name is: a ref to a global, or a constant (`undefined`, `NaN`, `True` never arrive here). */
  global(name: string): Value;
}

/** A language for the interpreter: its rules and its pure library. */
export interface LanguageLibrary {
  readonly rules: readonly Rule[];
  readonly builtins: Builtins;
}
