/**
 * The state of one walk over an artifact: budgets, where the walk stands, what was loaded, what was deferred.
 * Every other file of this folder is functions over it.
 */

import type { OpenedArtifact, Phase } from '../../types.js';
import type { Context, LanguageLibrary } from '../api.js';
import type { Expression, FunctionExpression, Lower, Position, Program, Statement } from '../ir.js';
import { forgetLooked } from '../looks.js';
import {
  type Class,
  type Dict,
  type Func,
  itemsToChange,
  type List,
  noteChange,
  type Scope,
  type Value,
} from '../values.js';
import type { DecoderGuess } from './decoders.js';
import { forgetIds, takePartsLooked } from './operations.js';
import type { Recorder } from './recorder.js';
import type { RuleIndex } from './rules.js';

/** A lexical scope with what the interpreter keeps beside the names. */
export class Env implements Scope {
  readonly names: Map<string, Value>;
  /** ES imports are live bindings: looked up in the exporting module at each read. */
  aliases: Map<string, { readonly module: Module; readonly name: string }> | undefined;
  /** Python `from x import *` of modules outside the package, latest last. */
  stars: string[] | undefined;
  /** Python `global` and `nonlocal` names of this function. */
  outer: Map<string, 'global' | 'nonlocal'> | undefined;
  thisValue: Value | undefined;
  args: readonly Value[] | undefined;
  homeClass: Class | undefined;
  /** What the class body or function belongs to: true for scopes that Python's nested functions do not see. */
  isClassBody = false;
  /** The names are also the entries of a dict (`globals()`, the namespace of an `exec`). */
  isDict: boolean;

  constructor(
    readonly parent: Env | undefined,
    readonly isFunction: boolean,
    readonly module: Module,
    /** Larger than that of every scope made before it. */
    readonly serial: number,
    names?: Map<string, Value>,
  ) {
    this.names = names ?? new Map();
    this.isDict = names !== undefined;
  }

  set(name: string, value: Value): void {
    if (this.isDict) noteChange();
    this.names.set(name, value);
  }

  delete(name: string): void {
    if (this.isDict) noteChange();
    this.names.delete(name);
  }
}

/** A file of the package, or a piece of decoded code, being run or run already. */
export interface Module {
  readonly file: string;
  readonly language: 'javascript' | 'python';
  /** Position in the file of what evaluates it, for code that is text: lines of the text are none of the file. */
  readonly host: Position | undefined;
  readonly hidden: boolean;
  /** What importers see: `module.exports`, or the Python namespace. */
  namespace: Value;
  env: Env;
  /** JavaScript `module` object. */
  moduleObject: Dict | undefined;
  isEsModule: boolean;
  exports: Map<string, { readonly env: Env; readonly local: string }>;
  starExports: Module[];
  done: boolean;
}

/** What one function call collects while its body is walked. */
export interface Activation {
  readonly env: Env;
  returns: Value[];
  yields: Value[] | undefined;
}

/** Completion of a statement. */
export const NORMAL = 0;
export const BREAK = 1;
export const CONTINUE = 2;
export const RETURN = 3;
export const THROW = 4;
export type Completion = 0 | 1 | 2 | 3 | 4;

/** A thrown value whose handler is known to run. */
export class ThrowSignal {
  constructor(readonly value: Value) {}
}
/** The steps of a unit or of one root are used up. */
export class BudgetSignal {}

/** An assignment under a condition that is not known, so that it can be undone for the other branch. */
export interface TrailEntry {
  readonly env: Env;
  readonly key: string;
  readonly old: Value | undefined;
}

/** Code that a known condition or a jump leaves out: walked later unless something else reaches it. */
export interface Pending {
  readonly env: Env;
  readonly block: readonly Statement[] | undefined;
  readonly from: number;
  readonly expression: Expression | undefined;
}

/** How far a block was walked; kept on the block itself, which belongs to one artifact only. */
export type Walked = { walked?: number };

export interface FunctionRecord {
  walks: number;
  active: number;
  acts: boolean;
  memo: Map<string, Value>;
  last: Value | undefined;
  /** Number of the latest call, walked or remembered. */
  lastWalk: number;
  /** Behaviours recorded when the outermost active call began. */
  actsBefore: number;
  /** How often it was walked and nothing was known of the result, fractions for results that say little. */
  fruitless: number;
  /** Steps of later walks that reached nothing new, and decoding done in them. */
  repeated: number;
  decoded: number;
  /** Kinds of arguments it was walked with after those were used up. */
  kinds: Set<string> | undefined;
  /** Rows of the sensitive paths among the texts it was walked with. */
  secrets: Set<string> | undefined;
  /** Set once it was called with strings only and does nothing but compute. */
  guess?: DecoderGuess;
}

export const LIMITS = {
  /** Hard end of an artifact: what is left is left out and said so. Reached only by code of tens of megabytes. */
  steps: 25_000_000,
  /**
   * Steps up to which loops are run pass by pass and functions walked again for other arguments. Beyond, every loop
   * body and every function is walked once, so that the work left is bounded by the size of the code.
   */
  concreteSteps: 2_500_000,
  /** The same for one entry point, one file and one function nobody calls, so that none starves the others. */
  entryConcrete: 1_200_000,
  fileConcrete: 100_000,
  rootConcrete: 20_000,
  /** Together for everything no entry point reaches. */
  remainderConcrete: 500_000,
  /** Steps one loop may take pass by pass. */
  loopSteps: 400_000,
  /**
   * Steps of repetition (later walks of one function, later passes of one loop) that need no sign of decoding, by how
   * deep they stand in other repetition, where they multiply.
   */
  repeatedSteps: [20_000, 3_000, 1_000] as readonly number[],
  /** Steps of outermost repetition in an artifact that decoded nothing, after which repetition is granted less. */
  idleSteps: 30_000,
  repeatedWhenIdle: [1000, 300, 100] as readonly number[],
  /** Steps of repetition that one decoding operation stands for. */
  stepsPerDecoding: 300,
  /** A later walk this short is no dearer than its call. */
  shortWalk: 64,
  callDepth: 48,
  /** Code that decodes code, commands that start commands; packers use some fifty layers. */
  codeDepth: 64,
  /** Characters of one evaluated string, bytes of one evaluated array. */
  stringLength: 8_000_000,
  listLength: 200_000,
  /** Characters of decoded code read again, together; the same for command lines. */
  hiddenCode: 8_000_000,
  commandText: 8_000_000,
  pathSegments: 12,
  choices: 8,
} as const;

/** Elements of a list, or parts of a value, that take about as long to look at as one step of the walk. */
const ELEMENTS_A_STEP = 512;

export interface Language {
  readonly name: 'javascript' | 'python';
  readonly library: LanguageLibrary;
  readonly index: RuleIndex;
  readonly lower: Lower;
}

export class Machine {
  steps = 0;
  /** Steps at which the current root is no longer followed pass by pass. */
  concreteUntil: number = LIMITS.entryConcrete;
  /** No root of the current unit is followed pass by pass beyond this step. */
  concreteEnd: number = LIMITS.concreteSteps;
  cut = false;
  /** Something the current unit would run was over a limit and not read; the unit is not cut, only incomplete. */
  unread = false;
  /** Steps spent in first walks of functions, so far: what is not among them is repetition. */
  fresh = 0;
  /** Operations so far that decoders are made of, with a known result: characters from codes, pieces joined, bits mixed. */
  decoded = 0;
  /** Texts made so far, long ones by their length, and numbers taken out of texts: see `repetition.ts`. */
  readonly texts = new Set<string | number>();
  readonly numbersTaken = new Map<string | number, { text: string; taken: number }>();
  /** Characters of the long ones among them. */
  numbersKept = 0;
  numberSource: { text: string; taken: number } | undefined;
  /** Texts so far that functions gave as answers: see `repetition.ts`. */
  answers = 0;
  /** Steps of outermost repetition so far that decoded nothing. */
  idle = 0;
  /** Walks of functions walked before, and passes of loops after the first, around the current point. */
  repeating = 0;
  depth = 0;
  codeDepth = 0;
  hiddenCodeRead = 0;
  commandTextRead = 0;
  /** Conditions around the current point whose outcome is not known. */
  uncertain = 0;
  /** `uncertain` at the innermost `try`, -1 without one: a throw at the same level is sure to be caught there. */
  tryLevel = -1;
  /** Names are undone only in scopes older than this. */
  trailSerial = 0;
  trail: TrailEntry[] | undefined;
  serial = 0;
  label: string | undefined;
  /** Raised when a loop may have been left on an unknown condition. */
  uncertainJump = false;
  /** Calls whose effect is not computed, so far: they may throw. */
  unknownCalls = 0;
  /** Calls of package functions so far. */
  walkCounter = 0;
  /** The member being read is about to be called: its read rules wait. */
  inCallee = false;
  /** Depth of `try` bodies whose handler ignores the error. */
  silent = 0;
  startedShell = new Set<string>();
  textSeen = new Set<object>();
  usedText = new Set<string>();
  /** Depth of commands that were hidden in decoded text. */
  hiddenDepth = 0;
  /** Depth of branches that depend on the platform. */
  platform = 0;
  activation!: Activation;
  position: Position = { line: 1, column: 0 };
  phase: Phase = 'runtime';
  recorder!: Recorder;

  /** Modules run in the current group of units, by file. */
  modules = new Map<string, Module>();
  /** Assigned members of the world outside: `global.x`, `String.prototype.y`, by path. */
  refProperties = new Map<string, Value>();
  /** Properties of arrays that are not elements. */
  listProperties = new WeakMap<List, Map<string, Value>>();
  functions = new Map<FunctionExpression, FunctionRecord>();
  /** Repetition of loops so far. */
  loops = new Map<object, { repeated: number; decoded: number }>();
  instances = new Map<object, Dict>();
  /** `this` of function values that stand in an object. */
  homes = new Map<FunctionExpression, Value>();
  /** Evaluated text, with what it was lowered to. */
  ranCode = new Map<string, Program | undefined>();
  ranCommands = new Set<string>();

  pending: Pending[] = [];
  /** What stands in `pending`, and from which statements on. */
  private leftOut = new Map<object, Set<number>>();
  deferred: { readonly fn: Value; readonly args: readonly Value[] }[] = [];
  /** First value of every function and class of the artifact, in order of creation, until walked. */
  readonly unwalked = new Map<FunctionExpression, Func>();
  readonly classes = new Map<object, Class>();
  readonly walkedFunctions = new Set<FunctionExpression>();
  readonly walkedExpressions = new Set<Expression>();

  /** Lists changed since `keepingLists` began, as they were. */
  changed: Map<List, readonly Value[]> | undefined;

  readonly programs = new Map<string, Program | undefined>();
  readonly startedFiles = new Set<string>();
  readonly textEmitted = new Set<string>();
  filesParsed = 0;
  filesSkipped = 0;
  parseFailures = 0;
  codeBytes = 0;
  /** Bytes parsed of files that only look like code. */
  oddBytes = 0;

  constructor(
    readonly artifact: OpenedArtifact,
    readonly languages: { readonly javascript: Language; readonly python: Language },
    makeContext: (machine: Machine) => { javascript: Context; python: Context },
  ) {
    this.contexts = makeContext(this);
    // What another walk left over is not this one's work.
    takePartsLooked();
    forgetIds();
    forgetLooked();
  }
  readonly contexts: { readonly javascript: Context; readonly python: Context };

  get language(): Language {
    const { languages } = this;
    return this.activation.env.module.language === 'javascript' ? languages.javascript : languages.python;
  }
  get context(): Context {
    const { contexts } = this;
    return this.activation.env.module.language === 'javascript' ? contexts.javascript : contexts.python;
  }
  get file(): string {
    return this.activation.env.module.file;
  }

  /** Counts a step of work. Throws `BudgetSignal` at the limit. */
  step(): void {
    if (++this.steps > LIMITS.steps) throw new BudgetSignal();
  }

  /** Counts the work of looking at so many elements, parts or bytes; what is less than a step is kept for later. */
  looksAt(elements: number): void {
    this.looked += elements;
    const steps = Math.floor(this.looked / ELEMENTS_A_STEP);
    this.looked -= steps * ELEMENTS_A_STEP;
    this.steps += steps;
  }
  private looked = 0;

  /** Notes code that is left out here; the same piece left out again and again is noted once. */
  leave(pending: Pending): void {
    const piece = pending.expression ?? pending.block;
    if (piece === undefined) return;
    const noted = this.leftOut.get(piece);
    if (noted === undefined) this.leftOut.set(piece, new Set([pending.from]));
    else if (noted.has(pending.from)) return;
    else noted.add(pending.from);
    this.pending.push(pending);
  }

  clearPending(): void {
    this.pending = [];
    this.leftOut = new Map();
  }

  newEnv(parent: Env, isFunction: boolean): Env {
    return new Env(parent, isFunction, parent.module, ++this.serial);
  }

  /** Loops and repeated calls are still followed one by one. */
  get concrete(): boolean {
    return this.steps < this.concreteUntil;
  }

  /** Notes a list about to change, so that code that may not run leaves no trace in it. */
  changing(list: List): void {
    if (this.changed !== undefined && !this.changed.has(list) && list.items.length < 20_000) {
      this.changed.set(list, [...list.items]);
    }
  }

  /** Walks code that hardly ever runs (dead code, error handlers): lists are afterwards as they were. */
  keepingLists<T>(body: () => T): T {
    const outer = this.changed;
    const mine = new Map<List, readonly Value[]>();
    this.changed = mine;
    try {
      return body();
    } finally {
      this.changed = outer;
      for (const [changed, items] of mine) {
        itemsToChange(changed).splice(0, changed.items.length, ...items);
      }
    }
  }

  /** Back to solid ground after an entry point ended, however it ended. */
  resetWalk(): void {
    this.depth = 0;
    this.repeating = 0;
    this.codeDepth = 0;
    this.uncertain = 0;
    this.tryLevel = -1;
    this.trail = undefined;
    this.trailSerial = 0;
    this.label = undefined;
    this.uncertainJump = false;
    this.inCallee = false;
    this.silent = 0;
    this.platform = 0;
    this.hiddenDepth = 0;
    this.changed = undefined;
  }

  /** Forgets what belongs to one group of units: each entry point starts a process of its own. */
  newProcess(): void {
    this.modules = new Map();
    this.refProperties = new Map();
    this.functions = new Map();
    this.loops = new Map();
    this.ranCode = new Map();
    this.ranCommands = new Set();
    this.startedShell = new Set();
    this.textSeen = new Set();
    this.usedText = new Set();
    this.clearPending();
    this.deferred = [];
  }
}
