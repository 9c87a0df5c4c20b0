/** argv of pip → what will happen. Pure; follows `optparse` as pip uses it. */

export interface PipArguments {
  /** `install`, `freeze`, …; undefined when none is given. */
  readonly command: string | undefined;
  /** Whether the command can fetch, build or install code. */
  readonly guarded: boolean;
  /** Requirements, paths and addresses standing by themselves. */
  readonly positional: readonly string[];
  /** Values by canonical long name without dashes (`index-url`), in order; flags have the value ''. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** Where options that shall win over the user's go in. */
  readonly insertAt: number;
  /** An option at the end that lacks its value: pip's to refuse, and nothing may be put behind it. */
  readonly missingValue: string | undefined;
}

/** Commands of pip that neither fetch nor build nor install; whatever is not listed is guarded. */
export const PASSING_COMMANDS: ReadonlySet<string> = new Set(
  'uninstall inspect list show freeze check config search cache index hash completion debug help'.split(' '),
);

/** Canonical name of each option that takes a value, with the other spellings pip knows. */
const WITH_VALUE: Readonly<Record<string, readonly string[]>> = {
  requirement: ['r'],
  constraint: ['c'],
  editable: ['e'],
  'index-url': ['i', 'pypi-url'],
  'extra-index-url': [],
  'find-links': ['f'],
  'trusted-host': [],
  proxy: [],
  cert: [],
  'client-cert': [],
  'cache-dir': [],
  timeout: ['default-timeout'],
  retries: [],
  'resume-retries': [],
  python: [],
  log: ['log-file', 'local-log'],
  'exists-action': [],
  'use-feature': [],
  'use-deprecated': [],
  'keyring-provider': [],
  target: ['t'],
  dest: ['d', 'destination-dir', 'destination-directory'],
  'wheel-dir': ['w'],
  output: ['o'],
  platform: [],
  'python-version': [],
  implementation: [],
  abi: [],
  root: [],
  prefix: [],
  src: ['source', 'source-dir', 'source-directory'],
  'upgrade-strategy': [],
  'config-settings': ['C', 'config-setting'],
  'global-option': [],
  'build-option': [],
  'install-option': [],
  build: ['b', 'build-dir', 'build-directory'],
  'no-binary': [],
  'only-binary': [],
  'progress-bar': [],
  'root-user-action': [],
  report: [],
  group: [],
  'build-constraint': [],
  'uploaded-prior-to': [],
  'requirements-from-script': [],
  'all-releases': [],
  'only-final': [],
  hash: [],
};

const FLAGS: readonly string[] = [
  'help isolated require-virtualenv require-venv verbose version quiet no-input no-cache-dir no-color debug',
  'disable-pip-version-check no-python-version-warning no-proxy-env upgrade force-reinstall ignore-installed',
  'ignore-requires-python no-build-isolation use-pep517 no-use-pep517 check-build-dependencies no-deps',
  'no-dependencies user no-user compile no-compile no-warn-script-location no-warn-conflicts',
  'break-system-packages dry-run prefer-binary require-hashes no-clean no-index pre no-verify no-editable',
]
  .join(' ')
  .split(' ');
const SHORT_FLAGS: Readonly<Record<string, string>> = {
  U: 'upgrade',
  I: 'ignore-installed',
  h: 'help',
  v: 'verbose',
  V: 'version',
  q: 'quiet',
};

const CANONICAL = new Map<string, string>();
for (const [name, others] of Object.entries(WITH_VALUE))
  for (const spelling of [name, ...others]) CANONICAL.set(spelling, name);
const LONG_NAMES = [...[...CANONICAL.keys()].filter((name) => name.length > 1), ...FLAGS];

export function parsePipArguments(argv: readonly string[]): PipArguments {
  const options = new Map<string, string[]>();
  const words: string[] = [];
  let insertAt = argv.length;
  let missingValue: string | undefined;
  const add = (name: string, value: string): void => {
    options.set(name, [...(options.get(name) ?? []), value]);
  };
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at]!;
    const takeNext = (name: string): void => {
      const value = argv[++at];
      if (value === undefined) missingValue = token;
      else add(name, value);
    };
    if (token === '--') {
      insertAt = at;
      words.push(...argv.slice(at + 1));
      break;
    }
    if (token.startsWith('--')) {
      const [, spelled = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(token) ?? [];
      const meanings = resolveLong(spelled);
      const [name = spelled] = meanings;
      const canonical = CANONICAL.get(name);
      if (meanings.length > 1) {
        // Ambiguous in one version of pip and plain in another: read as whatever it may mean.
        for (const meaning of meanings) add(meaning, value ?? argv[at + 1] ?? '');
      } else if (canonical === undefined) add(name, value ?? '');
      else if (value !== undefined) add(canonical, value);
      else takeNext(canonical);
    } else if (token.startsWith('-') && token !== '-') {
      for (let i = 1; i < token.length; i++) {
        const canonical = CANONICAL.get(token[i]!);
        if (canonical === undefined) {
          add(SHORT_FLAGS[token[i]!] ?? token[i]!, '');
          continue;
        }
        if (i + 1 < token.length) add(canonical, token.slice(i + 1));
        else takeNext(canonical);
        break;
      }
    } else words.push(token);
  }
  const [command, ...positional] = words;
  const passing = command === undefined || PASSING_COMMANDS.has(command);
  const guarded = !passing && !options.has('help') && !options.has('version');
  return { command, guarded, positional, options, insertAt, missingValue };
}

/** `optparse` takes any unambiguous beginning of a long option. */
function resolveLong(spelled: string): string[] {
  if (LONG_NAMES.includes(spelled)) return [spelled];
  const candidates = LONG_NAMES.filter((name) => name.startsWith(spelled));
  return [...new Set(candidates.map((name) => CANONICAL.get(name) ?? name))];
}
