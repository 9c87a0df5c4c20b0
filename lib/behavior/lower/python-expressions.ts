/** Python expressions and patterns → IR. */
import type { Call, Comprehension, Expression, Parameter, Pattern, Position, Slice } from '../ir.js';
import {
  integerLiteral,
  type LiteralPrefix,
  literalBytes,
  literalPrefix,
  unescapeLiteral,
} from './python-strings.js';
import type { Node, Positions } from './python-tree.js';

/** Deeper nesting than CPython's own compiler accepts (200 brackets, 100 indents) is not code that runs. */
const MAX_DEPTH = 600;
/** A longer chain of one operator is built as a balanced tree, so that what walks it need not be as deep. */
const MAX_CHAIN = 64;
/** Calls on calls on calls, `a.b().c()…`. */
const MAX_POSTFIX = 1_500;

const OPERATORS: Readonly<Record<string, string>> = { and: '&&', or: '||', '<>': '!=' };

export class ExpressionLowering {
  /** Set when something was left out: an ERROR node, or nesting beyond the limit. */
  recovered = false;
  tooDeep: Position | undefined;
  #depth = 0;

  constructor(
    protected readonly source: string,
    protected readonly lines: Positions,
    /** Parses the inside of Python 2 backticks. */
    private readonly parseFragment: (source: string) => Node | undefined,
  ) {}

  protected at(node: Node): Position {
    return this.lines.position(node.start);
  }

  protected text(node: Node): string {
    return this.source.slice(node.start, node.end);
  }

  /** Runs a lowering one level deeper, or gives `fallback` where the nesting is beyond the limit. */
  protected deeper<T>(node: Node, work: () => T, fallback: () => T): T {
    if (this.#depth >= MAX_DEPTH) {
      this.recovered = true;
      this.tooDeep ??= this.at(node);
      return fallback();
    }
    this.#depth++;
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }

  expression(node: Node): Expression {
    return this.deeper(
      node,
      () => this.#expression(node),
      () => nothing(this.at(node)),
    );
  }

  optional(node: Node | undefined): Expression | undefined {
    return node === undefined ? undefined : this.expression(node);
  }

  #expression(node: Node): Expression {
    const position = this.at(node);
    switch (node.type) {
      case 'identifier':
        return {
          type: 'name',
          name: identifier(this.text(node)),
          line: position.line,
          column: position.column,
        };
      case 'dotted_name':
        return this.dotted(this.text(node), position);
      case 'attribute':
      case 'subscript':
      case 'call':
        return this.#postfix(node);
      case 'string':
        return this.#strings([node], position);
      case 'concatenated_string':
        return this.#strings(
          node.children.filter((c) => c.type === 'string'),
          position,
        );
      case 'integer': {
        const text = this.text(node);
        return {
          type: 'constant',
          value: /[jJ]$/.test(text) ? undefined : integerLiteral(text),
          line: position.line,
          column: position.column,
        };
      }
      case 'float': {
        const text = this.text(node).replaceAll('_', '');
        return {
          type: 'constant',
          value: /[jJ]$/.test(text) ? undefined : Number(text),
          line: position.line,
          column: position.column,
        };
      }
      case 'true':
        return { type: 'constant', value: true, line: position.line, column: position.column };
      case 'false':
        return { type: 'constant', value: false, line: position.line, column: position.column };
      case 'none':
        return { type: 'constant', value: null, line: position.line, column: position.column };
      case 'ellipsis':
        return nothing(position);
      case 'parenthesized_expression': {
        const inner = named(node);
        return inner.length === 1 && inner[0]!.type !== 'ERROR'
          ? this.expression(inner[0]!)
          : this.#several(inner, position);
      }
      case 'list':
      case 'tuple':
      case 'set':
      case 'expression_list':
      case 'pattern_list':
      case 'tuple_pattern':
      case 'list_pattern':
        return {
          type: 'list',
          flavor: node.type === 'set' ? 'set' : node.type.startsWith('list') ? 'array' : 'tuple',
          items: named(node).map((c) => this.expression(c)),
          line: position.line,
          column: position.column,
        };
      case 'list_splat':
      case 'list_splat_pattern':
      case 'dictionary_splat':
      case 'parenthesized_list_splat':
        return {
          type: 'spread',
          value: this.#several(named(node), position),
          line: position.line,
          column: position.column,
        };
      case 'dictionary':
        return {
          type: 'dict',
          entries: named(node).map((c) =>
            c.type === 'pair'
              ? {
                  key: this.expression(fieldOf(c, 'key') ?? c),
                  value: this.expression(fieldOf(c, 'value') ?? c),
                }
              : { key: undefined, value: this.#several(named(c), this.at(c)) },
          ),
          line: position.line,
          column: position.column,
        };
      case 'pair':
        return this.#several(named(node), position);
      case 'list_comprehension':
      case 'set_comprehension':
      case 'dictionary_comprehension':
      case 'generator_expression':
        return this.#comprehension(node);
      case 'binary_operator':
      case 'boolean_operator':
        return this.#binary(node);
      case 'comparison_operator':
        return this.#comparison(node);
      case 'not_operator':
        return {
          type: 'unary',
          operator: '!',
          operand: this.#only(node),
          line: position.line,
          column: position.column,
        };
      case 'unary_operator': {
        const operator = fieldOf(node, 'operator');
        const operand = fieldOf(node, 'argument');
        return {
          type: 'unary',
          operator: operator === undefined ? '+' : this.text(operator),
          operand: operand === undefined ? nothing(position) : this.expression(operand),
          line: position.line,
          column: position.column,
        };
      }
      case 'conditional_expression': {
        const [consequent, test, alternate] = named(node);
        if (consequent === undefined || test === undefined || alternate === undefined) break;
        return {
          type: 'conditional',
          test: this.expression(test),
          consequent: this.expression(consequent),
          alternate: this.expression(alternate),
          line: position.line,
          column: position.column,
        };
      }
      case 'named_expression':
      case 'assignment':
      case 'augmented_assignment':
        return this.assignment(node);
      case 'lambda': {
        const params = fieldOf(node, 'parameters');
        const body = fieldOf(node, 'body');
        return {
          type: 'function',
          name: '',
          params: params === undefined ? [] : this.parameters(params),
          body: [{ type: 'return', value: body === undefined ? undefined : this.expression(body) }],
          flavor: 'lambda',
          isAsync: false,
          isGenerator: false,
          decorators: [],
          line: position.line,
          column: position.column,
        };
      }
      case 'await':
        return {
          type: 'await',
          value: this.#only(node),
          isYield: false,
          line: position.line,
          column: position.column,
        };
      case 'yield': {
        const value = named(node)[0];
        return {
          type: 'await',
          value: this.optional(value),
          isYield: true,
          line: position.line,
          column: position.column,
        };
      }
      case 'keyword_argument': {
        const value = fieldOf(node, 'value');
        return value === undefined ? nothing(position) : this.expression(value);
      }
      case 'as_pattern': {
        const value = named(node).find((c) => c.field !== 'alias');
        return value === undefined ? nothing(position) : this.expression(value);
      }
      case 'slice':
        return this.#slice(node);
      case 'type':
      case 'as_pattern_target':
      case 'interpolation':
      case 'format_expression':
      case 'chevron':
        return this.#several(named(node), position);
    }
    if (node.type === 'ERROR') this.recovered = true;
    return this.#several(named(node), position);
  }

  /** `a.b.c` as nested members. */
  dotted(text: string, position: Position): Expression {
    const [first, ...rest] = text.split('.').map((part) => identifier(part.trim()));
    let result: Expression = {
      type: 'name',
      name: first ?? '',
      line: position.line,
      column: position.column,
    };
    for (const property of rest)
      result = { type: 'member', object: result, property, line: position.line, column: position.column };
    return result;
  }

  #only(node: Node): Expression {
    const inner = named(node).filter((c) => !c.field?.startsWith('operator'));
    return this.#several(inner, this.at(node));
  }

  #several(nodes: readonly Node[], position: Position): Expression {
    if (nodes.length === 1) return this.expression(nodes[0]!);
    if (nodes.length === 0) return nothing(position);
    return {
      type: 'sequence',
      items: nodes.map((n) => this.expression(n)),
      line: position.line,
      column: position.column,
    };
  }

  /** Attribute, subscript and call chains, without recursion along the chain. */
  #postfix(node: Node): Expression {
    const chain: Node[] = [];
    let head: Node | undefined = node;
    while (
      head !== undefined &&
      (head.type === 'attribute' || head.type === 'subscript' || head.type === 'call')
    ) {
      chain.push(head);
      head = fieldOf(
        head,
        head.type === 'attribute' ? 'object' : head.type === 'subscript' ? 'value' : 'function',
      );
    }
    if (chain.length > MAX_POSTFIX) {
      this.recovered = true;
      this.tooDeep ??= this.at(node);
      chain.splice(0, chain.length - MAX_POSTFIX);
    }
    let result = head === undefined ? nothing(this.at(node)) : this.expression(head);
    for (const link of chain.reverse()) {
      // Evidence points to the name of what is called, not to the start of a long chain.
      const name = fieldOf(link, 'attribute');
      const position = name === undefined ? this.at(link) : this.at(name);
      if (link.type === 'attribute') {
        // An ERROR between object and name is `exec x.y` of Python 2 and the like: its inside is the real object.
        const error = link.children.find((c) => c.type === 'ERROR');
        if (error !== undefined && named(error).length > 0) {
          this.recovered = true;
          result = this.#several(named(error), this.at(error));
        }
        result = {
          type: 'member',
          object: result,
          property: name === undefined ? '' : identifier(this.text(name)),
          line: position.line,
          column: position.column,
        };
      } else if (link.type === 'subscript') {
        result = {
          type: 'index',
          object: result,
          index: this.#subscript(link),
          line: position.line,
          column: position.column,
        };
      } else {
        result = this.#call(link, result);
      }
    }
    return result;
  }

  #subscript(node: Node): Expression {
    const items = node.children.filter((c) => c.field === 'subscript');
    const hasComma = node.children.some((c) => c.type === ',');
    if (items.length === 1 && !hasComma) return this.expression(items[0]!);
    return {
      type: 'list',
      flavor: 'tuple',
      items: items.map((c) => this.expression(c)),
      ...this.at(node),
    };
  }

  #slice(node: Node): Slice {
    const parts: (Expression | undefined)[] = [undefined, undefined, undefined];
    let index = 0;
    for (const child of node.children) {
      if (child.type === ':') index++;
      else if (index < 3) parts[index] = this.expression(child);
    }
    return { type: 'slice', start: parts[0], stop: parts[1], step: parts[2], ...this.at(node) };
  }

  #call(node: Node, callee: Expression): Call {
    const args: Expression[] = [];
    const keywords: { name: string; value: Expression }[] = [];
    const list = fieldOf(node, 'arguments');
    if (list?.type === 'generator_expression') args.push(this.expression(list));
    else if (list !== undefined) {
      for (const child of named(list)) {
        if (child.type === 'keyword_argument') {
          const name = fieldOf(child, 'name');
          const value = fieldOf(child, 'value');
          keywords.push({
            name: name === undefined ? '' : identifier(this.text(name)),
            value: value === undefined ? nothing(this.at(child)) : this.expression(value),
          });
        } else if (child.type === 'dictionary_splat') {
          const position = this.at(child);
          keywords.push({
            name: '**',
            value: {
              type: 'spread',
              value: this.#several(named(child), position),
              line: position.line,
              column: position.column,
            },
          });
        } else args.push(this.expression(child));
      }
    }
    const position = callee.type === 'member' ? { line: callee.line, column: callee.column } : this.at(node);
    const [only] = args;
    // Python 2 `exec code in globals`, rewritten to a call before parsing.
    if (
      callee.type === 'name' &&
      callee.name === 'exec' &&
      args.length === 1 &&
      only?.type === 'binary' &&
      only.operator === 'in'
    ) {
      return {
        type: 'call',
        callee,
        args: [only.left, only.right],
        keywords,
        isNew: false,
        line: position.line,
        column: position.column,
      };
    }
    return {
      type: 'call',
      callee,
      args,
      keywords,
      isNew: false,
      line: position.line,
      column: position.column,
    };
  }

  #comprehension(node: Node): Comprehension {
    const body = fieldOf(node, 'body');
    const clauses: { target: Pattern; iterable: Expression; conditions: Expression[] }[] = [];
    for (const child of node.children) {
      if (child.type === 'for_in_clause') {
        const left = fieldOf(child, 'left');
        const right = child.children.filter((c) => c.field === 'right' && c.type !== ',');
        clauses.push({
          target: left === undefined ? this.#sink(child) : this.pattern(left),
          iterable:
            right.length === 1
              ? this.expression(right[0]!)
              : {
                  type: 'list',
                  flavor: 'tuple',
                  items: right.map((c) => this.expression(c)),
                  ...this.at(child),
                },
          conditions: [],
        });
      } else if (child.type === 'if_clause') {
        clauses[clauses.length - 1]?.conditions.push(this.#several(named(child), this.at(child)));
      }
    }
    const pairKey = body?.type === 'pair' ? fieldOf(body, 'key') : undefined;
    const value = body?.type === 'pair' ? fieldOf(body, 'value') : body;
    return {
      type: 'comprehension',
      flavor:
        node.type === 'list_comprehension'
          ? 'list'
          : node.type === 'set_comprehension'
            ? 'set'
            : node.type === 'dictionary_comprehension'
              ? 'dict'
              : 'generator',
      key: this.optional(pairKey),
      value: value === undefined ? nothing(this.at(node)) : this.expression(value),
      clauses,
      ...this.at(node),
    };
  }

  #binary(node: Node): Expression {
    const operatorOf = (n: Node): string => {
      const operator = fieldOf(n, 'operator');
      const text =
        operator === undefined
          ? n.children.some((c) => c.type === 'or')
            ? 'or'
            : 'and'
          : this.text(operator);
      return OPERATORS[text] ?? text;
    };
    // Left-nested chains of any operators, unrolled.
    const chain: { node: Node; operator: string; right: Node | undefined }[] = [];
    let head: Node | undefined = node;
    while (head !== undefined && (head.type === 'binary_operator' || head.type === 'boolean_operator')) {
      chain.push({ node: head, operator: operatorOf(head), right: fieldOf(head, 'right') });
      head = fieldOf(head, 'left');
    }
    chain.reverse();
    const first = head === undefined ? nothing(this.at(node)) : this.expression(head);
    const operands = chain.map((c) =>
      c.right === undefined ? nothing(this.at(c.node)) : this.expression(c.right),
    );
    const operator = chain[0]?.operator;
    if (chain.length > MAX_CHAIN && operator !== undefined && chain.every((c) => c.operator === operator)) {
      const join = (items: readonly Expression[]): Expression => {
        if (items.length === 1) return items[0]!;
        const middle = items.length >> 1;
        const left = join(items.slice(0, middle));
        return {
          type: 'binary',
          operator,
          left,
          right: join(items.slice(middle)),
          line: left.line,
          column: left.column,
        };
      };
      return join([first, ...operands]);
    }
    let result = first;
    chain.forEach((link, index) => {
      result = {
        type: 'binary',
        operator: link.operator,
        left: result,
        right: operands[index]!,
        ...this.at(link.node),
      };
    });
    return result;
  }

  /** `a < b < c` is `a < b and b < c`. */
  #comparison(node: Node): Expression {
    const position = this.at(node);
    const operators: string[] = [];
    const operands: Expression[] = [];
    for (const child of node.children) {
      if (child.field === 'operators') operators.push(this.text(child).replace(/\s+/g, ' '));
      else if (child.type !== ',') operands.push(this.expression(child));
    }
    let result: Expression | undefined;
    operators.forEach((operator, index) => {
      const left = operands[index];
      const right = operands[index + 1];
      if (left === undefined || right === undefined) return;
      const link: Expression = {
        type: 'binary',
        operator: OPERATORS[operator] ?? operator,
        left,
        right,
        line: position.line,
        column: position.column,
      };
      result =
        result === undefined
          ? link
          : {
              type: 'binary',
              operator: '&&',
              left: result,
              right: link,
              line: position.line,
              column: position.column,
            };
    });
    return result ?? { type: 'sequence', items: operands, line: position.line, column: position.column };
  }

  assignment(node: Node): Expression {
    const position = this.at(node);
    const left = fieldOf(node, node.type === 'named_expression' ? 'name' : 'left');
    const right = fieldOf(node, node.type === 'named_expression' ? 'value' : 'right');
    // A bare annotation, `x: int`, does nothing.
    if (right === undefined) return nothing(position);
    const operator = fieldOf(node, 'operator');
    return {
      type: 'assign',
      target: left === undefined ? this.#sink(node) : this.pattern(left),
      operator: operator === undefined ? undefined : this.text(operator).slice(0, -1),
      value: this.expression(right),
      postfix: false,
      declare: undefined,
      line: position.line,
      column: position.column,
    };
  }

  #sink(node: Node): Pattern {
    return { type: 'name', name: '_', ...this.at(node) };
  }

  pattern(node: Node): Pattern {
    return this.deeper(
      node,
      () => this.#pattern(node),
      () => this.#sink(node),
    );
  }

  #pattern(node: Node): Pattern {
    const position = this.at(node);
    switch (node.type) {
      case 'identifier':
        return {
          type: 'name',
          name: identifier(this.text(node)),
          line: position.line,
          column: position.column,
        };
      case 'attribute':
      case 'subscript': {
        const target = this.#postfix(node);
        return target.type === 'member' || target.type === 'index' ? target : this.#sink(node);
      }
      case 'parenthesized_expression':
      case 'as_pattern_target': {
        const inner = named(node);
        return inner.length === 1 ? this.pattern(inner[0]!) : this.#sink(node);
      }
      case 'pattern_list':
      case 'tuple_pattern':
      case 'list_pattern':
      case 'tuple':
      case 'list':
      case 'expression_list': {
        const items: Pattern[] = [];
        let rest: Pattern | undefined;
        let restAt: number | undefined;
        for (const child of named(node)) {
          if (child.type === 'list_splat_pattern' || child.type === 'list_splat') {
            const inner = named(child)[0];
            rest = inner === undefined ? this.#sink(child) : this.pattern(inner);
            restAt = items.length;
          } else items.push(this.pattern(child));
        }
        return rest === undefined || restAt === undefined
          ? { type: 'list-pattern', items, line: position.line, column: position.column }
          : { type: 'list-pattern', items, rest, restAt, line: position.line, column: position.column };
      }
      case 'list_splat_pattern': {
        const inner = named(node)[0];
        return inner === undefined ? this.#sink(node) : this.pattern(inner);
      }
    }
    return this.#sink(node);
  }

  parameters(node: Node): Parameter[] {
    const result: Parameter[] = [];
    for (const child of named(node)) {
      switch (child.type) {
        case 'identifier':
        case 'tuple_pattern':
          result.push({ target: this.pattern(child) });
          break;
        case 'default_parameter':
        case 'typed_default_parameter': {
          const name = fieldOf(child, 'name');
          const value = fieldOf(child, 'value');
          if (name === undefined) break;
          const target = this.pattern(name);
          result.push(value === undefined ? { target } : { target, default: this.expression(value) });
          break;
        }
        case 'typed_parameter': {
          const inner = child.children.find((c) => c.field !== 'type' && c.type !== ':');
          if (inner !== undefined) result.push(this.#starred(inner));
          break;
        }
        case 'list_splat_pattern':
        case 'dictionary_splat_pattern':
          result.push(this.#starred(child));
          break;
      }
    }
    return result;
  }

  #starred(node: Node): Parameter {
    if (node.type === 'list_splat_pattern' || node.type === 'dictionary_splat_pattern') {
      const inner = named(node)[0];
      const target = inner === undefined ? this.#sink(node) : this.pattern(inner);
      return { target, rest: node.type === 'list_splat_pattern' ? 'list' : 'dict' };
    }
    return { target: this.pattern(node) };
  }

  /** Implicitly concatenated literals: one constant when nothing is interpolated. */
  #strings(nodes: readonly Node[], position: Position): Expression {
    const parts: (string | Expression)[] = [];
    let isBytes = false;
    for (const node of nodes) {
      const start = node.children.find((c) => c.type === 'string_start');
      const end = node.children.find((c) => c.type === 'string_end');
      const opening = start === undefined ? '"' : this.text(start);
      const from = start === undefined ? node.start : start.end;
      const to = end === undefined ? node.end : end.start;
      if (opening.endsWith('`')) {
        parts.push(this.#backticks(this.source.slice(from, to), this.at(node)));
        continue;
      }
      const prefix = literalPrefix(opening);
      isBytes ||= prefix.isBytes;
      const holes = node.children.filter((c) => c.type === 'interpolation');
      let at = from;
      for (const hole of holes) {
        parts.push(literalText(this.source.slice(at, hole.start), prefix));
        this.#interpolation(hole, parts);
        at = hole.end;
      }
      parts.push(literalText(this.source.slice(at, to), prefix));
    }
    if (parts.every((p) => typeof p === 'string')) {
      const text = parts.join('');
      return {
        type: 'constant',
        value: isBytes ? literalBytes(text) : text,
        line: position.line,
        column: position.column,
      };
    }
    const merged: Expression[] = [];
    let pending = '';
    for (const part of parts) {
      if (typeof part === 'string') pending += part;
      else {
        if (pending !== '')
          merged.push({ type: 'constant', value: pending, line: position.line, column: position.column });
        pending = '';
        merged.push(part);
      }
    }
    if (pending !== '')
      merged.push({ type: 'constant', value: pending, line: position.line, column: position.column });
    return { type: 'template', parts: merged, line: position.line, column: position.column };
  }

  /** One `{…}` of an f-string. Conversions and format specifiers become a call of `str.format`, which has them exactly. */
  #interpolation(hole: Node, parts: (string | Expression)[]): void {
    const position = this.at(hole);
    const body = fieldOf(hole, 'expression');
    const value = body === undefined ? nothing(position) : this.expression(body);
    const conversion = fieldOf(hole, 'type_conversion');
    const specifier = fieldOf(hole, 'format_specifier');
    const isDebug = hole.children.some((c) => c.type === '=');
    if (isDebug && body !== undefined) parts.push(this.source.slice(hole.start + 1, body.end), '=');
    if (conversion === undefined && specifier === undefined && !isDebug) {
      parts.push(value);
      return;
    }
    let format =
      conversion === undefined ? (isDebug && specifier === undefined ? '!r' : '') : this.text(conversion);
    const args: Expression[] = [value];
    if (specifier !== undefined) {
      let at = specifier.start;
      for (const nested of specifier.children.filter((c) => c.type === 'format_expression')) {
        format += `${this.source.slice(at, nested.start)}{}`;
        args.push(this.#several(named(nested), this.at(nested)));
        at = nested.end;
      }
      format += this.source.slice(at, specifier.end);
    }
    parts.push({
      type: 'call',
      callee: {
        type: 'member',
        object: { type: 'constant', value: `{${format}}`, line: position.line, column: position.column },
        property: 'format',
        line: position.line,
        column: position.column,
      },
      args,
      keywords: [],
      isNew: false,
      line: position.line,
      column: position.column,
    });
  }

  /** Python 2 `` `x` `` is `repr(x)`. */
  #backticks(source: string, position: Position): Expression {
    const root = this.parseFragment(source);
    const arg: Expression =
      root === undefined
        ? { type: 'constant', value: source, line: position.line, column: position.column }
        : new ExpressionLowering(source, { position: () => position }, () => undefined).expression(root);
    return {
      type: 'call',
      callee: { type: 'name', name: 'repr', line: position.line, column: position.column },
      args: [arg],
      keywords: [],
      isNew: false,
      line: position.line,
      column: position.column,
    };
  }
}

function literalText(raw: string, prefix: LiteralPrefix): string {
  const text = prefix.isFormatted ? raw.replaceAll('{{', '{').replaceAll('}}', '}') : raw;
  return prefix.isRaw ? text : unescapeLiteral(text, prefix.isBytes);
}

/** Python normalises identifiers to NFKC: `𝓮xec` is `exec`. */
export function identifier(text: string): string {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return text.normalize('NFKC');
  return text;
}

export function nothing(position: Position): Expression {
  return { type: 'constant', value: undefined, line: position.line, column: position.column };
}

export function fieldOf(node: Node, field: string): Node | undefined {
  return node.children.find((c) => c.field === field && c.type !== ',' && c.type !== ':');
}

const PUNCTUATION = new Set(['async', ':', ',', '=', 'from', '*', '**', '+', '-', '_', '.']);

/** Children that stand for something. */
export function named(node: Node): Node[] {
  return node.children.filter((c) => !PUNCTUATION.has(c.type));
}
