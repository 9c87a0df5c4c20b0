/** Python, 2 and 3, lowered to IR. */
import type { Lower, Program } from '../ir.js';
import { StatementLowering } from './python-statements.js';
import { textBehaviors } from './python-text.js';
import { Lines, loadParser, type Node } from './python-tree.js';

export { decodePythonSource } from './python-source.js';

/** The lowering for Python; loading the grammar is what is asynchronous. */
export async function loadPython(): Promise<Lower> {
  const parser = await loadParser();
  return (source, _file) => {
    const text = prepare(source);
    const { root, hasError } = parser.parse(text);
    const lines = new Lines(text);
    const lowering = new StatementLowering(text, lines, (fragment) => {
      try {
        const inner = parser.parse(fragment).root;
        return inner.children[0]?.type === 'expression_statement' ? inner.children[0].children[0] : undefined;
      } catch {
        return undefined;
      }
    });
    const program: Program = {
      language: 'python',
      body: lowering.block(root),
      sourceType: 'script',
      textBehaviors: [
        ...textBehaviors(text, root, lines),
        ...(lowering.tooDeep === undefined
          ? []
          : [{ code: 'parse-failure', ...lowering.tooDeep, detail: 'nested too deeply' }]),
      ],
      recovered: hasError || lowering.recovered,
      ...(lowering.tooDeep !== undefined && { cut: true }),
    };
    if (program.body.length === 0 && hasError && isNothing(root)) {
      throw new SyntaxError('cannot parse: not Python');
    }
    return program;
  };
}

/** True when not one statement was recognised in the whole text. */
function isNothing(root: Node): boolean {
  return root.type === 'ERROR' || root.children.every((c) => c.type === 'ERROR');
}

/** Line ends as one character, no byte order mark, and Python 2's `exec EXPR` as a call. Lines stay where they are. */
function prepare(source: string): string {
  let text = source.charCodeAt(0) === 0xfeff ? source.slice(1) : source;
  if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n');
  // A NUL ends the text for the parser, not for the programs that pass code around in strings.
  if (text.includes('\0')) text = text.replaceAll('\0', ' ');
  if (/(?:^|[;:])[ \t]*exec[ \t]+["'\w`]/m.test(text)) text = rewriteExec(text);
  return text;
}

const EXEC = /(^|[;:])([ \t]*)exec[ \t]+(?!(?:in|is|and|or|not|if|else|for|as)\b)(?=["'\w`])/gm;

/** `exec code in d` → `exec(code in d)`; the lowering makes two arguments of it. */
function rewriteExec(text: string): string {
  let out = '';
  let done = 0;
  EXEC.lastIndex = 0;
  for (let match = EXEC.exec(text); match !== null; match = EXEC.exec(text)) {
    const start = match.index + match[0].length;
    const end = statementEnd(text, start);
    if (end === undefined) continue;
    const blank = text.slice(match.index, start).replace(/[ \t]+$/, '');
    out += `${text.slice(done, match.index)}${blank}(${text.slice(start, end)})`;
    done = end;
    EXEC.lastIndex = end;
  }
  return done === 0 ? text : out + text.slice(done);
}

/** End of a simple statement: a line end or `;` outside strings and brackets; undefined when a string never ends. */
function statementEnd(text: string, from: number): number | undefined {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === "'") {
      const quote = text.startsWith(c.repeat(3), i) ? c.repeat(3) : c;
      let at = i + quote.length;
      while (at < text.length && !text.startsWith(quote, at)) {
        if (text[at] === '\\') at++;
        else if (text[at] === '\n' && quote.length === 1) return undefined;
        at++;
      }
      if (at >= text.length) return undefined;
      i = at + quote.length - 1;
    } else if (c === '(' || c === '[' || c === '{') depth++;
    else if (c === ')' || c === ']' || c === '}') depth--;
    else if (c === '\\') i++;
    else if (depth <= 0 && (c === '\n' || c === ';' || c === '#')) return i;
  }
  return depth <= 0 ? text.length : undefined;
}
