/** Statements: hoisting, control flow, ES modules. */
import type * as t from '@babel/types';
import type { Assign, Expression, Pattern, Statement } from '../ir.js';
import { assign, lowerExpression, lowerPattern } from './javascript-expressions.js';
import { lowerClass, lowerEnum, lowerFunction } from './javascript-functions.js';
import { constant, declareUndefined, type Lowering, NONE, type Node, name } from './javascript-lowering.js';

type Declare = 'var' | 'let' | 'const';

/** The whole file: imports first, then hoisted functions, then the rest; local exports last. */
export function lowerProgram(program: t.Program, low: Lowering): Statement[] {
  low.enterFunction([]);
  const body = lowerBody(program.body, low);
  const hoisted = low.leaveFunction({ line: 1, column: 0 });
  const imports = body.filter(isModuleLink);
  const rest = imports.length === 0 ? body : body.filter((statement) => !isModuleLink(statement));
  return [...imports, ...hoisted.map(expressionStatement), ...rest];
}

/** Statements that the module loader carries out before any code of the file. */
function isModuleLink(statement: Statement): boolean {
  return statement.type === 'import' || (statement.type === 'export' && statement.source !== undefined);
}

const expressionStatement = (expression: Expression): Statement => ({ type: 'expression', expression });

/** A list of statements of one block, its function declarations first. */
export function lowerBody(nodes: readonly Node[], low: Lowering): Statement[] {
  const functions: Statement[] = [];
  const rest: Statement[] = [];
  const exportsLast: Statement[] = [];
  for (const node of nodes) {
    // Babel keeps directives apart from the statements.
    if (node.type === 'ExpressionStatement' && 'directive' in node) continue;
    const declaration = declaredFunction(node);
    if (declaration !== undefined) {
      if (declaration.body != null) functions.push(...defineFunction(declaration, low));
      if (node.type === 'ExportNamedDeclaration' && declaration.id) {
        functions.push(exportOf([[declaration.id.name, declaration.id.name]], node, low));
      } else if (node.type === 'ExportDefaultDeclaration' && declaration.id) {
        functions.push(exportOf([[declaration.id.name, 'default']], node, low));
      }
      continue;
    }
    if (node.type === 'ExportNamedDeclaration' && node.source == null && node.declaration == null) {
      const bindings = node.specifiers.flatMap((s): [string, string][] =>
        s.type === 'ExportSpecifier' ? [[s.local.name, moduleName(s.exported)]] : [],
      );
      exportsLast.push(exportOf(bindings, node, low));
      continue;
    }
    pushStatement(node, low, rest);
  }
  // A list put together by `push` keeps room for sixteen more; this one has what it needs.
  return functions.concat(rest, exportsLast);
}

function declaredFunction(node: Node): t.FunctionDeclaration | undefined {
  if (node.type === 'FunctionDeclaration') return node;
  if (node.type === 'ExportNamedDeclaration' && node.declaration?.type === 'FunctionDeclaration') {
    return node.declaration;
  }
  if (
    node.type === 'ExportDefaultDeclaration' &&
    node.declaration.type === 'FunctionDeclaration' &&
    node.declaration.id
  ) {
    return node.declaration;
  }
  return undefined;
}

function defineFunction(node: t.FunctionDeclaration, low: Lowering): Statement[] {
  const define: Statement = { type: 'define', value: lowerFunction(node, low) };
  // Sloppy mode: a function declared in a block is also a variable of the function around it.
  if (low.isModule || !low.inNestedBlock || !node.id) return [define];
  const at = low.positionOf(node);
  low.hoist(node.id.name);
  return [define, expressionStatement(assign(name(node.id.name, at), name(node.id.name, at), 'var', at))];
}

function exportOf(bindings: readonly [string, string][], node: Node, low: Lowering): Statement {
  const at = low.positionOf(node);
  return {
    type: 'export',
    source: undefined,
    bindings: bindings.map(([local, exported]) => ({ local, exported })),
    line: at.line,
    column: at.column,
  };
}

/** A name of an import or export; ESTree's literal differs from Babel's in its type only. */
function moduleName(node: t.Identifier | t.StringLiteral): string {
  return node.type === 'Identifier' ? node.name : node.value;
}

function block(node: Node | null | undefined, low: Lowering): Statement[] {
  if (node == null) return [];
  return low.inBlock(() => {
    if (node.type === 'BlockStatement') return lowerBody(node.body, low);
    return lowerBody([node], low);
  });
}

function pushStatement(node: Node, low: Lowering, out: Statement[]): void {
  if (!low.enter()) return;
  try {
    statement(node, low, out);
  } finally {
    low.leave();
  }
}

function statement(node: Node, low: Lowering, out: Statement[], label?: string): void {
  const at = low.positionOf(node);
  const labelled = label === undefined ? {} : { label };
  switch (node.type) {
    case 'ExpressionStatement':
      out.push(expressionStatement(lowerExpression(node.expression, low)));
      return;
    case 'VariableDeclaration':
      declaration(node, low, out);
      return;
    case 'ClassDeclaration':
      if (node.declare !== true) out.push({ type: 'define', value: lowerClass(node, low) });
      return;
    case 'BlockStatement':
      out.push({ type: 'block', ...labelled, body: block(node, low) });
      return;
    case 'IfStatement':
      ifStatement(node, low, out);
      return;
    case 'ForStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'ForOfStatement':
    case 'ForInStatement':
      loop(node, low, out, label);
      return;
    case 'SwitchStatement':
      low.inBlock(() => {
        const value = lowerExpression(node.discriminant, low);
        const cases = node.cases.map((c) => ({
          test: c.test == null ? undefined : lowerExpression(c.test, low),
          body: lowerBody(c.consequent, low),
        }));
        out.push({ type: 'switch', value, cases, ...labelled });
      });
      return;
    case 'TryStatement':
      out.push({
        type: 'try',
        body: block(node.block, low),
        handlers:
          node.handler == null
            ? []
            : [
                {
                  target: node.handler.param == null ? undefined : lowerPattern(node.handler.param, low),
                  body: block(node.handler.body, low),
                },
              ],
        otherwise: [],
        finalizer: block(node.finalizer, low),
        line: at.line,
        column: at.column,
      });
      return;
    case 'WithStatement':
      out.push({
        type: 'with',
        items: [{ value: lowerExpression(node.object, low), target: undefined }],
        body: block(node.body, low),
      });
      return;
    case 'ReturnStatement':
      out.push({
        type: 'return',
        value: node.argument == null ? undefined : lowerExpression(node.argument, low),
      });
      return;
    case 'ThrowStatement':
      out.push({ type: 'throw', value: lowerExpression(node.argument, low) });
      return;
    case 'BreakStatement':
      out.push(node.label == null ? { type: 'break' } : { type: 'break', label: node.label.name });
      return;
    case 'ContinueStatement':
      out.push(node.label == null ? { type: 'continue' } : { type: 'continue', label: node.label.name });
      return;
    case 'LabeledStatement': {
      if (label === undefined) {
        statement(node.body, low, out, node.label.name);
        return;
      }
      const inner: Statement[] = [];
      statement(node.body, low, inner, node.label.name);
      out.push({ type: 'block', label, body: inner });
      return;
    }
    case 'FunctionDeclaration':
      out.push(...lowerBody([node], low));
      return;
    default:
      moduleStatement(node, low, out);
  }
}

function declaration(node: t.VariableDeclaration, low: Lowering, out: Statement[]): void {
  if (node.declare === true) return;
  const declare = declareKind(node);
  for (const item of node.declarations) {
    const at = low.positionOf(item);
    const target = lowerPattern(item.id, low);
    if (declare === 'var' && target.type === 'name') {
      if (item.init == null || low.inNestedBlock) low.hoist(target.name);
      if (item.init == null) continue;
    }
    if (item.init == null) {
      if (target.type === 'name') out.push(expressionStatement(declareUndefined(target.name, 'let', at)));
      continue;
    }
    out.push(expressionStatement(assign(target, lowerExpression(item.init, low), declare, at)));
  }
}

function declareKind(node: t.VariableDeclaration): Declare {
  return node.kind === 'var' || node.kind === 'let' ? node.kind : 'const';
}

/** `else if` chains grow downwards without recursion in the lowering. */
function ifStatement(node: t.IfStatement, low: Lowering, out: Statement[]): void {
  const links: { test: Expression; then: Statement[] }[] = [];
  let current: Node | null | undefined = node;
  while (current?.type === 'IfStatement') {
    links.push({ test: lowerExpression(current.test, low), then: block(current.consequent, low) });
    current = current.alternate;
  }
  let otherwise = block(current, low);
  const kept = links.slice(0, 300);
  if (kept.length < links.length) {
    low.recovered = true;
    otherwise = [
      ...links.slice(300).flatMap((link) => [expressionStatement(link.test), ...link.then]),
      ...otherwise,
    ];
  }
  for (const link of kept.reverse()) {
    otherwise = [{ type: 'if', test: link.test, then: link.then, otherwise }];
  }
  out.push(...otherwise);
}

type LoopNode = t.ForStatement | t.WhileStatement | t.DoWhileStatement | t.ForOfStatement | t.ForInStatement;

function loop(node: LoopNode, low: Lowering, out: Statement[], label: string | undefined): void {
  const at = low.positionOf(node);
  const shared = {
    type: 'loop' as const,
    ...(label === undefined ? {} : { label }),
    otherwise: [],
    line: at.line,
    column: at.column,
  };
  const counting = { target: undefined, declare: undefined, iterable: undefined };
  switch (node.type) {
    case 'WhileStatement':
    case 'DoWhileStatement':
      out.push({
        ...shared,
        ...counting,
        flavor: node.type === 'WhileStatement' ? 'while' : 'do-while',
        test: lowerExpression(node.test, low),
        update: undefined,
        body: block(node.body, low),
      });
      return;
    case 'ForStatement': {
      const head: Statement[] = [];
      if (node.init != null) {
        low.inBlock(() => {
          if (node.init!.type === 'VariableDeclaration') declaration(node.init, low, head);
          else head.push(expressionStatement(lowerExpression(node.init, low)));
        });
      }
      const body: Statement = {
        ...shared,
        ...counting,
        flavor: 'while',
        test: node.test == null ? undefined : lowerExpression(node.test, low),
        update: node.update == null ? undefined : lowerExpression(node.update, low),
        body: block(node.body, low),
      };
      if (head.length === 0) out.push(body);
      else out.push({ type: 'block', body: [...head, body] });
      return;
    }
    default: {
      const isDeclaration = node.left.type === 'VariableDeclaration';
      const declare = node.left.type === 'VariableDeclaration' ? declareKind(node.left) : undefined;
      const left =
        node.left.type === 'VariableDeclaration' ? node.left.declarations[0]!.id : (node.left as Node);
      const target: Pattern = lowerPattern(left, low);
      if (isDeclaration && declare === 'var' && target.type === 'name') low.hoist(target.name);
      out.push({
        ...shared,
        flavor: node.type === 'ForOfStatement' ? 'for-of' : 'for-in',
        test: undefined,
        update: undefined,
        target,
        declare,
        iterable: lowerExpression(node.right, low),
        body: block(node.body, low),
      });
    }
  }
}

function moduleStatement(node: Node, low: Lowering, out: Statement[]): void {
  const at = low.positionOf(node);
  switch (node.type) {
    case 'ImportDeclaration': {
      if (node.importKind === 'type' || node.importKind === 'typeof') return;
      const specifiers = node.specifiers.filter(
        (s) => !(s.type === 'ImportSpecifier' && (s.importKind === 'type' || s.importKind === 'typeof')),
      );
      if (specifiers.length === 0 && node.specifiers.length > 0) return;
      const bindings = specifiers.map((s) => ({
        imported:
          s.type === 'ImportDefaultSpecifier'
            ? 'default'
            : s.type === 'ImportNamespaceSpecifier'
              ? '*'
              : moduleName(s.imported),
        local: s.local.name,
      }));
      out.push({
        type: 'import',
        source: node.source.value,
        bindings,
        style: 'module',
        line: at.line,
        column: at.column,
      });
      return;
    }
    case 'ExportAllDeclaration': {
      if (node.exportKind === 'type') return;
      // `export * as name from`: of ESTree only, a specifier of a named export in Babel's tree.
      const { exported } = node as { exported?: t.Identifier | t.StringLiteral | null };
      out.push({
        type: 'export',
        source: node.source.value,
        bindings: [{ local: '*', exported: exported == null ? '*' : moduleName(exported) }],
        line: at.line,
        column: at.column,
      });
      return;
    }
    case 'ExportNamedDeclaration':
      exportNamed(node, low, out);
      return;
    case 'ExportDefaultDeclaration':
      exportDefault(node, low, out);
      return;
    case 'TSEnumDeclaration':
      if (node.declare !== true) out.push(lowerEnum(node, low));
      return;
    case 'TSModuleDeclaration':
      namespace(node, low, out);
      return;
    case 'TSImportEqualsDeclaration': {
      const reference = node.moduleReference;
      const value: Expression =
        reference.type === 'TSExternalModuleReference'
          ? {
              type: 'call',
              callee: name('require', at),
              args: [lowerExpression(reference.expression, low)],
              keywords: NONE,
              isNew: false,
              line: at.line,
              column: at.column,
            }
          : entityName(reference, low);
      out.push(expressionStatement(assign(name(node.id.name, at), value, 'const', at)));
      return;
    }
    case 'TSExportAssignment':
      out.push(expressionStatement(moduleExports(lowerExpression(node.expression, low), at)));
      return;
    default:
    // Types, interfaces, empty statements: nothing runs.
  }
}

function entityName(node: t.TSEntityName, low: Lowering): Expression {
  const at = low.positionOf(node);
  if (node.type === 'Identifier') return name(node.name, at);
  return {
    type: 'member',
    object: entityName(node.left, low),
    property: node.right.name,
    line: at.line,
    column: at.column,
  };
}

function moduleExports(value: Expression, at: { line: number; column: number }): Assign {
  const target = {
    type: 'member' as const,
    object: name('module', at),
    property: 'exports',
    line: at.line,
    column: at.column,
  };
  return assign(target, value, undefined, at);
}

function exportNamed(node: t.ExportNamedDeclaration, low: Lowering, out: Statement[]): void {
  if (node.exportKind === 'type') return;
  const at = low.positionOf(node);
  if (node.source != null) {
    const bindings = node.specifiers.map((s) => {
      if (s.type === 'ExportNamespaceSpecifier') return { local: '*', exported: moduleName(s.exported) };
      if (s.type === 'ExportDefaultSpecifier') return { local: 'default', exported: s.exported.name };
      return { local: moduleName(s.local), exported: moduleName(s.exported) };
    });
    out.push({ type: 'export', source: node.source.value, bindings, line: at.line, column: at.column });
    return;
  }
  if (node.declaration == null) return;
  const before = out.length;
  statement(node.declaration, low, out);
  const names = declaredNames(node.declaration);
  if (out.length > before || names.length > 0) {
    out.push(
      exportOf(
        names.map((n): [string, string] => [n, n]),
        node,
        low,
      ),
    );
  }
}

function declaredNames(node: t.Declaration): string[] {
  switch (node.type) {
    case 'VariableDeclaration':
      return node.declarations.flatMap((d) => patternNames(d.id));
    case 'ClassDeclaration':
    case 'FunctionDeclaration':
      return node.id ? [node.id.name] : [];
    case 'TSEnumDeclaration':
      return [node.id.name];
    case 'TSModuleDeclaration':
      return node.id.type === 'Identifier' ? [node.id.name] : [];
    default:
      return [];
  }
}

function patternNames(node: Node): string[] {
  switch (node.type) {
    case 'Identifier':
      return [node.name];
    case 'ArrayPattern':
      return node.elements.flatMap((e) => (e === null ? [] : patternNames(e)));
    case 'ObjectPattern':
      return node.properties.flatMap((p) =>
        p.type === 'RestElement' ? patternNames(p.argument) : patternNames(p.value),
      );
    case 'AssignmentPattern':
      return patternNames(node.left);
    case 'RestElement':
      return patternNames(node.argument);
    default:
      return [];
  }
}

function exportDefault(node: t.ExportDefaultDeclaration, low: Lowering, out: Statement[]): void {
  const { declaration: value } = node;
  if (value.type === 'ClassDeclaration' && value.id) {
    out.push({ type: 'define', value: lowerClass(value, low) });
    out.push(exportOf([[value.id.name, 'default']], node, low));
    return;
  }
  if (value.type === 'TSDeclareFunction') return;
  out.push({ type: 'export-default', value: lowerExpression(value, low) });
}

/** `namespace N { export const x = 1 }`: a function scope whose exports become properties of `N`. */
function namespace(node: t.TSModuleDeclaration, low: Lowering, out: Statement[]): void {
  if (node.declare === true || node.id.type !== 'Identifier') return;
  const at = low.positionOf(node);
  const own = node.id.name;
  const nodes = node.body.type === 'TSModuleBlock' ? node.body.body : [node.body];
  const object: Expression = {
    type: 'binary',
    operator: '||',
    left: name(own, at),
    right: { type: 'dict', entries: [], line: at.line, column: at.column },
    line: at.line,
    column: at.column,
  };
  low.hoist(own);
  out.push(expressionStatement(assign(name(own, at), object, 'var', at)));
  const body = low.inBlock(() =>
    lowerBody(nodes, low).map((inner): Statement => {
      if (inner.type !== 'export' || inner.source !== undefined) return inner;
      const items = inner.bindings.map(({ local, exported }) =>
        assign(
          { type: 'member', object: name(own, at), property: exported, line: at.line, column: at.column },
          name(local, at),
          undefined,
          at,
        ),
      );
      return expressionStatement({
        type: 'sequence',
        items: [...items, constant(undefined, at)],
        line: at.line,
        column: at.column,
      });
    }),
  );
  out.push({ type: 'block', body });
}
