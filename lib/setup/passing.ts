/**
 * What a shim passes to the real tool by itself, without starting Node.js: command lines that surely install nothing. A
 * line it is not sure of goes to the guard, which reads it by the tool's own rules. All results are text for a POSIX shell.
 */
import { NO_INSTALL_BEFORE_RUN } from '../managers/argv.js';

interface Passing {
  /** Commands that neither install nor fetch code, whatever follows them. */
  readonly commands: readonly string[];
  /** Options that may stand before the command and take no value, in their whole spelling. */
  readonly switches: readonly string[];
  /** The same with a value: the next word, or what follows `=`. */
  readonly valued: readonly string[];
  /** Whether the tool without arguments installs nothing. */
  readonly bare: boolean;
  /** Its short option for the version; another tool may take the same letter for something else, and install. */
  readonly version: '-v' | '-V';
  /** Whether every command shows its help when that is all it is asked for. */
  readonly help: boolean;
  /** More cases of `$verb`, word number `$at`, for commands that depend on what follows them. */
  readonly more?: string;
  /** Set for what is passed. */
  readonly variables?: Readonly<Record<string, string>>;
}

const words = (text: string): string[] => text.split(' ');

/** `fund` is not here, as it fetches, and builds, a git source; nor is `init`, which installs in a workspace. */
const NPM: Passing = {
  commands: words(
    'run run-script rum urn test t tst start stop restart ls list la ll config get set c whoami login adduser ' +
      'logout root prefix help help-search search s find ping owner dist-tag dist-tags token profile org team ' +
      'explain why query doctor completion deprecate star stars unstar sbom access ' +
      'hook undeprecate unpublish trust outdated pkg',
  ),
  switches: words(
    '-s --silent -q --quiet -d --verbose -g --global -a --all -l --long -p --parseable -y --yes -f --force ' +
      '--workspaces --include-workspace-root --if-present --json --no-color --no-audit --no-fund --no-progress ' +
      '--no-update-notifier --offline --prefer-offline --prefer-online --ignore-scripts --foreground-scripts',
  ),
  valued: words(
    '--prefix -C --loglevel -w --workspace --registry --userconfig --globalconfig --cache --script-shell --otp',
  ),
  bare: true,
  version: '-v',
  help: true,
  more: `
  # With a new version it brings the node_modules of a workspace up to date.
  version) [ $at -lt $# ] || exec "$real" "$@" ;;
  audit) case $* in *fix*) ;; *) exec "$real" "$@" ;; esac ;;
  cache) case $* in *add*) ;; *) exec "$real" "$@" ;; esac ;;
  view | info | show | v | pack) no_sources $at "$@" && exec "$real" "$@" ;;`,
};

const PIP: Passing = {
  commands: words(
    'list freeze show check config cache inspect debug hash search completion uninstall index help',
  ),
  switches: words(
    '-q -qq -qqq --quiet -v -vv -vvv --verbose --isolated --no-input --no-color --disable-pip-version-check ' +
      '--no-python-version-warning --no-cache-dir --require-virtualenv --require-venv --debug',
  ),
  valued: words(
    '--proxy --cert --client-cert --timeout --retries --log --cache-dir --python --trusted-host --exists-action ' +
      '--keyring-provider --use-feature --use-deprecated',
  ),
  bare: true,
  version: '-V',
  help: true,
};

const PNPM: Passing = {
  commands: words(
    'run run-script test t tst start stop restart exec list ls ll la why outdated audit licenses store config c get set ' +
      'root bin publish pack',
  ),
  switches: words('-r --recursive -w --workspace-root -s --silent --parallel --stream'),
  valued: words('-C --dir --filter -F'),
  bare: true,
  version: '-v',
  help: true,
  variables: NO_INSTALL_BEFORE_RUN,
};

/** Without a command Yarn installs. */
const YARN: Passing = {
  commands: words('run test start stop exec node why list info outdated audit config pack publish npm bin'),
  switches: words('-s --silent --json'),
  valued: words('--cwd'),
  bare: false,
  version: '-v',
  help: true,
};

/** `pm` is not here, as `pm trust` runs scripts; nor are words that only a project's scripts give a meaning. */
const BUN: Passing = {
  commands: words('run test build repl outdated audit publish why info'),
  switches: words('--silent --bun'),
  valued: words('--cwd'),
  bare: true,
  version: '-v',
  help: true,
};

/** Corepack's own commands, which fetch package managers at most; `use` and `up` install the project's packages. */
const COREPACK: Passing = {
  commands: words('enable disable install prepare hydrate pack cache'),
  switches: [],
  valued: [],
  bare: true,
  version: '-v',
  help: false,
};

const NO_SOURCES = `# Whether the words behind number $1 hold no git source: that needs a colon, or a slash that is not a scope's.
no_sources() {
  shift $(($1 + 1))
  for argument in "$@"; do
    case $argument in
      --json | --silent | -s | --parseable | -p | --dry-run) ;;
      -* | '' | *:* | @*/*/*) return 1 ;;
      @*/*) ;;
      */*) return 1 ;;
    esac
  done
}
`;

const HELP = `
  2) case $1 in -*) ;; *) case $2 in -h | --help) exec "$real" "$@" ;; esac ;; esac ;;`;

const alternatives = (patterns: readonly string[]): string => patterns.join(' | ');

/** A value that is empty or looks like an option is read differently by different versions. */
const withEquals = (options: readonly string[]): string =>
  alternatives(options.filter((name) => name.startsWith('--')).map((name) => `${name}=[!-]*`));

function decision({
  commands,
  switches,
  valued,
  bare,
  version,
  help,
  more = '',
  variables,
}: Passing): string {
  const assignments = Object.entries(variables ?? {}).map(([name, value]) => `${name}=${value}`);
  const environment = assignments.length === 0 ? '' : `export ${assignments.join(' ')} && `;
  const pass = `${environment}exec "$real" "$@"`;
  const options = [
    ...(switches.length === 0 ? [] : [`    ${alternatives(switches)}) ;;`]),
    ...(valued.length === 0
      ? []
      : [`    ${alternatives(valued)}) state=value ;;`, `    ${withEquals(valued)}) ;;`]),
  ];
  return `${more.includes('no_sources') ? NO_SOURCES : ''}state=option
verb=
at=0
for argument in "$@"; do
  at=$((at + 1))
  if [ $state = value ]; then
    case $argument in '' | -*) break ;; esac
    state=option
    continue
  fi
  case $argument in
${options.join('\n')}
    '' | -*) break ;;
    *) verb=$argument; break ;;
  esac
done
case $verb in
  ${alternatives(commands)}) ${pass} ;;${more}
esac
case $# in${bare ? `\n  0) ${pass} ;;` : ''}
  1) case $1 in ${version} | -h | --version | --help) exec "$real" "$@" ;; esac ;;${help ? HELP : ''}
esac`;
}

/** `python` is the guard's business only as `python -m pip`; flags of the interpreter may stand before `-m`. */
const PYTHON = `state=flags
command=none
for argument in "$@"; do
  case $state in
    value) state=flags; continue ;;
    module)
      case $argument in
        pip | pip3 | pip.* | pip._internal*) state=command; continue ;;
        *) break ;;
      esac ;;
    command)
      case $argument in
        ${alternatives(PIP.switches)}) continue ;;
        ${alternatives(PIP.valued)}) state=pip_value; continue ;;
        ${withEquals(PIP.valued)}) continue ;;
        *) command=$argument; break ;;
      esac ;;
    pip_value)
      state=command
      case $argument in '' | -*) command=unsure; break ;; esac
      continue ;;
  esac
  case $argument in
    -mpip | -mpip3 | -mpip.* | -[!-cWX]*mpip) state=command ;;
    -W | -X | --check-hash-based-pycs) state=value ;;
    -m | -[!-cWX]*m) state=module ;;
    -c* | - | --) break ;;
    -*) ;;
    *) break ;;
  esac
done
case $state in command | pip_value) ;; *) exec "$real" "$@" ;; esac
case $command in
  none | ${alternatives(PIP.commands)} | -V | -h | --version | --help) exec "$real" "$@" ;;
esac
SAFE_INSTALL_PYTHON=$real
export SAFE_INSTALL_PYTHON
while [ $# -gt 0 ]; do
  case $1 in
    -*mpip | -*mpip3 | -mpip.*) shift; break ;;
    -W | -X | --check-hash-based-pycs) shift 2 ;;
    -*m) shift 2; break ;;
    *) shift ;;
  esac
done`;

/**
 * Shell lines that end with `exec "$real" "$@"` where the arguments surely install nothing, and are fallen through
 * otherwise. They expect the real tool in `$real`.
 */
export const PASSING = {
  npm: decision(NPM),
  npx: `case "$# $1" in '0 ' | '1 -v' | '1 -h' | '1 --version' | '1 --help') exec "$real" "$@" ;; esac`,
  pip: `${decision(PIP)}\nSAFE_INSTALL_PIP=$real\nexport SAFE_INSTALL_PIP`,
  python: PYTHON,
  pnpm: decision(PNPM),
  yarn: decision(YARN),
  bun: decision(BUN),
  corepack: decision(COREPACK),
} as const;

/** The same for a hook inside Python: pip's commands, and the options that may stand before them. */
export const PIP_PASSING = { commands: PIP.commands, switches: PIP.switches, valued: PIP.valued };
