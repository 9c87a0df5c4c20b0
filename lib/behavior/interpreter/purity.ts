/**
 * Functions whose result depends on their arguments alone. Decoders of obfuscated string tables are called
 * thousands of times with the same few strings; what they gave once they give again.
 */
import type { Expression, FunctionExpression, Pattern, Statement } from '../ir.js';
import type { Value } from '../values.js';
import type { Env } from './machine.js';
import { lookup } from './scope.js';

/** Globals that only compute. */
const BUILTINS = new Set([
  'Array',
  'Boolean',
  'Buffer',
  'JSON',
  'Math',
  'Number',
  'String',
  'Uint8Array',
  'atob',
  'btoa',
  'decodeURIComponent',
  'encodeURIComponent',
  'escape',
  'isNaN',
  'parseFloat',
  'parseInt',
  'unescape',
]);
const METHODS =
  /^(?:abs|alloc|at|ceil|charAt|charCodeAt|codePointAt|concat|decode|every|filter|find|floor|from|fromCharCode|fromCodePoint|includes|indexOf|join|lastIndexOf|map|match|max|min|padEnd|padStart|parse|pow|reduce|repeat|replace|replaceAll|round|slice|some|split|stringify|substr|substring|toLowerCase|toString|toUpperCase|trim|trunc)$/;
/** Methods that change what they are called on. */
const CHANGING = /^(?:push|pop|shift|unshift|splice|reverse|sort|fill|set)$/;

interface Facts {
  readonly params: Set<string>;
  readonly locals: Set<string>;
  /** Names read or called that are neither local nor known globals. */
  readonly outer: Set<string>;
}

const known = new WeakMap<FunctionExpression, readonly string[] | null>();

/** Names of outer functions it calls when it only computes, null when it does more than that. */
function outerNames(fn: FunctionExpression): readonly string[] | null {
  let answer = known.get(fn);
  if (answer === undefined) {
    known.set(fn, null);
    answer = fn.isAsync || fn.isGenerator ? null : inspect(fn);
    known.set(fn, answer);
  }
  return answer;
}

/** True when the function and the functions of the package it calls only compute. */
export function isPure(fn: FunctionExpression, scope: Env, depth = 0): boolean {
  const outer = outerNames(fn);
  if (outer === null) return false;
  if (outer.length === 0) return true;
  if (depth > 3) return false;
  return outer.every((name) => {
    const value: Value | undefined = lookup(scope, name);
    return value?.kind === 'func' && (value.node === fn || isPure(value.node, value.scope as Env, depth + 1));
  });
}

function inspect(fn: FunctionExpression): readonly string[] | null {
  const facts: Facts = { params: new Set(), locals: new Set(), outer: new Set() };
  collect(fn, facts);
  const pure =
    fn.params.every((p) => p.default === undefined || expression(p.default, facts)) && body(fn.body, facts);
  if (!pure) return null;
  facts.outer.delete(fn.name);
  return [...facts.outer];
}

/** Adds the names a pattern binds. */
export function bind(target: Pattern | undefined, into: Set<string>): void {
  if (target === undefined) return;
  if (target.type === 'name') into.add(target.name);
  else if (target.type === 'list-pattern') for (const item of target.items) bind(item, into);
  else if (target.type === 'dict-pattern') for (const entry of target.entries) bind(entry.target, into);
  else if (target.type === 'default-pattern') bind(target.target, into);
}

/** Names the function binds, its inner functions' too. */
function collect(fn: FunctionExpression, facts: Facts): void {
  for (const param of fn.params) bind(param.target, facts.params);
  collectIn(fn.body, facts);
}

function collectIn(statements: readonly Statement[], facts: Facts): void {
  for (const s of statements) {
    switch (s.type) {
      case 'expression':
        collectFrom(s.expression, facts);
        break;
      case 'define':
        facts.locals.add(s.value.name);
        if (s.value.type === 'function') collect(s.value, facts);
        break;
      case 'if':
        collectIn(s.then, facts);
        collectIn(s.otherwise, facts);
        break;
      case 'loop':
        bind(s.target, facts.locals);
        for (const part of [s.test, s.update, s.iterable]) if (part !== undefined) collectFrom(part, facts);
        collectIn(s.body, facts);
        break;
      case 'block':
        collectIn(s.body, facts);
        break;
      case 'switch':
        for (const c of s.cases) collectIn(c.body, facts);
        break;
      case 'return':
        if (s.value !== undefined) collectFrom(s.value, facts);
        break;
      default:
    }
  }
}

function collectFrom(node: Expression, facts: Facts): void {
  if (node.type === 'assign') {
    if (node.declare !== undefined) bind(node.target, facts.locals);
    collectFrom(node.value, facts);
  } else if (node.type === 'sequence') for (const item of node.items) collectFrom(item, facts);
  else if (node.type === 'function') collect(node, facts);
  else if (node.type === 'call') for (const arg of node.args) collectFrom(arg, facts);
}

const body = (statements: readonly Statement[], facts: Facts): boolean =>
  statements.every((s) => statement(s, facts));

function statement(s: Statement, facts: Facts): boolean {
  switch (s.type) {
    case 'expression':
      return expression(s.expression, facts);
    case 'define':
      return s.value.type === 'function' && body(s.value.body, facts);
    case 'if':
      return expression(s.test, facts) && body(s.then, facts) && body(s.otherwise, facts);
    case 'loop':
      return (
        [s.test, s.update, s.iterable].every((part) => part === undefined || expression(part, facts)) &&
        body(s.body, facts)
      );
    case 'block':
      return body(s.body, facts);
    case 'switch':
      return (
        expression(s.value, facts) &&
        s.cases.every((c) => (c.test === undefined || expression(c.test, facts)) && body(c.body, facts))
      );
    case 'return':
      return s.value === undefined || expression(s.value, facts);
    case 'break':
    case 'continue':
      return true;
    default:
      return false;
  }
}

function expression(node: Expression, facts: Facts): boolean {
  switch (node.type) {
    case 'constant':
    case 'regex':
      return true;
    case 'name':
      return readable(node.name, facts);
    case 'member':
      return expression(node.object, facts);
    case 'index':
      return expression(node.object, facts) && expression(node.index, facts);
    case 'binary':
      return expression(node.left, facts) && expression(node.right, facts);
    case 'unary':
      return node.operator !== 'delete' && expression(node.operand, facts);
    case 'conditional':
      return (
        expression(node.test, facts) &&
        expression(node.consequent, facts) &&
        expression(node.alternate, facts)
      );
    case 'sequence':
    case 'list':
      return node.items.every((item) => expression(item, facts));
    case 'template':
      return node.parts.every((part) => expression(part, facts));
    case 'spread':
      return expression(node.value, facts);
    case 'dict':
      return node.entries.every(
        (e) =>
          e.accessor === undefined &&
          (e.key === undefined || expression(e.key, facts)) &&
          expression(e.value, facts),
      );
    case 'function':
      return !node.isAsync && !node.isGenerator && body(node.body, facts);
    case 'assign':
      return assignable(node.target, facts) && expression(node.value, facts);
    case 'call':
      return call(node, facts);
    default:
      return false;
  }
}

function readable(name: string, facts: Facts): boolean {
  if (name === 'this' || name === 'arguments' || name === 'super') return false;
  if (!facts.params.has(name) && !facts.locals.has(name) && !BUILTINS.has(name)) facts.outer.add(name);
  return true;
}

/** Only the function's own variables and what it made itself may be written. */
function assignable(target: Pattern, facts: Facts): boolean {
  if (target.type === 'name') return facts.locals.has(target.name) || facts.params.has(target.name);
  if (target.type === 'member') return ownObject(target.object, facts);
  if (target.type === 'index') return ownObject(target.object, facts) && expression(target.index, facts);
  return false;
}

const ownObject = (node: Expression, facts: Facts): boolean =>
  node.type === 'name' && facts.locals.has(node.name) && !facts.params.has(node.name);

function call(node: Expression & { type: 'call' }, facts: Facts): boolean {
  if (!node.args.every((arg) => expression(arg, facts)) || node.keywords.length > 0) return false;
  const { callee } = node;
  if (callee.type === 'name') return !facts.params.has(callee.name) && readable(callee.name, facts);
  const name =
    callee.type === 'member'
      ? callee.property
      : callee.type === 'index' && callee.index.type === 'constant'
        ? String(callee.index.value)
        : undefined;
  if (name === undefined || (callee.type !== 'member' && callee.type !== 'index')) return false;
  if (CHANGING.test(name)) return ownObject(callee.object, facts);
  return METHODS.test(name) && expression(callee.object, facts);
}
