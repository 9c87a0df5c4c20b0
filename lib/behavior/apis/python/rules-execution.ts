/** Programs, shells, threads, native code, code from text. */
import type { Context, Rule, Site } from '../../api.js';
import { programClass } from '../../shell/program-class.js';
import { outputLabels } from '../../shell.js';
import { carried, classifyPath, urlQualifiers } from '../../strings.js';
import {
  known,
  type Labels,
  list,
  NO_LABELS,
  ref,
  UNKNOWN_PIECE,
  union,
  unknown,
  type Value,
} from '../../values.js';
import { runWritten, startsDownloaded } from '../written-script.js';
import { bytesOf, itemsOf, labelsOf, settle, shown, truth } from './core.js';
import { pathText } from './paths.js';
import {
  argument,
  callMethodOf,
  carriedBy,
  disguise,
  emits,
  label,
  result,
  rule,
  writtenFiles,
} from './site.js';

const OUTPUT = label('output');

/** A command as one line: a string, or a list of words. */
interface Command {
  readonly text: string | undefined;
  /** First word, also where others are not known. */
  readonly program: string | undefined;
  readonly labels: Labels;
  readonly value: Value | undefined;
}

function commandOf(value: Value | undefined): Command {
  const one = settle(value);
  const labels = labelsOf(one);
  if (one?.kind === 'list') {
    const words = one.items.map((item) => pathText(item));
    const program = words[0];
    // A word that is not known is one all the same; the rest of the line still says what is run.
    const text = words.map((word) => (word === undefined ? UNKNOWN_PIECE : quoted(word))).join(' ');
    return { text: words.some((w) => w !== undefined) ? text : undefined, program, labels, value };
  }
  const text = pathText(one);
  return { text, program: text?.trim().split(/\s+/)[0], labels, value };
}

function quoted(word: string): string {
  return /^[\w@%+=:,./~\ufffc-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

interface RunOptions {
  readonly shell: boolean;
  readonly qualifiers: readonly string[];
}

/** What the output of a command is, where it is known to tell secrets or the environment. */
function outputOf({ text }: Command): Labels {
  return text === undefined ? OUTPUT : union(OUTPUT, outputLabels(text));
}

function run(context: Context, command: Command, { shell, qualifiers }: RunOptions): void {
  const { text, labels } = command;
  const words = [
    ...qualifiers,
    ...(labels.has('download') ? ['carries:download'] : []),
    ...disguise(command.value),
  ];
  if (labels.has('decoded')) words.push('carries:decoded');
  const written = text === undefined ? undefined : writtenIn(context, text);
  if (startsDownloaded(text, writtenFiles(context))) {
    context.emit('run-downloaded', {
      qualifiers: words.filter((w) => w !== 'carries:download'),
      detail: shown(text),
    });
  } else {
    context.emit(shell ? 'run-shell' : 'run-program', {
      qualifiers: [...words, programClass(text ?? command.program)],
      detail: shown(text ?? command.program),
    });
  }
  if (text !== undefined) {
    context.runCommand(text, {
      hidden: labels.has('decoded'),
      quiet: qualifiers.includes('quiet'),
    });
  }
  if (text !== undefined && written?.text !== undefined)
    runWritten(context, written.path, written.text, text);
}

function writtenIn(
  context: Context,
  command: string,
): { path: string; labels: Labels; text: string | undefined } | undefined {
  for (const [path, written] of writtenFiles(context)) {
    if (path.length > 2 && command.includes(path)) return { path, ...written };
  }
  return undefined;
}

/** How a child is started: hidden output, detached, hidden window. */
function startOptions(site: Site, context: Context): string[] {
  const found: string[] = [];
  const isNull = (value: Value | undefined): boolean => {
    const one = settle(value);
    return (
      one?.kind === 'ref' &&
      (/DEVNULL$/.test(one.path) ||
        (one.path === 'builtins.open()' && /devnull|\/dev\/null/.test(context.text(one.args?.[0]) ?? '')))
    );
  };
  if (isNull(site.keywords.get('stdout')) || isNull(site.keywords.get('stderr'))) found.push('quiet');
  if (
    truth(site.keywords.get('start_new_session')) === true ||
    settle(site.keywords.get('preexec_fn'))?.kind === 'ref'
  ) {
    found.push('detached');
  }
  const flags = settle(site.keywords.get('creationflags'));
  if (flags !== undefined) {
    // CREATE_NO_WINDOW 0x08000000, DETACHED_PROCESS 8, CREATE_NEW_PROCESS_GROUP 0x200.
    const value = flags.kind === 'known' && typeof flags.value === 'number' ? flags.value : undefined;
    if (value === undefined || (value & 0x08000000) !== 0) found.push('quiet');
    if (value !== undefined && (value & 0x8) !== 0) found.push('detached');
    if (flags.kind === 'ref' && /DETACHED|GROUP/.test(flags.path)) found.push('detached');
  }
  if (site.keywords.has('startupinfo')) found.push('quiet');
  return [...new Set(found)];
}

function subprocess(site: Site, context: Context): Value {
  const target = argument(site, 0, 'args', 'cmd', 'popenargs');
  const shell =
    truth(site.keywords.get('shell')) === true ||
    /getoutput|getstatusoutput|create_subprocess_shell/.test(site.path);
  const words = /create_subprocess_exec$/.test(site.path) ? list([...site.args]) : target;
  // `env=os.environ` is how every child is started: what counts is what the command line carries.
  const command = commandOf(words);
  run(context, command, {
    shell,
    qualifiers: [...(shell ? ['shell'] : []), ...startOptions(site, context)],
  });
  if (isSocket(site.keywords.get('stdin')) || isSocket(site.keywords.get('stdout'))) {
    context.emit('connect-shell', { detail: site.path });
  }
  return result(site, outputOf(command));
}

const isSocket = (value: Value | undefined): boolean => {
  const one = settle(value);
  return one?.kind === 'ref' && /^socket\.(socket|create_connection)\(\)/.test(one.path);
};

function system(site: Site, context: Context): Value {
  const command = commandOf(argument(site, 0, 'command', 'cmd'));
  run(context, command, { shell: true, qualifiers: ['shell'] });
  return result(site, outputOf(command));
}

/** `os.execv(path, args)`, `os.spawnl(mode, path, *args)`. */
function exec(site: Site, context: Context): Value {
  const name = site.path.slice(site.path.lastIndexOf('.') + 1);
  const args = name.startsWith('spawn') ? site.args.slice(1) : site.args;
  const words = /^(exec|spawn)v/.test(name) || name.startsWith('posix_spawn') ? args[1] : list(args.slice(1));
  const command = commandOf(words ?? args[0]);
  run(context, command.text === undefined ? commandOf(args[0]) : command, {
    shell: false,
    qualifiers: name.startsWith('spawn') ? ['detached'] : [],
  });
  return known(null);
}

function startFile(site: Site, context: Context): Value {
  const path = argument(site, 0, 'filepath');
  const text = pathText(path);
  const written = text === undefined ? undefined : writtenIn(context, text);
  const downloaded = labelsOf(path).has('download') || written?.labels.has('download') === true;
  context.emit(downloaded ? 'run-downloaded' : 'run-program', {
    qualifiers: text === undefined ? ['program:unknown'] : classifyPath(text).qualifiers,
    detail: text ?? '',
  });
  if (text !== undefined && written?.text !== undefined)
    runWritten(context, written.path, written.text, text);
  return known(null);
}

/** `exec`, `eval`: the text is read as code; where it comes from decides the row. */
function evaluate(site: Site, context: Context, source: Value | undefined): Value {
  const one = settle(source);
  const labels = labelsOf(one);
  const text =
    context.text(one) ?? (one?.kind === 'bytes' ? Buffer.from(one.value).toString('utf8') : undefined);
  const hidden = labels.has('decoded');
  const code = labels.has('download')
    ? 'evaluate-downloaded'
    : labels.has('decoded')
      ? 'evaluate-decoded'
      : 'evaluate';
  const detail = text?.slice(0, 120) ?? '';
  const carries = carriedBy(one).filter((c) => c !== 'carries:download' && c !== 'carries:decoded');
  if (text !== undefined && text.trim() === '') return unknown(labels);
  const own = labels.has('own') ? ['path:own'] : [];
  context.emit(code, { qualifiers: [...carries, ...own, ...disguise(one)], detail });
  if (text === undefined) return unknown(labels);
  // One dotted name is looked up, so that `eval('os.system')(x)` calls what it means.
  if (site.path.endsWith('eval') && /^\s*[A-Za-z_][\w.]*\s*$/.test(text)) {
    const [first = '', ...rest] = text.trim().split('.');
    const globals = context.moduleNamespace();
    let value: Value | undefined =
      (globals.kind === 'dict' ? globals.entries.get(first) : undefined) ?? ref(`builtins.${first}`);
    for (const part of rest) value = context.property(value, part);
    return value ?? unknown(labels);
  }
  const namespace = settle(site.args[2] ?? site.args[1] ?? site.keywords.get('globals'));
  return context.runCode('python', text, { hidden, place: { namespace } }) ?? unknown(labels);
}

/** A file run as code by its path: one of the package, or one the code wrote, told by what was written there. */
function runPath(site: Site, context: Context): void {
  const [path] = site.args;
  const text = pathText(path);
  if (text !== undefined && context.runFile(text)) return;
  const written = text === undefined ? undefined : writtenFiles(context).get(text);
  const labels = written?.labels ?? NO_LABELS;
  const code = labels.has('download')
    ? 'evaluate-downloaded'
    : labels.has('decoded')
      ? 'evaluate-decoded'
      : 'evaluate';
  context.emit(code, { qualifiers: carriedBy(path), detail: text ?? '' });
  if (written?.text !== undefined) context.runCode('python', written.text, { hidden: labels.has('decoded') });
}

const ADDRESS = /\b(?:https?|wss?|ftp):\/\/[\x21-\x7e]{4,200}/g;
const MAX_ADDRESSES = 4;

/** Marshalled bytecode that the code carries with it is not followed; it is said, and so are the addresses in it. */
function bytecode(site: Site, context: Context): void {
  const labels = labelsOf(site.args[0]);
  const data = bytesOf(site.args[0]);
  if (data === undefined && !['decoded', 'download', 'own'].some((label) => labels.has(label))) return;
  context.emit('opaque-bytecode', { qualifiers: ['hidden'], detail: site.path });
  if (data === undefined) return;
  const text = Buffer.from(data)
    .toString('latin1')
    .slice(0, 1 << 20);
  for (const [address] of [...text.matchAll(ADDRESS)].slice(0, MAX_ADDRESSES))
    context.emit('D3', { qualifiers: ['hidden', ...urlQualifiers(address)], detail: address });
}

/** A target started in a thread, process or timer: its behaviours come here. */
function start(index: number, argsIndex: number): Rule['apply'] {
  return (site, context) => {
    const target = argument(site, index, 'target', 'function', 'func', 'fn', 'callback');
    const args = itemsOf(argument(site, argsIndex, 'args')) ?? [];
    if (target !== undefined && (context.isFunction(target) || target.kind === 'ref'))
      context.call(target, args);
    return result(site, NO_LABELS);
  };
}

/** `executor.submit(f, *args)`. */
const submit: Rule['apply'] = (site, context) => {
  const [fn, ...args] = site.args;
  return fn === undefined ? undefined : context.call(fn, args);
};

const INJECTION =
  '{VirtualAlloc,VirtualAllocEx,VirtualProtect,WriteProcessMemory,CreateRemoteThread,CreateThread,RtlMoveMemory,OpenProcess,QueueUserAPC,NtMapViewOfSection,EnumSystemLocalesA,HeapCreate}';
const WINDLL = '{ctypes.windll,ctypes.WinDLL(),ctypes.cdll,ctypes.CDLL(),ctypes.oledll}';

export const executionRules: readonly Rule[] = [
  rule('os.{system,popen,popen2,popen3,popen4}', system),
  rule('{ctypes.CDLL(),ctypes.PyDLL(),ctypes.cdll.LoadLibrary(),ctypes.cdll.msvcrt}.{system,popen}', system),
  rule('{commands.getoutput,commands.getstatusoutput,popen2.popen2,popen2.popen3,platform.popen}', system),
  rule(
    '{subprocess.Popen,subprocess.call,subprocess.run,subprocess.check_call,subprocess.check_output,subprocess.getoutput,subprocess.getstatusoutput,asyncio.create_subprocess_shell,asyncio.create_subprocess_exec,distutils.spawn.spawn,psutil.Popen,pexpect.spawn,pexpect.run,invoke.run,fabric.Connection().local,distutils.cmd.Command().spawn,setuptools.Command().spawn}',
    subprocess,
  ),
  rule('subprocess.Popen().{communicate,wait,poll}', (site) =>
    result(site, union(OUTPUT, labelsOf(site.receiver))),
  ),
  rule(
    'os.{execl,execle,execlp,execlpe,execv,execve,execvp,execvpe,spawnl,spawnle,spawnlp,spawnv,spawnve,spawnvp,spawnvpe,posix_spawn,posix_spawnp}',
    exec,
  ),
  rule('os.startfile', startFile),
  rule(
    '{win32api.ShellExecute,ctypes.windll.shell32.ShellExecuteW,ctypes.windll.shell32.ShellExecuteA,win32com.shell.shell.ShellExecuteEx}',
    (site, context) => {
      const words = site.args.map((a) => context.text(a)).filter((t) => t !== undefined);
      const command = words.filter((w) => w !== 'runas' && w !== 'open').join(' ');
      context.emit('run-program', {
        qualifiers: [...(words.includes('runas') ? ['sudo'] : []), programClass(command)],
        detail: words.join(' '),
      });
      if (command !== '') context.runCommand(command);
      return undefined;
    },
  ),
  rule('paramiko.SSHClient().exec_command', (site, context) => {
    context.emit('run-shell', {
      qualifiers: ['shell', ...carriedBy(site.args[0])],
      detail: context.text(site.args[0]) ?? '',
    });
    return result(site, OUTPUT);
  }),
  rule('os.dup2', (site, context) => {
    if (isSocket(site.args[0])) context.emit('connect-shell', { detail: 'os.dup2' });
    return undefined;
  }),
  rule('pty.spawn', (site, context) => {
    const text = commandOf(site.args[0]).text ?? '';
    context.emit('run-shell', { qualifiers: ['shell'], detail: text });
    return undefined;
  }),
  rule('os.{fork,forkpty,setsid,daemon}', (site, context) => {
    context.emit('run-program', { qualifiers: ['detached'], detail: site.path });
    return site.path === 'os.fork' ? unknown(NO_LABELS) : undefined;
  }),
  rule('daemon.DaemonContext', (site, context) => {
    context.emit('run-program', { qualifiers: ['detached'], detail: site.path });
    return undefined;
  }),
  // Code that PyArmor encrypted, run by its own runtime.
  rule(
    '{builtins.__pyarmor__,pytransform.**,pyarmor_runtime.**,*.pytransform.pyarmor_runtime}',
    (site, context) => {
      context.emit('opaque-data', { detail: site.path });
      context.emit('evaluate-decoded', { detail: site.path });
      return undefined;
    },
  ),
  // Code from text
  rule('builtins.exec', (site, context) => {
    evaluate(site, context, site.args[0]);
    return known(null);
  }),
  rule('builtins.eval', (site, context) => evaluate(site, context, site.args[0])),
  rule('ctypes.pythonapi.{PyRun_SimpleString,PyRun_SimpleStringFlags}', (site, context) => {
    evaluate(site, context, site.args[0]);
    return known(0);
  }),
  // Statements given as text to be measured or watched: what is known of them stands for itself.
  rule(
    '{timeit.timeit,timeit.repeat,timeit.Timer,cProfile.run,profile.run,pdb.run,pdb.runeval,trace.Trace().run,bdb.Bdb().run,cProfile.Profile().run}',
    (site, context) => {
      const texts = [argument(site, 0, 'stmt', 'statement', 'cmd'), site.keywords.get('setup')];
      if (site.path.startsWith('timeit.')) texts.push(site.args[1]);
      for (const statement of texts) {
        const labels = labelsOf(statement);
        const text = context.text(statement);
        if (labels.has('download') || labels.has('decoded')) evaluate(site, context, statement);
        else if (text !== undefined) context.runCode('python', text, { hidden: false });
      }
      return undefined;
    },
  ),
  rule('builtins.execfile', (site, context) => {
    runPath(site, context);
    return known(null);
  }),
  rule('builtins.compile', (site) => {
    const source = settle(site.args[0]);
    return source === undefined
      ? undefined
      : source.kind === 'ref' || source.kind === 'unknown'
        ? unknown(labelsOf(source))
        : source;
  }),
  rule('{types.FunctionType,types.LambdaType,types.CodeType,types.MethodType}', (site, context) => {
    if (site.path === 'types.MethodType') return site.args[0];
    if (site.path === 'types.CodeType') {
      context.emit('deserialize-code', { detail: site.path });
      return unknown(label('decoded'));
    }
    evaluate(site, context, site.args[0]);
    return undefined;
  }),
  rule('code.{InteractiveInterpreter,InteractiveConsole}().{runcode,runsource,push}', (site, context) =>
    evaluate(site, context, site.args[0]),
  ),
  rule('runpy.run_path', (site, context) => {
    runPath(site, context);
    return undefined;
  }),
  rule('runpy.{run_module,_run_module_as_main}', (site, context) => {
    const name = context.text(site.args[0]);
    if (name === undefined) context.emit('dynamic-import', {});
    else context.importModule(name);
    return undefined;
  }),
  // Modules by path: the path stands for the module, running its loader runs the file.
  rule(
    '{importlib.util.spec_from_file_location,imp.load_source,importlib.machinery.SourceFileLoader,imp.load_compiled,imp.load_dynamic,importlib.machinery.SourcelessFileLoader,importlib.machinery.ExtensionFileLoader}',
    (site, context) => {
      const path = argument(site, 1, 'location', 'path', 'pathname');
      const text = pathText(path);
      if (/load_dynamic|ExtensionFileLoader/.test(site.path))
        context.emit('load-native', { detail: text ?? '' });
      else if (text === undefined || !context.runFile(text)) {
        const written = text === undefined ? undefined : writtenFiles(context).get(text);
        const labels = union(labelsOf(path), written?.labels ?? NO_LABELS);
        context.emit('dynamic-import', { qualifiers: carried(labels), detail: text ?? '' });
        if (written?.text !== undefined)
          context.runCode('python', written.text, { hidden: labels.has('decoded') });
      }
      return unknown(labelsOf(path));
    },
  ),
  rule('{marshal.loads,marshal.load}', (site, context) => {
    context.emit('deserialize-code', { qualifiers: carriedBy(site.args[0]), detail: site.path });
    bytecode(site, context);
    return unknown(union(label('decoded'), labelsOf(site.args[0])));
  }),
  rule(
    '{pickle,cPickle,_pickle,dill,cloudpickle,joblib,jsonpickle,shelve}.{loads,load,decode,open}',
    (site, context) => {
      const labels = labelsOf(site.args[0]);
      const raw = bytesOf(site.args[0]);
      // Pickles of files are data of the program; those of strings and downloads are payloads.
      if (raw !== undefined || labels.has('download') || labels.has('decoded')) {
        context.emit('deserialize-code', { qualifiers: carriedBy(site.args[0]), detail: site.path });
      }
      return unknown(labels);
    },
  ),
  // Threads, timers, exits
  rule('{threading.Thread,multiprocessing.Process,multiprocessing.context.Process}', start(1, 3)),
  rule('threading.Timer', (site, context) => {
    const seconds = settle(argument(site, 0, 'interval'));
    if (!(seconds?.kind === 'known' && typeof seconds.value === 'number' && seconds.value < 1)) {
      context.emit('delay', { detail: seconds?.kind === 'known' ? `${String(seconds.value)} s` : '' });
    }
    return start(1, 2)(site, context);
  }),
  rule('{_thread,thread}.{start_new_thread,start_new}', start(0, 1)),
  rule('{threading.Thread,multiprocessing.Process,threading.Timer}().start', (site, context) => {
    // A subclass of the package: its `run` is what starts.
    callMethodOf(context, site.receiver, 'run', []);
    return known(null);
  }),
  rule(
    '{concurrent.futures.ThreadPoolExecutor,concurrent.futures.ProcessPoolExecutor,multiprocessing.Pool,multiprocessing.pool.ThreadPool}().{submit,apply,apply_async}',
    (site, context) => {
      if (site.path.endsWith('submit')) return submit(site, context);
      const [fn, args] = site.args;
      return fn === undefined ? undefined : context.call(fn, itemsOf(args) ?? []);
    },
  ),
  rule(
    '{concurrent.futures.ThreadPoolExecutor,concurrent.futures.ProcessPoolExecutor,multiprocessing.Pool,multiprocessing.pool.ThreadPool}().{map,imap,imap_unordered,starmap,map_async}',
    (site, context) => {
      const [fn, values] = site.args;
      if (fn === undefined) return undefined;
      for (const item of (itemsOf(values) ?? [unknown(labelsOf(values))]).slice(0, 3))
        context.call(fn, [item]);
      return undefined;
    },
  ),
  rule(
    '{asyncio.run,asyncio.get_event_loop().run_until_complete,asyncio.new_event_loop().run_until_complete,asyncio.ensure_future,asyncio.create_task,trio.run,anyio.run}',
    (site, context) => {
      const [target] = site.args;
      return target !== undefined && context.isFunction(target)
        ? context.call(target, site.args.slice(1))
        : target;
    },
  ),
  rule('{asyncio.to_thread,asyncio.get_event_loop().run_in_executor}', (site, context) => {
    const args = site.path.endsWith('run_in_executor') ? site.args.slice(1) : site.args;
    return args[0] === undefined ? undefined : context.call(args[0], args.slice(1));
  }),
  rule('weakref.finalize', (site, context) => {
    const [, fn, ...args] = site.args;
    if (fn !== undefined) context.defer(fn, args);
    return undefined;
  }),
  rule('atexit.register', (site, context) => {
    const [fn, ...args] = site.args;
    if (fn !== undefined) context.defer(fn, args);
    return fn;
  }),
  rule('{sched.scheduler().enter,sched.scheduler().enterabs}', (site, context) => {
    context.emit('delay', { detail: site.path });
    const action = argument(site, 2, 'action');
    return action === undefined
      ? undefined
      : context.call(action, itemsOf(argument(site, 3, 'argument')) ?? []);
  }),
  rule('schedule.every().**.do', (site, context) => {
    const [fn, ...args] = site.args;
    return fn === undefined ? undefined : context.call(fn, args);
  }),
  // Native code
  rule('ctypes.{CDLL,WinDLL,OleDLL,PyDLL,cdll.LoadLibrary,windll.LoadLibrary}', (site, context) => {
    const path = pathText(site.args[0]);
    context.emit('load-native', {
      qualifiers: [...(path === undefined ? [] : classifyPath(path).qualifiers), ...carriedBy(site.args[0])],
      detail: path ?? '',
    });
    const system = /^(kernel32|user32|ntdll|shell32|advapi32|crypt32)/i.exec(path ?? '')?.[1]?.toLowerCase();
    return system === undefined ? undefined : ref(`ctypes.windll.${system}`);
  }),
  rule('ctypes.windll.*.*', (site, context) => {
    const name = site.path.slice(site.path.lastIndexOf('.') + 1);
    if (!SPECIFIC.has(name)) context.emit('call-native', { detail: site.path });
    return undefined;
  }),
  rule(`${WINDLL}.${INJECTION}`, (site, context) => {
    context.emit('inject-process', { detail: site.path });
    return undefined;
  }),
  rule(`{ctypes.windll.kernel32,ctypes.windll.ntdll}.${INJECTION}`, (site, context) => {
    context.emit('inject-process', { detail: site.path });
    return undefined;
  }),
  emits('{mmap.mmap,ctypes.CFUNCTYPE()}', 'call-native'),
  emits(
    'ctypes.windll.user32.{GetAsyncKeyState,SetWindowsHookExA,SetWindowsHookExW,GetKeyState}',
    'capture-keys',
    label('input'),
  ),
];

/** Calls of the Windows library with rows of their own. */
const SPECIFIC = new Set(
  `${INJECTION.slice(1, -1)},IsUserAnAdmin,IsDebuggerPresent,CheckRemoteDebuggerPresent,ExitWindowsEx,LockWorkStation,NtRaiseHardError,ShowWindow,FreeConsole,SetFileAttributesW,GetUserDefaultUILanguage,GetKeyboardLayout,ShellExecuteW,ShellExecuteA,GetAsyncKeyState,SetWindowsHookExA,SetWindowsHookExW,GetKeyState,CryptUnprotectData,LoadLibrary`.split(
    ',',
  ),
);
