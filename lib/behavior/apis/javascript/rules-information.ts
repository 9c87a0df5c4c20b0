/** The environment, the machine, the user, credentials kept by others, screen and keys. */
import type { Rule } from '../../api.js';
import { environmentVariable, isOrdinaryVariable } from '../../strings.js';
import { dict, known, type Labels, list, NO_LABELS, ref, union, unknown, type Value } from '../../values.js';
import { carriedBy, detailOf, LABEL, onCall, onRead, onWrite, shown } from './support.js';

/** Variables that name a place: their value is that place, as far as paths are concerned. */
const PLACES: Readonly<Record<string, string>> = {
  HOME: '~',
  USERPROFILE: '~',
  HOMEPATH: '~',
  APPDATA: '%APPDATA%',
  LOCALAPPDATA: '%LOCALAPPDATA%',
  PROGRAMDATA: '%PROGRAMDATA%',
  TEMP: '/tmp',
  TMP: '/tmp',
  TMPDIR: '/tmp',
  SYSTEMROOT: 'C:/Windows',
  WINDIR: 'C:/Windows',
  INIT_CWD: '/project',
  PWD: '/project',
  XDG_CONFIG_HOME: '~/.config',
  PROGRAMFILES: 'C:/Program Files',
};

function readVariable(name: string, emit: (code: string, detail: string) => void): Value {
  const { code, labels } = environmentVariable(name);
  if (!isOrdinaryVariable(name)) emit(code, name);
  return unknown(labels, PLACES[name.toUpperCase()]);
}

const reads = (on: string, code: string, labels: Labels, partial?: string): Rule =>
  onCall(on, (site, context) => {
    context.emit(code, { detail: site.path });
    return unknown(labels, partial);
  });

const secrets = (on: string, code: string, labels: Labels): Rule =>
  onCall(on, (site, context) => {
    context.emit(code, { detail: detailOf(site) });
    return unknown(labels);
  });

export const informationRules: readonly Rule[] = [
  // Environment
  onRead('process.env', (site, context) => {
    context.emit('read-env-all', { detail: site.path });
    return ref('process.env', LABEL.env);
  }),
  onRead('{process.env,Bun.env,Deno.env}.*', (site, context) => {
    const name = site.path.slice(site.path.lastIndexOf('.') + 1);
    return readVariable(name, (code, detail) => context.emit(code, { detail }));
  }),
  onCall('Deno.env.get', (site, context) => {
    const name = context.text(site.args[0]) ?? '?';
    return readVariable(name, (code, detail) => context.emit(code, { detail }));
  }),
  onCall('{env-var.get,dotenv.config,dotenv.parse}', () => undefined),
  onWrite(
    'process.env.{NODE_TLS_REJECT_UNAUTHORIZED,NODE_NO_WARNINGS,NODE_OPTIONS,GIT_SSL_NO_VERIFY,PYTHONHTTPSVERIFY}',
    (site, context) => {
      context.emit('disable-security', { detail: `${site.path} ${shown(site.args[0])}` });
      return undefined;
    },
  ),

  // Machine and user
  reads('os.hostname', 'read-host-name', LABEL.host),
  onCall('os.userInfo', (site, context) => {
    context.emit('read-user-name', { detail: site.path });
    return dict(
      new Map<string, Value>([
        ['username', unknown(LABEL.host)],
        ['homedir', unknown(LABEL.host, '~')],
        ['shell', unknown(LABEL.host)],
      ]),
      true,
      LABEL.host,
    );
  }),
  reads(
    '{username,username.sync,username.usernameSync,username.username,fullname}',
    'read-user-name',
    LABEL.host,
  ),
  reads('{os.homedir,os-homedir,user-home,homedir,expand-tilde,untildify}', 'read-home', LABEL.host, '~'),
  onCall('{os.tmpdir,os-tmpdir,temp-dir,tempy.directory,tempy.file,tmp.tmpNameSync,tmp.fileSync}', () =>
    unknown(NO_LABELS, '/tmp'),
  ),
  onRead('temp-dir', () => unknown(NO_LABELS, '/tmp')),
  onCall('os.{platform,arch,type,release,machine}', (site, context) => {
    context.emit('read-platform', { detail: site.path });
    return undefined;
  }),
  onRead('process.{platform,arch}', (site, context) => {
    context.emit('read-platform', { detail: site.path });
    return undefined;
  }),
  reads('os.{cpus,totalmem,freemem,uptime,version,loadavg}', 'read-system-info', LABEL.host),
  onCall('os.networkInterfaces', (site, context) => {
    context.emit('read-network-info', { detail: site.path });
    return dict(new Map(), true, LABEL.host);
  }),
  reads(
    '{public-ip,public-ip.v4,public-ip.v6,public-ip.publicIpv4,public-ip.publicIp,ip.address,internal-ip,internal-ip.v4,internal-ip.v4.sync,default-gateway,getmac,getmac.getMac,macaddress.one,macaddress.all,network.get_public_ip,external-ip,wifi-name,node-wifi.scan,node-wifi.getCurrentConnections}',
    'read-network-info',
    LABEL.host,
  ),
  onCall('systeminformation.*', (site, context) => {
    const name = site.path.slice(site.path.lastIndexOf('.') + 1);
    const code =
      name === 'processes'
        ? 'read-process-list'
        : /network|wifi|inet/.test(name)
          ? 'read-network-info'
          : 'read-system-info';
    context.emit(code, { detail: site.path });
    return unknown(LABEL.host);
  }),
  reads(
    '{node-machine-id.machineId,node-machine-id.machineIdSync,machine-uuid,hwid,hwid.getHWID,os-name,getos,node-os-utils.cpu.info,check-disk-space}',
    'read-system-info',
    LABEL.host,
  ),
  reads(
    '{ps-list,find-process,ps-node.lookup,tasklist,ps-tree,pidusage,process-list.snapshot}',
    'read-process-list',
    LABEL.host,
  ),
  onCall('process.cwd', (site, context) => {
    context.emit('read-working-directory', { detail: site.path });
    return unknown(NO_LABELS, '/project');
  }),
  onCall('Deno.{hostname,osUptime,osRelease,systemMemoryInfo,networkInterfaces}', (site, context) => {
    context.emit(site.path.endsWith('hostname') ? 'read-host-name' : 'read-system-info', {
      detail: site.path,
    });
    return unknown(LABEL.host);
  }),

  // Where the machine is, and whether it is one
  onCall('Intl.DateTimeFormat().resolvedOptions', (site, context) => {
    context.emit('check-locale', { detail: site.path });
    return unknown(LABEL.host);
  }),
  onCall('Date().getTimezoneOffset', (site, context) => {
    context.emit('check-locale', { detail: site.path });
    return unknown();
  }),
  onCall(
    '{os-locale,os-locale.osLocaleSync,os-locale.osLocale,get-user-locale.getUserLocale,geoip-lite.lookup}',
    (site, context) => {
      context.emit('check-locale', { detail: site.path });
      return unknown();
    },
  ),
  onRead('navigator.{language,languages}', (site, context) => {
    context.emit('check-locale', { detail: site.path });
    return unknown();
  }),
  onRead('{is-ci,is-ci.default,ci-info.isCI,ci-info.name,std-env.isCI,is-in-ci}', (site, context) => {
    context.emit('check-ci', { detail: site.path });
    return unknown();
  }),
  onCall(
    '{is-docker,is-inside-container,is-wsl,is-root,is-elevated,is-admin,is-vm,is-virtualbox,detect-sandbox}',
    (site, context) => {
      const privilege = /root|elevated|admin/.test(site.path);
      context.emit(privilege ? 'check-privilege' : 'check-environment', { detail: site.path });
      return unknown();
    },
  ),

  // Secrets kept by others
  secrets(
    '{keytar,keytar.default,@napi-rs/keyring.Entry(),cross-keychain}.{getPassword,findPassword,findCredentials,getSecret}',
    'R5',
    LABEL.credentials,
  ),
  secrets(
    '{chrome-cookies-secure.getCookies,chrome-cookies-secure.getCookiesPromised,cookie-stealer,browser-cookies.get,tough-cookie-file-store,chrome-passwords}',
    'read-browser-data',
    LABEL.browser,
  ),
  secrets(
    '{git-credential-node.fill,netrc,netrc-parser.default.load,registry-auth-token,registry-auth-token/registry-url,npm-conf,rc}',
    'read-registry-token',
    LABEL.credentials,
  ),
  onCall('rc', () => undefined),
  secrets(
    '{@aws-sdk/credential-providers.fromIni,@aws-sdk/credential-provider-node.defaultProvider,aws-sdk.SharedIniFileCredentials}',
    'read-cloud-credentials',
    LABEL.credentials,
  ),

  // Screen, keys, clipboard
  secrets(
    '{clipboardy.read,clipboardy.readSync,clipboard-event,copy-paste.paste,electron.clipboard.readText,navigator.clipboard.readText,navigator.clipboard.read,clipboardy.default.read}',
    'read-clipboard',
    LABEL.input,
  ),
  secrets(
    '{screenshot-desktop,desktop-screenshot,screencapture,electron.desktopCapturer.getSources,robotjs.screen.capture,navigator.mediaDevices.getUserMedia,navigator.mediaDevices.getDisplayMedia,node-webcam.capture,node-webcam.create().capture,node-record-lpcm16.record,mic,puppeteer-screenshot,html2canvas}',
    'capture-screen',
    LABEL.input,
  ),
  onCall(
    '{iohook.start,iohook.on,uiohook-napi.uIOhook.start,uiohook-napi.uIOhook.on,node-global-key-listener.GlobalKeyboardListener,gkm.events.on,keylogger,keylogger.start,node-keylogger,asynckeys}',
    (site, context) => {
      context.emit('capture-keys', { detail: site.path });
      const handler = site.args.find((arg) => context.isFunction(arg));
      if (handler !== undefined) context.call(handler, [unknown(LABEL.input)]);
      return ref(`${site.path}()`, LABEL.input, site.args);
    },
  ),
  onCall('{document,window,body,document.body}.{addEventListener,on}', (site, context) => {
    const event = context.text(site.args[0]);
    if (event !== undefined && /^key(?:down|up|press)$|^input$|^paste$/.test(event)) {
      context.emit('capture-keys', { detail: event });
      const handler = site.args[1];
      if (handler !== undefined) context.call(handler, [unknown(LABEL.input)]);
    }
    return undefined;
  }),

  // Browser storage, for code that ends up in pages
  onRead('document.cookie', (site, context) => {
    context.emit('browser-store', { detail: site.path });
    return unknown(LABEL.browser);
  }),
  onCall('{localStorage,sessionStorage}.getItem', (site, context) => {
    context.emit('browser-store', { detail: detailOf(site) });
    return unknown(LABEL.browser);
  }),
  onCall(
    '{indexedDB.open,indexedDB.databases,chrome.cookies.getAll,chrome.storage.local.get}',
    (site, context) => {
      context.emit('browser-store', { detail: detailOf(site) });
      return unknown(LABEL.browser);
    },
  ),
  onCall(
    '{ethereum,ethereum.request,solana.connect,web3.eth.getAccounts,ethereum.send,ethereum.sendAsync}',
    (site, context) => {
      context.emit('read-wallet', { qualifiers: carriedBy(site.args, context), detail: detailOf(site) });
      return unknown(new Set(['wallet']));
    },
  ),
  onCall('Object.{keys,values,entries}', (site) => {
    const [value] = site.args;
    if (value?.kind !== 'ref') return undefined;
    return list([unknown(value.labels)], true, value.labels);
  }),
  onCall('JSON.stringify', (site, context) => {
    const [value] = site.args;
    return value?.kind === 'ref' ? unknown(union(context.labelsOf(value))) : undefined;
  }),
  onRead('process.argv0', () => known('node')),
];
