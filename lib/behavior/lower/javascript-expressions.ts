/** Expressions and patterns. Types, parentheses and optional chaining leave no trace. */
import type * as t from '@babel/types';
import type { PrivateIdentifier, Property } from 'acorn';
import type { Assign, Constant, Expression, ListExpression, Pattern, Position } from '../ir.js';
import { lowerClass, lowerFunction, lowerMethod } from './javascript-functions.js';
import { constant, type Lowering, NONE, type Node, name } from './javascript-lowering.js';

/** Longest run of one operator kept as nested operations; a longer one keeps its operands only. */
const MAX_CHAIN = 400;

export function lowerExpression(node: Node | null | undefined, low: Lowering): Expression {
  if (node === null || node === undefined) return constant(undefined, { line: 1, column: 0 });
  // A mark that Babel makes on the members and calls themselves: no level of nesting.
  if (node.type === 'ChainExpression') return lowerExpression(node.expression as Node, low);
  if (!low.enter()) return constant(undefined, low.positionOf(node));
  try {
    return expression(node, low);
  } finally {
    low.leave();
  }
}

function expression(node: Node, low: Lowering): Expression {
  const at = low.positionOf(node);
  switch (node.type) {
    case 'StringLiteral':
      return constant(node.value, at);
    case 'NumericLiteral':
    case 'BooleanLiteral':
      return constant(node.value, at);
    case 'NullLiteral':
      return constant(null, at);
    case 'BigIntLiteral':
      return constant(toBigInt(node.value), at);
    case 'DirectiveLiteral':
      return constant(node.value, at);
    case 'RegExpLiteral':
      return { type: 'regex', pattern: node.pattern, flags: node.flags, line: at.line, column: at.column };
    case 'Literal':
      if (node.regex === undefined) return constant(node.value as Constant['value'], at);
      return { type: 'regex', ...node.regex, line: at.line, column: at.column };
    case 'Identifier':
      return node.name === 'undefined' ? constant(undefined, at) : name(node.name, at);
    case 'ThisExpression':
      return name('this', at);
    case 'Super':
      return name('super', at);
    case 'Import':
      return name('import', at);
    case 'MetaProperty':
      return name(`${node.meta.name}.${node.property.name}`, at);
    case 'TemplateLiteral':
      return template(node, low);
    case 'TaggedTemplateExpression':
      return taggedTemplate(node, low);
    case 'MemberExpression':
    case 'OptionalMemberExpression':
      return member(node, low);
    case 'CallExpression':
    case 'OptionalCallExpression':
      return call(node, low, false);
    case 'NewExpression':
      return call(node, low, true);
    case 'ImportExpression':
      return { type: 'import', source: lowerExpression(node.source, low), line: at.line, column: at.column };
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'FunctionDeclaration':
      return lowerFunction(node, low);
    case 'ClassExpression':
    case 'ClassDeclaration':
      return lowerClass(node, low);
    case 'ArrayExpression':
      return {
        type: 'list',
        flavor: 'array',
        items: node.elements.map((item) => (item === null ? constant(undefined, at) : argument(item, low))),
        line: at.line,
        column: at.column,
      };
    case 'ObjectExpression':
      return object(node, low);
    case 'BinaryExpression':
    case 'LogicalExpression':
      return binary(node, low);
    case 'UnaryExpression':
      if ((node.operator as string) === 'throw') return lowerExpression(node.argument, low);
      return {
        type: 'unary',
        operator: node.operator,
        operand: lowerExpression(node.argument, low),
        line: at.line,
        column: at.column,
      };
    case 'UpdateExpression':
      return {
        type: 'assign',
        target: lowerPattern(node.argument, low),
        operator: node.operator === '++' ? '+' : '-',
        value: constant(1, at),
        postfix: !node.prefix,
        declare: undefined,
        line: at.line,
        column: at.column,
      };
    case 'AssignmentExpression':
      return {
        type: 'assign',
        target: lowerPattern(node.left, low),
        operator: node.operator === '=' ? undefined : node.operator.slice(0, -1),
        value: lowerExpression(node.right, low),
        postfix: false,
        declare: undefined,
        line: at.line,
        column: at.column,
      };
    case 'ConditionalExpression':
      return {
        type: 'conditional',
        test: lowerExpression(node.test, low),
        consequent: lowerExpression(node.consequent, low),
        alternate: lowerExpression(node.alternate, low),
        line: at.line,
        column: at.column,
      };
    case 'SequenceExpression':
      return {
        type: 'sequence',
        items: node.expressions.map((e) => lowerExpression(e, low)),
        line: at.line,
        column: at.column,
      };
    case 'SpreadElement':
      return { type: 'spread', value: lowerExpression(node.argument, low), line: at.line, column: at.column };
    case 'AwaitExpression':
      return {
        type: 'await',
        value: lowerExpression(node.argument, low),
        isYield: false,
        line: at.line,
        column: at.column,
      };
    case 'YieldExpression':
      return {
        type: 'await',
        value: node.argument == null ? undefined : lowerExpression(node.argument, low),
        isYield: true,
        line: at.line,
        column: at.column,
      };
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'TSInstantiationExpression':
    case 'TypeCastExpression':
    case 'JSXExpressionContainer':
      return lowerExpression(node.expression, low);
    case 'JSXSpreadChild':
      return {
        type: 'spread',
        value: lowerExpression(node.expression, low),
        line: at.line,
        column: at.column,
      };
    case 'JSXElement':
    case 'JSXFragment':
      return jsx(node, low);
    case 'JSXText':
      return constant(node.value, at);
    case 'JSXIdentifier':
      return name(node.name, at);
    case 'JSXMemberExpression':
      return {
        type: 'member',
        object: lowerExpression(node.object, low),
        property: node.property.name,
        line: at.line,
        column: at.column,
      };
    case 'PrivateName':
    case 'PrivateIdentifier':
      return constant(privateName(node), at);
    case 'BindExpression':
      return lowerExpression(node.callee, low);
    case 'AssignmentPattern':
    case 'ObjectPattern':
    case 'ArrayPattern':
      // Left over by error recovery where a value should stand.
      low.recovered = true;
      return constant(undefined, at);
    default:
      return constant(undefined, at);
  }
}

function privateName(node: t.PrivateName | PrivateIdentifier): string {
  return `#${node.type === 'PrivateName' ? node.id.name : node.name}`;
}

function toBigInt(text: string): bigint {
  try {
    return BigInt(text);
  } catch {
    return 0n;
  }
}

export function argument(node: Node, low: Lowering): Expression {
  return lowerExpression(node, low);
}

function member(node: t.MemberExpression | t.OptionalMemberExpression, low: Lowering): Expression {
  const at = low.positionOf(node.property);
  const object = lowerExpression(node.object, low);
  if (!node.computed) {
    const key = node.property as Node;
    const property =
      key.type === 'PrivateName' || key.type === 'PrivateIdentifier'
        ? privateName(key)
        : key.type === 'Identifier'
          ? key.name
          : '';
    return { type: 'member', object, property, line: at.line, column: at.column };
  }
  const index = lowerExpression(node.property, low);
  if (index.type === 'constant' && typeof index.value === 'string' && !/^\d+$/.test(index.value)) {
    return { type: 'member', object, property: index.value, line: at.line, column: at.column };
  }
  return { type: 'index', object, index, line: at.line, column: at.column };
}

function call(
  node: t.CallExpression | t.OptionalCallExpression | t.NewExpression,
  low: Lowering,
  isNew: boolean,
): Expression {
  const at = low.positionOf(node.callee);
  if (node.callee.type === 'Import') {
    return {
      type: 'import',
      source: lowerExpression(node.arguments[0], low),
      line: at.line,
      column: at.column,
    };
  }
  const callee = lowerExpression(node.callee, low);
  return {
    type: 'call',
    callee,
    args: node.arguments.map((arg) => argument(arg, low)),
    keywords: NONE,
    isNew,
    line: callee.line,
    column: callee.column,
  };
}

function template(node: t.TemplateLiteral, low: Lowering): Expression {
  const at = low.positionOf(node);
  const parts: Expression[] = [];
  node.quasis.forEach((quasi, i) => {
    const text = quasi.value.cooked ?? quasi.value.raw;
    if (text !== '') {
      parts.push(constant(text, low.positionOf(quasi)));
    }
    const inner = node.expressions[i];
    if (inner !== undefined) parts.push(lowerExpression(inner, low));
  });
  if (parts.length === 0) return constant('', at);
  if (node.expressions.length === 0) return parts[0]!;
  return { type: 'template', parts, line: at.line, column: at.column };
}

function taggedTemplate(node: t.TaggedTemplateExpression, low: Lowering): Expression {
  const at = low.positionOf(node.tag);
  const { tag, quasi } = node;
  const isRaw =
    tag.type === 'MemberExpression' &&
    tag.object.type === 'Identifier' &&
    tag.object.name === 'String' &&
    tag.property.type === 'Identifier' &&
    tag.property.name === 'raw';
  const expressions = quasi.expressions.map((e) => lowerExpression(e, low));
  if (isRaw) {
    const parts: Expression[] = [];
    quasi.quasis.forEach((element, i) => {
      parts.push(constant(element.value.raw, low.positionOf(element)));
      const inner = expressions[i];
      if (inner !== undefined) parts.push(inner);
    });
    return { type: 'template', parts, line: at.line, column: at.column };
  }
  const strings: ListExpression = {
    type: 'list',
    flavor: 'array',
    items: quasi.quasis.map((q) => constant(q.value.cooked ?? q.value.raw, low.positionOf(q))),
    line: at.line,
    column: at.column,
  };
  return {
    type: 'call',
    callee: lowerExpression(tag, low),
    args: [strings, ...expressions],
    keywords: NONE,
    isNew: false,
    line: at.line,
    column: at.column,
  };
}

export function propertyKey(node: Node, key: Node, computed: boolean, low: Lowering): Expression {
  const at = low.positionOf(key);
  if (!computed) {
    if (key.type === 'Identifier') return constant(key.name, at);
    if (key.type === 'PrivateName' || key.type === 'PrivateIdentifier') return constant(privateName(key), at);
    if (key.type === 'NumericLiteral' || (key.type === 'Literal' && typeof key.value === 'number')) {
      return constant(String(key.value), at);
    }
  }
  return lowerExpression(key ?? node, low);
}

function object(node: t.ObjectExpression, low: Lowering): Expression {
  const at = low.positionOf(node);
  const properties: (t.ObjectExpression['properties'][number] | Property)[] = node.properties;
  const entries = properties.map((property) => {
    if (property.type === 'SpreadElement') {
      return { key: undefined, value: lowerExpression(property.argument, low) };
    }
    const key = propertyKey(property, property.key as Node, property.computed === true, low);
    if (property.type === 'ObjectMethod' || isMethod(property)) {
      const value = lowerMethod(property, low);
      return property.kind === 'get' || property.kind === 'set'
        ? { key, value, accessor: property.kind }
        : { key, value };
    }
    return { key, value: lowerExpression(property.value as Node, low) };
  });
  return { type: 'dict', entries, line: at.line, column: at.column };
}

function isMethod(node: t.ObjectProperty | Property): node is Property {
  return node.type === 'Property' && (node.method || node.kind !== 'init');
}

/**
 * Left-leaning runs of one operator are unrolled here, so that ten thousand pieces of a string are one flat
 * template and no recursion. Once a piece is text, `+` can only concatenate.
 */
function binary(node: t.BinaryExpression | t.LogicalExpression, low: Lowering): Expression {
  const spine: (t.BinaryExpression | t.LogicalExpression)[] = [];
  let leftmost: Node = node;
  while (
    (leftmost.type === 'BinaryExpression' || leftmost.type === 'LogicalExpression') &&
    leftmost.operator === node.operator
  ) {
    spine.push(leftmost);
    leftmost = leftmost.left;
  }
  let result = lowerExpression(leftmost, low);
  let parts: Expression[] | undefined;
  const { line, column } = low.positionOf(node);
  if (spine.length > MAX_CHAIN && node.operator !== '+') {
    low.recovered = true;
    const items = spine.reverse().map((s) => lowerExpression(s.right, low));
    return { type: 'sequence', items: [result, ...items], line, column };
  }
  for (const step of spine.reverse()) {
    const right = lowerExpression(step.right, low);
    if (step.operator === '+' && (parts !== undefined || isText(result) || isText(right))) {
      if (parts === undefined) {
        parts = result.type === 'template' ? [...result.parts] : [result];
        result = { type: 'template', parts, line, column };
      }
      if (right.type === 'template') parts.push(...right.parts);
      else parts.push(right);
      continue;
    }
    const at = low.positionOf(step);
    result = {
      type: 'binary',
      operator: step.operator,
      left: result,
      right,
      line: at.line,
      column: at.column,
    };
  }
  return result;
}

function isText(value: Expression): boolean {
  return value.type === 'template' || (value.type === 'constant' && typeof value.value === 'string');
}

/** An element is a call of its component when the package defines one, else the list of what it evaluates. */
function jsx(node: t.JSXElement | t.JSXFragment, low: Lowering): Expression {
  const at = low.positionOf(node);
  const children = node.children
    .filter((child) => child.type !== 'JSXText')
    .filter(
      (child) => child.type !== 'JSXExpressionContainer' || child.expression.type !== 'JSXEmptyExpression',
    )
    .map((child) => lowerExpression(child, low));
  const childList: ListExpression = {
    type: 'list',
    flavor: 'array',
    items: children,
    line: at.line,
    column: at.column,
  };
  if (node.type === 'JSXFragment') return childList;
  const entries = node.openingElement.attributes.map((attribute) => {
    if (attribute.type === 'JSXSpreadAttribute') {
      return { key: undefined, value: lowerExpression(attribute.argument, low) };
    }
    const key = attribute.name.type === 'JSXIdentifier' ? attribute.name.name : attribute.name.name.name;
    const value = attribute.value == null ? constant(true, at) : lowerExpression(attribute.value, low);
    return { key: constant(key, at), value };
  });
  entries.push({ key: constant('children', at), value: childList });
  const props: Expression = { type: 'dict', entries, line: at.line, column: at.column };
  const tag = node.openingElement.name;
  if (tag.type === 'JSXNamespacedName' || (tag.type === 'JSXIdentifier' && /^[a-z]/.test(tag.name))) {
    return props;
  }
  return {
    type: 'call',
    callee: lowerExpression(tag, low),
    args: [props],
    keywords: NONE,
    isNew: false,
    line: at.line,
    column: at.column,
  };
}

/** What stands left of `=`, in a declaration, or as a parameter. */
export function lowerPattern(node: Node, low: Lowering): Pattern {
  const at: Position = low.positionOf(node);
  if (!low.enter()) return name('', at);
  try {
    return pattern(node, at, low);
  } finally {
    low.leave();
  }
}

function pattern(node: Node, at: Position, low: Lowering): Pattern {
  switch (node.type) {
    case 'Identifier':
      return name(node.name, at);
    case 'ArrayPattern': {
      const items: (Pattern | undefined)[] = [];
      let rest: Pattern | undefined;
      for (const item of node.elements) {
        if (item?.type === 'RestElement') rest = lowerPattern(item.argument, low);
        else items.push(item === null ? undefined : lowerPattern(item, low));
      }
      return rest === undefined
        ? { type: 'list-pattern', items, line: at.line, column: at.column }
        : { type: 'list-pattern', items, rest, restAt: items.length, line: at.line, column: at.column };
    }
    case 'ObjectPattern': {
      const entries: { key: Expression; target: Pattern }[] = [];
      let rest: Pattern | undefined;
      for (const property of node.properties) {
        if (property.type === 'RestElement') {
          rest = lowerPattern(property.argument, low);
          continue;
        }
        entries.push({
          key: propertyKey(property, property.key, property.computed, low),
          target: lowerPattern(property.value, low),
        });
      }
      return rest === undefined
        ? { type: 'dict-pattern', entries, line: at.line, column: at.column }
        : { type: 'dict-pattern', entries, rest, line: at.line, column: at.column };
    }
    case 'AssignmentPattern':
      return {
        type: 'default-pattern',
        target: lowerPattern(node.left, low),
        default: lowerExpression(node.right, low),
        line: at.line,
        column: at.column,
      };
    case 'TSParameterProperty':
      return lowerPattern(node.parameter, low);
    case 'RestElement':
      return lowerPattern(node.argument, low);
    default: {
      const lowered = lowerExpression(node, low);
      if (lowered.type === 'member' || lowered.type === 'index' || lowered.type === 'name') return lowered;
      return name('', at);
    }
  }
}

/** Names a pattern binds. */
export function boundNames(target: Pattern): string[] {
  switch (target.type) {
    case 'name':
      return [target.name];
    case 'list-pattern':
      return [
        ...target.items.flatMap((item) => (item === undefined ? [] : boundNames(item))),
        ...(target.rest === undefined ? [] : boundNames(target.rest)),
      ];
    case 'dict-pattern':
      return [
        ...target.entries.flatMap((entry) => boundNames(entry.target)),
        ...(target.rest === undefined ? [] : boundNames(target.rest)),
      ];
    case 'default-pattern':
      return boundNames(target.target);
    default:
      return [];
  }
}

export function assign(target: Pattern, value: Expression, declare: Assign['declare'], at: Position): Assign {
  return {
    type: 'assign',
    target,
    operator: undefined,
    value,
    postfix: false,
    declare,
    line: at.line,
    column: at.column,
  };
}
