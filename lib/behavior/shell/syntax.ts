/**
 * Command lines as words and operators. One tokenizer for POSIX shells and cmd.exe: what both share is exact (quotes,
 * operators, redirections), where they differ the reading that shows more wins (a backslash before a letter stays in
 * Windows paths and vanishes elsewhere).
 */
import { UNKNOWN_PIECE } from '../values.js';

export interface Redirect {
  /** `>`, `>>`, `<`, `<<`, `>&`. */
  readonly operator: string;
  /** Descriptor written in front, `&` for both. */
  readonly fd: string;
  readonly target: string;
}

export interface SimpleCommand {
  readonly assignments: readonly { readonly name: string; readonly value: string }[];
  /** Quotes removed; `$NAME` as written; what a substitution gives is `UNKNOWN_PIECE`. */
  readonly words: readonly string[];
  readonly redirects: readonly Redirect[];
  /** Command lines inside `$(…)` and backquotes, in order. */
  readonly substitutions: readonly string[];
  /** Text of a here-document or here-string. */
  readonly input: string | undefined;
  /** Source of the command, for evidence. */
  readonly text: string;
}

export interface Pipeline {
  readonly commands: readonly SimpleCommand[];
  /** Ended by `&`. */
  readonly background: boolean;
}

/** Longest command text read; what is longer is data in a script, not a script. */
const MAX_LENGTH = 400_000;
const MAX_COMMANDS = 2000;

type Token =
  | {
      readonly type: 'word';
      readonly text: string;
      readonly quoted: boolean;
      readonly substitutions: readonly string[];
      readonly at: number;
    }
  | { readonly type: 'operator'; readonly text: string; readonly at: number }
  | { readonly type: 'redirect'; readonly text: string; readonly fd: string; readonly at: number }
  | { readonly type: 'heredoc'; readonly text: string; readonly at: number };

/** Variables whose value is only white space: used to write commands without a space in them. */
const BLANKS = /\$\{IFS[^}]*\}|\$IFS(?:\$9)?/g;

/** `cut`: the text is over a limit, and what is beyond is left out. */
export function parsePipelines(source: string): { readonly pipelines: Pipeline[]; readonly cut: boolean } {
  const text = source.slice(0, MAX_LENGTH).replace(BLANKS, ' ').replace(/\r\n?/g, '\n');
  const { tokens, cut } = tokenize(text);
  const pipelines = group(tokens, text);
  return { pipelines, cut: cut || source.length > MAX_LENGTH || pipelines.length >= MAX_COMMANDS };
}

function tokenize(text: string): { tokens: Token[]; cut: boolean } {
  const tokens: Token[] = [];
  const heredocs: { delimiter: string; stripTabs: boolean }[] = [];
  let i = 0;
  while (i < text.length && tokens.length < MAX_COMMANDS * 20) {
    const c = text[i]!;
    if (c === '\n' && heredocs.length > 0) {
      tokens.push({ type: 'operator', text: ';', at: i });
      i += 1;
      for (const { delimiter, stripTabs } of heredocs.splice(0)) {
        const end = heredocEnd(text, i, delimiter, stripTabs);
        // The body belongs to the command before the line's end.
        tokens.splice(tokens.length - 1, 0, { type: 'heredoc', text: text.slice(i, end.body), at: i });
        i = end.next;
      }
      continue;
    }
    if (c === ' ' || c === '\t') {
      i += 1;
      continue;
    }
    if (c === '\\' && text[i + 1] === '\n') {
      i += 2;
      continue;
    }
    if (c === '#' && (i === 0 || /[\s;&|(]/.test(text[i - 1]!))) {
      const end = text.indexOf('\n', i);
      i = end === -1 ? text.length : end;
      continue;
    }
    const redirect = /^(\d+|&)?(<<<|<<-|<<|>>|>\||>&|<&|<>|>|<)/.exec(text.slice(i, i + 6));
    if (redirect !== null && !(redirect[1] === '&' && redirect[2]!.startsWith('<'))) {
      const operator = redirect[2]!;
      tokens.push({ type: 'redirect', text: operator, fd: redirect[1] ?? '', at: i });
      i += redirect[0].length;
      if (operator === '<<' || operator === '<<-') {
        const word = /^\s*(['"]?)([\w.-]+)\1/.exec(text.slice(i, i + 80));
        if (word !== null) {
          heredocs.push({ delimiter: word[2]!, stripTabs: operator === '<<-' });
          i += word[0].length;
        }
      }
      continue;
    }
    const operator = /^(?:&&|\|\||;;|\|&|[|;&()\n])/.exec(text.slice(i, i + 2));
    if (operator !== null) {
      tokens.push({ type: 'operator', text: operator[0], at: i });
      i += operator[0].length;
      continue;
    }
    const word = readWord(text, i);
    tokens.push({
      type: 'word',
      text: word.text,
      quoted: word.quoted,
      substitutions: word.substitutions,
      at: i,
    });
    i = Math.max(word.end, i + 1);
  }
  return { tokens, cut: i < text.length };
}

function heredocEnd(
  text: string,
  from: number,
  delimiter: string,
  stripTabs: boolean,
): { body: number; next: number } {
  let at = from;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end === -1 ? text.length : end);
    if ((stripTabs ? line.replace(/^\t+/, '') : line) === delimiter) {
      return { body: at, next: end === -1 ? text.length : end + 1 };
    }
    if (end === -1) break;
    at = end + 1;
  }
  return { body: text.length, next: text.length };
}

interface Word {
  readonly text: string;
  readonly quoted: boolean;
  readonly substitutions: string[];
  readonly end: number;
}

function readWord(text: string, start: number): Word {
  let out = '';
  let quoted = false;
  const substitutions: string[] = [];
  let i = start;
  const windows = /^(?:[A-Za-z]:|%\w+%|\.|\\)\\/.test(text.slice(start, start + 40));
  while (i < text.length) {
    const c = text[i]!;
    if (/[\s;&|()<>]/.test(c)) break;
    if (c === "'") {
      const end = text.indexOf("'", i + 1);
      quoted = true;
      if (end === -1) {
        out += text.slice(i + 1);
        i = text.length;
      } else {
        out += text.slice(i + 1, end);
        i = end + 1;
      }
      continue;
    }
    if (c === '$' && text[i + 1] === "'") {
      const end = closing(text, i + 2, "'");
      out += ansiC(text.slice(i + 2, end));
      quoted = true;
      i = end + 1;
      continue;
    }
    if (c === '"') {
      quoted = true;
      i += 1;
      while (i < text.length && text[i] !== '"') {
        if (text[i] === '\\' && /["\\$`\n]/.test(text[i + 1] ?? '')) {
          out += text[i + 1] === '\n' ? '' : text[i + 1];
          i += 2;
          continue;
        }
        const inner = substitution(text, i);
        if (inner !== undefined) {
          substitutions.push(inner.command);
          out += UNKNOWN_PIECE;
          i = inner.end;
          continue;
        }
        out += text[i];
        i += 1;
      }
      i += 1;
      continue;
    }
    const inner = substitution(text, i);
    if (inner !== undefined) {
      substitutions.push(inner.command);
      out += UNKNOWN_PIECE;
      i = inner.end;
      continue;
    }
    if (c === '\\' && i + 1 < text.length) {
      if (windows && /[\w.%$-]/.test(text[i + 1]!)) out += '\\';
      else i += 1;
      out += text[i] === '\\' ? '' : text[i];
      i += 1;
      continue;
    }
    if (c === '^' && i + 1 < text.length && /[a-z&|<>^"]/i.test(text[i + 1]!)) {
      // cmd.exe escapes with a caret, also letters that need none.
      i += 1;
      continue;
    }
    out += c;
    i += 1;
  }
  return { text: out, quoted, substitutions, end: i };
}

function closing(text: string, from: number, quote: string): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === quote) return i;
  }
  return text.length;
}

/** `$'…'`: escapes as in C. */
function ansiC(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|([0-7]{1,3})|(.))/g,
    (_, hex, unicode, octal, other) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return other === 'n' ? '\n' : other === 't' ? '\t' : other;
    },
  );
}

/** `$(…)`, backquotes and process substitution `<(…)` at this place. */
function substitution(text: string, at: number): { command: string; end: number } | undefined {
  if (text[at] === '`') {
    const end = closing(text, at + 1, '`');
    return { command: text.slice(at + 1, end), end: end + 1 };
  }
  if (text[at] !== '$' || text[at + 1] !== '(' || text[at + 2] === '(') return undefined;
  const end = closingParenthesis(text, at + 2);
  return { command: text.slice(at + 2, end), end: end + 1 };
}

function closingParenthesis(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i += 1;
    else if (c === "'") {
      const end = text.indexOf("'", i + 1);
      if (end !== -1) i = end;
    } else if (c === '(') depth += 1;
    else if (c === ')') {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
  return text.length;
}

/** Words of the shell's grammar that stand before a command. */
const KEYWORDS = new Set([
  'if',
  'then',
  'else',
  'elif',
  'fi',
  'while',
  'until',
  'do',
  'done',
  'esac',
  '{',
  '}',
  '!',
  'time',
  'function',
  'coproc',
]);

const isOperator = (token: Token | undefined, text: string): boolean =>
  token?.type === 'operator' && token.text === text;

const isKeyword = (token: Token): boolean =>
  token.type === 'word' && !token.quoted && KEYWORDS.has(token.text);

/**
 * The bracket that ends what a `case` compares with (`a|b*)`), if `at` begins such a list on one line. Only single words count,
 * and none that runs something itself: what is left out here must not be a command in any other reading of the text.
 */
function patternsEnd(tokens: readonly Token[], at: number): number | undefined {
  for (let i = at; ; i += 2) {
    const word = tokens[i];
    if (word?.type !== 'word' || word.substitutions.length > 0) return undefined;
    if (isOperator(tokens[i + 1], ')')) return i + 1;
    if (!isOperator(tokens[i + 1], '|')) return undefined;
  }
}

function group(tokens: readonly Token[], source: string): Pipeline[] {
  const pipelines: Pipeline[] = [];
  let commands: SimpleCommand[] = [];
  let current: Token[] = [];
  const endCommand = (end: number): void => {
    const command = build(current, source, end);
    if (command !== undefined) commands.push(command);
    current = [];
  };
  const endPipeline = (background: boolean): void => {
    if (commands.length > 0) pipelines.push({ commands, background });
    commands = [];
  };
  let openCases = 0;
  let awaitsPattern = false;
  for (let i = 0; i < tokens.length; i++) {
    if (pipelines.length >= MAX_COMMANDS) break;
    const token = tokens[i]!;
    if (awaitsPattern && !isOperator(token, '\n')) {
      awaitsPattern = false;
      const end = patternsEnd(tokens, i);
      if (end !== undefined) {
        i = end;
        continue;
      }
    }
    if (token.type !== 'operator') {
      current.push(token);
      continue;
    }
    const first = current.find((t) => !isKeyword(t));
    if (first?.type === 'word' && !first.quoted && first.text === 'case') {
      openCases += 1;
      awaitsPattern = token.text === '\n';
    } else if (current.some((t) => t.type === 'word' && !t.quoted && t.text === 'esac')) openCases -= 1;
    if (token.text === ';;' && openCases > 0) awaitsPattern = true;
    endCommand(token.at);
    if (token.text !== '|' && token.text !== '|&') endPipeline(token.text === '&');
  }
  endCommand(source.length);
  endPipeline(false);
  return pipelines;
}

function build(tokens: readonly Token[], source: string, end: number): SimpleCommand | undefined {
  const assignments: { name: string; value: string }[] = [];
  const words: string[] = [];
  const redirects: Redirect[] = [];
  const substitutions: string[] = [];
  let input: string | undefined;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.type === 'heredoc') {
      input = token.text;
      continue;
    }
    if (token.type === 'redirect') {
      const target = tokens[i + 1];
      if (token.text.startsWith('<<') && token.text !== '<<<') continue;
      if (target?.type !== 'word') continue;
      i += 1;
      substitutions.push(...target.substitutions);
      if (token.text === '<<<') input = target.text;
      else redirects.push({ operator: token.text, fd: token.fd, target: target.text });
      continue;
    }
    if (token.type !== 'word') continue;
    substitutions.push(...token.substitutions);
    const assignment = words.length === 0 ? /^([A-Za-z_]\w*)\+?=([\s\S]*)$/.exec(token.text) : null;
    if (assignment !== null) {
      assignments.push({ name: assignment[1]!, value: assignment[2]! });
      continue;
    }
    if (words.length === 0 && isKeyword(token)) continue;
    words.push(token.text);
  }
  if (words.length + assignments.length + redirects.length === 0) return undefined;
  if (words[0] === 'for' || words[0] === 'case' || words[0] === 'select') return undefined;
  const text = source.slice(tokens[0]!.at, end).trim();
  return { assignments, words, redirects, substitutions, input, text };
}
