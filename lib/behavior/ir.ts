/**
 * The intermediate representation both languages are lowered to. A lowering (`lower/javascript.ts`,
 * `lower/python.ts`) keeps evaluation order and nothing of the surface syntax; the interpreter
 * (`interpreter/`) walks it once, resolving names, evaluating strings and emitting behaviours.
 *
 * Every node carries the byte-free source position of the construct it came from:
 * `line` 1-based, `column` 0-based (UTF-16 units for JavaScript, bytes for Python).
 */

export interface Position {
  readonly line: number;
  readonly column: number;
}

export type Expression =
  | Constant
  | Name
  | Member
  | Index
  | Call
  | FunctionExpression
  | ClassExpression
  | ListExpression
  | DictExpression
  | Binary
  | Unary
  | Conditional
  | Assign
  | SequenceExpression
  | Spread
  | Slice
  | Comprehension
  | ImportExpression
  | RegexExpression
  | Await
  | Template;

/** String, number, boolean, null/None, undefined, bigint or bytes. */
export interface Constant extends Position {
  readonly type: 'constant';
  readonly value: string | number | boolean | null | undefined | bigint | Uint8Array;
}
export interface Name extends Position {
  readonly type: 'name';
  readonly name: string;
}
/** `object.property` with a property known from the text. */
export interface Member extends Position {
  readonly type: 'member';
  readonly object: Expression;
  readonly property: string;
}
/** `object[index]`. */
export interface Index extends Position {
  readonly type: 'index';
  readonly object: Expression;
  readonly index: Expression;
}
export interface Call extends Position {
  readonly type: 'call';
  readonly callee: Expression;
  readonly args: readonly Expression[];
  /** Python keyword arguments; `**x` is a Spread under the key `**`. */
  readonly keywords: readonly { readonly name: string; readonly value: Expression }[];
  readonly isNew: boolean;
  /** Tagged templates are calls whose first argument is a ListExpression. */
}
export interface Parameter {
  readonly target: Pattern;
  readonly default?: Expression;
  readonly rest?: 'list' | 'dict';
}
export interface FunctionExpression extends Position {
  readonly type: 'function';
  /** Empty when anonymous. */
  readonly name: string;
  readonly params: readonly Parameter[];
  readonly body: readonly Statement[];
  readonly flavor: 'function' | 'arrow' | 'method' | 'lambda';
  readonly isAsync: boolean;
  readonly isGenerator: boolean;
  readonly decorators: readonly Expression[];
  /** JavaScript: where its text stands. Obfuscators look at `String(f)` to see whether they were reformatted. */
  readonly span?: { readonly source: string; readonly start: number; readonly end: number };
}
export interface ClassExpression extends Position {
  readonly type: 'class';
  readonly name: string;
  readonly bases: readonly Expression[];
  readonly keywords: readonly { readonly name: string; readonly value: Expression }[];
  /** Methods, fields and statements of the body in source order. JavaScript: `constructor` is the method of that name. */
  readonly members: readonly ClassMember[];
  readonly decorators: readonly Expression[];
}
export type ClassMember =
  | {
      readonly type: 'method';
      readonly name: Expression;
      readonly value: FunctionExpression;
      readonly isStatic: boolean;
      readonly accessor?: 'get' | 'set';
    }
  | {
      readonly type: 'field';
      readonly name: Expression;
      readonly value?: Expression;
      readonly isStatic: boolean;
    }
  | { readonly type: 'statements'; readonly body: readonly Statement[] };
/** Array literal, tuple, set. */
export interface ListExpression extends Position {
  readonly type: 'list';
  readonly items: readonly Expression[];
  readonly flavor: 'array' | 'tuple' | 'set';
}
/** Object or dict literal, in source order. A Spread value with key `undefined` merges. */
export interface DictExpression extends Position {
  readonly type: 'dict';
  readonly entries: readonly {
    readonly key: Expression | undefined;
    readonly value: Expression;
    readonly accessor?: 'get' | 'set';
  }[];
}
/** Operators are JavaScript's spelling; Python's are mapped (`and`→`&&`, `//` kept, `in`, `not in`, `is`, `is not`, `@`). */
export interface Binary extends Position {
  readonly type: 'binary';
  readonly operator: string;
  readonly left: Expression;
  readonly right: Expression;
}
/** `-`, `+`, `~`, `!`, `typeof`, `void`, `delete`. */
export interface Unary extends Position {
  readonly type: 'unary';
  readonly operator: string;
  readonly operand: Expression;
}
export interface Conditional extends Position {
  readonly type: 'conditional';
  readonly test: Expression;
  readonly consequent: Expression;
  readonly alternate: Expression;
}
/** `target = value`, `target += value` (operator `+`), declarations too. `++x` is `+= 1` with `prefix` true. */
export interface Assign extends Position {
  readonly type: 'assign';
  readonly target: Pattern;
  readonly operator: string | undefined;
  readonly value: Expression;
  /** Postfix update: the expression's value is the old one. */
  readonly postfix: boolean;
  /** How the name is declared, `undefined` for a plain assignment. Python names are always plain. */
  readonly declare: 'var' | 'let' | 'const' | undefined;
}
export interface SequenceExpression extends Position {
  readonly type: 'sequence';
  readonly items: readonly Expression[];
}
export interface Spread extends Position {
  readonly type: 'spread';
  readonly value: Expression;
}
/** Python slice inside an Index: `x[a:b:c]`. */
export interface Slice extends Position {
  readonly type: 'slice';
  readonly start: Expression | undefined;
  readonly stop: Expression | undefined;
  readonly step: Expression | undefined;
}
export interface Comprehension extends Position {
  readonly type: 'comprehension';
  readonly flavor: 'list' | 'set' | 'dict' | 'generator';
  readonly key: Expression | undefined;
  readonly value: Expression;
  readonly clauses: readonly {
    readonly target: Pattern;
    readonly iterable: Expression;
    readonly conditions: readonly Expression[];
  }[];
}
/** `import(x)` of JavaScript; `require` stays a Call, since its name can be shadowed. */
export interface ImportExpression extends Position {
  readonly type: 'import';
  readonly source: Expression;
}
export interface RegexExpression extends Position {
  readonly type: 'regex';
  readonly pattern: string;
  readonly flags: string;
}
/** `await`, `yield`, `yield from`: the value passes through. */
export interface Await extends Position {
  readonly type: 'await';
  readonly value: Expression | undefined;
  readonly isYield: boolean;
}
/** Template literal or f-string: concatenation of parts, each turned to a string. */
export interface Template extends Position {
  readonly type: 'template';
  readonly parts: readonly Expression[];
}

/** What can stand left of an assignment. */
export type Pattern =
  | Name
  | Member
  | Index
  | {
      readonly type: 'list-pattern';
      readonly items: readonly (Pattern | undefined)[];
      readonly rest?: Pattern;
      readonly restAt?: number;
      readonly line: number;
      readonly column: number;
    }
  | {
      readonly type: 'dict-pattern';
      readonly entries: readonly { readonly key: Expression; readonly target: Pattern }[];
      readonly rest?: Pattern;
      readonly line: number;
      readonly column: number;
    }
  | {
      readonly type: 'default-pattern';
      readonly target: Pattern;
      readonly default: Expression;
      readonly line: number;
      readonly column: number;
    };

export type Statement =
  | { readonly type: 'expression'; readonly expression: Expression }
  /** Hoisted by the lowering to the head of its block (JavaScript); in place (Python). */
  | { readonly type: 'define'; readonly value: FunctionExpression | ClassExpression }
  | {
      readonly type: 'if';
      readonly test: Expression;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  /** All loops. `for (init; test; update)` has its init emitted before it; `for x of y` has target and iterable. */
  | {
      readonly type: 'loop';
      readonly flavor: 'while' | 'do-while' | 'for-of' | 'for-in';
      readonly label?: string;
      readonly test: Expression | undefined;
      readonly update: Expression | undefined;
      readonly target: Pattern | undefined;
      readonly declare: 'var' | 'let' | 'const' | undefined;
      readonly iterable: Expression | undefined;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
      readonly line: number;
      readonly column: number;
    }
  | { readonly type: 'block'; readonly label?: string; readonly body: readonly Statement[] }
  | {
      readonly type: 'switch';
      readonly value: Expression;
      readonly cases: readonly {
        readonly test: Expression | undefined;
        readonly body: readonly Statement[];
      }[];
      readonly label?: string;
    }
  | {
      readonly type: 'try';
      readonly body: readonly Statement[];
      readonly handlers: readonly {
        readonly target: Pattern | undefined;
        readonly body: readonly Statement[];
      }[];
      readonly otherwise: readonly Statement[];
      readonly finalizer: readonly Statement[];
      readonly line: number;
      readonly column: number;
    }
  | {
      readonly type: 'with';
      readonly items: readonly { readonly value: Expression; readonly target: Pattern | undefined }[];
      readonly body: readonly Statement[];
    }
  | { readonly type: 'return'; readonly value: Expression | undefined }
  | { readonly type: 'throw'; readonly value: Expression | undefined }
  | { readonly type: 'break'; readonly label?: string }
  | { readonly type: 'continue'; readonly label?: string }
  /** ES import and re-export source, Python `import` and `from … import`. Resolved by the interpreter. */
  | {
      readonly type: 'import';
      /** As written: `./x`, `node:fs`, `os.path`, `..pkg.mod` (Python relative imports keep their dots). */
      readonly source: string;
      readonly bindings: readonly {
        /** `*` is the namespace, `default` the default export; Python: the imported name, `*` after `from x import *`. */
        readonly imported: string;
        readonly local: string;
      }[];
      /** Python `import a.b` binds `a`; `import a.b as c` binds the submodule. JavaScript: always `module`. */
      readonly style: 'module' | 'from' | 'python-import';
      readonly line: number;
      readonly column: number;
    }
  /** ES exports of local names and re-exports (`source` set; `exported: '*'` for `export * from`). */
  | {
      readonly type: 'export';
      readonly source: string | undefined;
      readonly bindings: readonly { readonly local: string; readonly exported: string }[];
      readonly line: number;
      readonly column: number;
    }
  | { readonly type: 'export-default'; readonly value: Expression }
  /** Python `global`/`nonlocal`. */
  | { readonly type: 'scope'; readonly kind: 'global' | 'nonlocal'; readonly names: readonly string[] };

/** One file (or one piece of decoded code) after lowering. */
export interface Program {
  readonly language: 'javascript' | 'python';
  readonly body: readonly Statement[];
  /** `module` when ES module syntax was found. */
  readonly sourceType: 'module' | 'script';
  /** Facts about the text the lowering saw on its way, for concealment rows (`long-line`, `invisible-unicode`, `obfuscator-names`…). */
  readonly textBehaviors: readonly {
    readonly code: string;
    readonly line: number;
    readonly column: number;
    readonly detail: string;
  }[];
  /** Comments, outermost docstrings and positions beyond a syntax error are gone; true when error recovery dropped code. */
  readonly recovered: boolean;
  /** A limit of nesting left part of the text out. */
  readonly cut?: boolean;
}

/** The text is over a limit of the parser's: whether it would run is not known. */
export class BeyondLimit extends SyntaxError {}

/**
 * Lowers source text. Throws `SyntaxError` only when nothing at all could be read. `plain`: as the engine itself reads it, no
 * other dialects, no templates.
 */
export type Lower = (source: string, file: string, plain?: boolean) => Program;
