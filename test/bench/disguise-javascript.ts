/** Disguises for JavaScript, laid over source text at the places Babel's tree gives. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from '@babel/parser';
import traverseModule, { type NodePath, type TraverseOptions } from '@babel/traverse';
import type * as t from '@babel/types';
import obfuscator from 'javascript-obfuscator';
import { minify } from 'terser';
import type { OpenedArtifact } from '../../lib/types.js';
import { artifactOf, importEntry } from '../helpers/sequence.js';
import type { Disguise } from './disguises.js';

// The package is CommonJS: its default export arrives one level down.
const traverse = ((traverseModule as unknown as { default?: unknown }).default ?? traverseModule) as Traverse;

type Traverse = (file: t.File, visitor: TraverseOptions) => void;

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function tree(source: string): t.File | undefined {
  try {
    return parse(source, {
      sourceType: 'unambiguous',
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
    });
  } catch {
    return undefined;
  }
}

/** Edits from the innermost outwards do not overlap here: every disguise changes one kind of leaf. */
function edited(source: string, edits: readonly Edit[]): string {
  let out = '';
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    if (edit.start < at) continue;
    out += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + source.slice(at);
}

/** Replaces every string that stands as an expression. */
function strings(replace: (text: string) => string | undefined): (source: string) => string | undefined {
  return (source) => {
    const file = tree(source);
    if (file === undefined) return undefined;
    const edits: Edit[] = [];
    traverse(file, {
      noScope: true,
      StringLiteral(path: NodePath<t.StringLiteral>) {
        const { node, parent } = path;
        if (/^(?:Import|Export)/.test(parent.type)) return;
        if ('key' in parent && parent.key === node && !('computed' in parent && parent.computed === true))
          return;
        if (node.value.length < 2) return;
        const text = replace(node.value);
        if (text !== undefined) edits.push({ start: node.start!, end: node.end!, text: ` ${text}` });
      },
    });
    return edited(source, edits);
  };
}

const quoted = (text: string): string => JSON.stringify(text);

function pieces(text: string): string {
  const out: string[] = [];
  for (let i = 0; i < text.length; i += 3) out.push(quoted(text.slice(i, i + 3)));
  return `(${out.join('+')})`;
}

const latin = (text: string): boolean => /^[\x00-\xff]*$/.test(text);

function members(write: (name: string) => string): (source: string) => string | undefined {
  return (source) => {
    const file = tree(source);
    if (file === undefined) return undefined;
    const edits: Edit[] = [];
    traverse(file, {
      noScope: true,
      MemberExpression(path: NodePath<t.MemberExpression>) {
        const { node } = path;
        if (node.computed || node.property.type !== 'Identifier') return;
        edits.push({ start: node.object.end!, end: node.end!, text: `[${write(node.property.name)}]` });
      },
    });
    // Chains nest: what ends first is written first, each edit covers only its own dot and name.
    const narrow = edits.map((edit) => {
      const dot = source.indexOf('.', edit.start);
      return dot === -1 || dot >= edit.end || /[^\s)]/.test(source.slice(edit.start, dot))
        ? undefined
        : { ...edit, start: dot };
    });
    return edited(
      source,
      narrow.filter((edit) => edit !== undefined),
    );
  };
}

/** Every global function and object the code uses, under another name. */
function aliased(source: string): string | undefined {
  const file = tree(source);
  if (file === undefined) return undefined;
  const globals = new Set([
    'require',
    'process',
    'eval',
    'Buffer',
    'fetch',
    'setTimeout',
    'Function',
    'JSON',
  ]);
  const used = new Set<string>();
  const edits: Edit[] = [];
  traverse(file, {
    noScope: true,
    Identifier(path: NodePath<t.Identifier>) {
      const { node, parent } = path;
      if (!globals.has(node.name) || /Pattern$|^Import|^Export|Function|Class|Label/.test(parent.type))
        return;
      if (parent.type === 'MemberExpression' && parent.property === node && !parent.computed) return;
      if ((parent.type === 'ObjectProperty' || parent.type === 'ObjectMethod') && parent.key === node) return;
      if (parent.type === 'VariableDeclarator' && parent.id === node) return;
      used.add(node.name);
      edits.push({ start: node.start!, end: node.end!, text: `a_${node.name}` });
    },
  });
  const head = [...used].map((name) => `const a_${name} = ${name};`).join(' ');
  return `${head}${edited(source, edits)}`;
}

function dynamicImports(source: string): string | undefined {
  const file = tree(source);
  if (file === undefined) return undefined;
  const edits: Edit[] = [];
  traverse(file, {
    noScope: true,
    CallExpression(path: NodePath<t.CallExpression>) {
      const { node } = path;
      const [argument] = node.arguments;
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'require') return;
      if (argument?.type !== 'StringLiteral' || path.getFunctionParent() !== null) return;
      edits.push({ start: node.start!, end: node.end!, text: `(await import(${quoted(argument.value)}))` });
    },
  });
  return edited(source, edits);
}

function padded(source: string): string {
  const filler = Array.from(
    { length: 400 },
    (_, i) =>
      `function filler${i}(a, b) { const list = [a, b, ${i}]; return list.map((x) => x * ${i + 1}).filter(Boolean).length; }`,
  ).join('\n');
  return `${filler}\n${source}`;
}

const isModule = (source: string): boolean => /^\s*(?:import|export)\b/m.test(source);

const wrapped = (before: string, after: string) => (source: string) =>
  isModule(source) ? undefined : `${before}\n${source.replace(/^#![^\n]*/, '')}\n${after}`;

const terser = async (source: string): Promise<string | undefined> => {
  try {
    return (await minify(source, { module: isModule(source), toplevel: true, compress: { passes: 2 } })).code;
  } catch {
    return undefined;
  }
};

type Preset = 'low-obfuscation' | 'medium-obfuscation' | 'high-obfuscation';

const preset = (optionsPreset: Preset) => (source: string) => {
  if (source.length > 60_000) return undefined;
  try {
    return obfuscator.obfuscate(source, { optionsPreset, seed: 1, target: 'node' }).getObfuscatedCode();
  } catch {
    return undefined;
  }
};

const rc4 = (source: string): string | undefined => {
  if (source.length > 60_000) return undefined;
  try {
    return obfuscator
      .obfuscate(source, {
        seed: 2,
        target: 'node',
        stringArray: true,
        stringArrayThreshold: 1,
        stringArrayEncoding: ['rc4'],
        stringArrayWrappersCount: 2,
        stringArrayWrappersType: 'function',
        splitStrings: true,
        splitStringsChunkLength: 5,
        transformObjectKeys: true,
        unicodeEscapeSequence: true,
      })
      .getObfuscatedCode();
  } catch {
    return undefined;
  }
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A whole program of CommonJS in base64; `run` gets the expression of its text. */
const hidden = (run: (text: string) => string) => (source: string) =>
  isModule(source)
    ? undefined
    : run(`Buffer.from('${base64(source.replace(/^#![^\n]*/, ''))}', 'base64').toString()`);
const PARAMETERS = ['require', 'module', 'exports', '__filename', '__dirname'];

export const javascriptDisguises: readonly Disguise[] = [
  { name: 'strings split', kind: 'simple', apply: strings(pieces) },
  {
    name: 'strings joined from a list',
    kind: 'simple',
    apply: strings((text) => `[${[...text].map(quoted).join()}].join('')`),
  },
  {
    name: 'strings reversed',
    kind: 'simple',
    apply: strings((text) =>
      latin(text) ? `${quoted([...text].reverse().join(''))}.split('').reverse().join('')` : undefined,
    ),
  },
  {
    name: 'strings as \\x escapes',
    kind: 'simple',
    apply: strings((text) =>
      latin(text)
        ? `'${[...text].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}'`
        : undefined,
    ),
  },
  {
    name: 'strings as \\u escapes',
    kind: 'simple',
    apply: strings(
      (text) =>
        `'${[...Array(text.length).keys()].map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}'`,
    ),
  },
  {
    name: 'strings in hexadecimal',
    kind: 'simple',
    apply: strings((text) => `Buffer.from('${Buffer.from(text).toString('hex')}', 'hex').toString()`),
  },
  {
    name: 'strings in base64',
    kind: 'simple',
    apply: strings((text) => `Buffer.from('${base64(text)}', 'base64').toString('utf8')`),
  },
  {
    name: 'strings in base64, atob',
    kind: 'simple',
    apply: strings((text) =>
      latin(text) ? `atob('${Buffer.from(text, 'latin1').toString('base64')}')` : undefined,
    ),
  },
  {
    name: 'strings as char codes',
    kind: 'simple',
    apply: strings(
      (text) =>
        `String.fromCharCode(${[...Array(text.length).keys()].map((i) => text.charCodeAt(i)).join()})`,
    ),
  },
  {
    name: 'strings as byte arrays',
    kind: 'simple',
    apply: strings((text) => `Buffer.from([${[...Buffer.from(text)].join()}]).toString()`),
  },
  {
    name: 'strings with a single-byte xor',
    kind: 'simple',
    apply: strings(
      (text) =>
        `[${[...Array(text.length).keys()].map((i) => text.charCodeAt(i) ^ 23).join()}].map(c => String.fromCharCode(c ^ 23)).join('')`,
    ),
  },
  { name: 'members computed', kind: 'simple', apply: members(quoted) },
  { name: 'members computed from pieces', kind: 'simple', apply: members(pieces) },
  { name: 'globals aliased', kind: 'simple', apply: aliased },
  { name: 'dynamic import', kind: 'simple', apply: dynamicImports },
  { name: 'dead code in front', kind: 'simple', apply: padded },
  { name: 'in a function nobody calls', kind: 'simple', apply: wrapped('function start() {', '}') },
  { name: 'in a timer', kind: 'simple', apply: wrapped('setTimeout(function () {', '}, 500);') },
  { name: 'in an exit handler', kind: 'simple', apply: wrapped("process.once('exit', () => {", '});') },
  { name: 'evaluated from base64', kind: 'simple', apply: hidden((text) => `eval(${text})`) },
  {
    name: 'new Function of base64',
    kind: 'simple',
    apply: hidden(
      (text) => `new Function(${PARAMETERS.map((p) => `'${p}'`).join()}, ${text})(${PARAMETERS.join()})`,
    ),
  },
  {
    name: 'vm of base64',
    kind: 'simple',
    apply: hidden(
      (text) =>
        `require('vm').runInNewContext(${text}, { ${PARAMETERS.join(', ')}, process, Buffer, console })`,
    ),
  },
  { name: 'terser', kind: 'whole', apply: terser },
  { name: 'javascript-obfuscator, low', kind: 'whole', apply: preset('low-obfuscation') },
  { name: 'javascript-obfuscator, medium', kind: 'whole', apply: preset('medium-obfuscation') },
  { name: 'javascript-obfuscator, high', kind: 'whole', apply: preset('high-obfuscation') },
  { name: 'javascript-obfuscator, rc4 strings', kind: 'whole', apply: rc4 },
];

/** The fixtures of `test/fixtures/disguise`, each a package of one file. */
export async function javascriptFixtures(): Promise<OpenedArtifact[]> {
  const folder = fileURLToPath(new URL('../../../test/fixtures/disguise/', import.meta.url));
  const names = (await readdir(folder)).filter((name) => name.endsWith('.js')).sort();
  return Promise.all(
    names.map(async (name) =>
      artifactOf('npm', { 'index.js': await readFile(join(folder, name), 'utf8') }, [
        importEntry('index.js'),
      ]),
    ),
  );
}
