/** JavaScript, TypeScript and JSX text → intermediate representation. */
import { type ParserOptions, type ParserPlugin, parse } from '@babel/parser';
import type { Program as Tree } from '@babel/types';
import { BeyondLimit, type Expression, type Lower, type Program } from '../ir.js';
import { parseStrictly } from './javascript-acorn.js';
import { Lowering } from './javascript-lowering.js';
import { lowerProgram } from './javascript-statements.js';
import { inspectText } from './text.js';

const COMMON: ParserOptions = {
  errorRecovery: true,
  attachComment: false,
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
  allowNewTargetOutsideFunction: true,
  allowReturnOutsideFunction: true,
  allowSuperOutsideMethod: true,
  allowUndeclaredExports: true,
};

const PLUGINS: ParserPlugin[] = [
  'decorators-legacy',
  'decoratorAutoAccessors',
  'explicitResourceManagement',
  ['importAttributes', { deprecatedAssertSyntax: true }] as unknown as ParserPlugin,
  'deferredImportEvaluation',
  'sourcePhaseImports',
  'exportDefaultFrom',
  'throwExpressions',
];

type Attempt = { sourceType: 'unambiguous' | 'script' | 'module'; plugins: ParserPlugin[] };

/** Babel's ways of reading a file, most likely first; the next is tried only when one fails outright. */
function attempts(file: string): Attempt[] {
  const unambiguous = (plugins: ParserPlugin[]): Attempt => ({ sourceType: 'unambiguous', plugins });
  const script: Attempt = { sourceType: 'script', plugins: ['jsx'] };
  const typescript = unambiguous(['typescript']);
  const tsx = unambiguous(['typescript', 'jsx']);
  if (/\.[cm]?ts$/i.test(file)) return [typescript, tsx, script];
  if (/\.tsx$/i.test(file)) return [tsx, typescript, script];
  return [unambiguous(['jsx']), script, unambiguous(['flow', 'jsx']), tsx, typescript];
}

/**
 * Lowers a file. Comments, types and layout are gone; order of evaluation stays. Plain JavaScript is parsed by acorn, what it
 * refuses by Babel; a file Babel recovers from is lowered as far as it was read (`recovered`).
 * Throws `SyntaxError` when no way of reading it works, also for nesting deeper than the parser's stack.
 */
export const lowerJavaScript: Lower = (source, file, plain = false) => {
  const text = source.charCodeAt(0) === 0xfeff ? source.slice(1) : source;
  if (/\.json$/i.test(file)) return lowerJson(text);
  const { tree, hasErrors } = parseAnyWay(text, file, plain);
  const lowering = new Lowering(tree.sourceType === 'module', text);
  const body = lowerProgram(tree, lowering);
  return {
    language: 'javascript',
    body,
    sourceType: tree.sourceType === 'module' ? 'module' : 'script',
    textBehaviors: inspectText(text, 'javascript'),
    recovered: lowering.recovered || hasErrors,
  };
};

function parseAnyWay(text: string, file: string, plain = false): { tree: Tree; hasErrors: boolean } {
  if (!/\.([cm]?ts|tsx)$/i.test(file)) {
    try {
      return { tree: parseStrictly(text), hasErrors: false };
    } catch {
      // Another dialect, or errors that Babel recovers from. Also nesting: Babel needs less of the stack for long sums, rows of
      // signs and a few more, and no file may count as too deep that it can read.
    }
  }
  let failure: unknown;
  const ways = attempts(file);
  for (const { sourceType, plugins } of plain ? ways.slice(0, 2) : ways) {
    try {
      const { program, errors } = parse(text, { ...COMMON, sourceType, plugins: [...PLUGINS, ...plugins] });
      return { tree: program, hasErrors: (errors?.length ?? 0) > 0 };
    } catch (error) {
      failure ??= error;
      // Nesting beyond the stack fails the same way whatever the dialect.
      if (error instanceof RangeError) break;
    }
  }
  if (failure instanceof RangeError) throw new BeyondLimit(`${file}: nested too deeply`);
  const filled = plain ? undefined : fillTemplate(text);
  if (filled !== undefined) return parseAnyWay(filled, file);
  throw new SyntaxError(`${file}: ${(failure as Error).message}`);
}

/** Longest file read as a template. */
const TEMPLATE_LENGTH = 200_000;

/** A template of code (`<%= name %>`, `{{ name }}`) with its holes made names of the same length; undefined for others. */
function fillTemplate(text: string): string | undefined {
  if (text.length > TEMPLATE_LENGTH || !/<%|\{[{%]/.test(text)) return undefined;
  const blank = (hole: string): string => hole.replace(/[^\n]/g, ' ');
  const named = (hole: string): string => '_'.repeat(hole.length);
  const filled = text
    .replace(/<%[=-][^%\n]{0,300}%>|\{\{[^{}\n]{0,300}\}\}/g, named)
    .replace(/<%[^%]{0,2000}%>|\{%[^%]{0,2000}%\}/g, blank);
  return filled === text ? undefined : filled;
}

/** A required `.json` file: its value, as a module that exports it. */
function lowerJson(text: string): Program {
  const at = { line: 1, column: 0 };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError((error as Error).message);
  }
  const convert = (json: unknown, depth: number): Expression => {
    if (depth > 64) return { type: 'constant', value: undefined, line: at.line, column: at.column };
    if (Array.isArray(json)) {
      return {
        type: 'list',
        flavor: 'array',
        items: json.map((item) => convert(item, depth + 1)),
        line: at.line,
        column: at.column,
      };
    }
    if (typeof json === 'object' && json !== null) {
      const entries = Object.entries(json).map(([key, item]) => ({
        key: { type: 'constant' as const, value: key, line: at.line, column: at.column },
        value: convert(item, depth + 1),
      }));
      return { type: 'dict', entries, line: at.line, column: at.column };
    }
    return {
      type: 'constant',
      value: json as string | number | boolean | null,
      line: at.line,
      column: at.column,
    };
  };
  const target = {
    type: 'member' as const,
    object: { type: 'name' as const, name: 'module', line: at.line, column: at.column },
    property: 'exports',
    line: at.line,
    column: at.column,
  };
  return {
    language: 'javascript',
    body: [
      {
        type: 'expression',
        expression: {
          type: 'assign',
          target,
          operator: undefined,
          value: convert(value, 0),
          postfix: false,
          declare: undefined,
          line: at.line,
          column: at.column,
        },
      },
    ],
    sourceType: 'script',
    textBehaviors: [],
    recovered: false,
  };
}
