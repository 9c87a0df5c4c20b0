/** What well-known programs do, by name: rows of the taxonomy for their arguments. */
import { classifyPath, urlQualifiers } from '../strings.js';
import { UNKNOWN_PIECE } from '../values.js';

export interface ShellBehavior {
  readonly code: string;
  readonly qualifiers: readonly string[];
  readonly detail: string;
}

/** A program with its arguments, and what its data carries (from pipes, substitutions, variables). */
export interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
  readonly text: string;
  readonly carries: readonly string[];
}

type Describe = (call: Invocation) => ShellBehavior[];

const show = (text: string): string => text.replaceAll(UNKNOWN_PIECE, '…').replace(/\s+/g, ' ').slice(0, 200);

export function behavior(call: Invocation, code: string, qualifiers: readonly string[] = []): ShellBehavior {
  return { code, qualifiers: [...new Set(qualifiers)], detail: show(call.text) };
}

const one =
  (code: string, ...qualifiers: string[]): Describe =>
  (call) => [behavior(call, code, qualifiers)];

const nothing: Describe = () => [];

/** Arguments that are not options; options of a given list take the argument after them along. */
export function operands(args: readonly string[], withValue: RegExp = /^$/): string[] {
  const out: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg.startsWith('-') && arg.length > 1) {
      if (withValue.test(arg)) i += 1;
    } else if (!/^\/[a-z?]{1,2}$/i.test(arg)) out.push(arg);
  }
  return out;
}

const paths = (call: Invocation, code: string): ShellBehavior[] => {
  const targets = operands(call.args);
  const qualifiers = new Set<string>();
  for (const target of targets) for (const q of classifyPath(target).qualifiers) qualifiers.add(q);
  return [behavior(call, code, [...qualifiers])];
};

/** Reading files: a sensitive path by its own row, else `read-file`. */
function reads(call: Invocation, otherwise: string | undefined): ShellBehavior[] {
  const found: ShellBehavior[] = [];
  for (const target of operands(call.args)) {
    const where = classifyPath(target);
    if (where.code !== undefined) found.push(behavior(call, where.code, where.qualifiers));
  }
  if (found.length === 0 && otherwise !== undefined && operands(call.args).length > 0) {
    found.push(behavior(call, otherwise));
  }
  return found;
}

const addressIn = (args: readonly string[]): string | undefined =>
  args.find((a) => /^[a-z][a-z0-9+.-]*:\/\//i.test(a)) ??
  args.find(
    (a) => !a.startsWith('-') && /^[\w\ufffc.${}%-]+\.[a-z]{2,}(?:[:/]|$)|^\d+\.\d+\.\d+\.\d+/i.test(a),
  );

const to = (args: readonly string[]): string[] => urlQualifiers(addressIn(args));

const SENDS =
  /^(?:-d|--data(?:-raw|-binary|-urlencode|-ascii)?|-F|--form|--form-string|-T|--upload-file|--json|--post-data|--post-file|--body-data|--body-file)(?:=|$)/;

/** Files an upload names: `@path`, `--post-file=path`. */
function uploaded(args: readonly string[]): string[] {
  const carries = new Set<string>();
  for (const [i, arg] of args.entries()) {
    const path = /@([^;]+)/.exec(arg)?.[1] ?? /^--(?:post|body)-file=(.+)/.exec(arg)?.[1];
    const after = /^(?:-T|--upload-file|--post-file)$/.test(arg) ? args[i + 1] : undefined;
    for (const target of [path, after]) {
      if (target === undefined || target === '-' || /^https?:/.test(target)) continue;
      for (const label of classifyPath(target).labels) carries.add(`carries:${label}`);
    }
  }
  return [...carries];
}

function transfer(call: Invocation): ShellBehavior[] {
  const { args } = call;
  const where = to(args);
  const insecure = args.some((a) => /^(?:-k|--insecure|--no-check-certificate)$/.test(a));
  const out = insecure ? [behavior(call, 'disable-security')] : [];
  const method = args.findIndex((a) => a === '-X' || a === '--request');
  const posts = /^(?:POST|PUT|PATCH)$/i.test(args[method + 1] ?? '') && method !== -1;
  const carries = [...call.carries, ...uploaded(args)];
  if (posts || args.some((a) => SENDS.test(a) || /^-d./.test(a)) || carries.length > 0) {
    return [...out, behavior(call, 'http-send', [...where, ...carries])];
  }
  const target = outputFile(call);
  if (target !== undefined) {
    return [...out, behavior(call, 'download-file', [...where, ...classifyPath(target).qualifiers])];
  }
  return [...out, behavior(call, 'http-request', where)];
}

/** The file a download is stored in, if it is. */
export function outputFile(call: Invocation): string | undefined {
  const { program, args } = call;
  if (program === 'curl') {
    const at = args.findIndex((a) => /^(?:-[a-zA-Z]*o|--output)$/.test(a));
    if (at !== -1) return args[at + 1];
    if (args.some((a) => /^-[a-zA-Z]*O[a-zA-Z]*$|^--remote-name$/.test(a)))
      return lastSegment(addressIn(args));
    return undefined;
  }
  if (program === 'wget' || program === 'aria2c') {
    if (args.some((a) => /^-[a-zA-Z]*O-$/.test(a))) return undefined;
    const at = args.findIndex((a) => /^(?:-[a-zA-Z]*O|--output-document|-o|--out)$/.test(a));
    const named =
      at === -1
        ? args.find((a) => /^(?:-O|--output-document=).+/.test(a))?.replace(/^(?:-O|--output-document=)/, '')
        : args[at + 1];
    if (program === 'wget' && args[at] === '-o') return lastSegment(addressIn(args));
    if (named === '-') return undefined;
    return named ?? lastSegment(addressIn(args));
  }
  if (program === 'certutil' || program === 'bitsadmin') return args.at(-1);
  return undefined;
}

const lastSegment = (url: string | undefined): string | undefined =>
  (url ?? '').split(/[?#]/)[0]!.split('/').at(-1) || undefined;

function netcat(call: Invocation): ShellBehavior[] {
  const { args } = call;
  const [host, port] = operands(args, /^-[pwsiXec]$/);
  const where = urlQualifiers(
    host === undefined ? undefined : `${host}${port === undefined ? '' : `:${port}`}`,
  );
  if (args.some((a) => /^-[a-z]*[ec]$|^--(?:sh-)?exec/.test(a) || /\bEXEC:|\bSYSTEM:/i.test(a))) {
    return [behavior(call, 'connect-shell', where)];
  }
  if (args.some((a) => /^-[a-z]*l/.test(a))) return [behavior(call, 'listen')];
  return [behavior(call, 'open-socket', [...where, ...call.carries])];
}

function remove(call: Invocation): ShellBehavior[] {
  const tree = call.args.some((a) => /^-[a-zA-Z]*[rR]|^--recursive$|^\/s$/i.test(a));
  return paths(call, tree || call.program === 'rimraf' ? 'delete-tree' : 'delete-file');
}

function copy(call: Invocation): ShellBehavior[] {
  const targets = operands(call.args);
  const last = targets.at(-1);
  const where = last === undefined ? undefined : classifyPath(last);
  const sources = targets.slice(0, -1).flatMap((target) => {
    const source = classifyPath(target);
    return source.code === undefined ? [] : [behavior(call, source.code, source.qualifiers)];
  });
  return [...sources, behavior(call, where?.writeCode ?? 'copy-file', where?.qualifiers ?? [])];
}

function chmod(call: Invocation): ShellBehavior[] {
  const [mode, ...targets] = operands(call.args.map((a) => (/^-[rwxst]+$/.test(a) ? a.slice(1) : a)));
  const executable =
    call.args.some((a) => /^[ugoa]*\+[rwst]*x/.test(a)) || /^[0-7]*[1357][0-7]{0,2}$/.test(mode ?? '');
  if (!executable) return [];
  return [
    behavior(
      call,
      'make-executable',
      targets.flatMap((t) => classifyPath(t).qualifiers),
    ),
  ];
}

function git(call: Invocation): ShellBehavior[] {
  const rest = operands(call.args, /^-[Cc]$/);
  switch (rest[0]) {
    case 'push':
      return [behavior(call, 'publish-package', to(call.args))];
    case 'clone':
    case 'submodule':
      return [behavior(call, 'download-file', to(call.args))];
    case 'config':
      if (!/hooksPath|credential|url\.|user\./i.test(call.text)) return [];
      // A key without a value asks; with one it sets.
      return rest.length > 2 && !/--get|--list/.test(call.text)
        ? [behavior(call, 'modify-git-hooks')]
        : [behavior(call, /credential/i.test(call.text) ? 'read-registry-token' : 'read-user-name')];
    case 'credential':
      return [behavior(call, 'read-registry-token')];
    default:
      return [behavior(call, 'run-program')];
  }
}

function packageManager(call: Invocation): ShellBehavior[] {
  const command = operands(call.args)[0] ?? (call.program === 'yarn' ? 'install' : '');
  if (/^(?:publish|twine|upload)$/.test(command)) return [behavior(call, 'publish-package')];
  if (/^(?:i|install|add|ci|isntall|update|upgrade|get)$/.test(command)) {
    return [
      behavior(call, 'install-package', [...(addressIn(call.args) === undefined ? [] : to(call.args))]),
    ];
  }
  if (/^(?:token|adduser|login|whoami)$/.test(command)) return [behavior(call, 'read-registry-token')];
  if (command === 'config' && /set/.test(call.text)) return [behavior(call, 'disable-security')];
  return [behavior(call, 'run-package-manager')];
}

function compress(call: Invocation): ShellBehavior[] {
  const extracts =
    call.args.some((a) => /^-?[a-zA-Z]*x|^--extract|^-d$|^--decompress$/.test(a)) ||
    /^(?:un|gun|zcat|bzcat|xzcat)/.test(call.program);
  if (extracts) return [behavior(call, 'decompress', call.carries)];
  return [...reads(call, undefined), behavior(call, 'compress', call.carries)];
}

function registry(call: Invocation): ShellBehavior[] {
  const verb = call.args[0]?.toLowerCase();
  if (verb !== 'add' && verb !== 'delete' && verb !== 'import') return [behavior(call, 'read-system-info')];
  return [
    behavior(
      call,
      /CurrentVersion\\?\\Run|CurrentVersionRun/i.test(call.text) ? 'persist-startup' : 'persist-registry',
    ),
  ];
}

function sleep(call: Invocation): ShellBehavior[] {
  const seconds = Number.parseFloat(operands(call.args)[0] ?? '0');
  return seconds >= 10 || /[mhd]$/.test(operands(call.args)[0] ?? '') ? [behavior(call, 'delay')] : [];
}

function openssl(call: Invocation): ShellBehavior[] {
  const [verb] = call.args;
  if (verb === 's_client')
    return [behavior(call, 'open-socket', to(call.args.filter((a) => a !== 's_client')))];
  if (verb === 'enc' || verb === 'aes-256-cbc')
    return [behavior(call, call.args.includes('-d') ? 'decrypt' : 'encrypt', call.carries)];
  return verb === 'dgst' ? [behavior(call, 'hash')] : [];
}

function certutil(call: Invocation): ShellBehavior[] {
  if (/-urlcache|-verifyctl/i.test(call.text)) {
    const target = outputFile(call);
    const where = target === undefined || /^https?:/i.test(target) ? [] : classifyPath(target).qualifiers;
    return [behavior(call, 'download-file', [...to(call.args), ...where])];
  }
  if (/-decode/i.test(call.text)) return [behavior(call, 'decode')];
  return [behavior(call, 'run-program')];
}

const TABLE: readonly [string, Describe][] = [
  // Grammar, output and tests: nothing of their own
  [
    'echo printf exit true false : cd set export test [ [[ mkdir md touch pwd which where command type wait read trap unset shift return break continue local declare let alias basename dirname seq sort uniq wc cut tr rev date clear cls title pause rem @echo @rem @cls goto setlocal endlocal exist not errorlevel yes chcp pushd popd mktemp expr fold sed awk gawk jq yq nl paste column',
    nothing,
  ],
  // Network
  ['curl wget aria2c lwp-request http https axel fetch', transfer],
  ['nc ncat netcat nc.traditional socat', netcat],
  ['telnet', (call) => [behavior(call, 'open-socket', [...to(call.args), ...call.carries])]],
  [
    'ssh scp sftp rsync ftp tftp lftp pscp plink',
    (call) => [behavior(call, 'file-transfer', [...to(call.args), ...call.carries])],
  ],
  [
    'nslookup dig host drill ping ping6 tracert traceroute',
    (call) => [behavior(call, 'dns-query', [...to(call.args), ...call.carries])],
  ],
  ['certutil', certutil],
  ['bitsadmin', (call) => [behavior(call, 'download-file', to(call.args))]],
  ['mail sendmail mailx mutt msmtp', (call) => [behavior(call, 'send-mail', call.carries)]],
  ['ngrok cloudflared localtunnel lt bore frpc', one('listen', 'to:tunnel')],
  ['http-server serve', one('listen')],
  // Information
  ['whoami id logname users who w', one('read-user-name')],
  ['hostname hostnamectl', one('read-host-name')],
  ['uname arch sw_vers ver lsb_release getconf', one('read-platform')],
  [
    'systeminfo lscpu lshw dmidecode wmic system_profiler ioreg lsblk df free vmstat nvidia-smi sysctl uptime',
    one('read-system-info'),
  ],
  ['env printenv', one('read-env-all')],
  ['ifconfig ip ipconfig netstat ss arp route getmac nmcli iwconfig airport', one('read-network-info')],
  ['ps tasklist top pgrep pidof lsof htop', one('read-process-list')],
  ['cat type less more head tail strings od nano vi', (call) => reads(call, 'read-file')],
  ['grep egrep fgrep rg ag findstr', (call) => reads(call, undefined)],
  ['ls dir find tree locate fd', (call) => reads(call, undefined).concat(behavior(call, 'list-directory'))],
  ['pbpaste xclip xsel wl-paste', one('read-clipboard')],
  ['screencapture scrot import gnome-screenshot ffmpeg imagesnap arecord', one('capture-screen')],
  ['security secret-tool', one('R5')],
  ['git-credential', one('read-registry-token')],
  ['locale timedatectl tzutil', one('check-locale')],
  ['getent', (call) => reads(call, 'read-system-accounts')],
  ['systemd-detect-virt virt-what', one('check-environment')],
  // Encoding
  [
    'base64 base32 xxd uudecode',
    (call) => [
      behavior(
        call,
        call.args.some((a) => /^-[a-zA-Z]*[dDr]|^--decode$/.test(a)) || call.program === 'uudecode'
          ? 'decode'
          : 'encode',
        call.carries,
      ),
    ],
  ],
  ['tar zip 7z 7za rar gzip bzip2 xz zstd unzip gunzip unxz zcat bzcat xzcat unrar bunzip2', compress],
  ['openssl', openssl],
  ['gpg', (call) => [behavior(call, /-d\b|--decrypt/.test(call.text) ? 'decrypt' : 'encrypt', call.carries)]],
  ['md5sum sha1sum sha256sum sha512sum shasum md5 cksum', one('hash')],
  // Files
  ['rm del erase rmdir rd rimraf unlink shred srm', remove],
  ['mkfs mkfs.ext4 format cipher wipefs diskpart', one('delete-tree')],
  ['dd', (call) => [behavior(call, /of=\/dev\//.test(call.text) ? 'delete-tree' : 'copy-file')]],
  ['cp mv ln copy move xcopy robocopy install cpx cpy ncp mklink copyfiles', copy],
  ['tee', (call) => operands(call.args).map((target) => written(call, target))],
  ['chmod', chmod],
  ['attrib', (call) => (/\+h/i.test(call.text) ? [behavior(call, 'hide-window')] : [])],
  // Building and installing
  [
    'make gmake cmake ninja gcc g++ cc c++ clang clang++ rustc cargo go javac tsc ngc webpack rollup babel esbuild swc parcel vite gulp grunt node-gyp node-gyp-build node-pre-gyp prebuild-install prebuild cmake-js gyp ngcc nx turbo lerna msbuild meson autoconf xcodebuild tsup microbundle browserify neon napi preconstruct bob unbuild tsdx',
    one('run-build-tool'),
  ],
  [
    'npm pnpm yarn bun pip pip3 pipx gem apt apt-get yum dnf apk brew pacman choco scoop winget snap composer conda cnpm poetry uv easy_install',
    packageManager,
  ],
  ['twine vsce ovsx', one('publish-package')],
  ['git', git],
  [
    'gh hub glab',
    (call) => [
      behavior(
        call,
        /\bauth\b/.test(call.text)
          ? 'read-registry-token'
          : /repo create|release|secret|push/.test(call.text)
            ? 'publish-package'
            : 'run-program',
      ),
    ],
  ],
  [
    'aws gcloud az kubectl',
    (call) => [
      behavior(
        call,
        /configure|auth|token|get-secret|sts|\bget\s+secrets?\b/.test(call.text)
          ? 'read-cloud-credentials'
          : 'run-program',
      ),
    ],
  ],
  // Persistence
  [
    'crontab at schtasks launchctl systemctl update-rc.d chkconfig sc rc-update loginctl',
    (call) => {
      if (call.program === 'crontab' && call.args.includes('-l')) return [behavior(call, 'list-directory')];
      if (call.program === 'systemctl' && !/enable|start|daemon-reload/.test(call.text))
        return [behavior(call, 'run-program')];
      return [behavior(call, 'persist-startup')];
    },
  ],
  ['reg', registry],
  ['useradd adduser net net1 usermod passwd visudo runas', one('check-privilege')],
  // Destruction and evasion
  [
    'kill pkill killall taskkill tskill fuser',
    (call) => (call.args.includes('-0') ? [] : [behavior(call, 'kill-process')]),
  ],
  ['shutdown reboot halt poweroff init logoff', one('shutdown')],
  [
    'xmrig minerd cpuminer ccminer ethminer xmr-stak nbminer t-rex lolminer phoenixminer',
    one('mine-currency'),
  ],
  [
    'iptables ufw setenforce netsh firewall-cmd csrutil spctl auditctl vssadmin bcdedit wevtutil',
    one('disable-security'),
  ],
  ['history', (call) => (call.args.includes('-c') ? [behavior(call, 'disable-security')] : [])],
  ['sleep timeout', sleep],
  ['insmod modprobe ldconfig', one('load-native')],
  [
    'mshta rundll32 regsvr32 msiexec installutil regasm cmstp odbcconf',
    (call) => [behavior(call, 'run-program', addressIn(call.args) === undefined ? [] : to(call.args))],
  ],
  [
    'open xdg-open explorer',
    (call) => [behavior(call, 'run-program', addressIn(call.args) === undefined ? [] : to(call.args))],
  ],
  ['docker podman', one('run-program')],
];

const PROGRAMS = new Map<string, Describe>(
  TABLE.flatMap(([names, describe]) => names.split(' ').map((name): [string, Describe] => [name, describe])),
);

/** Programs this table says something of. */
export function describeProgram(call: Invocation): ShellBehavior[] | undefined {
  return PROGRAMS.get(call.program)?.(call);
}

/** Something written to a file by a redirection or `tee`. */
export function written(call: Invocation, target: string): ShellBehavior {
  const where = classifyPath(target);
  return behavior(
    call,
    where.writeCode ?? (where.qualifiers.includes('path:executable') ? 'write-executable' : 'write-file'),
    [...where.qualifiers, ...call.carries],
  );
}
