/** The network: HTTP clients, sockets, DNS, mail, file transfer, chat interfaces, servers. */
import type { Context, Rule, Site } from '../../api.js';
import { carried, classifyPath, urlQualifiers } from '../../strings.js';
import { known, list, NO_LABELS, partialText, ref, union, unknown, type Value } from '../../values.js';
import { labelsOf, partly, pieces, settle, shown, str } from './core.js';
import { pathText } from './paths.js';
import { emitWrite } from './rules-files.js';
import { addressOf, argument, buffer, carriedBy, disguise, emits, label, result, rule } from './site.js';

const DOWNLOAD = label('download');
/** Services that answer with the caller's own address. */
const WHAT_IS_MY_IP =
  /ipify\.org|ipinfo\.io|ifconfig\.(me|co|io)|icanhazip|checkip|ip-api\.com|ipapi\.co|myip\.|ident\.me|ipecho\.net|wtfismyip|geolocation-db|ip\.42\.pl|whatismyip|api\.my-ip|ip\.sb/i;
/** Names of options that hold what is sent. */
const BODY = ['data', 'json', 'files', 'params', 'content', 'body', 'fields'];
/** Headers and cookies carry tokens in honest programs; only what identifies machine and user counts. */
const HEADER_LABELS = new Set(['env', 'host', 'browser', 'wallet', 'file', 'input', 'output']);

interface Request {
  readonly url: Value | undefined;
  readonly data: readonly (Value | undefined)[];
  readonly headers: readonly (Value | undefined)[];
  readonly sends: boolean;
}

function request(context: Context, site: Site, { url, data, headers, sends }: Request): Value {
  const text = partialText(settle(url));
  const isMetadata = text !== undefined && classifyPath(text).code === 'read-cloud-credentials';
  const header = new Set([...union(...headers.map((h) => labelsOf(h)))].filter((l) => HEADER_LABELS.has(l)));
  const inUrl = new Set(
    [...labelsOf(url)].filter(
      (l) =>
        l !== 'download' &&
        l !== 'decoded' &&
        l !== 'env-variable' &&
        // A name the metadata service gave leads to the next answer of its own.
        !(isMetadata && l === 'credentials'),
    ),
  );
  const body = union(...data.map((d) => labelsOf(d)));
  const payload = union(body, inUrl, header);
  const carries = carried(payload);
  const code = sends || carries.length > 0 ? 'http-send' : 'http-request';
  if (text !== undefined && WHAT_IS_MY_IP.test(text)) {
    context.emit('read-network-info', { qualifiers: addressOf(url), detail: text });
    return result(site, label('host', 'download'));
  }
  context.emit(code, {
    qualifiers: [...addressOf(url), ...carries, ...disguise(url)],
    detail: text ?? '',
  });
  insecure(context, site);
  // What an instance's metadata service answers are keys, or leads to them.
  return result(site, isMetadata ? label('credentials', 'download') : DOWNLOAD);
}

function insecure(context: Context, site: Site): void {
  const verify = settle(
    site.keywords.get('verify') ?? site.keywords.get('verify_ssl') ?? site.keywords.get('ssl'),
  );
  if (verify?.kind === 'known' && verify.value === false)
    context.emit('disable-security', { detail: 'verify=False' });
}

/** Method in the name: `requests.post(url, …)`. */
function byName(site: Site, context: Context): Value {
  const method = site.path.slice(site.path.lastIndexOf('.') + 1).toLowerCase();
  return request(context, site, {
    url: argument(site, 0, 'url'),
    data: [...BODY.map((b) => site.keywords.get(b)), ...site.args.slice(1), site.keywords.get('**')],
    headers: [site.keywords.get('headers'), site.keywords.get('cookies'), site.keywords.get('auth')],
    sends:
      /post|put|patch/.test(method) ||
      ['data', 'json', 'files', 'content', 'body'].some((b) => site.keywords.has(b)),
  });
}

/** Method as an argument: `requests.request('POST', url, …)`. */
function byArgument(site: Site, context: Context): Value {
  const method = context.text(argument(site, 0, 'method')) ?? '';
  return request(context, site, {
    url: argument(site, 1, 'url'),
    data: [...BODY.map((b) => site.keywords.get(b)), ...site.args.slice(2)],
    headers: [site.keywords.get('headers'), site.keywords.get('cookies')],
    sends:
      /post|put|patch/i.test(method) ||
      ['data', 'json', 'files', 'fields', 'body'].some((b) => site.keywords.has(b)),
  });
}

/** `urllib.request.urlopen(url or Request, data)`. */
function urlopen(site: Site, context: Context): Value {
  const target = settle(argument(site, 0, 'url', 'fullurl'));
  const data = argument(site, 1, 'data');
  if (target?.kind === 'ref' && target.path.endsWith('Request()')) {
    const [url, body, headers] = target.args ?? [];
    return request(context, site, {
      url,
      data: [body, data],
      headers: [headers],
      sends: hasBody(body) || hasBody(data),
    });
  }
  return request(context, site, { url: target, data: [data], headers: [], sends: hasBody(data) });
}

const hasBody = (value: Value | undefined): boolean =>
  value !== undefined && !(value.kind === 'known' && (value.value === null || value.value === undefined));

function download(site: Site, context: Context): Value {
  const url = argument(site, 0, 'url');
  const target = argument(site, 1, 'filename', 'out', 'path');
  const path = pathText(target);
  context.emit('download-file', {
    qualifiers: [...addressOf(url), ...disguise(url)],
    detail: shown(partialText(settle(url))),
  });
  if (target !== undefined && target.kind !== 'known') emitWrite(context, target, unknown(DOWNLOAD));
  else if (path !== undefined) emitWrite(context, target, unknown(DOWNLOAD));
  return list([target ?? known(baseOf(context.text(url)), DOWNLOAD), unknown(DOWNLOAD)], false, DOWNLOAD);
}

function baseOf(url: string | undefined): string {
  return url?.split(/[?#]/)[0]?.split('/').pop() ?? '';
}

/** `('host', port)`, `'host:port'` or `'host', port`. */
function socketAddress(
  value: Value | undefined,
  port?: Value,
): { text: string | undefined; value: Value | undefined } {
  const one = settle(value);
  if (one?.kind === 'list') {
    const host = partialText(settle(one.items[0]));
    const number = str(one.items[1]);
    return {
      text: host === undefined ? undefined : `${host}:${number ?? ''}`.replace(/:$/, ''),
      value: one.items[0],
    };
  }
  const host = partialText(one);
  const number = str(port);
  return { text: host === undefined || number === undefined ? host : `${host}:${number}`, value: one };
}

function connect(code: string): Rule['apply'] {
  return (site, context) => {
    const { text, value } = socketAddress(site.args[0], site.args[1]);
    context.emit(code, { qualifiers: [...urlQualifiers(text), ...disguise(value)], detail: text ?? '' });
    return result(site, NO_LABELS);
  };
}

/** Data given to an open connection: news only when it carries something. */
function send(code: string): Rule['apply'] {
  return (site, context) => {
    const carries = carriedBy(...site.args, ...site.keywords.values());
    if (carries.length > 0) context.emit(code, { qualifiers: carries, detail: site.path });
    return result(site, NO_LABELS);
  };
}

function lookup(site: Site, context: Context): Value {
  const name = argument(site, 0, 'host', 'qname');
  const own = labelsOf(name);
  // The machine's own name resolved is its own address.
  if (own.has('host') && context.text(name) === undefined && !own.has('assembled')) {
    const alone = settle(name);
    if (
      alone?.kind === 'ref' &&
      /^(socket\.gethostname|socket\.getfqdn|platform\.node)\(\)/.test(alone.path)
    ) {
      context.emit('read-network-info', { detail: site.path });
      return result(site, label('host'));
    }
  }
  const one = settle(name);
  const text = one?.kind === 'bytes' ? Buffer.from(one.value).toString('utf8') : partialText(one);
  // A whole name that was decoded is hidden; one with pieces that are not known carries what they are.
  const whole = text !== undefined && one?.kind !== 'unknown' && own.has('decoded');
  const carries = carried(own).filter((c) => !whole || c !== 'carries:decoded');
  context.emit('dns-query', {
    qualifiers: [...urlQualifiers(text), ...carries, ...(whole ? ['hidden'] : [])],
    detail: shown(text),
  });
  return result(site, own.has('host') ? label('host') : DOWNLOAD);
}

/** A chat bot's or webhook's send call: the library knows the address. */
function chat(site: Site, context: Context): Value {
  const carries = carriedBy(...site.args, ...site.keywords.values(), site.receiver);
  context.emit('http-send', { qualifiers: ['to:webhook', ...carries], detail: site.path });
  return result(site, NO_LABELS);
}

const HTTP = '{get,head,options,delete,post,put,patch,stream}';
const CLIENTS =
  '{requests,requests.api,httpx,requests.Session(),requests.session(),requests.sessions.Session(),httpx.Client(),httpx.AsyncClient(),aiohttp.ClientSession(),cloudscraper.create_scraper(),curl_cffi.requests,curl_cffi.requests.Session(),tls_client.Session(),grequests,treq,requests_futures.sessions.FuturesSession(),requests_html.HTMLSession(),primp.Client()}';
const URLLIB = '{urllib.request,urllib2,urllib,six.moves.urllib.request,future.moves.urllib.request}';

export const networkRules: readonly Rule[] = [
  rule(`${CLIENTS}.${HTTP}`, byName),
  rule(`${CLIENTS}.request`, byArgument),
  rule(
    'urllib3.{PoolManager(),ProxyManager()}.{request,urlopen,request_encode_url,request_encode_body}',
    byArgument,
  ),
  rule('urllib3.request', byArgument),
  rule('urllib3.{disable_warnings}', (_site, context) => {
    context.emit('disable-security', { detail: 'urllib3.disable_warnings' });
    return undefined;
  }),
  rule('{urllib.request,urllib2,six.moves.urllib.request}.Request', (site) =>
    ref(`${site.path}()`, labelsOf(argument(site, 1, 'data')), [
      argument(site, 0, 'url') ?? unknown(NO_LABELS),
      argument(site, 1, 'data') ?? known(null),
      argument(site, 2, 'headers') ?? known(null),
    ]),
  ),
  rule(`${URLLIB}.urlopen`, urlopen),
  rule('{urllib.request,urllib2}.{build_opener,OpenerDirector}().open', urlopen),
  rule(
    `{${URLLIB.slice(1, -1)},wget,urllib.request.URLopener(),urllib.URLopener(),urllib.request.FancyURLopener()}.{urlretrieve,retrieve,download}`,
    download,
  ),
  rule('{gdown.download,pySmartDL.SmartDL,huggingface_hub.hf_hub_download,git.Repo.clone_from}', download),
  rule('{http.client,httplib}.{HTTPConnection,HTTPSConnection}', (site, _context) => {
    const { text } = socketAddress(argument(site, 0, 'host'), argument(site, 1, 'port'));
    const scheme = site.path.endsWith('HTTPSConnection') ? 'https' : 'http';
    return ref('http.client.HTTPConnection()', labelsOf(site.args[0]), [
      text === undefined ? unknown(NO_LABELS) : known(`${scheme}://${text}`),
    ]);
  }),
  rule('http.client.HTTPConnection().{request,putrequest}', (site, context) => {
    const receiver = settle(site.receiver);
    const base = receiver?.kind === 'ref' ? receiver.args?.[0] : undefined;
    const method = context.text(argument(site, 0, 'method')) ?? '';
    const path = argument(site, 1, 'url');
    const text = partialText(settle(base));
    const target = text === undefined ? base : partly(text + pieces(path), labelsOf(path));
    return request(context, site, {
      url: target,
      data: [argument(site, 2, 'body')],
      headers: [argument(site, 3, 'headers')],
      sends: /post|put|patch/i.test(method),
    });
  }),
  rule('http.client.HTTPConnection().getresponse', (site) => result(site, DOWNLOAD)),
  rule('{pycurl.Curl().setopt}', (site, context) => {
    const [option, value] = site.args;
    const url = context.text(value);
    const name = option?.kind === 'ref' ? option.path.slice(option.path.lastIndexOf('.') + 1) : '';
    if (url !== undefined && /^https?:/.test(url)) {
      context.emit('http-request', { qualifiers: urlQualifiers(url), detail: url });
    } else if (/^(?:COPY)?POSTFIELDS$|^HTTPPOST$|^MIMEPOST$/.test(name)) {
      context.emit('http-send', { qualifiers: carriedBy(value), detail: name });
    } else if (name === 'WRITEDATA') buffer(value, DOWNLOAD);
    return undefined;
  }),
  // Sockets
  rule('socket.socket().{connect,connect_ex}', connect('open-socket')),
  rule('socket.create_connection', (site, context) => {
    connect('open-socket')(site, context);
    return ref('socket.socket()', NO_LABELS);
  }),
  rule('asyncio.open_connection', connect('open-socket')),
  rule('socket.socket().{send,sendall,sendfile}', send('open-socket')),
  rule('socket.socket().sendto', (site, context) => {
    const [data, ...rest] = site.args;
    const carries = carriedBy(data);
    const { text } = socketAddress(rest.at(-1));
    if (carries.length > 0)
      context.emit('open-socket', { qualifiers: [...urlQualifiers(text), ...carries], detail: text ?? '' });
    return result(site, NO_LABELS);
  }),
  rule('socket.socket().{recv,recvfrom,recv_into,makefile}', (site) => result(site, DOWNLOAD)),
  // A connection that came in: what is read from it comes from outside as well.
  rule('{socket.socket(),socket.create_server()}.accept', () =>
    list([ref('socket.socket()', NO_LABELS), unknown(DOWNLOAD)]),
  ),
  rule(
    'flask.request.{args,form,values,json,data,files,headers,cookies,query_string,stream}',
    () => unknown(DOWNLOAD),
    'read',
  ),
  rule('flask.request.{get_json,get_data}', () => unknown(DOWNLOAD)),
  rule('{ssl.wrap_socket,ssl.SSLContext().wrap_socket,ssl.create_default_context().wrap_socket}', (site) =>
    ref('socket.socket()', labelsOf(site.args[0]), site.args),
  ),
  emits(
    '{socket.socket().bind,socket.socket().listen,socket.create_server,http.server.HTTPServer,http.server.ThreadingHTTPServer,socketserver.TCPServer,socketserver.ThreadingTCPServer,SocketServer.TCPServer,BaseHTTPServer.HTTPServer,xmlrpc.server.SimpleXMLRPCServer,flask.Flask().run,asyncio.start_server,uvicorn.run,aiohttp.web.run_app,wsgiref.simple_server.make_server}',
    'listen',
  ),
  rule('websocket.WebSocketApp', (site, context) => {
    connect('websocket')(site, context);
    const app = result(site, NO_LABELS);
    for (const [name, handler] of site.keywords) {
      if (name === 'on_message' && context.isFunction(handler))
        context.call(handler, [app, unknown(DOWNLOAD)]);
    }
    return app;
  }),
  rule(
    '{websocket.create_connection,websockets.connect,websocket.WebSocket().connect,aiohttp.ClientSession().ws_connect,websockets.sync.client.connect}',
    connect('websocket'),
  ),
  rule(
    '{websocket.create_connection(),websocket.WebSocketApp(),websocket.WebSocket(),websockets.connect()}.send',
    send('websocket'),
  ),
  rule('{websocket.create_connection(),websocket.WebSocket(),websockets.connect()}.recv', (site) =>
    result(site, DOWNLOAD),
  ),
  rule('socketio.{Client,AsyncClient}().connect', connect('websocket')),
  rule('socketio.{Client,AsyncClient}().emit', send('websocket')),
  rule('socketio.{Client,AsyncClient}().on', (site, context) => {
    const handler = argument(site, 1, 'handler');
    if (handler !== undefined && context.isFunction(handler)) context.call(handler, [unknown(DOWNLOAD)]);
    return undefined;
  }),
  // Names
  rule(
    '{socket.gethostbyname,socket.getaddrinfo,socket.gethostbyname_ex,socket.gethostbyaddr,dns.resolver.resolve,dns.resolver.query,dns.resolver.Resolver().resolve,dns.resolver.Resolver().query,dns.asyncresolver.resolve}',
    lookup,
  ),
  // Mail and files
  rule('smtplib.{SMTP,SMTP_SSL}().{sendmail,send_message}', (site, context) => {
    context.emit('send-mail', { qualifiers: carriedBy(...site.args), detail: site.path });
    return undefined;
  }),
  rule('yagmail.SMTP().send', (site, context) => {
    context.emit('send-mail', { qualifiers: carriedBy(...site.args, ...site.keywords.values()) });
    return undefined;
  }),
  rule('{ftplib.FTP,ftplib.FTP_TLS,paramiko.Transport,pysftp.Connection}', connect('file-transfer')),
  rule('paramiko.SSHClient().connect', connect('file-transfer')),
  rule(
    '{ftplib.FTP(),ftplib.FTP_TLS(),paramiko.SSHClient().open_sftp(),pysftp.Connection(),paramiko.SFTPClient.from_transport()}.{storbinary,storlines,put,putfo}',
    send('file-transfer'),
  ),
  rule('{ftplib.FTP(),ftplib.FTP_TLS()}.{retrbinary,retrlines}', (site) => result(site, DOWNLOAD)),
  rule('boto3.{client,resource}().{upload_file,put_object,upload_fileobj}', (site, context) => {
    context.emit('http-send', {
      qualifiers: carriedBy(...site.args, ...site.keywords.values()),
      detail: site.path,
    });
    return undefined;
  }),
  // Chat
  rule(
    '{telebot.TeleBot(),telegram.Bot(),telegram.ext.ExtBot(),aiogram.Bot(),pyTelegramBotAPI.TeleBot()}.{send_message,reply_to,send_document,send_photo,send_file,send_video,send_audio,sendMessage,sendDocument,sendPhoto}',
    chat,
  ),
  rule(
    '{telegram_send.send,telethon.TelegramClient().send_message,telethon.TelegramClient().send_file,pyrogram.Client().send_message,pyrogram.Client().send_document}',
    chat,
  ),
  rule(
    '{discord_webhook.DiscordWebhook().execute,dhooks.Webhook().send,discord.Webhook.from_url().send,discord.SyncWebhook.from_url().send,discord.Webhook().send,builtins.Webhook.from_url().send,slack_sdk.WebClient().chat_postMessage,slack.WebClient().files_upload,slack_sdk.webhook.WebhookClient().send}',
    chat,
  ),
  rule('{dhooks.Webhook,discord_webhook.DiscordWebhook}', (site) =>
    result(site, union(...[...site.keywords.values(), ...site.args].map((v) => labelsOf(v)))),
  ),
  // Certificates
  rule('{ssl._create_unverified_context}', (site, context) => {
    context.emit('disable-security', { detail: site.path });
    return undefined;
  }),
  rule(
    'ssl._create_default_https_context',
    (site, context) => {
      context.emit('disable-security', { detail: site.path });
      return undefined;
    },
    'write',
  ),
  rule('webbrowser.{open,open_new,open_new_tab}', (site, context) => {
    const url = argument(site, 0, 'url');
    context.emit('run-program', { qualifiers: addressOf(url), detail: shown(partialText(settle(url))) });
    return undefined;
  }),
];
