/**
 * Python source → a compact syntax tree. tree-sitter keeps its tree in WebAssembly memory, where every look
 * costs a call; it is copied out once with a cursor, without recursion, and freed at once.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Language, Parser, type Tree } from 'web-tree-sitter';
import { BeyondLimit, type Position } from '../ir.js';

/** A node of the syntax tree. Punctuation that says nothing beyond its parent's type is left out. */
export interface Node {
  /** Type as the grammar names it; `ERROR` where the parser could not go on. */
  readonly type: string;
  /** UTF-16 offsets into the source. */
  readonly start: number;
  readonly end: number;
  readonly field: string | undefined;
  readonly children: Node[];
}

/** Anonymous tokens the lowering needs: they decide between forms that have the same named children. */
const KEPT_TOKENS = new Set(['async', ':', ',', '=', 'from', '*', '**', '_', '-', '+', '.']);
/** Node types whose inside is read from the text, not from the tree. */
const LEAVES = new Set([
  'string_content',
  'integer',
  'float',
  'identifier',
  'dotted_name',
  'import_prefix',
  'comment',
]);

const ERROR_TYPE = 65535;

export interface PythonParser {
  /** Throws `SyntaxError` when the parser gives up (its own budget, or a tree over `MAX_NODES`). */
  parse(source: string): { readonly root: Node; readonly hasError: boolean };
}

/** 4 M nodes are about 25 MB of source; beyond that the file is data, and reported as not parsed. */
const MAX_NODES = 4_000_000;

let loading: Promise<PythonParser> | undefined;

/** The parser, loaded once per process from the grammar package's WebAssembly file. */
export function loadParser(): Promise<PythonParser> {
  loading ??= load();
  return loading;
}

async function load(): Promise<PythonParser> {
  const require = createRequire(import.meta.url);
  await initParser();
  const grammar = await readFile(require.resolve('tree-sitter-python/tree-sitter-python.wasm'));
  const language = await Language.load(new Uint8Array(grammar));
  const copy = makeCopier(language);
  const parser = new Parser();
  parser.setLanguage(language);
  return {
    parse(source) {
      // Error recovery can cost much more than parsing; the callback is reached every so many steps, so that
      // the limit is one of work, not of time.
      let steps = 0;
      const limit = 2_000 + source.length / 2;
      let tree: Tree | null = null;
      try {
        tree = parser.parse(source, null, { progressCallback: () => ++steps > limit });
      } catch (error) {
        throw new BeyondLimit(`cannot parse: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (tree === null) {
        parser.reset();
        throw new BeyondLimit('cannot parse: too many steps');
      }
      try {
        return { root: copy(tree), hasError: tree.rootNode.hasError };
      } finally {
        tree.delete();
      }
    },
  };
}

/** What is used here of the module object that holds the parser's memory. */
interface Memory {
  readonly HEAP32: Int32Array;
  setValue(address: number, value: number, type?: string): void;
  getValue(address: number, type?: string): number;
}

/**
 * A cursor goes into the parser's memory before each of its calls, four integers one by one: what puts them there tells apart
 * the names of eight types each time. The two functions answer for 32-bit integers at once.
 */
async function initParser(): Promise<void> {
  const options = {};
  await Parser.init(options);
  const memory = options as Memory;
  const { setValue, getValue } = memory;
  memory.setValue = (address, value, type) => {
    if (type === 'i32') memory.HEAP32[address >> 2] = value;
    else setValue(address, value, type);
  };
  memory.getValue = (address, type) =>
    type === 'i32' ? memory.HEAP32[address >> 2]! : getValue(address, type);
}

function makeCopier(language: Language): (tree: Tree) => Node {
  const names = language.types;
  const isKept = names.map((name, id) => language.nodeTypeIsNamed(id) || KEPT_TOKENS.has(name));
  // A token that is not named is its text, and has nothing inside.
  const isLeaf = names.map((name, id) => LEAVES.has(name) || !language.nodeTypeIsNamed(id));
  const isComment = names.map((name) => name === 'comment' || name === 'line_continuation');
  return (tree) => {
    const cursor = tree.walk();
    try {
      const stack: Node[] = [];
      let root: Node | undefined;
      let count = 0;
      for (;;) {
        const id = cursor.nodeTypeId;
        const fieldId = cursor.currentFieldId;
        const field = fieldId === 0 ? undefined : (language.fields[fieldId] ?? undefined);
        const isError = id === ERROR_TYPE;
        let node: Node | undefined;
        if (isError || (!isComment[id] && (isKept[id] || field?.startsWith('operator')))) {
          if (++count > MAX_NODES) throw new BeyondLimit('cannot parse: too many nodes');
          node = {
            type: isError ? 'ERROR' : (names[id] ?? 'ERROR'),
            start: cursor.startIndex,
            end: cursor.endIndex,
            field,
            children: [],
          };
          if (stack.length > 0) stack[stack.length - 1]!.children.push(node);
          else root = node;
        }
        if (node !== undefined && (isError || !isLeaf[id]) && cursor.gotoFirstChild()) {
          stack.push(node);
          continue;
        }
        let done = false;
        while (!cursor.gotoNextSibling()) {
          if (stack.length <= 1 || !cursor.gotoParent()) {
            done = true;
            break;
          }
          stack.pop();
        }
        if (done) break;
      }
      if (root === undefined) throw new SyntaxError('cannot parse: empty tree');
      return root;
    } finally {
      cursor.delete();
    }
  };
}

/** Turns offsets into lines (1-based) and columns (0-based, UTF-16 units). */
export interface Positions {
  position(offset: number): Position;
}

export class Lines implements Positions {
  readonly #starts: number[] = [0];
  #last = 0;

  constructor(source: string) {
    for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1))
      this.#starts.push(at + 1);
  }

  position(offset: number): Position {
    const starts = this.#starts;
    // Offsets come nearly in order, so the last line is the first guess.
    let low = this.#last;
    if (starts[low]! > offset) low = 0;
    let high = starts.length - 1;
    if (low < high && starts[low + 1]! > offset) high = low;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    this.#last = low;
    return { line: low + 1, column: offset - starts[low]! };
  }
}
