/** Imports: the paper's rows R1, R3, D1, E1 and P1, by class of module. */
import type { Rule } from '../../api.js';
import { carried } from '../../strings.js';
import { ref } from '../../values.js';
import { rule, writtenFiles } from './site.js';

const CLASSES: readonly (readonly [code: string, modules: readonly string[]])[] = [
  ['R1', ['os', 'platform', 'pwd', 'getpass', 'psutil', 'winreg', '_winreg', 'wmi', 'cpuinfo', 'GPUtil']],
  ['R3', ['shutil', 'pathlib', 'glob', 'tempfile', 'fileinput', 'zipfile', 'tarfile']],
  [
    'D1',
    [
      'requests',
      'urllib',
      'urllib2',
      'urllib3',
      'httplib',
      'httpx',
      'aiohttp',
      'socket',
      'http',
      'websocket',
      'websockets',
      'ftplib',
      'smtplib',
      'telnetlib',
      'paramiko',
      'dns',
      'socketio',
      'pycurl',
      'treq',
      'cloudscraper',
      'telebot',
      'telegram',
      'discord',
      'discord_webhook',
      'dhooks',
      'socks',
      'stem',
      'curl_cffi',
      'tls_client',
      'pysftp',
      'scapy',
      'grpc',
      'zmq',
    ],
  ],
  [
    'E1',
    [
      'base64',
      'binascii',
      'codecs',
      'zlib',
      'gzip',
      'bz2',
      'lzma',
      'marshal',
      'pickle',
      'dill',
      'cloudpickle',
      'Crypto',
      'Cryptodome',
      'cryptography',
      'pyaes',
      'rsa',
      'nacl',
      'hashlib',
      'quopri',
      'fernet',
      'win32crypt',
    ],
  ],
  [
    'P1',
    [
      'subprocess',
      'ctypes',
      'multiprocessing',
      'pty',
      'commands',
      'popen2',
      'runpy',
      'sh',
      'pexpect',
      'plumbum',
    ],
  ],
];

/** Modules of the standard library that import `os`, `sys` or `subprocess` under their own names. */
const HOLDERS: ReadonlySet<string> = new Set(
  'os subprocess platform shutil glob tempfile fileinput zipfile tarfile socket logging inspect linecache pathlib random uuid webbrowser mimetypes getpass gettext pdb pydoc pkgutil site sysconfig threading ctypes zipimport runpy traceback warnings types typing urllib http ssl smtplib ftplib code codecs fnmatch filecmp cgi trace timeit unittest argparse optparse configparser bdb cmd dis ast imp multiprocessing'.split(
    ' ',
  ),
);

/** `hashlib` and archives say nothing of an attack on their own; the paper counts them, so they stay imports. */
export const importRules: readonly Rule[] = [
  ...CLASSES.map(([code, modules]) =>
    rule(
      `{${modules.join(',')}}`,
      (site, context) => {
        context.emit(code, { detail: site.path });
        return undefined;
      },
      'import',
    ),
  ),
  ...CLASSES.filter(([code]) => code === 'D1' || code === 'E1').map(([code, modules]) =>
    rule(
      `{${modules.join(',')}}.**`,
      (site, context) => {
        if (site.path.includes('.')) context.emit(code, { detail: site.path });
        return undefined;
      },
      'import',
    ),
  ),
  // Modules of the standard library hold those that they import.
  rule(
    '*.{os,_os,sys,_sys,subprocess,builtins}',
    (site) => {
      const [holder = '', name = ''] = site.path.split('.');
      return HOLDERS.has(holder) ? ref(name.replace(/^_/, '')) : undefined;
    },
    'read',
  ),
  // A module that the code fetched or decoded and wrote a moment before.
  rule(
    '*',
    (site, context) => {
      for (const [path, { labels, text }] of writtenFiles(context)) {
        const name = /(?:^|[\\/])(\w+)\.pyw?c?$/.exec(path)?.[1];
        if (name !== site.path || !(labels.has('download') || labels.has('decoded'))) continue;
        context.emit('dynamic-import', { qualifiers: carried(labels), detail: path });
        if (text !== undefined) context.runCode('python', text, { hidden: labels.has('decoded') });
      }
      return undefined;
    },
    'import',
  ),
  // Other names of the same modules.
  rule('{__builtin__,builtins}', () => ref('builtins'), 'import'),
  rule('{posixpath,ntpath}', () => ref('os.path'), 'import'),
  rule('{posix,nt}', () => ref('os'), 'import'),
  rule('{_winreg,winreg}', () => ref('winreg'), 'import'),
  rule('{Cryptodome,Crypto}', () => ref('Crypto'), 'import'),
  rule('Cryptodome.**', (site) => ref(site.path.replace('Cryptodome', 'Crypto')), 'import'),
];
