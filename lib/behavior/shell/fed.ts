/**
 * Files whose text a command line hands to an interpreter by a way that is not followed (`node < notes.md`,
 * `cat x | sh`, `eval "$(cat x)"`, `node --require=./x`). Every expression is bounded, so it stays linear in the text.
 */

const INTERPRETER =
  '(?:node|nodejs|bun|deno|tsx|sh|bash|zsh|dash|ksh|ash|python[\\d.]{0,4}|pypy3?|perl|ruby|php)';
/** Nothing behind the interpreter but a dash: what it runs is its input. */
const ALONE = `${INTERPRETER}\\s{0,20}(?:-s?\\s{0,20})?`;
const FILE = `(['"]?)([^\\s'"\`<>;&|()]{1,300})`;

const INTO = new RegExp(`(?:^|[\\s/|;&(])${ALONE}<\\s{0,20}${FILE}`, 'g');
const INTO_BEFORE = new RegExp(`<\\s{0,20}${FILE}\\1\\s{1,20}(?:\\S{0,200}/)?${ALONE}(?:$|[;&|)\\n])`, 'g');
const LOADED = new RegExp(`--(?:require|import|loader|experimental-loader)=${FILE}`, 'g');
/** What a substitution names: its output is a program. */
const SUBSTITUTED = /(?:\$\(|`)([^)`]{1,300})/g;
const PIPED = new RegExp(
  `\\|\\s{0,20}(?:(?:sudo|env|nohup)\\s{1,20}){0,3}(?:\\S{0,200}/)?${ALONE}(?:$|[)>|&])`,
);

/** `awk 'BEGIN{system("node x.txt")}'`, `find … -exec node x.txt`: an interpreter and its file inside other words. */
const NAMED = new RegExp(`(?:^|[^\\w.-])${INTERPRETER}\\s{1,20}(?:-\\S{1,40}\\s{1,20}){0,4}${FILE}`, 'g');
/** What runs an interpreter on names it is given at run time: any word may be one. */
const HANDED_ON = new RegExp(
  `(?:\\|\\s{0,20}xargs\\s|\\s-(?:exec|execdir|ok|okdir)\\s)[^;|&]{0,300}?${INTERPRETER}(?:\\s|$)`,
);

/** Paths that stand behind an interpreter anywhere in the text, in a quoted program of another tool too. */
export function namedAfterInterpreter(command: string): string[] {
  const found = [...command.matchAll(NAMED)].map((match) => match[2]!);
  if (HANDED_ON.test(command)) found.push(...command.split(/[\s'"|<>()=;&]+/).filter((word) => word !== ''));
  return found;
}

/** Paths as written, whether or not there are such files. */
export function fedFiles(command: string): string[] {
  if (!/[<|`$]|--[a-z-]+=/.test(command)) return [];
  const found = [INTO, INTO_BEFORE, LOADED].flatMap((expression) =>
    [...command.matchAll(expression)].map((match) => match[2]!),
  );
  if (/\beval\b|\s-[a-z]*[ce]\b/.test(command)) {
    for (const match of command.matchAll(SUBSTITUTED)) found.push(...wordsOf(match[1]!));
  }
  if (command.includes('|')) {
    for (const segment of command.split(/[;\n]|&&|\|\|/)) {
      if (PIPED.test(segment)) found.push(...wordsOf(segment));
    }
  }
  return found;
}

const wordsOf = (text: string): string[] => text.split(/[\s'"|<>()=]+/).filter((word) => word !== '');
