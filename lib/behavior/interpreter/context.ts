/** What rules and builtins are offered: the walk, seen from a library. */
import type { Context, Place } from '../api.js';
import { BeyondLimit, type Program } from '../ir.js';
import { opaqueKind } from '../opaque.js';
import type { Value } from '../values.js';
import { callValue } from './calls.js';
import { runShell, runShellFile } from './commands.js';
import { emit } from './emit.js';
import { evaluate } from './expressions.js';
import { LIMITS, type Machine, type Module } from './machine.js';
import { codeModule, importJavaScript, importPython, runIn, runModule } from './modules.js';
import { bytesOf, labelsOf, textOf } from './operations.js';
import { emitHiddenText } from './programs.js';
import { readProperty, writeProperty } from './properties.js';
import { fileOrFolder, insidePackage, normalize } from './resolve.js';
import { NO_KEYWORDS } from './sites.js';
import { execute } from './statements.js';

export function makeContexts(m: Machine): { javascript: Context; python: Context } {
  return { javascript: makeContext(m, 'javascript'), python: makeContext(m, 'python') };
}

function makeContext(m: Machine, language: 'javascript' | 'python'): Context {
  return {
    language,
    get file() {
      return m.file;
    },
    emit: (code, options) => emit(m, code, options ?? {}),
    call(fn, args, receiver) {
      const position = m.position;
      const result = callValue(m, fn, args, NO_KEYWORDS, receiver, false);
      m.position = position;
      return result;
    },
    runCode: (codeLanguage, source, options) =>
      runCode(m, codeLanguage, source, options.hidden, options.place),
    runCommand(command, options) {
      runShell(m, command, options?.hidden ?? false, options?.quiet ?? false);
    },
    runFile: (path) => runFile(m, path, undefined, language),
    readFile(path) {
      const inside = packagePath(path);
      return inside === undefined ? undefined : m.artifact.files.get(inside)?.bytes;
    },
    text: textOf,
    toBytes: bytesOf,
    labelsOf: (value) => labelsOf(value),
    property(value, key) {
      if (value === undefined) return undefined;
      const found = readProperty(m, value, key);
      if (found.kind === 'known' && found.value === undefined) return undefined;
      if (found.kind === 'unknown' && value.kind === 'dict' && !value.open) return undefined;
      return found;
    },
    setProperty: (value, key, to) => writeProperty(m, value, key, to),
    importModule: (specifier) =>
      language === 'javascript' ? importJavaScript(m, specifier) : importPython(m, specifier),
    moduleNamespace: () => m.activation.env.module.namespace,
    defer(fn, args) {
      m.deferred.push({ fn, args });
    },
    looksAt: (elements) => m.looksAt(elements),
    isFunction(value) {
      if (value === undefined) return false;
      if (value.kind === 'choice') return value.options.some((o) => o.kind === 'func' || o.kind === 'class');
      return value.kind === 'func' || value.kind === 'class';
    },
  };
}

/** A path as code sees it (absolute under the package root, or relative to it) as a path of the artifact. */
export function packagePath(path: string): string | undefined {
  const clean = path.replaceAll('\\', '/').replace(/^file:\/\//, '');
  if (clean.startsWith('/')) return insidePackage(clean);
  return normalize(clean);
}

/** An expression no longer than this is evaluated again with other values of the names in it. */
const SHORT_EXPRESSION = 400;
/** What the call of the evaluating function takes beside the walk of the text. */
const STEPS_OF_EVALUATION = 100;

/** Reads text as code of its own, at the place it is evaluated; with `place`, among the names there. */
export function runCode(
  m: Machine,
  language: 'javascript' | 'python',
  source: string,
  hidden: boolean,
  place?: Place,
): Value | undefined {
  // The same text in another file is another file's code.
  const key = `${language} ${m.file} ${source}`;
  const ran = m.ranCode.get(key);
  if (m.ranCode.has(key)) {
    const [only] = ran?.body ?? [];
    const again =
      place !== undefined &&
      ran?.body.length === 1 &&
      only?.type === 'expression' &&
      source.length <= SHORT_EXPRESSION &&
      m.concrete;
    if (!again || m.codeDepth >= LIMITS.codeDepth) return undefined;
    m.steps += STEPS_OF_EVALUATION;
    return runProgram(m, ran!, codeModule(m, language, hidden, place));
  }
  if (m.codeDepth >= LIMITS.codeDepth) {
    m.unread = true;
    return undefined;
  }
  m.ranCode.set(key, undefined);
  m.hiddenCodeRead += source.length;
  if (m.hiddenCodeRead > LIMITS.hiddenCode) {
    m.unread = true;
    emit(m, 'left-out', { detail: 'decoded code' });
    return undefined;
  }
  let program: Program;
  try {
    // Named for its language: the text may stand in package.json, and is no JSON.
    program = m.languages[language].lower(source, language === 'javascript' ? 'code.js' : 'code.py');
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      if (error instanceof BeyondLimit || error instanceof RangeError) m.unread = true;
      if (hidden && source.length > 200) emit(m, 'opaque-data', { detail: source.slice(0, 80) });
      return undefined;
    }
    throw error;
  }
  m.ranCode.set(key, program);
  return runProgram(m, program, codeModule(m, language, hidden, place), hidden);
}

function runProgram(m: Machine, program: Program, module: Module, hiddenText = false): Value | undefined {
  let result: Value | undefined;
  m.codeDepth++;
  try {
    runIn(m, module.env, () => {
      if (hiddenText) emitHiddenText(m, program);
      const [only] = program.body;
      // `eval` of one expression gives its value.
      if (program.body.length === 1 && only?.type === 'expression') {
        result = evaluate(m, only.expression, module.env);
      } else execute(m, program.body, module.env);
    });
  } finally {
    m.codeDepth--;
  }
  return result;
}

/**
 * Runs a file of the artifact as a program of its own: in the language given, in that of its name or first line, or in
 * `otherwise`. One that is none of these and no native program is not read, which is then said.
 */
export function runFile(
  m: Machine,
  path: string,
  language?: 'javascript' | 'python' | 'shell',
  otherwise?: 'javascript' | 'python',
): boolean {
  const inside = packagePath(path);
  if (inside === undefined) return false;
  const { files } = m.artifact;
  const found = files.has(inside) ? inside : withExtension(m, inside, language ?? otherwise);
  if (found === undefined) return false;
  const file = files.get(found)!;
  if (language === undefined) runFirstLine(m, file.bytes);
  if (opaqueKind(file, files) !== undefined) return true;
  const kind = language ?? languageOf(m, found) ?? otherwise;
  if (kind === undefined) m.unread = true;
  else if (kind === 'shell') runShellFile(m, found);
  else if (kind !== undefined && !m.modules.has(found) && m.depth < LIMITS.callDepth)
    runModule(m, found, kind, true);
  return true;
}

/** What the first line of a program hands its interpreter beside the program: `#!/usr/bin/env -S node -r ./x`. */
export function runFirstLine(m: Machine, bytes: Uint8Array): void {
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return;
  const line = Buffer.from(bytes.subarray(2, 4096)).toString('utf8').split('\n', 1)[0]!;
  const call =
    /^\s*(?:\S*\/)?(?:env\s+(?:-S\s*)?)?((?:\S*\/)?(?:node|bun|deno|python[\d.]*|(?:ba|da|z|k|a)?sh)\s+\S.*)$/.exec(
      line,
    );
  if (call !== null) runShell(m, call[1]!.trim(), false, false);
}

function withExtension(m: Machine, path: string, language: string | undefined): string | undefined {
  const { files } = m.artifact;
  if (language === 'python') return ['.py', '/__main__.py'].map((e) => path + e).find((p) => files.has(p));
  return fileOrFolder(files, path);
}

/** By extension, else by the first line; undefined when it is not code. */
export function languageOf(m: Machine, path: string): 'javascript' | 'python' | 'shell' | undefined {
  if (/\.(?:[cm]?[jt]s|[jt]sx)$/i.test(path)) {
    if (/\.d\.[cm]?ts$/i.test(path)) return undefined;
    return path.endsWith('.ts') && isOtherTs(m.artifact.files.get(path)?.bytes) ? undefined : 'javascript';
  }
  if (/\.pyw?$/i.test(path)) return 'python';
  if (/\.(?:sh|bash|zsh|bat|cmd|ps1)$/i.test(path)) return 'shell';
  const file = m.artifact.files.get(path);
  if (file === undefined || file.bytes[0] !== 0x23 || file.bytes[1] !== 0x21) return undefined;
  const first = Buffer.from(file.bytes.subarray(0, 120)).toString('latin1').split('\n')[0]!;
  if (/\b(?:node|bun|deno|tsx|ts-node)\b/.test(first)) return 'javascript';
  if (/\bpython|\bpypy/.test(first)) return 'python';
  return /\b(?:ba|da|z|k|a)?sh\b/.test(first) ? 'shell' : undefined;
}

/** `.ts` is also what Qt calls its translations (XML) and what video streams are cut into. */
function isOtherTs(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined) return false;
  if (bytes[0] === 0x47 && bytes[188] === 0x47) return true;
  return /^(?:\xef\xbb\xbf)?\s*<(?:\?xml\b|!DOCTYPE\b|TS\b)/i.test(
    Buffer.from(bytes.subarray(0, 80)).toString('latin1'),
  );
}
