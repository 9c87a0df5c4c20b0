/**
 * The taxonomy of behaviours: one table. A row is a thing code can do that tells an attack from honest
 * work, in terms both languages share. Rows R1–R5, D1–D3, E1–E4, P1–P4 are the sixteen features of
 * Cerebro (Zhang et al., "Malicious Package Detection in NPM and PyPI using a Single Model of Malicious Behavior
 * Sequence", arXiv 2309.02637); the others refine one of them (`paper`) or add what they cannot say.
 *
 * To add a behaviour: add a row here, a rule in `apis/`, a line in the table tests.
 */

/** The paper's four dimensions, and what we add to them: persistence, destruction, evasion, concealment, opaque. */
export type Dimension = 'R' | 'D' | 'E' | 'P' | 'S' | 'X' | 'V' | 'C' | 'O';

export interface TaxonomyRow {
  readonly code: string;
  readonly dimension: Dimension;
  /** In plain English, as the report says it and as the description-fed model reads it. */
  readonly description: string;
  /** The feature of the paper this counts as, if any. */
  readonly paper?: PaperFeature;
}

export const PAPER_FEATURES = [
  'R1',
  'R2',
  'R3',
  'R4',
  'R5',
  'D1',
  'D2',
  'D3',
  'E1',
  'E2',
  'E3',
  'E4',
  'P1',
  'P2',
  'P3',
  'P4',
] as const;
export type PaperFeature = (typeof PAPER_FEATURES)[number];

const row = (code: string, dimension: Dimension, description: string, paper?: PaperFeature): TaxonomyRow =>
  paper === undefined ? { code, dimension, description } : { code, dimension, description, paper };

export const TAXONOMY: readonly TaxonomyRow[] = [
  // Information reading
  row('R1', 'R', 'import operating system module', 'R1'),
  row('R2', 'R', 'use operating system module call', 'R2'),
  row('R3', 'R', 'import file system module', 'R3'),
  row('R4', 'R', 'use file system module call', 'R4'),
  row('R5', 'R', 'read sensitive information', 'R5'),
  row('read-env-all', 'R', 'read the whole environment', 'R5'),
  row('read-env-variable', 'R', 'read one environment variable', 'R2'),
  row('read-env-secret', 'R', 'read an environment variable that holds a secret', 'R5'),
  row('read-host-name', 'R', 'read the host name', 'R2'),
  row('read-user-name', 'R', 'read the user name', 'R2'),
  row('read-home', 'R', 'read the home folder location', 'R2'),
  row('read-platform', 'R', 'read the platform or architecture', 'R2'),
  row('read-network-info', 'R', 'read network interfaces or the public address', 'R2'),
  row('read-system-info', 'R', 'read system information', 'R2'),
  row('read-working-directory', 'R', 'read the working directory or script location', 'R2'),
  row('read-file', 'R', 'read a file', 'R4'),
  row('read-own-file', 'R', 'read a file of its own package', 'R4'),
  row('list-directory', 'R', 'list or search directories', 'R4'),
  row('read-ssh-keys', 'R', 'read SSH keys or configuration', 'R5'),
  row('read-cloud-credentials', 'R', 'read cloud credentials', 'R5'),
  row('read-registry-token', 'R', 'read package registry or git credentials', 'R5'),
  row('read-browser-data', 'R', 'read browser profiles, cookies or saved passwords', 'R5'),
  row('read-wallet', 'R', 'read cryptocurrency wallets', 'R5'),
  row('read-chat-token', 'R', 'read chat application tokens', 'R5'),
  row('read-system-accounts', 'R', 'read system account files', 'R5'),
  row('read-process-list', 'R', 'list running processes', 'R2'),
  row('read-package-manifest', 'R', 'read a package manifest', 'R4'),
  row('read-clipboard', 'R', 'read the clipboard', 'R5'),
  row('capture-screen', 'R', 'capture the screen, camera or microphone', 'R5'),
  row('capture-keys', 'R', 'capture key strokes', 'R5'),
  // Data transmission
  row('D1', 'D', 'import network module', 'D1'),
  row('D2', 'D', 'use network module call', 'D2'),
  row('D3', 'D', 'use URL', 'D3'),
  row('http-request', 'D', 'request something over HTTP', 'D2'),
  row('http-send', 'D', 'send data over HTTP', 'D2'),
  row('download-file', 'D', 'download a file', 'D2'),
  row('open-socket', 'D', 'open a network socket', 'D2'),
  row('websocket', 'D', 'open a web socket', 'D2'),
  row('dns-query', 'D', 'look up a name in DNS', 'D2'),
  row('send-mail', 'D', 'send mail', 'D2'),
  row('file-transfer', 'D', 'transfer files over FTP or SSH', 'D2'),
  row('listen', 'D', 'listen for network connections', 'D2'),
  row('browser-store', 'D', 'read browser storage or page content'),
  // Encoding
  row('E1', 'E', 'import encoding module', 'E1'),
  row('E2', 'E', 'use encoding module call', 'E2'),
  row('E3', 'E', 'use base64 string', 'E3'),
  row('E4', 'E', 'use long string', 'E4'),
  row('decode', 'E', 'decode data', 'E2'),
  row('encode', 'E', 'encode data', 'E2'),
  row('decompress', 'E', 'decompress data', 'E2'),
  row('compress', 'E', 'compress or archive files', 'E2'),
  row('encrypt', 'E', 'encrypt data', 'E2'),
  row('decrypt', 'E', 'decrypt data', 'E2'),
  row('hash', 'E', 'compute a checksum'),
  row('deserialize-code', 'E', 'load serialized code objects', 'E2'),
  // Payload execution
  row('P1', 'P', 'import process module', 'P1'),
  row('P2', 'P', 'use process module call', 'P2'),
  row('P3', 'P', 'use bash script', 'P3'),
  row('P4', 'P', 'evaluate code at run-time', 'P4'),
  row('run-shell', 'P', 'run a shell command', 'P2'),
  row('run-program', 'P', 'run a program', 'P2'),
  row('run-interpreter', 'P', 'run an interpreter with inline code', 'P3'),
  row('run-own-file', 'P', 'run a file of its own package', 'P2'),
  row('run-build-tool', 'P', 'run a compiler or build tool', 'P2'),
  row('run-package-manager', 'P', 'run a package manager', 'P2'),
  row('pipe-to-shell', 'P', 'download a script and pipe it to a shell', 'P3'),
  row('evaluate', 'P', 'evaluate text as code', 'P4'),
  row('evaluate-decoded', 'P', 'evaluate decoded text as code', 'P4'),
  row('evaluate-downloaded', 'P', 'evaluate downloaded text as code', 'P4'),
  row('dynamic-import', 'P', 'import a module whose name is computed', 'P4'),
  row('load-native', 'P', 'load a native library', 'P2'),
  row('call-native', 'P', 'call functions of the operating system library', 'P2'),
  row('write-file', 'P', 'write a file', 'R4'),
  row('write-executable', 'P', 'write a script or program', 'R4'),
  row('make-executable', 'P', 'make a file executable', 'R4'),
  row('copy-file', 'P', 'copy, move or link files', 'R4'),
  row('run-downloaded', 'P', 'run a downloaded file', 'P2'),
  row('inject-process', 'P', 'inject code into a running process', 'P2'),
  row('connect-shell', 'P', 'connect a shell to a network socket', 'P2'),
  // Persistence and propagation
  row('persist-startup', 'S', 'write to a start-up file, service or scheduled task'),
  row('persist-registry', 'S', 'write the Windows registry'),
  row('modify-package', 'S', 'change files of another package'),
  row('modify-git-hooks', 'S', 'change git hooks or configuration'),
  row('publish-package', 'S', 'publish a package or push to a repository'),
  row('hook-import', 'S', 'change how modules are imported or installed'),
  row('override-builtin', 'S', 'replace a built-in function or global'),
  row('install-package', 'S', 'install a package'),
  // Destruction
  row('delete-file', 'X', 'delete a file', 'R4'),
  row('delete-tree', 'X', 'delete a directory tree', 'R4'),
  row('kill-process', 'X', 'kill processes'),
  row('shutdown', 'X', 'shut down or lock the machine'),
  row('mine-currency', 'X', 'mine cryptocurrency'),
  // Evasion
  row('check-environment', 'V', 'check for a sandbox, virtual machine or debugger'),
  row('check-ci', 'V', 'check for a continuous integration system'),
  row('check-locale', 'V', 'check the locale, time zone or country'),
  row('check-privilege', 'V', 'check or raise privileges'),
  row('delay', 'V', 'delay execution'),
  row('silence-errors', 'V', 'ignore all errors'),
  row('disable-security', 'V', 'switch off certificate checks, warnings or protections'),
  row('exit-process', 'V', 'end the process'),
  // Concealment
  row('hide-long-line', 'C', 'code pushed far off screen'),
  row('hide-unicode', 'C', 'invisible or bidirectional characters in code'),
  row('hide-entropy', 'C', 'string of high entropy', 'E4'),
  row('obfuscated-code', 'C', 'code in the shape an obfuscator gives'),
  row('hidden-string', 'C', 'string assembled or decoded at run time', 'E2'),
  row('hide-window', 'C', 'hide a window or file'),
  row('impersonate', 'C', 'name something like a system program'),
  // Opaque or left out
  row('opaque-native', 'O', 'ships a native binary'),
  row('opaque-bytecode', 'O', 'ships bytecode'),
  row('opaque-wasm', 'O', 'ships WebAssembly'),
  row('opaque-archive', 'O', 'ships an archive'),
  row('opaque-data', 'O', 'ships data that cannot be decoded'),
  row('parse-failure', 'O', 'code that cannot be parsed'),
  row('left-out', 'O', 'more behaviours than the limit'),
  row('missing-file', 'O', 'runs a file that is not in the package'),
  row('manifest-mismatch', 'C', 'manifest disagrees with the registry'),
];

export const TAXONOMY_VERSION = '3';

/** Closed list of qualifiers: each is a token of the model and a word of the report. */
export const QUALIFIERS: Readonly<Record<string, string>> = {
  // What a transmission, execution or write carries (labels of its data)
  'carries:env': 'carrying the environment',
  'carries:env-variable': 'carrying an environment variable',
  'carries:host': 'carrying host, user or system facts',
  'carries:credentials': 'carrying credentials or tokens',
  'carries:browser': 'carrying browser data',
  'carries:wallet': 'carrying wallet data',
  'carries:file': 'carrying file contents',
  'carries:input': 'carrying screen, keys or clipboard',
  'carries:download': 'with downloaded content',
  'carries:decoded': 'with decoded content',
  'carries:output': 'carrying the output of a command',
  // Where to or from
  'to:ip': 'a raw IP address',
  'to:catcher': 'a request-catching service',
  'to:tunnel': 'a tunnel service',
  'to:webhook': 'a chat webhook or bot interface',
  'to:paste': 'a paste or raw-file host',
  'to:shortener': 'an address shortener',
  'to:dynamic-dns': 'a dynamic DNS host',
  'to:registry': 'a package registry',
  'to:release-host': 'a known release host',
  'to:local': 'this machine',
  'to:onion': 'an onion address',
  'to:other': 'a fixed host',
  'to:unknown': 'a computed address',
  'to:odd-port': 'an unusual port',
  'to:http': 'without encryption',
  // How it was written
  hidden: 'hidden by encoding',
  assembled: 'assembled from pieces',
  // Where on disk
  'path:temp': 'in the temporary folder',
  'path:home': 'in the home folder',
  'path:startup': 'in a start-up location',
  'path:system': 'in a system folder',
  'path:own': 'inside its own package',
  'path:package': 'inside another package',
  'path:project': 'inside the project that installs it',
  'path:hidden': 'in a hidden file',
  'path:executable': 'with an executable suffix',
  // What kind of program is run
  'program:download': 'a download program',
  'program:network': 'a network tool',
  'program:shell': 'a shell',
  'program:powershell': 'PowerShell itself',
  'program:interpreter': 'an interpreter',
  'program:package-manager': 'a package manager',
  'program:git': 'a version control program',
  'program:build': 'a compiler, build or test tool',
  'program:tool': 'a development tool',
  'program:container': 'a container or cloud tool',
  'program:query': 'a program that tells about the system',
  'program:files': 'a file tool',
  'program:system': 'a program that changes the system',
  'program:desktop': 'a desktop program',
  'program:other': 'a program not known',
  'program:unknown': 'a program whose name is computed',
  // How something is run
  detached: 'detached from its parent',
  quiet: 'with its output hidden',
  shell: 'through a shell',
  sudo: 'with raised privileges',
  powershell: 'with PowerShell',
  encoded: 'with an encoded command',
  'in-try': 'with errors ignored',
  'if-platform': 'only on some platforms',
};

/** How many times the same behaviour in a row is kept; more are collapsed. */
export const MAX_REPEATS = 1;

const BY_CODE = new Map(TAXONOMY.map((r) => [r.code, r]));

/** The row of a code. Throws on a code that is not in the table. */
export function taxonomyRow(code: string): TaxonomyRow {
  const found = BY_CODE.get(code);
  if (found === undefined) throw new Error(`no taxonomy row '${code}'`);
  return found;
}

export function isQualifier(word: string): boolean {
  return Object.hasOwn(QUALIFIERS, word);
}
