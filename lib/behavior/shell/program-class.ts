/**
 * What kind of program a command line starts, by the name of its first program that does something: a build tool and
 * a downloader are both `run-program`, and only one of them is what installers are made of. Lists name programs that
 * come with operating systems and common tool chains; what they do in detail is `programs.ts`.
 */
import { UNKNOWN_PIECE } from '../values.js';

const NAMES: Readonly<Record<string, string>> = {
  'program:download': 'curl wget aria2c axel lwp-request http https bitsadmin certutil',
  'program:network':
    'nc ncat netcat socat telnet ssh scp sftp rsync ftp tftp plink pscp nslookup dig host ping ping6 traceroute tracert nmap openssl ngrok cloudflared frpc mail sendmail',
  'program:shell': 'sh bash zsh dash ksh ash fish cmd busybox command.com',
  'program:powershell': 'powershell pwsh powershell_ise',
  'program:interpreter':
    'node nodejs bun deno tsx ts-node python python2 python3 py pythonw pypy pypy3 ipython jupyter perl ruby php lua osascript wscript cscript mshta java rscript awk tclsh',
  'program:package-manager':
    'npm npx pnpm yarn bunx cnpm pip pip3 pipx gem bundle apt apt-get dpkg yum dnf rpm apk brew port pacman choco scoop winget snap composer conda mamba poetry uv easy_install twine',
  'program:git': 'git gh hub glab svn hg',
  'program:build':
    'make gmake nmake cmake ninja gcc g++ cc c++ clang clang++ cl ld ar rustc cargo go javac mvn gradle tsc ngc webpack rollup babel esbuild swc parcel vite gulp grunt node-gyp node-gyp-build node-pre-gyp prebuild-install prebuild cmake-js gyp msbuild meson autoconf automake configure xcodebuild swig cython nvcc pkg-config llvm-config patch protoc sphinx-build doxygen pyinstaller pytest tox mocha jest nyc',
  'program:tool':
    'husky patch-package opencollective opencollective-postinstall eslint prettier standard tslint xo ava tap tape karma lint-staged commitlint lerna nx turbo storybook cypress playwright electron electron-builder ng vue react-scripts next nuxt expo prisma sequelize knex nodemon pm2 forever black flake8 pylint mypy isort coverage django-admin celery gunicorn uvicorn flask streamlit ansible terraform',
  'program:container': 'docker docker-compose podman kubectl helm aws gcloud az heroku vagrant minikube',
  'program:query':
    'uname whoami id hostname hostnamectl who w users groups arch sw_vers ver lsb_release getconf lscpu lshw lspci lsusb lsblk df free vmstat nvidia-smi sysctl uptime systeminfo wmic system_profiler ioreg dmidecode env printenv ifconfig ip ipconfig netstat ss arp route getmac ps tasklist top pgrep pidof lsof which where whereis ldd file locale getent xcode-select xcrun xrandr tput stty tty date ldconfig defaults scutil',
  'program:files':
    'echo printf cat type less more head tail ls dir find tree grep egrep rg sed cut sort cp mv ln copy move xcopy robocopy rm del erase rmdir rd rimraf unlink mkdir md mkdirp touch chmod chown stat du wc tar zip unzip gzip gunzip 7z xz bzip2 base64 md5sum sha256sum sleep timeout true false test exit pause clear cls tee strip diff',
  'program:system':
    'reg schtasks systemctl service launchctl crontab at sc kill pkill killall taskkill shutdown reboot halt poweroff attrib net net1 netsh useradd adduser usermod passwd iptables ufw setx rundll32 regsvr32 msiexec installutil bcdedit vssadmin wevtutil mount umount insmod modprobe diskpart format icacls takeown',
  'program:desktop':
    'open xdg-open explorer start notify-send say afplay aplay mpg123 mplayer vlc ffmpeg ffprobe convert magick chrome google-chrome chromium firefox msedge code vim vi nano emacs notepad calc xclip xsel pbcopy pbpaste xdotool screencapture scrot import gnome-terminal xterm dot inkscape libreoffice pdflatex latex wkhtmltopdf pandoc',
};

const CLASS = new Map<string, string>();
for (const [kind, names] of Object.entries(NAMES)) {
  for (const name of names.split(' ')) if (!CLASS.has(name)) CLASS.set(name, kind);
}

/** Words in front of the program that is meant. */
const BEFORE =
  /^(?:\s*(?:sudo|doas|env|nohup|exec|command|builtin|call|start|setsid|cross-env|time|\/[bBcCkK]|&)(?=\s)|\s*[A-Za-z_]\w*=[^\s;&|]*\s)+/;
const SEGMENTS = /&&|\|\||[;|\n]/;
/** Longest command line looked at. */
const LENGTH = 2000;

/** One `program:*` qualifier: of the first program that is more than a file tool, else of the first. */
export function programClass(command: string | undefined): string {
  if (command === undefined) return 'program:unknown';
  let first: string | undefined;
  for (const segment of command.slice(0, LENGTH).split(SEGMENTS, 8)) {
    const word = firstWord(segment.replace(BEFORE, '').trim());
    if (word === '' || /^(?:cd|set|export|pushd|popd|if|then|else|fi|do|done|\[|\[\[|:|!|@echo)$/.test(word))
      continue;
    const kind = classOf(word);
    if (kind !== 'program:files') return kind;
    first ??= kind;
  }
  return first ?? 'program:unknown';
}

function firstWord(segment: string): string {
  const quoted = /^(["'])(.*?)\1/.exec(segment);
  return quoted?.[2] ?? /^\S*/.exec(segment)![0];
}

function classOf(word: string): string {
  if (word.startsWith(UNKNOWN_PIECE) || word.startsWith('$') || word.startsWith('%')) {
    return 'program:unknown';
  }
  const slashed = word.replaceAll('\\', '/');
  const name = slashed
    .slice(slashed.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/\.(?:exe|com|cmd)$/, '');
  const kind = CLASS.get(name) ?? CLASS.get(name.replace(/[\d.]+$/, ''));
  if (kind !== undefined) return kind;
  return name.includes(UNKNOWN_PIECE) ? 'program:unknown' : 'program:other';
}
