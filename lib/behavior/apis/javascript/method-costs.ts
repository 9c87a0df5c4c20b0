/** What methods of JavaScript's strings cost by the length of their texts, in parts of `Look`. */
import { noteLooked } from '../../looks.js';

/** Parts one character costs a method that goes through all of its text, or copies it. */
const A_CHARACTER: Readonly<Record<string, number>> = {
  toLowerCase: 1,
  toUpperCase: 1,
  toLocaleLowerCase: 1,
  toLocaleUpperCase: 1,
  normalize: 4,
  isWellFormed: 0.25,
};

/** Parts a character costs that is compared with that of another text: at the same place, or by the order of a language. */
const COMPARED = 0.25;
const ORDERED = 4;
/** Parts a character costs a method that leaves out white space, for each it leaves out. */
const LEFT_OUT = 0.5;
/** Parts a character costs a method that escapes its argument. */
const ESCAPED = 16;

/** Charges a plain method for what it went through. */
export function chargeMethod(name: string, text: string, args: readonly unknown[], result: unknown): void {
  const [first] = args;
  const other = typeof first === 'string' ? first.length : 0;
  const each = A_CHARACTER[name];
  if (each !== undefined) noteLooked(each * text.length);
  else if (name === 'startsWith' || name === 'endsWith') noteLooked(COMPARED * Math.min(text.length, other));
  else if (name === 'localeCompare') noteLooked(ORDERED * Math.min(text.length, other));
  else if (name.startsWith('trim')) noteLooked(LEFT_OUT * (text.length - (result as string).length));
  else if (name === 'anchor' || name === 'fontcolor' || name === 'link') noteLooked(ESCAPED * other);
}

/** Charges one pass of a regular expression over a text. Long expressions are mostly alternatives, tried one after another. */
export function chargeExpression(expression: RegExp, length: number): void {
  noteLooked(length * (1 + expression.source.length / 64));
}
