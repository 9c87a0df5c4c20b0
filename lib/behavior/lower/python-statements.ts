/** Python statements → IR. */
import type {
  ClassExpression,
  ClassMember,
  Expression,
  FunctionExpression,
  Pattern,
  Statement,
} from '../ir.js';
import { ExpressionLowering, fieldOf, identifier, named, nothing } from './python-expressions.js';
import type { Node } from './python-tree.js';

export class StatementLowering extends ExpressionLowering {
  #matches = 0;
  #generators: boolean[] = [];

  block(node: Node | undefined): Statement[] {
    if (node === undefined) return [];
    return this.deeper(
      node,
      () => {
        const out: Statement[] = [];
        for (const child of node.children) this.#statement(child, out);
        return out;
      },
      () => [],
    );
  }

  #statement(node: Node, out: Statement[]): void {
    switch (node.type) {
      case ':':
      case ',':
      case 'from':
      case 'async':
      case '=':
      case '*':
      case '**':
      case 'pass_statement':
      case 'comment':
      case 'future_import_statement':
      case 'type_alias_statement':
        return;
      case 'import_statement':
      case 'import_from_statement':
        this.#import(node, out);
        return;
      case 'expression_statement':
        for (const child of named(node)) out.push({ type: 'expression', expression: this.expression(child) });
        return;
      case 'print_statement':
        out.push(this.#callOf('print', node, this.#printArguments(node)));
        return;
      case 'exec_statement':
        out.push(this.#callOf('exec', node, named(node)));
        return;
      case 'assert_statement':
        for (const child of named(node)) out.push({ type: 'expression', expression: this.expression(child) });
        return;
      case 'delete_statement':
        for (const child of named(node)) {
          const items = child.type === 'expression_list' ? named(child) : [child];
          for (const item of items) {
            out.push({
              type: 'expression',
              expression: {
                type: 'unary',
                operator: 'delete',
                operand: this.expression(item),
                ...this.at(item),
              },
            });
          }
        }
        return;
      case 'return_statement':
        out.push({ type: 'return', value: this.optional(named(node)[0]) });
        return;
      case 'raise_statement':
        out.push({ type: 'throw', value: this.optional(named(node)[0]) });
        return;
      case 'break_statement':
        out.push({ type: 'break' });
        return;
      case 'continue_statement':
        out.push({ type: 'continue' });
        return;
      case 'global_statement':
      case 'nonlocal_statement':
        out.push({
          type: 'scope',
          kind: node.type === 'global_statement' ? 'global' : 'nonlocal',
          names: named(node).map((c) => identifier(this.text(c))),
        });
        return;
      case 'if_statement':
        out.push(this.#if(node));
        return;
      case 'for_statement':
      case 'while_statement':
        out.push(this.#loop(node));
        return;
      case 'try_statement':
        out.push(this.#try(node));
        return;
      case 'with_statement':
        out.push(this.#with(node));
        return;
      case 'match_statement':
        this.#match(node, out);
        return;
      case 'function_definition':
        out.push({ type: 'define', value: this.function(node, []) });
        return;
      case 'class_definition':
        out.push({ type: 'define', value: this.class(node, []) });
        return;
      case 'decorated_definition': {
        const decorators = node.children
          .filter((c) => c.type === 'decorator')
          .flatMap((c) => named(c).map((e) => this.expression(e)));
        const definition = fieldOf(node, 'definition');
        if (definition !== undefined) {
          out.push({
            type: 'define',
            value:
              definition.type === 'class_definition'
                ? this.class(definition, decorators)
                : this.function(definition, decorators),
          });
        }
        return;
      }
      case 'ERROR':
        // What stands in an error is still lowered, in order: better too much than a way past.
        this.recovered = true;
        out.push(...this.block(node));
        return;
      case 'block':
        out.push(...this.block(node));
        return;
      case 'import_prefix':
      case 'string_start':
      case 'string_end':
      case 'string_content':
        return;
    }
    out.push({ type: 'expression', expression: this.expression(node) });
  }

  #callOf(name: string, node: Node, args: readonly Node[]): Statement {
    const position = this.at(node);
    return {
      type: 'expression',
      expression: {
        type: 'call',
        callee: { type: 'name', name, line: position.line, column: position.column },
        args: args.map((a) => this.expression(a)),
        keywords: [],
        isNew: false,
        line: position.line,
        column: position.column,
      },
    };
  }

  #printArguments(node: Node): Node[] {
    return named(node);
  }

  #import(node: Node, out: Statement[]): void {
    const position = this.at(node);
    const nameOf = (n: Node): string =>
      this.text(n)
        .split('.')
        .map((part) => identifier(part.trim()))
        .join('.');
    if (node.type === 'import_statement') {
      for (const child of named(node)) {
        const name = child.type === 'aliased_import' ? fieldOf(child, 'name') : child;
        const alias = fieldOf(child, 'alias');
        if (name === undefined || (name.type !== 'dotted_name' && name.type !== 'identifier')) {
          if (name?.type === 'ERROR') this.recovered = true;
          continue;
        }
        const source = nameOf(name);
        out.push({
          type: 'import',
          source,
          bindings: [
            alias === undefined
              ? { imported: '*', local: source.split('.')[0]! }
              : { imported: '*', local: identifier(this.text(alias)) },
          ],
          style: alias === undefined ? 'python-import' : 'module',
          line: position.line,
          column: position.column,
        });
      }
      return;
    }
    const module = fieldOf(node, 'module_name');
    const source = module === undefined ? '' : this.text(module).replace(/\s+/g, '');
    const bindings: { imported: string; local: string }[] = [];
    for (const child of named(node)) {
      if (child.type === 'wildcard_import') bindings.push({ imported: '*', local: '*' });
      if (child.field !== 'name') continue;
      const name = child.type === 'aliased_import' ? fieldOf(child, 'name') : child;
      const alias = fieldOf(child, 'alias');
      if (name === undefined) continue;
      const imported = nameOf(name);
      bindings.push({ imported, local: alias === undefined ? imported : identifier(this.text(alias)) });
    }
    out.push({
      type: 'import',
      source,
      bindings,
      style: 'from',
      line: position.line,
      column: position.column,
    });
  }

  #if(node: Node): Statement {
    const test = fieldOf(node, 'condition');
    const branches: { test: Node | undefined; body: Node | undefined }[] = [
      { test, body: fieldOf(node, 'consequence') },
    ];
    let otherwise: Statement[] = [];
    for (const child of node.children) {
      if (child.type === 'elif_clause') {
        branches.push({ test: fieldOf(child, 'condition'), body: fieldOf(child, 'consequence') });
      } else if (child.type === 'else_clause') otherwise = this.block(fieldOf(child, 'body'));
    }
    // A chain of elifs nests in its last `otherwise`; beyond the limit the branches simply follow one another.
    const lowered = branches.map((b) => ({
      test: b.test === undefined ? nothing(this.at(node)) : this.expression(b.test),
      then: this.block(b.body),
    }));
    const head = lowered.slice(0, 100);
    const tail = lowered.slice(100);
    let rest =
      tail.length === 0 ? otherwise : tail.map((b): Statement => ({ type: 'if', ...b, otherwise: [] }));
    if (tail.length > 0) rest = [...rest, ...otherwise];
    for (const branch of head.reverse()) rest = [{ type: 'if', ...branch, otherwise: rest }];
    return rest[0]!;
  }

  #loop(node: Node): Statement {
    const isFor = node.type === 'for_statement';
    const left = fieldOf(node, 'left');
    const alternative = fieldOf(node, 'alternative');
    return {
      type: 'loop',
      flavor: isFor ? 'for-of' : 'while',
      test: isFor ? undefined : this.optional(fieldOf(node, 'condition')),
      update: undefined,
      target: isFor && left !== undefined ? this.pattern(left) : undefined,
      declare: undefined,
      iterable: isFor ? this.optional(fieldOf(node, 'right')) : undefined,
      body: this.block(fieldOf(node, 'body')),
      otherwise: alternative === undefined ? [] : this.block(fieldOf(alternative, 'body')),
      ...this.at(node),
    };
  }

  #try(node: Node): Statement {
    const handlers: { target: Pattern | undefined; body: Statement[] }[] = [];
    let otherwise: Statement[] = [];
    let finalizer: Statement[] = [];
    for (const child of node.children) {
      if (child.type === 'except_clause') {
        const values = child.children.filter((c) => c.field === 'value');
        // `except E, e` of Python 2; the parser gives an `as` either as a field or inside a pattern.
        let alias = fieldOf(child, 'alias') ?? (values.length === 2 ? values[1] : undefined);
        const value = values[0];
        if (alias === undefined && value?.type === 'as_pattern') alias = fieldOf(value, 'alias');
        handlers.push({
          target: alias === undefined ? undefined : this.pattern(alias),
          body: this.block(child.children.find((c) => c.type === 'block')),
        });
      } else if (child.type === 'else_clause') otherwise = this.block(fieldOf(child, 'body'));
      else if (child.type === 'finally_clause') {
        finalizer = this.block(child.children.find((c) => c.type === 'block'));
      }
    }
    return {
      type: 'try',
      body: this.block(fieldOf(node, 'body')),
      handlers,
      otherwise,
      finalizer,
      ...this.at(node),
    };
  }

  #with(node: Node): Statement {
    const items: { value: Expression; target: Pattern | undefined }[] = [];
    const clause = node.children.find((c) => c.type === 'with_clause');
    for (const item of clause === undefined ? [] : named(clause)) {
      const value = fieldOf(item, 'value') ?? item;
      if (value.type === 'as_pattern') {
        const inner = named(value).find((c) => c.field !== 'alias');
        const alias = fieldOf(value, 'alias');
        items.push({
          value: inner === undefined ? nothing(this.at(value)) : this.expression(inner),
          target: alias === undefined ? undefined : this.pattern(alias),
        });
      } else if (value.type === 'tuple') {
        // `with (open(a) as f, open(b) as g):`
        for (const part of named(value)) {
          const inner = part.type === 'as_pattern' ? named(part).find((c) => c.field !== 'alias') : part;
          const alias = part.type === 'as_pattern' ? fieldOf(part, 'alias') : undefined;
          items.push({
            value: inner === undefined ? nothing(this.at(part)) : this.expression(inner),
            target: alias === undefined ? undefined : this.pattern(alias),
          });
        }
      } else items.push({ value: this.expression(value), target: undefined });
    }
    return { type: 'with', items, body: this.block(fieldOf(node, 'body')) };
  }

  function(node: Node, decorators: readonly Expression[]): FunctionExpression {
    const params = fieldOf(node, 'parameters');
    const name = fieldOf(node, 'name');
    this.#generators.push(false);
    const lowered = params === undefined ? [] : this.parameters(params);
    const body = this.block(fieldOf(node, 'body'));
    const isGenerator = this.#generators.pop() === true;
    return {
      type: 'function',
      name: name === undefined ? '' : identifier(this.text(name)),
      params: lowered,
      body,
      flavor: 'function',
      isAsync: node.children.some((c) => c.type === 'async'),
      isGenerator,
      decorators,
      ...this.at(node),
    };
  }

  override expression(node: Node): Expression {
    if (node.type === 'yield' && this.#generators.length > 0)
      this.#generators[this.#generators.length - 1] = true;
    return super.expression(node);
  }

  class(node: Node, decorators: readonly Expression[]): ClassExpression {
    const name = fieldOf(node, 'name');
    const bases: Expression[] = [];
    const keywords: { name: string; value: Expression }[] = [];
    const superclasses = fieldOf(node, 'superclasses');
    for (const child of superclasses === undefined ? [] : named(superclasses)) {
      const key = child.type === 'keyword_argument' ? fieldOf(child, 'name') : undefined;
      if (key !== undefined)
        keywords.push({ name: identifier(this.text(key)), value: this.expression(child) });
      else bases.push(this.expression(child));
    }
    return {
      type: 'class',
      name: name === undefined ? '' : identifier(this.text(name)),
      bases,
      keywords,
      members: this.#members(this.block(fieldOf(node, 'body'))),
      decorators,
      ...this.at(node),
    };
  }

  #members(body: readonly Statement[]): ClassMember[] {
    const members: ClassMember[] = [];
    for (const statement of body) {
      if (statement.type === 'define' && statement.value.type === 'function') {
        const { value } = statement;
        const accessor = accessorOf(value);
        const base = {
          type: 'method' as const,
          name: { type: 'constant' as const, value: value.name, line: value.line, column: value.column },
          value: { ...value, flavor: 'method' as const },
          isStatic: value.decorators.some((d) => d.type === 'name' && d.name === 'staticmethod'),
        };
        members.push(accessor === undefined ? base : { ...base, accessor });
      } else if (
        statement.type === 'expression' &&
        statement.expression.type === 'assign' &&
        statement.expression.target.type === 'name' &&
        statement.expression.operator === undefined
      ) {
        const { target, value } = statement.expression;
        members.push({
          type: 'field',
          name: { type: 'constant', value: target.name, line: target.line, column: target.column },
          value,
          isStatic: true,
        });
      } else {
        const last = members[members.length - 1];
        if (last?.type === 'statements') (last.body as Statement[]).push(statement);
        else members.push({ type: 'statements', body: [statement] });
      }
    }
    return members;
  }

  /** `match` as a chain of ifs over a name of its own; captures are assigned at the head of their branch. */
  #match(node: Node, out: Statement[]): void {
    const subjects = node.children.filter((c) => c.field === 'subject');
    const name = `$match${this.#matches++}`;
    const position = this.at(node);
    const subject: Expression = { type: 'name', name, line: position.line, column: position.column };
    const value: Expression =
      subjects.length === 1
        ? this.expression(subjects[0]!)
        : {
            type: 'list',
            flavor: 'tuple',
            items: subjects.map((s) => this.expression(s)),
            line: position.line,
            column: position.column,
          };
    out.push({
      type: 'expression',
      expression: {
        type: 'assign',
        target: { type: 'name', name, line: position.line, column: position.column },
        operator: undefined,
        value,
        postfix: false,
        declare: undefined,
        line: position.line,
        column: position.column,
      },
    });
    const body = fieldOf(node, 'body');
    const branches = (body?.children ?? []).filter((c) => c.type === 'case_clause');
    let rest: Statement[] = [];
    for (const branch of branches.slice(0, 200).reverse()) {
      const captures: Statement[] = [];
      const patterns = branch.children.filter((c) => c.type === 'case_pattern');
      let test: Expression | undefined;
      patterns.forEach((pattern, index) => {
        const part: Expression =
          patterns.length === 1
            ? subject
            : {
                type: 'index',
                object: subject,
                index: { type: 'constant', value: index, line: position.line, column: position.column },
                line: position.line,
                column: position.column,
              };
        test = and(test, this.#casePattern(pattern, part, captures));
      });
      const guard = fieldOf(branch, 'guard');
      const inner = this.block(fieldOf(branch, 'consequence'));
      const guardTest = guard === undefined ? undefined : this.optional(named(guard)[0]);
      const always: Expression = {
        type: 'constant',
        value: true,
        line: position.line,
        column: position.column,
      };
      rest = [
        {
          type: 'if',
          test: test ?? always,
          then:
            guardTest === undefined
              ? [...captures, ...inner]
              : [...captures, { type: 'if', test: guardTest, then: inner, otherwise: [] }],
          otherwise: rest,
        },
      ];
    }
    out.push(...rest);
  }

  /** The test of a pattern, `undefined` when it always matches. */
  #casePattern(node: Node, subject: Expression, captures: Statement[]): Expression | undefined {
    const position = this.at(node);
    const capture = (name: Node): void => {
      captures.push({
        type: 'expression',
        expression: {
          type: 'assign',
          target: { type: 'name', name: identifier(this.text(name)), ...this.at(name) },
          operator: undefined,
          value: subject,
          postfix: false,
          declare: undefined,
          line: position.line,
          column: position.column,
        },
      });
    };
    const isInstance = (of: Expression): Expression => ({
      type: 'call',
      callee: { type: 'name', name: 'isinstance', line: position.line, column: position.column },
      args: [subject, of],
      keywords: [],
      isNew: false,
      line: position.line,
      column: position.column,
    });
    const equals = (value: Expression): Expression => ({
      type: 'binary',
      operator: '==',
      left: subject,
      right: value,
      line: position.line,
      column: position.column,
    });
    const item = (index: Expression): Expression => ({
      type: 'index',
      object: subject,
      index,
      line: position.line,
      column: position.column,
    });
    return this.deeper(
      node,
      () => {
        const inner = named(node);
        switch (node.type) {
          case 'case_pattern': {
            if (inner.length === 0) return undefined;
            if (node.children[0]?.type === '-') {
              return equals({
                type: 'unary',
                operator: '-',
                operand: this.expression(inner[0]!),
                line: position.line,
                column: position.column,
              });
            }
            return this.#casePattern(inner[0]!, subject, captures);
          }
          case 'dotted_name': {
            const text = this.text(node);
            if (text.includes('.')) return equals(this.dotted(text, position));
            if (text !== '_') capture(node);
            return undefined;
          }
          case 'as_pattern': {
            const name = inner.find((c) => c.type === 'identifier');
            const pattern = inner.find((c) => c.type !== 'identifier');
            if (name !== undefined) capture(name);
            return pattern === undefined ? undefined : this.#casePattern(pattern, subject, captures);
          }
          case 'union_pattern': {
            let test: Expression | undefined;
            for (const option of inner) {
              const part = this.#casePattern(option, subject, captures);
              if (part === undefined) return undefined;
              test =
                test === undefined
                  ? part
                  : {
                      type: 'binary',
                      operator: '||',
                      left: test,
                      right: part,
                      line: position.line,
                      column: position.column,
                    };
            }
            return test;
          }
          case 'list_pattern':
          case 'tuple_pattern': {
            let test: Expression | undefined = isInstance({
              type: 'name',
              name: 'list',
              line: position.line,
              column: position.column,
            });
            inner.forEach((child, index) => {
              test = and(
                test,
                this.#casePattern(
                  child,
                  item({ type: 'constant', value: index, line: position.line, column: position.column }),
                  captures,
                ),
              );
            });
            return test;
          }
          case 'dict_pattern': {
            let test: Expression | undefined = isInstance({
              type: 'name',
              name: 'dict',
              line: position.line,
              column: position.column,
            });
            inner.forEach((child, index) => {
              if (child.field !== 'key') return;
              const next = inner[index + 1];
              if (next?.field !== 'value') return;
              test = and(test, this.#casePattern(next, item(this.expression(child)), captures));
            });
            return test;
          }
          case 'class_pattern': {
            const name = inner.find((c) => c.type === 'dotted_name');
            let test: Expression | undefined = isInstance(
              name === undefined ? nothing(position) : this.dotted(this.text(name), position),
            );
            for (const child of inner) {
              if (child === name) continue;
              test = and(test, this.#casePattern(child, subject, captures));
            }
            return test;
          }
          case 'keyword_pattern': {
            const [name, pattern] = inner;
            if (name === undefined || pattern === undefined) return undefined;
            const member: Expression = {
              type: 'member',
              object: subject,
              property: this.text(name),
              line: position.line,
              column: position.column,
            };
            return this.#casePattern(pattern, member, captures);
          }
          case 'splat_pattern': {
            const name = inner.find((c) => c.type === 'identifier');
            if (name !== undefined) capture(name);
            return undefined;
          }
          case 'identifier':
            capture(node);
            return undefined;
        }
        return equals(this.expression(node));
      },
      () => undefined,
    );
  }
}

function and(left: Expression | undefined, right: Expression | undefined): Expression | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return { type: 'binary', operator: '&&', left, right, line: left.line, column: left.column };
}

function accessorOf(value: FunctionExpression): 'get' | 'set' | undefined {
  for (const decorator of value.decorators) {
    if (decorator.type === 'name' && /^(cached_)?property$/.test(decorator.name)) return 'get';
    if (decorator.type === 'member' && decorator.property === 'setter') return 'set';
    if (decorator.type === 'member' && decorator.property === 'cached_property') return 'get';
  }
  return undefined;
}
