/** Processes, evaluated code, native code, timers: what runs something else. */
import type { Context, Rule, Site } from '../../api.js';
import { programClass } from '../../shell/program-class.js';
import { secretsPutOut } from '../../shell.js';
import {
  known,
  type Labels,
  partialText,
  ref,
  UNKNOWN_PIECE,
  union,
  unknown,
  type Value,
} from '../../values.js';
import { runWritten } from '../written-script.js';
import {
  addressOf,
  carriedBy,
  concealment,
  detailOf,
  emits,
  isSet,
  LABEL,
  lastFunction,
  onCall,
  onRead,
  onWrite,
  plainNumber,
  shown,
  startsWrittenDownload,
  UNDEFINED,
  writtenScripts,
} from './support.js';

/** How a process is started: `detached`, `quiet`, `shell`, from Node's options. */
function startOptions(options: Value | undefined, context: Context): string[] {
  const words: string[] = [];
  if (isSet(options, 'detached', context)) words.push('detached');
  const stdio = context.property(options, 'stdio');
  const first = stdio?.kind === 'list' ? stdio.items : [stdio];
  if (first.some((item) => context.text(item) === 'ignore')) words.push('quiet');
  if (isSet(options, 'shell', context)) words.push('shell');
  return words;
}

const isOptions = (value: Value | undefined): boolean => value?.kind === 'dict';

/** Quotes a word so that the shell parser gives it back. */
function quote(word: string): string {
  return /^[\w@%+=:,./~\ufffc-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A program argument as a word of a command line. */
function wordOf(value: Value | undefined): string {
  if (value === undefined) return UNKNOWN_PIECE;
  if (value.kind === 'ref' && /^process\.(?:execPath|argv0|argv\.0)$/.test(value.path)) return 'node';
  const text = partialText(value);
  if (text !== undefined) return text;
  return value.kind === 'known' ? String(value.value) : UNKNOWN_PIECE;
}

/** Gives the labels of what the command puts out. */
function runText(
  command: string | undefined,
  value: readonly (Value | undefined)[],
  code: string,
  qualifiers: readonly string[],
  context: Context,
): Labels {
  const hidden = concealment(context, ...value);
  const downloaded = startsWrittenDownload(context, command);
  context.emit(downloaded ? 'run-downloaded' : code, {
    qualifiers: [
      ...qualifiers,
      ...hidden,
      ...carriedBy(value, context),
      ...(downloaded ? [] : [programClass(command)]),
    ],
    detail: (command ?? '').replaceAll(UNKNOWN_PIECE, '…').slice(0, 200),
  });
  if (qualifiers.includes('hide-window') || command === undefined) return LABEL.output;
  context.runCommand(command, {
    hidden: hidden.includes('hidden'),
    quiet: qualifiers.includes('quiet'),
  });
  for (const { path, text } of writtenScripts(context, command)) runWritten(context, path, text, command);
  const secrets = secretsPutOut(command);
  return secrets.length === 0 ? LABEL.output : new Set([...LABEL.output, ...secrets]);
}

/** What is run may be one command here and another there: each that is known is run. */
function alternatives(value: Value | undefined): readonly (Value | undefined)[] {
  if (value?.kind !== 'choice') return [value];
  const told = value.options.filter((option) => partialText(option) !== undefined);
  return told.length > 1 ? told : [value];
}

/** `exec(command, options, callback)`: a command line for the shell. */
function shellCommand(site: Site, context: Context): Value | undefined {
  const [command, options] = site.args;
  const how = startOptions(isOptions(options) ? options : undefined, context);
  const labels = union(
    ...alternatives(command).map((line) => runText(partialText(line), [command], 'run-shell', how, context)),
  );
  const callback = lastFunction(site.args, context);
  const output = unknown(labels);
  if (callback !== undefined) context.call(callback, [unknown(), output, output]);
  return site.path.endsWith('Sync') ? output : ref(`${site.path}()`, labels, site.args);
}

/** `$`…${x}…``: the tag's pieces and values as the one command they are. */
function fromTemplate(site: Site): Site {
  const [pieces, ...values] = site.args;
  if (pieces?.kind !== 'list' || pieces.items.length !== values.length + 1) return site;
  const labels = union(...values.map((value) => value.labels));
  const text = pieces.items.map(wordOf).reduce((all, piece, i) => all + wordOf(values[i - 1]) + piece);
  const command = text.includes(UNKNOWN_PIECE) ? unknown(labels, text) : known(text, labels);
  return { ...site, args: [command] };
}

/** `spawn(program, [args], options)`, also the forms without the list. */
function program(site: Site, context: Context): Value | undefined {
  const [file, second, third] = site.args;
  const list = second?.kind === 'list' ? second : undefined;
  const options = [second, third].find(isOptions);
  const qualifiers = startOptions(options, context);
  const labels = union(
    ...alternatives(file).map((named) => {
      const fileWord = wordOf(named);
      const words = [fileWord, ...(list?.items ?? []).map(wordOf)];
      if (list?.open) words.push(UNKNOWN_PIECE);
      const isLine = qualifiers.includes('shell') || (list === undefined && /\s/.test(fileWord));
      const command = isLine ? words.join(' ') : words.map(quote).join(' ');
      const isKnown = words.some((w) => w !== UNKNOWN_PIECE);
      return runText(
        isKnown ? command : undefined,
        [file, list],
        isLine ? 'run-shell' : 'run-program',
        qualifiers,
        context,
      );
    }),
  );
  if (isSet(options, 'windowsHide', context) && qualifiers.some((q) => q === 'detached' || q === 'quiet')) {
    context.emit('hide-window', { detail: detailOf(site) });
  }
  const callback = lastFunction(site.args, context);
  const output = unknown(labels);
  if (callback !== undefined) context.call(callback, [unknown(), output, output]);
  return site.path.endsWith('Sync')
    ? ref(`${site.path}()`, labels, site.args)
    : ref('child_process.spawn()', labels, site.args);
}

/** `fork(file, args, options)`: a file run by Node. */
function fork(site: Site, context: Context): Value | undefined {
  const [file, second, third] = site.args;
  const options = [second, third].find(isOptions);
  const word = wordOf(file);
  runText(
    word === UNKNOWN_PIECE ? undefined : `node ${quote(word)}`,
    [file],
    'run-program',
    startOptions(options, context),
    context,
  );
  return ref('child_process.spawn()', LABEL.output, site.args);
}

/** Texts that only fetch the global object: polyfills are full of them. */
const HARMLESS = /^\s*(?:return\s+)?(?:this|globalThis|\(?0\)?|)\s*;?\s*$/;
const RETURNS_NAME = /^\s*return\s+([A-Za-z_$][\w$.]*)\s*(?:;|\/|$)/;

/** Emits the evaluation of a text and reads it as code; the value of one expression is returned. */
export function evaluate(
  text: Value | undefined,
  context: Context,
  source = context.text(text),
): Value | undefined {
  const labels = context.labelsOf(text);
  if (source !== undefined && HARMLESS.test(source)) return undefined;
  const code = labels.has('download')
    ? 'evaluate-downloaded'
    : labels.has('decoded')
      ? 'evaluate-decoded'
      : 'evaluate';
  const others = carriedBy([text], context).filter(
    (q) => q !== 'carries:download' && q !== 'carries:decoded',
  );
  // Templates and serializers put code together; what hides it decodes.
  const isAssembled = code === 'evaluate' && labels.has('assembled');
  context.emit(code, { qualifiers: isAssembled ? [...others, 'assembled'] : others, detail: shown(text) });
  if (source === undefined) return undefined;
  return context.runCode('javascript', source, {
    hidden: labels.has('decoded') || labels.has('assembled'),
  });
}

const evaluates = (on: string): Rule =>
  onCall(on, (site, context) => {
    evaluate(site.args[0], context);
    return undefined;
  });

/** The same, where the call gives what the text amounts to: `eval('(function () {…})')()`. */
const gives = (on: string): Rule => onCall(on, (site, context) => evaluate(site.args[0], context));

const OWN_NAMES =
  /^(?:require|module|exports|process|global|globalThis|console|Buffer|__filename|__dirname)$/;

/** `Function('a', 'b', body)`, also reached as `x.constructor.constructor`. */
function makeFunction(site: Site, context: Context): Value | undefined {
  const body = site.args.at(-1);
  const source = context.text(body);
  const returned = source === undefined ? undefined : RETURNS_NAME.exec(source)?.[1];
  if (returned !== undefined) return ref(`%return.${returned === 'this' ? 'globalThis' : returned}`);
  const names = site.args.slice(0, -1).map((name) => context.text(name));
  // By their own names they mean in the text what they mean around it.
  const told = source !== undefined && !HARMLESS.test(source);
  if (told && names.some((name) => name !== undefined && !OWN_NAMES.test(name))) {
    const made = names.map((name, i) => name ?? `_${i}`).join(', ');
    return evaluate(body, context, `(function (${made}) {${source}\n})`);
  }
  if (site.args.length > 0) evaluate(body, context);
  return undefined;
}

function timer(site: Site, context: Context): Value | undefined {
  const [callback, ms] = site.args;
  if (callback !== undefined && context.text(callback) !== undefined) evaluate(callback, context);
  const time = plainNumber(ms);
  if (time !== undefined && time >= 10_000) context.emit('delay', { detail: `${site.path} ${time}` });
  return undefined;
}

const CHILD =
  '{child_process,cross-spawn,execa,shelljs,node-pty,promisify-child-process,child-process-promise}';

export const executionRules: readonly Rule[] = [
  onCall('child_process.{exec,execSync}', shellCommand),
  onCall('{child-process-promise,promisify-child-process,mz/child_process}.exec', shellCommand),
  onCall('{shelljs,shelljs/global}.exec', shellCommand),
  onCall(
    '{exec,execa.command,execa.commandSync,execa.execaCommand,execa.execaCommandSync,node-cmd.run,node-cmd.runSync,node-cmd.get,shell-exec,sudo-prompt.exec,cmd-promise,exec-sh,exec-sh.promise,npm-run.exec,npm-run.execSync}',
    shellCommand,
  ),
  onCall('{execa.$,zx.$,zx,Bun.$,bun.$}', (site, context) => shellCommand(fromTemplate(site), context)),
  onCall('sudo-prompt.exec', (site, context) => {
    context.emit('check-privilege', { qualifiers: ['sudo'], detail: detailOf(site) });
    return undefined;
  }),
  onCall('child_process.{spawn,spawnSync,execFile,execFileSync}', program),
  onCall('{child-process-promise,promisify-child-process,mz/child_process}.{spawn,execFile}', program),
  onCall(
    '{cross-spawn,cross-spawn.spawn,cross-spawn.sync,execa,execa.execa,execa.sync,execa.execaSync,execa.node,execa.execaNode,spawn-sync,tinyexec.x,tinyexec.exec,nano-spawn,node-pty.spawn,@npmcli/promise-spawn,open,opn,opener}',
    program,
  ),
  onCall('child_process.fork', fork),
  onCall('Deno.run', (site, context) =>
    program({ ...site, args: [context.property(site.args[0], 'cmd') ?? UNDEFINED] }, context),
  ),
  onCall('{Bun,bun}.{spawn,spawnSync}', (site, context) => {
    const [first] = site.args;
    const [words, options] = isOptions(first) ? [context.property(first, 'cmd'), first] : site.args;
    if (words?.kind !== 'list') return undefined;
    const rest = { ...words, items: words.items.slice(1) };
    return program(
      { ...site, args: [words.items[0] ?? UNDEFINED, rest, ...(options === undefined ? [] : [options])] },
      context,
    );
  }),
  onCall('process.binding.call', () => undefined),
  onCall('process.{binding,_linkedBinding}', (site, context) => {
    const name = context.text(site.args[0]);
    context.emit('call-native', { detail: detailOf(site) });
    // The raw bindings under child_process: their `spawn` is the way past a hook on the public one.
    return name === undefined ? undefined : ref(`process.binding.${name}`);
  }),
  onCall('process.binding.spawn_sync.spawn', (site, context) => {
    const options = site.args[0];
    const args = context.property(options, 'args');
    const file = context.property(options, 'file') ?? UNDEFINED;
    return program(
      { ...site, args: args?.kind === 'list' ? [file, { ...args, items: args.items.slice(1) }] : [file] },
      context,
    );
  }),
  onCall('process.binding.process_wrap.Process().spawn', (site, context) => {
    const args = context.property(site.args[0], 'args');
    const file = context.property(site.args[0], 'file') ?? UNDEFINED;
    return program(
      { ...site, args: args?.kind === 'list' ? [file, { ...args, items: args.items.slice(1) }] : [file] },
      context,
    );
  }),
  onCall(`${CHILD}.promises.exec`, shellCommand),

  // Code from text
  gives('eval'),
  gives('{vm,vm2}.{runInThisContext,runInNewContext,runInContext}'),
  evaluates('{vm,vm2}.compileFunction'),
  evaluates('vm.{Script,SourceTextModule}'),
  evaluates(
    '{vm2.VM().run,vm2.NodeVM().run,vm2.VMScript,isolated-vm.Isolate().compileScript,safe-eval,require-from-string,node-eval,eval-sandbox,static-eval}',
  ),
  evaluates('{module,module.Module,module.constructor,module.prototype,module(),module.Module()}._compile'),
  evaluates('**._compile'),
  // The loader of one ending, called for a file of any.
  onCall('{require,module,module.Module}.{extensions,_extensions}.**', (site, context) => {
    const path = partialText(site.args[1]);
    if (path !== undefined) context.runFile(path);
    return undefined;
  }),
  onCall('cluster.{setupPrimary,setupMaster}', (site, context) => {
    const path = partialText(context.property(site.args[0], 'exec'));
    if (path === undefined) return undefined;
    context.emit('run-own-file', { detail: path });
    context.runFile(path);
    return undefined;
  }),
  onCall('{Function,GeneratorFunction,AsyncFunction,Function.prototype.constructor}', makeFunction),
  onCall('**.constructor', makeFunction),
  onCall('%return.**', (site) => ref(site.path.slice('%return.'.length))),
  onCall(
    '{setTimeout,setInterval,setImmediate,queueMicrotask,process.nextTick,timers.setTimeout,timers.setInterval,timers/promises.setTimeout}',
    timer,
  ),
  onCall('{worker_threads.Worker,Worker,web-worker}', (site, context) => {
    const [file, options] = site.args;
    const text = partialText(file);
    const address = text ?? addressOf(file, context);
    if (isSet(options, 'eval', context)) evaluate(file, context);
    else if (address?.startsWith('data:')) evaluate(dataUrlText(address, file), context);
    else if (text !== undefined && !text.startsWith('blob:')) {
      context.emit('run-own-file', { qualifiers: concealment(context, file), detail: shown(file) });
      context.runFile(text.replace(/^file:\/\//, ''));
    }
    return undefined;
  }),
  onCall(
    'WebAssembly.{instantiate,compile,Module,instantiateStreaming,compileStreaming}',
    (site, context) => {
      context.emit('opaque-wasm', {
        qualifiers: [...concealment(context, site.args[0]), ...carriedBy([site.args[0]], context)],
        detail: site.path,
      });
      return undefined;
    },
  ),
  onCall('document.{write,writeln}', (site, context) => {
    context.emit('evaluate', { qualifiers: carriedBy(site.args, context), detail: detailOf(site) });
    return undefined;
  }),

  // Native code
  onCall('process.dlopen', (site, context) => {
    context.emit('load-native', { detail: shown(site.args[1]) });
    return undefined;
  }),
  onCall(
    '{bindings,node-gyp-build,node-pre-gyp.find,@mapbox/node-pre-gyp.find,pkg-prebuilds,prebuild-install}',
    (site, context) => {
      context.emit('load-native', { detail: detailOf(site) });
      return undefined;
    },
  ),
  emits(
    '{ffi-napi,ffi,koffi,@primno/dpapi,win-dpapi,sbffi}.{Library,load,unprotectData,protectData,ForeignFunction,DynamicLibrary}',
    'call-native',
  ),

  // The process itself
  onCall('process.{exit,abort,reallyExit}', (site, context) => {
    context.emit('exit-process', { detail: shown(site.args[0]) });
    return undefined;
  }),
  onCall('process.{kill,_kill}', (site, context) => {
    const signal = site.args[1];
    // Signal 0 only asks whether the process lives.
    if (signal?.kind === 'known' && signal.value === 0) return undefined;
    context.emit('kill-process', { detail: detailOf(site) });
    return undefined;
  }),
  emits('{tree-kill,fkill,fkill.default}', 'kill-process'),
  onCall('process.{getuid,geteuid,setuid,seteuid,setgid,initgroups}', (site, context) => {
    context.emit('check-privilege', { detail: site.path });
    return unknown();
  }),
  onCall('process.{on,once,addListener,prependListener}', (site, context) => {
    const event = context.text(site.args[0]);
    const handler = site.args[1];
    if (event === 'uncaughtException' || event === 'unhandledRejection') {
      if (handler?.kind === 'func' && handler.node.body.length === 0) {
        context.emit('silence-errors', { detail: event });
      }
    }
    if ((event === 'exit' || event === 'beforeExit') && handler !== undefined) {
      context.defer(handler, [known(0)]);
      return ref('process');
    }
    return undefined;
  }),
  onWrite('process.title', (site, context) => {
    context.emit('impersonate', { detail: shown(site.args[0]) });
    return undefined;
  }),
  onCall('{process._debugProcess,inspector.open,inspector.url}', (site, context) => {
    context.emit('check-environment', { detail: site.path });
    return undefined;
  }),
  onRead('process.{debugPort,execArgv}', (site, context) => {
    context.emit('check-environment', { detail: site.path });
    return undefined;
  }),
];

/** The code in a `data:text/javascript` URL, as a value with the labels of the URL. */
export function dataUrlText(url: string, value: Value | undefined): Value | undefined {
  const comma = url.indexOf(',');
  if (comma === -1) return undefined;
  const head = url.slice(0, comma);
  const body = url.slice(comma + 1);
  try {
    const text = head.endsWith(';base64')
      ? Buffer.from(body, 'base64').toString('utf8')
      : decodeURIComponent(body);
    return known(text, union(value?.labels ?? new Set(), new Set(['decoded'])));
  } catch {
    return undefined;
  }
}
