/**
 * Shell command lines and scripts (POSIX shells, cmd.exe, PowerShell): what they do, and what they start that can be
 * read again. Nothing is run; variables and substitutions are followed as far as their text is known.
 */
import type { Language } from '../types.js';
import { decodeText } from './shell/decode.js';
import { powershellBehaviors } from './shell/powershell.js';
import { programClass } from './shell/program-class.js';
import {
  behavior,
  describeProgram,
  type Invocation,
  operands,
  outputFile,
  type ShellBehavior,
  written,
} from './shell/programs.js';
import { type Pipeline, parsePipelines, type SimpleCommand } from './shell/syntax.js';
import { environmentVariable, urlQualifiers } from './strings.js';
import { UNKNOWN_PIECE } from './values.js';

export type ShellRun =
  | { readonly type: 'file'; readonly path: string; readonly language?: Language }
  /** A program named without a folder, which is a file of the package if it has one of that name (cmd.exe looks there first). */
  | { readonly type: 'bare'; readonly path: string }
  | { readonly type: 'code'; readonly language: Language; readonly code: string; readonly hidden: boolean }
  /** A script of the package's own manifest: `npm run NAME`. */
  | { readonly type: 'script'; readonly name: string }
  /** Every recipe of a makefile. */
  | { readonly type: 'makefile'; readonly path: string }
  /** A file in a language that is not read; of a name that only the shell knows when it is empty. */
  | { readonly type: 'foreign'; readonly path: string };

/** One simple command of a command line, in the order a shell would start them. */
export interface ShellCommand {
  /** Program and arguments after quoting; variables stay as written (`$HOME`). */
  readonly words: readonly string[];
  /** What the command itself does (`run-package-manager`, `http-request`, `delete-tree`, `pipe-to-shell`…), in order. */
  readonly behaviors: readonly ShellBehavior[];
  /** What it starts that can be read again: `node x.js`, `python -c …`, `sh -c …`, `./install.sh`. */
  readonly runs: readonly ShellRun[];
  /** Something here is over a limit of length or nesting and was not read. */
  readonly unread?: true;
  /** Source of the command; undefined when it is not one command of a line. */
  readonly text?: string;
}

const SHELLS = /^(?:sh|bash|zsh|dash|ksh|ash|fish|rbash|busybox)$/;
const JAVASCRIPT =
  /^(?:node|nodejs|bun|deno|tsx|ts-node|ts-node-esm|electron|babel-node|esno|jiti|vite-node)$/;
const PYTHON = /^(?:python|python[23](?:\.\d+)?|py|pypy3?|pythonw)$/;
const OTHER_INTERPRETERS =
  /^(?:perl|ruby|php|lua|osascript|tclsh|Rscript|wscript|cscript|javaw?|groovy|swift|awk)$/;
const POWERSHELL = /^(?:powershell|pwsh|powershell_ise)$/i;
const RUNNERS = /^(?:npx|bunx|pnpx|dlx)$/;
/** Programs that start the program their arguments name. */
const WRAPPERS =
  /^(?:sudo|doas|env|nohup|exec|command|builtin|time|nice|ionice|setsid|xargs|stdbuf|start|call|cross-env|cross-env-shell|dotenv|env-cmd|shx|timeout|proxychains4?|unbuffer|winpty|wsl|is-ci|if-env|run-script-os|chronic|watch|torsocks|torify|parallel)$/i;
/** Where npm tells scripts which node runs it. */
const OWN_NODE = /^(?:\$\{?(?:npm_node_execpath|NODE)\}?|%(?:npm_node_execpath|NODE)%)$/;
/** Programs that keep a script running: `forever start x.js`, `pm2 start x.js`. */
const KEEPERS = /^(?:forever|pm2|pm2-runtime|supervisor|node-dev)$/;
const BARE_PROGRAM = /^[\w@+-][\w.@+-]*\.(?:exe|com|scr|msi|bin|elf|out|run)$/i;
/** `npm.cmd`: on Windows the same program as `npm`, unless the package has a file of that name, which goes first. */
const BARE_SCRIPT = /^[\w@+-][\w.@+-]*\.(?:cmd|bat)$/i;
const SCRIPT_FILE = /\.(?:sh|bash|zsh|bat|cmd|ps1|[cm]?js|ts|py|pyw)$/i;

/** Commands of `cmd`, in any case of letters. */
const CMD_WORDS =
  /^@?(?:set|setlocal|endlocal|echo|cls|rem|cd|title|pause|exit|goto|del|erase|copy|move|md|rd|rmdir|mkdir)$/i;

/** Starts what its arguments name, or has the system open it. */
const OPENERS =
  /^(?:msiexec|wmic|rundll32|regsvr32|mshta|explorer|open|xdg-open|gio|wine(?:64)?|mono|dotnet)$/i;

/** Commands of one line or script carried along: variables, files it downloaded, nesting. */
interface State {
  readonly variables: Map<string, string>;
  readonly downloaded: Pick<Set<string>, 'has' | 'add'>;
  readonly depth: number;
}

const MAX_DEPTH = 6;
const UNREAD: ShellCommand = { words: [], behaviors: [], runs: [], unread: true };

export function parseShell(command: string): ShellCommand[] {
  if (isPowershell(command)) {
    return [{ words: ['powershell'], behaviors: powershellBehaviors(command), runs: [] }];
  }
  return parse(command, { variables: new Map(), downloaded: new Set(), depth: 0 });
}

/** Commands longer than this are not read a second time for what they put out. */
const PUT_OUT = 2000;

/** Labels of secrets that the output of a command line holds, as `cat ~/.npmrc` does. */
export function secretsPutOut(command: string): string[] {
  if (command.length > PUT_OUT) return [];
  const labels = labelsOf(parseShell(command));
  return labels.filter((l) => l !== 'carries:host').map((l) => l.slice('carries:'.length));
}

/**
 * Whether a command line starts one of these files: as its program, as the script of an interpreter, or by a program that opens
 * what it is given. A file that is a mere argument (`tar xf FILE`, `python own.py FILE`) is not started.
 */
export function startsFile(command: string, files: readonly string[]): boolean {
  const named = files.filter((file) => command.includes(file));
  if (named.length === 0) return false;
  if (isPowershell(command)) return true;
  // A name stands for the path: nobody quotes the spaces and backslashes of one that the system takes as it is.
  const line = named.reduce((text, file) => text.replaceAll(file, STARTED), command);
  const downloaded = { has: (word: string) => word.includes(STARTED), add: () => new Set<string>() };
  return parse(line, { variables: new Map(), downloaded, depth: 0 }).some(({ behaviors }) =>
    behaviors.some((b) => b.code === 'run-downloaded'),
  );
}

const STARTED = '\ufffbstarted';

/** The text of a `.ps1` file rather than of a shell script. */
function isPowershell(text: string): boolean {
  if (/^\s*(?:#!|@echo|set -|if \[|powershell|pwsh)/i.test(text)) return false;
  return (
    /^\s*(?:\$\w+\s*=|param\s*\(|[A-Z]\w+-[A-Z]\w+\b|\[\w+(?:\.\w+)*\]::|IEX\b|&\s*\{)/m.test(text) &&
    /\$\w+\s*=|\b[A-Z][a-z]+-[A-Z]\w+|::\w+\(|\bIEX\b/.test(text)
  );
}

function parse(command: string, state: State): ShellCommand[] {
  if (state.depth > MAX_DEPTH) return [UNREAD];
  const { pipelines, cut } = parsePipelines(command);
  const commands = pipelines.flatMap((pipeline) => readPipeline(pipeline, state));
  return cut ? [...commands, UNREAD] : commands;
}

function readPipeline(pipeline: Pipeline, state: State): ShellCommand[] {
  const out: ShellCommand[] = [];
  let carries: string[] = [];
  let text: string | undefined;
  let downloads: ShellBehavior | undefined;
  for (const [i, command] of pipeline.commands.entries()) {
    const before = out.length;
    const piped = i > 0;
    const made = readCommand(
      command,
      { carries, text: piped ? text : undefined, downloads, piped },
      pipeline.background,
      state,
      out,
    );
    carries = [...new Set([...carries, ...labelsOf(out.slice(before))])];
    text = made;
    downloads =
      out
        .slice(before)
        .flatMap((c) => c.behaviors)
        .find((b) => b.code === 'http-request' || b.code === 'evaluate-downloaded') ?? downloads;
  }
  return out;
}

/** What the output of these commands carries. */
function labelsOf(commands: readonly ShellCommand[]): string[] {
  const labels: string[] = [];
  for (const { code } of commands.flatMap((c) => c.behaviors)) {
    if (/^read-(?:user-name|host-name|system-info|network-info|process-list)$/.test(code))
      labels.push('carries:host');
    else if (code === 'read-env-all') labels.push('carries:env');
    else if (code === 'read-env-secret') labels.push('carries:env-variable', 'carries:credentials');
    else if (code === 'read-browser-data') labels.push('carries:browser');
    else if (code === 'read-wallet') labels.push('carries:wallet');
    else if (
      /^read-(?:ssh-keys|cloud-credentials|registry-token|chat-token|system-accounts)$|^R5$/.test(code)
    ) {
      labels.push('carries:credentials', 'carries:file');
    } else if (code === 'read-file') labels.push('carries:file');
    else if (code === 'read-clipboard' || code === 'capture-screen') labels.push('carries:input');
  }
  return [...new Set(labels)];
}

/** Labels of data, without their prefix: what a command line may put out of secrets and of the environment. */
export function outputLabels(command: string): ReadonlySet<string> {
  const found = TELLING.test(command) ? labelsOf(parseShell(command)) : [];
  return new Set(found.map((l) => l.slice('carries:'.length)).filter((l) => l !== 'host' && l !== 'input'));
}

/** Words without which no command line reads any of that. */
const TELLING = /auth|token|secret|credential|printenv|\benv\b|\bset\b|\bcat\b|\btype\b|security|configure/i;

interface Input {
  readonly carries: readonly string[];
  readonly text: string | undefined;
  /** The request whose answer is piped in. */
  readonly downloads: ShellBehavior | undefined;
  readonly piped: boolean;
}

/** Reads one command; returns the text of its output when that is known. */
function readCommand(
  command: SimpleCommand,
  input: Input,
  background: boolean,
  state: State,
  out: ShellCommand[],
): string | undefined {
  const inner: ShellCommand[] = [];
  const pieces = command.substitutions.map((text) => {
    const from = inner.length;
    inner.push(...parse(text, { ...state, depth: state.depth + 1 }));
    return { text: outputOf(text, state), inner: inner.slice(from) };
  });
  out.push(...inner);
  const fill = fillIn(pieces.map((p) => p.text));
  for (const { name, value } of command.assignments) state.variables.set(name, expand(fill(value), state));
  const words = command.words.map((word) => expand(fill(word), state)).filter((w) => w !== '');
  const batch = /^\s*@?set\s+"?(\w+)=([^"\n]*)"?\s*$/i.exec(command.text);
  if (batch !== null) state.variables.set(batch[1]!, expand(batch[2]!, state));
  const secrets = variablesIn(command.words, command.text);
  const carries = [
    ...input.carries,
    ...labelsOf(inner),
    ...secrets.flatMap((b) => labelsOf([{ words: [], behaviors: [b], runs: [] }])),
  ];
  const qualifiers: string[] = [];
  if (background) qualifiers.push('detached');
  if (command.redirects.some((r) => r.operator.startsWith('>') && /^(?:\/dev\/null|nul)$/i.test(r.target))) {
    qualifiers.push('quiet');
  }
  const call = { words, text: command.text, carries: [...new Set(carries)], input, here: command.input };
  const found = words.length === 0 ? NOTHING : readWords(call, qualifiers, state);
  const loaded = command.assignments.flatMap(({ name, value }) => loadedBy(name, expand(fill(value), state)));
  const files: ShellBehavior[] = [];
  const invocation: Invocation = {
    program: words[0] ?? '',
    args: words.slice(1),
    text: command.text,
    carries: call.carries,
  };
  for (const redirect of command.redirects) {
    const target = expand(redirect.target, state);
    if (/\/dev\/(?:tcp|udp)\//.test(target)) {
      const [host, port] = target.split('/').slice(3);
      const shell = SHELLS.test(baseName(words[0] ?? '')) || words.includes('-i');
      files.push(
        behavior(invocation, shell ? 'connect-shell' : 'open-socket', urlQualifiers(`${host}:${port}`)),
      );
    } else if (redirect.operator.startsWith('>') && !/^(?:\/dev\/|nul$|&|\d+$)/i.test(target)) {
      const downloads =
        input.downloads !== undefined || found.behaviors.some((b) => b.code === 'http-request');
      const withDownload = downloads ? [...call.carries, 'carries:download'] : call.carries;
      files.push(written({ ...invocation, carries: withDownload }, target));
      if (downloads) state.downloaded.add(target);
    }
  }
  const behaviors = [...secrets, ...found.behaviors, ...files];
  const runs = [...loaded, ...found.runs];
  if (behaviors.length + runs.length > 0) out.push({ words, behaviors, runs, text: command.text });
  out.push(...found.after);
  return textOutput(words, input.text ?? command.input);
}

/** Files that an interpreter loads before its program because a variable says so. */
function loadedBy(name: string, value: string): ShellRun[] {
  if (name === 'BASH_ENV' || name === 'ENV') return [{ type: 'file', path: value, language: 'shell' }];
  if (name !== 'NODE_OPTIONS') return [];
  return preloads(value.split(/\s+/));
}

const PRELOAD = /^(?:-r|--require|--import|--loader|--experimental-loader)$/;

/** Files of the package among node's options that run before the program. */
function preloads(args: readonly string[]): ShellRun[] {
  const words = args.flatMap((arg) => /^(--[a-z-]+)=(.*)$/s.exec(arg)?.slice(1) ?? [arg]);
  return words.flatMap((word, at): ShellRun[] => {
    const value = words[at + 1];
    if (word === '--experimental-default-config-file') return [{ type: 'foreign', path: 'node.config.json' }];
    if (value === undefined) return [];
    if (PRELOAD.test(word) && /^\.{0,2}\//.test(value))
      return [{ type: 'file', path: value, language: 'javascript' }];
    if (word === '--experimental-config-file') return [{ type: 'foreign', path: value }];
    // Lines of NAME=value, NODE_OPTIONS among them.
    return /^--env-file(?:-if-exists)?$/.test(word) ? [{ type: 'file', path: value, language: 'shell' }] : [];
  });
}

interface Found {
  readonly behaviors: readonly ShellBehavior[];
  readonly runs: readonly ShellRun[];
  /** Commands that the words themselves contain (`sh -c`, wrappers). */
  readonly after: readonly ShellCommand[];
}
const NOTHING: Found = { behaviors: [], runs: [], after: [] };

interface Words {
  readonly words: readonly string[];
  readonly text: string;
  readonly carries: readonly string[];
  readonly input: Input;
  readonly here: string | undefined;
}

function baseName(word: string): string {
  const last = word.replaceAll('\\', '/').split('/').at(-1)!;
  return last.replace(/\.(?:exe|com)$/i, '').replace(/^@/, '');
}

function readWords(call: Words, qualifiers: string[], state: State): Found {
  const [word, ...args] = call.words;
  if (word === undefined) return NOTHING;
  if (BARE_SCRIPT.test(word)) {
    const found = readWords({ ...call, words: [word.slice(0, -4), ...args] }, qualifiers, state);
    return { ...found, runs: [...found.runs, { type: 'bare', path: word }] };
  }
  const first = OWN_NODE.test(word) ? 'node' : word;
  const program =
    (/^[A-Z.]+$/i.test(baseName(first)) && /\.exe$/i.test(first)) || CMD_WORDS.test(first)
      ? baseName(first).toLowerCase()
      : baseName(first);
  const invocation: Invocation = { program, args, text: call.text, carries: call.carries };
  const emit = (code: string, ...more: string[]): ShellBehavior =>
    behavior(invocation, code, [...qualifiers, ...more]);
  const deeper = (words: readonly string[], extra: readonly string[] = []): Found =>
    words.length === 0
      ? NOTHING
      : readWords({ ...call, words }, [...qualifiers, ...extra], { ...state, depth: state.depth + 1 });
  if (state.depth > MAX_DEPTH) return NOTHING;
  if (state.downloaded.has(first) || state.downloaded.has(first.replace(/^\.[\\/]/, ''))) {
    return { behaviors: [emit('run-downloaded')], runs: [], after: [] };
  }
  if (SHELLS.test(program)) return readShell(call, args, emit, state);
  const opens = OPENERS.test(program) || OTHER_INTERPRETERS.test(program) || POWERSHELL.test(program);
  if (opens && args.some((arg) => state.downloaded.has(arg))) {
    return { behaviors: [emit('run-downloaded')], runs: [], after: [] };
  }
  if (POWERSHELL.test(program)) return readPowershell(args, qualifiers, emit);
  if (/^cmd$/i.test(program)) {
    const at = args.findIndex((a) => /^\/[ck]$/i.test(a));
    return at === -1
      ? { behaviors: [emit('run-shell')], runs: [], after: [] }
      : lineOf(args.slice(at + 1).join(' '), state, []);
  }
  if (program === 'eval') return lineOf(args.join(' '), state, [emit('evaluate')]);
  if (program === 'source' || program === '.') {
    return {
      behaviors: [],
      runs: args[0] === undefined ? [] : [{ type: 'file', path: args[0], language: 'shell' }],
      after: [],
    };
  }
  if (JAVASCRIPT.test(program)) return readInterpreter(call, args, 'javascript', emit, state);
  if (PYTHON.test(program)) return readInterpreter(call, args, 'python', emit, state);
  if (OTHER_INTERPRETERS.test(program)) return readForeign(args, emit, call);
  if (RUNNERS.test(program) || isExec(program, args)) {
    const rest = RUNNERS.test(program) ? args : args.slice(1);
    const target = operands(rest, /^(?:-p|--package)$/);
    const inner = deeper(target);
    const isLocal = inner.behaviors.length > 0 && inner.behaviors[0]!.code !== 'run-program';
    return isLocal ? inner : { behaviors: [emit('run-package-manager')], runs: [], after: [] };
  }
  const script = ownScript(program, args);
  if (script !== undefined)
    return { behaviors: [emit('run-package-manager')], runs: [{ type: 'script', name: script }], after: [] };
  if (/^(?:concurrently|run-s|run-p|npm-run-all|wsrun|nodemon)$/.test(program))
    return readMany(program, operands(args), state, emit);
  if (KEEPERS.test(program)) {
    const script = operands(args).find((word) => SCRIPT_FILE.test(word));
    if (script !== undefined)
      return readInterpreter(call, [script], 'javascript', (code) => emit(code, 'detached'), state);
  }
  if (WRAPPERS.test(program) && !(program === 'timeout' && /^\/t$/i.test(args[0] ?? ''))) {
    return readWrapper(program, args, deeper, emit);
  }
  const isFile = SCRIPT_FILE.test(first) || /^\.{1,2}[\\/]/.test(first);
  const isMiner = program !== first && /^(?:xmrig|minerd)/.test(program);
  if (isFile && !isMiner && !first.includes('node_modules/.bin') && !first.includes(UNKNOWN_PIECE)) {
    return {
      behaviors: [emit('run-own-file')],
      runs: [{ type: 'file', path: first.replaceAll('\\', '/') }],
      after: [],
    };
  }
  const described = describeProgram(invocation);
  if (/^g?make$/.test(program)) {
    const runs = makefiles(args).map((path): ShellRun => ({ type: 'makefile', path }));
    return { behaviors: described ?? [], runs, after: [] };
  }
  if (described !== undefined) {
    const target = outputFile(invocation);
    if (target !== undefined && described.some((b) => b.code === 'download-file')) {
      state.downloaded.add(target);
      state.downloaded.add(`./${target}`);
    }
    if (program === 'chmod' || described.length === 0) return { behaviors: described, runs: [], after: [] };
    return {
      behaviors: described.map((b) => ({ ...b, qualifiers: [...new Set([...b.qualifiers, ...qualifiers])] })),
      runs: [],
      after: [],
    };
  }
  if (/^https?:\/\//i.test(first)) {
    return {
      behaviors: [emit('run-program', 'program:desktop', ...urlQualifiers(first))],
      runs: [],
      after: [],
    };
  }
  return {
    behaviors: [emit('run-program', programClass(first))],
    runs: BARE_PROGRAM.test(first) ? [{ type: 'bare', path: first }] : [],
    after: [],
  };
}

/** The files `make` may take its rules from. */
function makefiles(args: readonly string[]): string[] {
  const after = (...options: string[]): string | undefined => {
    const at = args.findIndex((arg) => options.includes(arg));
    return at === -1
      ? args.find((arg) => /^-[Cf]./.test(arg) && options.includes(arg.slice(0, 2)))?.slice(2)
      : args[at + 1];
  };
  const folder = after('-C', '--directory');
  const file = after('-f', '--file', '--makefile');
  const names = file === undefined ? ['GNUmakefile', 'makefile', 'Makefile'] : [file];
  return names.map((name) => (folder === undefined ? name : `${folder}/${name}`));
}

function lineOf(line: string, state: State, behaviors: readonly ShellBehavior[]): Found {
  return { behaviors, runs: [], after: parse(line, { ...state, depth: state.depth + 1 }) };
}

type Emit = (code: string, ...qualifiers: string[]) => ShellBehavior;

/** `sh -c line`, `sh file`, `… | sh`, `bash -i >& /dev/tcp/…`. */
function readShell(call: Words, args: readonly string[], emit: Emit, state: State): Found {
  const at = args.findIndex((a) => /^-[a-z]*c$/.test(a));
  if (at !== -1) {
    const line = args[at + 1] ?? '';
    if (line.trim() === UNKNOWN_PIECE) {
      return startsUnknown(call, emit, 'run-shell');
    }
    return lineOf(line, state, []);
  }
  const startup = args.findIndex((a) => /^--(?:rcfile|init-file)$/.test(a));
  if (startup !== -1 && args[startup + 1] !== undefined) {
    const path = args[startup + 1]!;
    return {
      behaviors: [emit('run-own-file')],
      runs: [{ type: 'file', path, language: 'shell' }],
      after: [],
    };
  }
  const file = operands(args, /^[-+][oO]$/)[0];
  if (file !== undefined && !file.startsWith('-')) {
    if (state.downloaded.has(file)) return { behaviors: [emit('run-downloaded')], runs: [], after: [] };
    if (file.includes(UNKNOWN_PIECE)) return startsUnknown(call, emit, 'run-shell');
    return {
      behaviors: [emit('run-own-file')],
      runs: [{ type: 'file', path: file, language: 'shell' }],
      after: [],
    };
  }
  return readPiped(call, 'shell', emit, state);
}

/** What a shell is handed by a substitution: an answer from the network, or what is not known at all. */
function startsUnknown(call: Words, emit: Emit, code: string): Found {
  return /curl|wget/.test(call.text)
    ? { behaviors: [emit('pipe-to-shell')], runs: [], after: [] }
    : { behaviors: [emit(code)], runs: [NAMELESS], after: [] };
}

const NAMELESS: ShellRun = { type: 'foreign', path: '' };

/** An interpreter that reads its program from the pipe. */
function readPiped(call: Words, language: Language, emit: Emit, state: State): Found {
  const { input } = call;
  if (input.downloads !== undefined) {
    const where = input.downloads.qualifiers.filter((q) => q.startsWith('to:'));
    return { behaviors: [emit('pipe-to-shell', ...where)], runs: [], after: [] };
  }
  const text = input.text ?? call.here;
  if (text !== undefined) {
    const hidden = input.piped;
    if (language === 'shell') return lineOf(text, state, hidden ? [emit('evaluate-decoded')] : []);
    return {
      behaviors: [emit('run-interpreter')],
      runs: [{ type: 'code', language, code: text, hidden }],
      after: [],
    };
  }
  return input.piped
    ? {
        behaviors: [emit(language === 'shell' ? 'run-shell' : 'run-interpreter', ...call.carries)],
        runs: [NAMELESS],
        after: [],
      }
    : NOTHING;
}

const INLINE = /^(?:-[a-z]*[ec]|-p|-pe|--eval|--print|-ep)$/;
const TAKES_VALUE =
  /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions|-W|-X|--env-file|--env-file-if-exists|-P|--project|-O)$/;

/** How many arguments stand before the program: options and their values. */
function beforeProgram(args: readonly string[]): number {
  let at = 0;
  while (at < args.length && args[at]!.startsWith('-')) at += TAKES_VALUE.test(args[at]!) ? 2 : 1;
  return at;
}

/** `node -e code`, `node -r module file`, `python -m module`, `… | node`. */
function readInterpreter(
  call: Words,
  args: readonly string[],
  language: 'javascript' | 'python',
  emit: Emit,
  state: State,
): Found {
  const runs = language === 'javascript' ? preloads(args.slice(0, beforeProgram(args))) : [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const named = /^--run(?:=(.+))?$/.exec(arg);
    if (language === 'javascript' && named !== null) {
      const name = named[1] ?? args[i + 1];
      if (name !== undefined) runs.push({ type: 'script', name });
      return { behaviors: [emit('run-package-manager')], runs, after: [] };
    }
    const inline = /^--(?:eval|print)=([\s\S]+)/.exec(arg)?.[1];
    if (INLINE.test(arg) || inline !== undefined) {
      const code = inline ?? args[i + 1] ?? '';
      if (code.includes(UNKNOWN_PIECE) && /curl|wget/.test(call.text)) {
        return { behaviors: [emit('pipe-to-shell')], runs, after: [] };
      }
      runs.push({ type: 'code', language, code: code.replaceAll(UNKNOWN_PIECE, ''), hidden: false });
      return { behaviors: [emit('run-interpreter')], runs, after: [] };
    }
    if (language === 'python' && arg === '-m') return readModule(args.slice(i + 1), emit);
    if (TAKES_VALUE.test(arg)) {
      i += 1;
      continue;
    }
    if (arg === '-') break;
    if (arg.startsWith('-')) continue;
    if (/^(?:run|x|task|test|install|i|add|eval)$/.test(arg) && /^(?:bun|deno)$/.test(call.words[0] ?? ''))
      continue;
    if (state.downloaded.has(arg)) return { behaviors: [emit('run-downloaded')], runs, after: [] };
    if (arg.includes(UNKNOWN_PIECE)) {
      // `node "$(pwd)/x.txt"`
      runs.push({ type: 'foreign', path: arg.slice(arg.lastIndexOf(UNKNOWN_PIECE) + 1).replace(/^\//, '') });
      return { behaviors: [emit('run-program')], runs, after: [] };
    }
    runs.push({ type: 'file', path: arg.replaceAll('\\', '/'), language });
    return { behaviors: [emit('run-own-file')], runs, after: [] };
  }
  if (runs.length > 0) return { behaviors: [emit('run-own-file')], runs, after: [] };
  return readPiped(call, language, emit, state);
}

function readModule(args: readonly string[], emit: Emit): Found {
  const [name, ...rest] = args;
  if (name === 'pip' || name === 'ensurepip') {
    const address = rest.find((word) => /^[a-z][a-z0-9+.-]*:\/\//i.test(word));
    const to = address === undefined ? [] : urlQualifiers(address);
    return {
      behaviors: [rest.includes('install') ? emit('install-package', ...to) : emit('run-package-manager')],
      runs: [],
      after: [],
    };
  }
  if (name === 'http.server' || name === 'SimpleHTTPServer')
    return { behaviors: [emit('listen')], runs: [], after: [] };
  if (name === 'twine') return { behaviors: [emit('publish-package')], runs: [], after: [] };
  if (name === 'venv' || name === 'build' || name === undefined)
    return { behaviors: [emit('run-build-tool')], runs: [], after: [] };
  return {
    behaviors: [emit('run-own-file')],
    runs: [{ type: 'file', path: `${name.replaceAll('.', '/')}.py`, language: 'python' }],
    after: [],
  };
}

/** Interpreters whose language is not read: inline code is one row, a file another. */
function readForeign(args: readonly string[], emit: Emit, call: Words): Found {
  const isInline = args.some((a) => /^-[a-z]*[erE]$/.test(a));
  const code =
    isInline && /socket|TCPSocket|fsockopen|\/dev\/tcp/i.test(call.text)
      ? 'connect-shell'
      : isInline
        ? 'run-interpreter'
        : 'run-program';
  // Any of the words may be the program, or a script that it loads.
  const runs = args.map((path): ShellRun => ({ type: 'foreign', path }));
  return { behaviors: [emit(code)], runs, after: [] };
}

function readPowershell(args: readonly string[], qualifiers: readonly string[], emit: Emit): Found {
  const behaviors: ShellBehavior[] = [];
  const runs: ShellRun[] = [];
  const encodedAt = args.findIndex((a) => /^[-/]e(?:c|n|nc|nco.*)?$/i.test(a));
  const hidden = args.findIndex((a) => /^[-/]w(?:in\w*)?$/i.test(a));
  const fileAt = args.findIndex((a) => /^[-/]f(?:ile)?$/i.test(a));
  const extra: string[] = ['powershell'];
  if (encodedAt !== -1) extra.push('encoded');
  behaviors.push(emit(fileAt === -1 ? 'run-interpreter' : 'run-shell', ...extra));
  if (hidden !== -1 && /^(?:h|1)/i.test(args[hidden + 1] ?? ''))
    behaviors.push(emit('hide-window', 'powershell'));
  if (args.some((a) => /^(?:bypass|unrestricted)$/i.test(a)))
    behaviors.push(emit('disable-security', 'powershell'));
  if (fileAt !== -1 && args[fileAt + 1] !== undefined) {
    runs.push({ type: 'file', path: args[fileAt + 1]!.replaceAll('\\', '/'), language: 'shell' });
  } else if (encodedAt !== -1) {
    const decoded = Buffer.from(args[encodedAt + 1] ?? '', 'base64').toString('utf16le');
    behaviors.push(...powershellBehaviors(decoded, ['hidden', ...qualifiers]));
  } else {
    const at = args.findIndex((a) => /^[-/]c(?:ommand)?$/i.test(a));
    const rest = at === -1 ? args : args.slice(at + 1);
    behaviors.push(
      ...powershellBehaviors(rest.join(' '), qualifiers).filter(
        (b) => b.code !== 'hide-window' || hidden === -1,
      ),
    );
  }
  return { behaviors, runs, after: [] };
}

const isExec = (program: string, args: readonly string[]): boolean =>
  /^(?:npm|pnpm|yarn|bun)$/.test(program) && /^(?:exec|dlx|x)$/.test(args[0] ?? '');

/** The name in `npm run NAME`, `yarn NAME`, `npm test`. */
function ownScript(program: string, args: readonly string[]): string | undefined {
  if (!/^(?:npm|pnpm|yarn|bun|cnpm)$/.test(program)) return undefined;
  const [verb, name] = operands(args, /^(?:--prefix|-C|--cwd|-w|--workspace)$/);
  if (verb === 'run' || verb === 'run-script' || verb === 'rum') return name;
  if (verb === 'start' || verb === 'test' || verb === 'stop' || verb === 'restart') return verb;
  if (program === 'npm' && (verb === 't' || verb === 'tst')) return 'test';
  const builtin =
    /^(?:add|install|i|ci|remove|upgrade|publish|pack|link|config|cache|info|why|init|create|audit|version|login|up|update|rebuild|exec|dlx|workspaces?|set|global|import|list|ls|root|bin|token|whoami)$/;
  return program !== 'npm' && verb !== undefined && !builtin.test(verb) ? verb : undefined;
}

function readMany(program: string, args: readonly string[], state: State, emit: Emit): Found {
  if (/^(?:run-s|run-p|npm-run-all)$/.test(program)) {
    return {
      behaviors: [emit('run-package-manager')],
      runs: args.map((name): ShellRun => ({ type: 'script', name })),
      after: [],
    };
  }
  return {
    behaviors: [],
    runs: [],
    after: args.flatMap((line) => parse(line, { ...state, depth: state.depth + 1 })),
  };
}

function readWrapper(
  program: string,
  args: readonly string[],
  deeper: (words: readonly string[], extra?: readonly string[]) => Found,
  emit: Emit,
): Found {
  const extra: string[] = [];
  if (/^(?:sudo|doas)$/.test(program)) extra.push('sudo');
  if (/^(?:nohup|setsid)$/.test(program)) extra.push('detached');
  let rest = [...args];
  if (/^start$/i.test(program)) {
    const hidden = rest.some((a) => /^\/(?:b|min)$/i.test(a));
    if (hidden) extra.push('detached');
    const first = rest.findIndex((a) => !/^\/[a-z]+$/i.test(a) && a !== '""');
    rest = first === -1 ? [] : rest.slice(first);
  }
  while (
    rest.length > 0 &&
    (/^-/.test(rest[0]!) ||
      /^\w+=/.test(rest[0]!) ||
      (program === 'timeout' && /^[\d.]+[smhd]?$/.test(rest[0]!)))
  ) {
    const takesValue = /^(?:-u|-n|-I|-P|-C|-i|-g|-s|-k|-f)$/.test(rest[0]!) && program !== 'env';
    rest = rest.slice(takesValue && /^[\w{}.-]+$/.test(rest[1] ?? '') ? 2 : 1);
  }
  if (rest[0] === '--') rest = rest.slice(1);
  if (rest.length === 0)
    return program === 'env' ? { behaviors: [emit('read-env-all')], runs: [], after: [] } : NOTHING;
  return deeper(rest, extra);
}

/** Puts what substitutions give, where it is known, into the holes of a word, in order. */
function fillIn(texts: readonly (string | undefined)[]): (word: string) => string {
  let next = 0;
  return (word) => word.replaceAll(UNKNOWN_PIECE, () => texts[next++] ?? UNKNOWN_PIECE);
}

/** `%NAME:~FROM,LENGTH%`: a negative number counts from the end. */
function cutOut(value: string, from: string, length: string | undefined): string {
  const rest = value.slice(Number(from));
  return length === undefined ? rest : rest.slice(0, Number(length));
}

/** `$NAME`, `${NAME}`, `%NAME%`, `%NAME:~3,1%` of variables the script itself set; others stay as written. */
function expand(word: string, state: State): string {
  if (state.variables.size === 0) return word;
  return word.replace(
    /\$\{(\w+)\}|\$(\w+)|%(\w+)(?::~(-?\d+)(?:,(-?\d+))?)?%/g,
    (whole, braced, plain, percent, from, length) => {
      const value = state.variables.get(braced ?? plain ?? percent);
      return value === undefined || from === undefined ? (value ?? whole) : cutOut(value, from, length);
    },
  );
}

/** Variables of the environment that hold secrets, where a command names them. */
function variablesIn(words: readonly string[], text: string): ShellBehavior[] {
  const found: ShellBehavior[] = [];
  for (const word of words) {
    for (const match of word.matchAll(/\$\{?([A-Z][A-Z0-9_]+)\}?|%([A-Z][A-Z0-9_]+)%/g)) {
      const { code } = environmentVariable(match[1] ?? match[2]!);
      if (code === 'read-env-secret') found.push({ code, qualifiers: [], detail: text.slice(0, 200) });
    }
  }
  return found.slice(0, 1);
}

/** The output of a command line whose every part only transforms known text. */
function outputOf(line: string, state: State): string | undefined {
  const [pipeline, more] = parsePipelines(line).pipelines;
  if (pipeline === undefined || more !== undefined) return undefined;
  let text: string | undefined;
  for (const command of pipeline.commands) {
    if (command.substitutions.length > 0) return undefined;
    text = textOutput(
      command.words.map((w) => expand(w, state)),
      text ?? command.input,
    );
    if (text === undefined) return undefined;
  }
  return text?.replace(/\n+$/, '');
}

function textOutput(words: readonly string[], input: string | undefined): string | undefined {
  const [program, ...args] = words;
  const name = baseName(program ?? '');
  if (name === 'echo' || name === 'printf') {
    const text = args.filter((a) => !/^-[neE]+$/.test(a)).join(' ');
    if (text.includes(UNKNOWN_PIECE) || /\$\w/.test(text)) return undefined;
    return name === 'printf' || args.some((a) => /^-[nE]*e/.test(a)) ? unescapeText(text) : text;
  }
  return input === undefined ? undefined : decodeText(name, args, input);
}

function unescapeText(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{1,2})|0?([0-7]{1,3})|([nrt\\]))/g, (_, hex, octal, other) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return other === 'n' ? '\n' : other === 't' ? '\t' : other === 'r' ? '\r' : '\\';
  });
}
