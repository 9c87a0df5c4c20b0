/** Functions and classes. */
import type * as t from '@babel/types';
import type { MethodDefinition, Property, PropertyDefinition } from 'acorn';
import type {
  ClassExpression,
  ClassMember,
  Expression,
  FunctionExpression,
  Parameter,
  Statement,
} from '../ir.js';
import { assign, boundNames, lowerExpression, lowerPattern, propertyKey } from './javascript-expressions.js';
import { constant, type Lowering, NONE, type Node, name } from './javascript-lowering.js';
import { lowerBody } from './javascript-statements.js';

type BabelMethod = t.ObjectMethod | t.ClassMethod | t.ClassPrivateMethod;
type EstreeMethod = Property | MethodDefinition;
type FunctionNode = t.FunctionExpression | t.FunctionDeclaration | t.ArrowFunctionExpression;

/** A method of an object or a class. It begins at its modifiers or name, also where its function is a node of its own (ESTree). */
export function lowerMethod(
  node: BabelMethod | EstreeMethod,
  low: Lowering,
  ownName?: string,
): FunctionExpression {
  const isEstree = node.type === 'Property' || node.type === 'MethodDefinition';
  return lowerFunction(isEstree ? (node.value as unknown as FunctionNode) : node, low, node, ownName);
}

export function lowerFunction(
  node: FunctionNode | BabelMethod,
  low: Lowering,
  method?: BabelMethod | EstreeMethod,
  ownName?: string,
): FunctionExpression {
  const whole = method ?? node;
  const at = low.positionOf(whole);
  const params = node.params
    .filter((param) => !(param.type === 'Identifier' && param.name === 'this'))
    .map((param) => parameter(param, low));
  low.enterFunction(params.flatMap((param) => boundNames(param.target)));
  const properties = node.params.flatMap((param) => parameterProperty(param, low));
  const body: Statement[] =
    node.body.type === 'BlockStatement'
      ? lowerBody(node.body.body, low)
      : [{ type: 'return', value: lowerExpression(node.body, low) }];
  const hoisted = low.leaveFunction(at).map((expression): Statement => ({ type: 'expression', expression }));
  return {
    type: 'function',
    name: ownName ?? ('id' in node && node.id ? node.id.name : ''),
    params,
    body: hoisted.length + properties.length === 0 ? body : hoisted.concat(properties, body),
    flavor: method ? 'method' : node.type === 'ArrowFunctionExpression' ? 'arrow' : 'function',
    isAsync: node.async === true,
    isGenerator: node.generator === true,
    decorators: method ? lowerDecorators(method, low) : NONE,
    span: { source: low.source, start: whole.start ?? 0, end: whole.end ?? 0 },
    line: at.line,
    column: at.column,
  };
}

/** Of classes and methods: acorn reads none. */
function lowerDecorators(
  node: { decorators?: t.Decorator[] | null } | EstreeMethod,
  low: Lowering,
): Expression[] {
  const decorators = ('decorators' in node && node.decorators) || [];
  return decorators.map((decorator) => lowerExpression(decorator.expression, low));
}

function parameter(node: Node, low: Lowering): Parameter {
  if (node.type === 'TSParameterProperty') return parameter(node.parameter, low);
  if (node.type === 'RestElement') return { target: lowerPattern(node.argument, low), rest: 'list' };
  if (node.type === 'AssignmentPattern') {
    return { target: lowerPattern(node.left, low), default: lowerExpression(node.right, low) };
  }
  return { target: lowerPattern(node, low) };
}

/** TypeScript's `constructor(private x)` assigns `this.x`. */
function parameterProperty(node: Node, low: Lowering): Statement[] {
  if (node.type !== 'TSParameterProperty') return [];
  const target = node.parameter.type === 'AssignmentPattern' ? node.parameter.left : node.parameter;
  if (target.type !== 'Identifier') return [];
  const at = low.positionOf(node);
  const field = {
    type: 'member' as const,
    object: name('this', at),
    property: target.name,
    line: at.line,
    column: at.column,
  };
  return [{ type: 'expression', expression: assign(field, name(target.name, at), undefined, at) }];
}

export function lowerClass(node: t.ClassExpression | t.ClassDeclaration, low: Lowering): ClassExpression {
  const at = low.positionOf(node);
  const bases = node.superClass == null ? [] : [lowerExpression(node.superClass, low)];
  return {
    type: 'class',
    name: node.id?.name ?? '',
    bases,
    keywords: NONE,
    members: node.body.body.flatMap((item) => classMember(item, low)),
    decorators: lowerDecorators(node, low),
    line: at.line,
    column: at.column,
  };
}

function classMember(
  node: t.ClassBody['body'][number] | MethodDefinition | PropertyDefinition,
  low: Lowering,
): ClassMember[] {
  switch (node.type) {
    case 'ClassMethod':
    case 'ClassPrivateMethod':
    case 'MethodDefinition': {
      if (node.type !== 'MethodDefinition' && node.body == null) return [];
      const computed = node.type !== 'ClassPrivateMethod' && node.computed === true;
      const key = propertyKey(node, node.key as Node, computed, low);
      const ownName = key.type === 'constant' ? String(key.value) : '';
      const value = lowerMethod(node, low, ownName);
      const base = { type: 'method' as const, name: key, value, isStatic: node.static === true };
      return node.kind === 'get' || node.kind === 'set' ? [{ ...base, accessor: node.kind }] : [base];
    }
    case 'ClassProperty':
    case 'ClassPrivateProperty':
    case 'ClassAccessorProperty':
    case 'PropertyDefinition': {
      const computed = node.type !== 'ClassPrivateProperty' && node.computed === true;
      const key = propertyKey(node, node.key as Node, computed, low);
      const base = { type: 'field' as const, name: key, isStatic: node.static === true };
      if (node.value == null) return [base];
      // A field's initialiser has its own `this` and `var` scope; arrows in it are the usual case.
      return [{ ...base, value: lowerExpression(node.value as Node, low) }];
    }
    case 'StaticBlock': {
      low.enterFunction([]);
      const body = lowerBody(node.body, low);
      const hoisted = low.leaveFunction(low.positionOf(node));
      return [
        {
          type: 'statements',
          body: [...hoisted.map((expression): Statement => ({ type: 'expression', expression })), ...body],
        },
      ];
    }
    default:
      return [];
  }
}

/** `enum E { A, B = 'b' }`, as the object TypeScript compiles it to. */
export function lowerEnum(node: t.TSEnumDeclaration, low: Lowering): Statement {
  const at = low.positionOf(node);
  let next = 0;
  const members = node.members ?? node.body?.members ?? [];
  const entries = members.map((member) => {
    const key = constant(member.id.type === 'Identifier' ? member.id.name : member.id.value, at);
    if (member.initializer == null) return { key, value: constant(next++, at) };
    if (member.initializer.type === 'NumericLiteral') next = member.initializer.value + 1;
    return { key, value: lowerExpression(member.initializer, low) };
  });
  const value = { type: 'dict' as const, entries, line: at.line, column: at.column };
  return { type: 'expression', expression: assign(name(node.id.name, at), value, 'var', at) };
}
