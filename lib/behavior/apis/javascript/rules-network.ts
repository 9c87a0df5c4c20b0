/** Requests, sockets, name look-ups, mail, servers: what leaves the machine and what comes in. */
import type { Context, Rule, Site } from '../../api.js';
import { urlQualifiers } from '../../strings.js';
import { NO_LABELS, partialText, type Ref, ref, union, unknown, type Value } from '../../values.js';
import {
  addressOf,
  carriedBy,
  concealment,
  destination,
  detailOf,
  emits,
  isData,
  LABEL,
  lastFunction,
  onCall,
  onRead,
  onWrite,
  pathClass,
  pathText,
  rememberWrite,
  shown,
} from './support.js';

const SENDING = /^(?:post|put|patch|delete)$/i;

/** Emits one request. `address` decides the destination, everything in `data` is what goes out with it. */
function request(
  site: Site,
  context: Context,
  address: Value | undefined,
  data: readonly (Value | undefined)[],
  sends: boolean,
): void {
  const url = addressOf(address, context);
  const carries = carriedBy([address, ...data], context);
  const code = sends || isData(carries) ? 'http-send' : 'http-request';
  context.emit(code, {
    qualifiers: [
      ...destination(address, context),
      ...carries,
      ...concealment(context, hostPart(address, context)),
    ],
    detail: url === undefined ? site.path : url.replaceAll('\ufffc', '…').slice(0, 200),
  });
}

/** The part of a request that says where it goes; data in a query does not make the address hidden. */
function hostPart(address: Value | undefined, context: Context): Value | undefined {
  if (address?.kind !== 'dict') return address;
  for (const key of ['url', 'uri', 'href', 'hostname', 'host', 'baseURL', 'prefixUrl']) {
    const value = context.property(address, key);
    if (value !== undefined && partialText(value) !== undefined) return value;
  }
  return address;
}

function disablesChecks(options: Value | undefined, context: Context): void {
  const option = context.property(options, 'rejectUnauthorized') ?? context.property(options, 'strictSSL');
  if (option?.kind === 'known' && option.value === false) {
    context.emit('disable-security', { detail: 'rejectUnauthorized: false' });
  }
}

function methodOf(options: Value | undefined, context: Context): string {
  return context.text(context.property(options, 'method')) ?? 'GET';
}

/** Node's `http.request(url, options, callback)`: the body follows with `write` and `end`. */
function nodeRequest(site: Site, context: Context): Value | undefined {
  const args = site.args.filter((arg) => !context.isFunction(arg));
  const options = args.find((arg) => arg.kind === 'dict');
  disablesChecks(options, context);
  const headers = context.property(options, 'headers');
  const address = args[0];
  const carries = carriedBy([...args, headers], context);
  if (site.path.endsWith('.get') || methodOf(options, context).toUpperCase() === 'GET' || isData(carries)) {
    request(site, context, address, [options], false);
  }
  const response = ref('http.IncomingMessage()', LABEL.download, args);
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) context.call(callback, [response]);
  return ref('http.request()', union(LABEL.download), args);
}

/** Requests whose body was reported, by the list of their arguments. */
const sent = new WeakSet<readonly Value[]>();

/** `write(data)` and `end(data)` of a request made before. */
function nodeBody(site: Site, context: Context): Value | undefined {
  const [data] = site.args;
  const made = requestOf(site.receiver);
  const isSent = made?.args !== undefined && sent.has(made.args);
  if (data === undefined || context.isFunction(data)) {
    if (made !== undefined && !isSent && site.path.endsWith('.end')) bareSend(site, made, context);
    return site.receiver;
  }
  if (made?.args !== undefined) sent.add(made.args);
  request(site, context, made?.args?.[0], [data, ...(made?.args ?? [])], true);
  return site.receiver;
}

/** `end()` without data of a POST whose address was not reported yet. */
function bareSend(site: Site, made: Ref, context: Context): void {
  const options = made.args?.find((arg) => arg.kind === 'dict');
  const method = methodOf(options, context);
  if (method.toUpperCase() === 'GET' || isData(carriedBy(made.args ?? [], context))) return;
  request(site, context, made.args?.[0], [], false);
}

function requestOf(receiver: Value | undefined): Ref | undefined {
  if (receiver?.kind === 'ref') return receiver;
  if (receiver?.kind === 'choice') {
    for (const option of receiver.options) if (option.kind === 'ref') return option;
  }
  return undefined;
}

/** `fetch(url, { method, body })` and clients of that shape; also one object with everything. */
function fetchLike(site: Site, context: Context): Value | undefined {
  const args = site.args.filter((arg) => !context.isFunction(arg));
  const [first, second] = args;
  const options = second?.kind === 'dict' ? second : first?.kind === 'dict' ? first : second;
  disablesChecks(options, context);
  const method = methodOf(options, context);
  const body = ['body', 'data', 'json', 'form', 'formData', 'payload']
    .map((key) => context.property(options, key))
    .find(
      (value) =>
        value !== undefined && !(value.kind === 'known' && (value.value == null || value.value === true)),
    );
  const fromReceiver = requestOf(site.receiver)?.args?.[0];
  const base = site.path.includes('axios') || site.path.includes('got') ? fromReceiver : undefined;
  const address = addressOf(first, context) === undefined && base !== undefined ? base : first;
  const sends = /^(?:post|put|patch)$/i.test(method) || (body !== undefined && options?.kind === 'dict');
  request(site, context, address, [options, ...args.slice(1)], sends);
  const response = ref(`${site.path}()`, LABEL.download, args);
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) {
    context.call(callback, [unknown(), response, unknown(LABEL.download)]);
  }
  return response;
}

/** `client.get(url, options)`, `client.post(url, data, options)`. */
function clientMethod(site: Site, context: Context): Value | undefined {
  const method = site.path.slice(site.path.lastIndexOf('.') + 1);
  const args = site.args.filter((arg) => !context.isFunction(arg));
  const own = site.receiver?.kind === 'ref' ? site.receiver.args?.[0] : undefined;
  const first = args[0];
  const address = first !== undefined && (own === undefined || isAbsolute(first)) ? first : (own ?? first);
  disablesChecks(args.at(-1), context);
  request(
    site,
    context,
    address,
    [...args.slice(1), ...(own === undefined ? [] : [own])],
    /^(?:post|put|patch)$/.test(method),
  );
  const base = site.path.slice(0, site.path.lastIndexOf('.'));
  const response = ref(`${base}()`, LABEL.download, args);
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) context.call(callback, [unknown(), response, unknown(LABEL.download)]);
  return response;
}

const isAbsolute = (value: Value): boolean => {
  const text = partialText(value);
  return text === undefined || /^[a-z][\w+.-]*:|^\ufffc/i.test(text);
};

/** `axios.create({ baseURL })`: an instance that remembers where it goes. */
function instance(site: Site): Value | undefined {
  const base = site.path.slice(0, site.path.lastIndexOf('.'));
  return ref(base, site.args[0]?.labels, site.args);
}

/** A socket to `(port, host)`, `(host, port)`, `{ host, port }` or `url`. */
function socketAddress(args: readonly Value[], context: Context): string | undefined {
  const [first, second] = args;
  if (first?.kind === 'dict') {
    const host =
      partialText(context.property(first, 'host')) ?? partialText(context.property(first, 'hostname'));
    const port = context.property(first, 'port');
    return host === undefined ? undefined : `${host}${port?.kind === 'known' ? `:${port.value}` : ''}`;
  }
  if (first?.kind === 'known' && typeof first.value === 'number') {
    const host = partialText(second);
    return host === undefined ? `127.0.0.1:${first.value}` : `${host}:${first.value}`;
  }
  const host = partialText(first) ?? partialText(second);
  return host;
}

function openSocket(site: Site, context: Context): Value | undefined {
  const args = site.args.filter((arg) => !context.isFunction(arg));
  const address = socketAddress(args, context);
  context.emit('open-socket', {
    qualifiers: [...destinationText(address), ...concealment(context, ...args)],
    detail: address ?? site.path,
  });
  const socket = ref('net.Socket()', LABEL.download, args);
  const callback = lastFunction(site.args, context);
  if (callback !== undefined) context.call(callback, [socket], socket);
  return socket;
}

const destinationText = (text: string | undefined): string[] => urlQualifiers(text);

function socketWrite(site: Site, context: Context): Value | undefined {
  const carries = carriedBy(site.args, context).filter((q) => q !== 'carries:download');
  if (carries.length > 0) {
    const made = requestOf(site.receiver);
    context.emit('open-socket', {
      qualifiers: [...destinationText(socketAddress(made?.args ?? [], context)), ...carries],
      detail: detailOf(site),
    });
  }
  return undefined;
}

/** `a.pipe(b)`: a download into a file, a shell into a socket and back. */
function pipe(site: Site, context: Context): Value | undefined {
  const [to] = site.args;
  const from = site.receiver;
  const isProcess = (value: Value | undefined): boolean =>
    value?.kind === 'ref' && /^child_process\.|^(?:cross-spawn|execa|node-pty)/.test(value.path);
  const isSocket = (value: Value | undefined): boolean =>
    value?.kind === 'ref' &&
    /^(?:net|tls)\.|^(?:ws|WebSocket|socket\.io-client)\b|createServer/.test(value.path);
  if ((isProcess(to) && isSocket(from)) || (isProcess(from) && isSocket(to))) {
    context.emit('connect-shell', { detail: site.path });
    return to;
  }
  if (to?.kind === 'ref' && /createWriteStream\(\)/.test(to.path)) {
    const labels = context.labelsOf(from);
    if (labels.has('download')) {
      context.emit('download-file', {
        qualifiers: [...pathClass(to.args?.[0], context).qualifiers],
        detail: shown(to.args?.[0]),
      });
      rememberWrite(context, pathText(to.args?.[0], context), labels);
    }
    return to;
  }
  if (to?.kind === 'ref' && /^http\.request\(\)/.test(to.path)) {
    request(site, context, to.args?.[0], [from, ...(to.args ?? [])], true);
    return to;
  }
  return to === undefined ? undefined : withMore(to, context.labelsOf(from));
}

function withMore(value: Value, labels: ReadonlySet<string>): Value {
  return value.kind === 'ref' ? ref(value.path, union(value.labels, labels), value.args) : value;
}

function dnsQuery(site: Site, context: Context): Value | undefined {
  const [name] = site.args;
  const carries = carriedBy([name], context);
  context.emit('dns-query', {
    qualifiers: [...destination(name, context), ...carries, ...concealment(context, name)],
    detail: shown(name),
  });
  return unknown(LABEL.download);
}

function websocket(site: Site, context: Context): Value | undefined {
  const [url] = site.args;
  context.emit('websocket', {
    qualifiers: [
      ...destination(url, context),
      ...concealment(context, url),
      ...carriedBy(site.args, context),
    ],
    detail: shown(url),
  });
  return ref('WebSocket()', LABEL.download, site.args);
}

function websocketSend(site: Site, context: Context): Value | undefined {
  const made = requestOf(site.receiver);
  const carries = carriedBy(site.args, context).filter((q) => q !== 'carries:download');
  if (carries.length > 0) {
    context.emit('websocket', {
      qualifiers: [...destination(made?.args?.[0], context), ...carries],
      detail: detailOf(site),
    });
  }
  return undefined;
}

/** `listen(port)` of anything a server constructor made. */
function listen(site: Site, context: Context): Value | undefined {
  context.emit('listen', { detail: detailOf(site) });
  return undefined;
}

/** `createServer((request, response) => …)`, `createServer((socket) => …)`: what comes in comes from outside. */
function server(site: Site, context: Context): Value | undefined {
  const handler = lastFunction(site.args, context);
  const incoming = /^(?:net|tls)\./.test(site.path)
    ? ref('net.Socket()', LABEL.download)
    : ref('http.IncomingMessage()', LABEL.download);
  if (handler !== undefined) context.call(handler, [incoming, unknown()]);
  return ref(`${site.path}()`, NO_LABELS, site.args);
}

/** `app.get(path, …handlers)` of the usual frameworks. */
function route(site: Site, context: Context): Value | undefined {
  for (const handler of site.args) {
    if (context.isFunction(handler))
      context.call(handler, [ref('http.IncomingMessage()', LABEL.download), unknown(), unknown()]);
  }
  return site.receiver;
}

/** A webhook or bot client: its address is the service's, the data what is sent. */
const chat = (on: string): Rule =>
  onCall(on, (site, context) => {
    context.emit('http-send', {
      qualifiers: ['to:webhook', ...carriedBy(site.args, context)],
      detail: detailOf(site),
    });
    return unknown(LABEL.download);
  });

const FETCHERS =
  'fetch,node-fetch,node-fetch-commonjs,cross-fetch,cross-fetch.fetch,isomorphic-fetch,isomorphic-unfetch,unfetch,undici.fetch,undici.request,undici.stream,axios,axios.request,got,got.stream,got.stream.get,request,request.defaults(),request-promise,request-promise-native,requestretry,ky,wretch,phin,needle,make-fetch-happen,minipass-fetch,npm-registry-fetch,sync-request,then-request,urllib.request,urllib.curl,simple-get,simple-get.concat,superagent,bent,centra,petitio,ofetch,ofetch.$fetch,http-request,follow-redirects.https,electron.net.request,electron.net.fetch,Bun.fetch,@octokit/request,teeny-request,light-my-request';

const CLIENTS =
  'axios,got,got.stream,request,request.defaults(),request-promise,request-promise-native,superagent,needle,ky,unirest,wretch(),undici,simple-get,urllib,popsicle,snekfetch,chainfetch,restler,fetch-h2,httpie,typed-rest-client,$,jQuery';

/** Where an XMLHttpRequest was opened to. */
const opened = new WeakMap<Value, Value>();

export const networkRules: readonly Rule[] = [
  onCall('{http,https,follow-redirects.http,follow-redirects.https}.{get,request}', nodeRequest),
  onCall('http.ClientRequest', nodeRequest),
  onCall('http.request().{write,end,send}', nodeBody),
  onCall('http2.connect', openSocket),
  onCall(`{${FETCHERS}}`, fetchLike),
  onCall(`{${CLIENTS}}.{get,head,options,post,put,patch,delete,del}`, clientMethod),
  onCall('{axios,got,ky,request}.{create,extend,defaults}', instance),
  onCall('axios.Axios', (site) => ref('axios', undefined, site.args)),
  onCall('superagent().{send,attach,field,query,set}', (site, context) => {
    if (site.path.endsWith('.set')) return site.receiver;
    request(site, context, requestOf(site.receiver)?.args?.[0], site.args, true);
    return site.receiver;
  }),
  onCall('navigator.sendBeacon', (site, context) => {
    request(site, context, site.args[0], site.args.slice(1), true);
    return undefined;
  }),
  onCall('XMLHttpRequest().open', (site, context) => {
    const method = context.text(site.args[0]) ?? 'GET';
    request(site, context, site.args[1], [], SENDING.test(method));
    if (site.receiver !== undefined && site.args[1] !== undefined) opened.set(site.receiver, site.args[1]);
    return undefined;
  }),
  onCall('XMLHttpRequest().send', (site, context) => {
    const carries = carriedBy(site.args, context);
    const address = site.receiver === undefined ? undefined : opened.get(site.receiver);
    const where = address === undefined ? ['to:unknown'] : destination(address, context);
    if (isData(carries)) context.emit('http-send', { qualifiers: [...where, ...carries], detail: site.path });
    return undefined;
  }),
  onWrite('{Image(),HTMLImageElement(),document.createElement()}.src', (site, context) => {
    if (addressOf(site.args[0], context) !== undefined) request(site, context, site.args[0], [], false);
    return undefined;
  }),

  // Downloads by name
  onCall(
    '{download,node-downloader-helper.DownloaderHelper,nodejs-file-downloader,download-file,wget-improved.download,@electron/get.download,@electron/get.downloadArtifact,@xhmikosr/downloader,mvdir,download-git-repo,degit,gh-get}',
    (site, context) => {
      context.emit('download-file', {
        qualifiers: [...destination(site.args[0], context), ...concealment(context, site.args[0])],
        detail: detailOf(site),
      });
      return ref(`${site.path}()`, LABEL.download, site.args);
    },
  ),

  // Sockets
  onCall('net.{connect,createConnection}', openSocket),
  onCall('tls.connect', openSocket),
  onCall('{net.Socket(),tls.TLSSocket()}.connect', openSocket),
  onCall('Deno.connect', openSocket),
  onCall('net.Socket().{write,end,send}', socketWrite),
  onCall('dgram.createSocket().send', (site, context) => {
    const host = site.args.findLast((arg) => /[a-z.:]/i.test(partialText(arg) ?? '') && arg !== site.args[0]);
    context.emit('open-socket', {
      qualifiers: [...destination(host, context), ...carriedBy(site.args, context)],
      detail: detailOf(site),
    });
    return undefined;
  }),
  onCall('**.{pipe,pipeTo}', pipe),
  onCall('{stream.pipeline,stream/promises.pipeline,pump,stream.promises.pipeline}', (site, context) => {
    const stages = site.args.filter((arg) => !context.isFunction(arg));
    const first = stages[0];
    const last = stages.at(-1);
    if (first !== undefined && last !== undefined && first !== last) {
      pipe({ ...site, receiver: first, args: [last] }, context);
    }
    return undefined;
  }),
  onCall(
    '{ws,ws.WebSocket,WebSocket,faye-websocket.Client,websocket.w3cwebsocket,isomorphic-ws,undici.WebSocket,reconnecting-websocket}',
    websocket,
  ),
  onCall(
    '{socket.io-client,socket.io-client.io,socket.io-client.connect,io,sockjs-client,mqtt.connect,signalr}',
    websocket,
  ),
  onCall('{WebSocket(),socket.io-client()}.{send,emit,write,publish}', websocketSend),
  onCall('websocket.client().connect', websocket),
  onWrite(
    '{WebSocket().onopen,WebSocket().onmessage,WebSocket().onclose,WebSocket().onerror,XMLHttpRequest().onload,XMLHttpRequest().onloadend,XMLHttpRequest().onreadystatechange}',
    (site, context) => {
      const [handler] = site.args;
      if (context.isFunction(handler)) context.call(handler!, [unknown(LABEL.download)], site.receiver);
      return undefined;
    },
  ),
  onRead('XMLHttpRequest().{response,responseText}', () => unknown(LABEL.download)),

  // Names
  onCall(
    '{dns,dns/promises,dns.promises}.{lookup,resolve,resolve4,resolve6,resolveTxt,resolveMx,resolveCname,resolveAny,resolveSrv,resolveNs,reverse,lookupService}',
    dnsQuery,
  ),
  onCall(
    '{dns.Resolver(),dns.promises.Resolver(),dns/promises.Resolver()}.{resolve,resolve4,resolve6,resolveTxt,resolveAny}',
    dnsQuery,
  ),
  onCall('{native-dns.Request,dns-packet.encode,dohjs.makeQuery,dns2().*}', dnsQuery),

  // Mail, chat, file transfer
  emits('nodemailer.createTransport().sendMail', 'send-mail'),
  emits(
    '{emailjs.send,emailjs-com.send,@sendgrid/mail.send,sendmail,sendmail(),mailgun-js().messages().send,@emailjs/nodejs.send,resend.Resend().emails.send}',
    'send-mail',
  ),
  chat(
    '{discord.js.WebhookClient(),discord-webhook-node.Webhook(),webhook-discord.Webhook(),@slack/webhook.IncomingWebhook()}.{send,sendFile,sendSlackMessage,info,success,warn,err}',
  ),
  chat(
    '{node-telegram-bot-api(),telegraf.Telegraf().telegram,telegraf().telegram,grammy.Bot().api}.{sendMessage,sendDocument,sendPhoto,sendFile}',
  ),
  emits(
    '{ssh2.Client(),node-ssh.NodeSSH(),node-ssh(),basic-ftp.Client(),ftp(),ssh2-sftp-client(),jsftp(),scp2,node-scp}.{connect,access,put,uploadFrom,uploadFromDir,fastPut,putFile,putFiles,putDirectory,scp,execCommand,exec,get,downloadTo}',
    'file-transfer',
  ),

  // Listening
  onCall('{http,https,http2,net,tls}.{createServer,Server,createSecureServer}', server),
  onCall(
    '{express(),express.Router(),fastify(),polka(),restify.createServer(),connect()}.{get,post,put,patch,delete,all,use}',
    route,
  ),
  onCall(
    '{http.createServer(),https.createServer(),net.createServer(),tls.createServer(),http2.createServer(),http2.createSecureServer(),http.Server(),https.Server(),net.Server(),express(),koa(),fastify(),@hapi/hapi.server(),connect(),restify.createServer(),polka()}.{listen,start}',
    listen,
  ),
  onCall(
    '{ws.Server,ws.WebSocketServer,socket.io,socket.io.Server,Bun.serve,Deno.serve,Deno.listen}',
    listen,
  ),
  onCall('dgram.createSocket().bind', listen),
  emits(
    '{localtunnel,ngrok.connect,@ngrok/ngrok.connect,@ngrok/ngrok.forward,untun.startTunnel,cloudflared.Tunnel.quick}',
    'listen',
    ['to:tunnel'],
  ),
];
