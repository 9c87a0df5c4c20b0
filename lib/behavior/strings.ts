/**
 * What a constant string is: an address, a path, the name of an environment variable. One place for
 * both languages, so that rules ask and never carry lists of their own. The lists of hosts and paths are general
 * knowledge of services and operating systems; none names a package or a campaign.
 */
import { hostClass } from './strings/hosts.js';
import { pathQualifiers, sensitivePath, writtenPath } from './strings/paths.js';
import { type Labels, NO_LABELS } from './values.js';

/** Where the artifact's files seem to stand for the code that runs: the base of `__dirname` and `__file__`. */
export const PACKAGE_ROOT = '/project/node_modules/self';
/** Working directory of import-time code; install-time code starts in `PACKAGE_ROOT`. */
export const PROJECT_ROOT = '/project';

const URL_START = /^\s*(?:https?|wss?|ftps?|tcp|udp|stratum(?:\+\w+)?|git\+https?|sftp|ssh|socks5?h?):\/\//i;
const UNUSUAL = new Set([
  '',
  '80',
  '443',
  '8080',
  '8443',
  '3000',
  '5000',
  '8000',
  '22',
  '21',
  '25',
  '53',
  '465',
  '587',
]);

export interface Address {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

/** Parts of a URL or `host[:port]`; undefined when it is neither. Lenient: templates leave holes in addresses. */
export function parseAddress(text: string): Address | undefined {
  const match =
    /^\s*(?:([a-z][a-z0-9+.-]*):(?=\/\/))?(?:\/\/)?(?:[^/?#@\s]*@)?(\[[0-9a-f:.]+\]|[^/:?#\s]+)(?::(\d{1,5}))?/i.exec(
      text,
    );
  if (match === null) return undefined;
  const scheme = (match[1] ?? '').toLowerCase();
  const host = (match[2] ?? '').toLowerCase().replace(/\.$/, '');
  if (host === '' || (scheme === '' && !/[.:]/.test(host) && host !== 'localhost')) return undefined;
  return { scheme, host, port: match[3] ?? '' };
}

/** `to:*` qualifiers of an address (URL or host[:port]); `to:unknown` when undefined. Sorted. */
export function urlQualifiers(text: string | undefined): string[] {
  if (text === undefined) return ['to:unknown'];
  const address = parseAddress(text);
  if (address === undefined) return ['to:unknown'];
  const kind = hostClass(address.host, text);
  const out = [kind];
  if (!UNUSUAL.has(address.port) && kind !== 'to:local') out.push('to:odd-port');
  if (/^(?:http|ws|ftp)$/.test(address.scheme) && kind !== 'to:local') out.push('to:http');
  return out.sort();
}

/** What a file path is. */
export interface PathClass {
  /** Row for reading it (`read-ssh-keys`, `read-wallet`…), when it is sensitive. */
  readonly code: string | undefined;
  /** Labels of its content (`credentials`, `browser`, `wallet`; `file` always). */
  readonly labels: Labels;
  /** `path:*` qualifiers, sorted. */
  readonly qualifiers: readonly string[];
  /** Writing it persists (start-up file, cron, service), changes git hooks, or another package. */
  readonly writeCode: 'persist-startup' | 'modify-git-hooks' | 'modify-package' | undefined;
}

export function classifyPath(path: string): PathClass {
  const clean = path.replaceAll('\\', '/');
  const sensitive = sensitivePath(clean);
  return {
    code: sensitive?.code,
    labels: new Set(sensitive === undefined ? ['file'] : ['file', sensitive.label]),
    qualifiers: pathQualifiers(clean, PACKAGE_ROOT, PROJECT_ROOT),
    writeCode: writtenPath(clean, PACKAGE_ROOT),
  };
}

type EnvironmentCode =
  | 'read-env-secret'
  | 'read-env-variable'
  | 'check-ci'
  | 'read-home'
  | 'read-user-name'
  | 'read-host-name'
  | 'check-locale';

const SECRET_NAME =
  /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|APIKEY|API_KEY|ACCESS_KEY|ACCESS_KEY_ID|PRIVATE_KEY|CREDENTIALS?|AUTH|MNEMONIC|SEED_PHRASE|WEBHOOK|WEBHOOK_URL|SESSION_KEY|ENCRYPTION_KEY|CONNECTION_STRING|DATABASE_URL|PAT|DSN)(?:_|$)/i;
const CI_NAME =
  /^(?:CI|CONTINUOUS_INTEGRATION|BUILD_NUMBER|BUILD_ID|RUN_ID|GITHUB_ACTIONS|GITLAB_CI|TRAVIS|CIRCLECI|APPVEYOR|JENKINS_URL|JENKINS_HOME|TEAMCITY_VERSION|BUILDKITE|DRONE|TF_BUILD|BITBUCKET_BUILD_NUMBER|BITBUCKET_COMMIT|CODEBUILD_BUILD_ID|NETLIFY|VERCEL|SEMAPHORE|HEROKU_TEST_RUN_ID|NOW_BUILDER|CI_NAME)$/;

/** The row and label of reading one environment variable. */
export function environmentVariable(name: string): {
  readonly code: EnvironmentCode;
  readonly labels: Labels;
} {
  if (CI_NAME.test(name)) return { code: 'check-ci', labels: NO_LABELS };
  if (/^(?:HOME|USERPROFILE|HOMEPATH|HOMEDRIVE|APPDATA|LOCALAPPDATA)$/i.test(name)) {
    return { code: 'read-home', labels: NO_LABELS };
  }
  if (/^(?:USER|USERNAME|LOGNAME|SUDO_USER|LNAME)$/i.test(name))
    return { code: 'read-user-name', labels: new Set(['host']) };
  if (/^(?:HOSTNAME|COMPUTERNAME|HOST|USERDOMAIN|NAME)$/i.test(name))
    return { code: 'read-host-name', labels: new Set(['host']) };
  if (/^(?:LANG|LC_\w+|LANGUAGE|TZ)$/.test(name)) return { code: 'check-locale', labels: NO_LABELS };
  if (SECRET_NAME.test(name) && !/^(?:PWD|OLDPWD|INIT_CWD)$/.test(name)) {
    return { code: 'read-env-secret', labels: new Set(['credentials', 'env-variable']) };
  }
  return { code: 'read-env-variable', labels: new Set(['env-variable']) };
}

/** Switches and terminal settings every command-line tool looks at: reading one tells nothing apart. */
const ORDINARY =
  /^(?:(?:NODE|BABEL|RAILS|FLASK|APP)_ENV|(?:NODE_|PYTHON|FLASK_|DJANGO_)?DEBUG|FORCE_COLOR|(?:NPM_CONFIG_)?(?:NO_)?COLOR|CLICOLOR(?:_FORCE)?|TERM|TERM_PROGRAM|TERM_PROGRAM_VERSION|COLORTERM|COLORS|COLUMNS|LINES|VERBOSE|LOG_?LEVEL|BROWSERSLIST\w*|READABLE_STREAM|NODE_V8_COVERAGE|JEST_WORKER_ID|UV_THREADPOOL_SIZE|READTHEDOCS|PYTHONDONTWRITEBYTECODE|PYTHONUNBUFFERED)$/i;

export function isOrdinaryVariable(name: string): boolean {
  return ORDINARY.test(name);
}

const CARRIED = new Set([
  'env',
  'env-variable',
  'host',
  'credentials',
  'browser',
  'wallet',
  'file',
  'input',
  'download',
  'decoded',
  'output',
]);

/** `carries:*` qualifiers of labels, sorted; labels without one (`assembled`) are left out. */
export function carried(labels: Labels): string[] {
  if (labels.size === 0) return [];
  const out: string[] = [];
  for (const label of labels) if (CARRIED.has(label)) out.push(`carries:${label}`);
  return out.sort();
}

/** What a string says by itself, wherever it stands. */
export interface TextFact {
  readonly code: string;
  readonly qualifiers: readonly string[];
  /** Counts only when no call in the same unit shows the same behaviour. */
  readonly onlyIfUnused: boolean;
}

const NO_FACTS: readonly TextFact[] = [];
const LONG_STRING = 1000;
const memo = new Map<string, readonly TextFact[]>();

/** Facts of a string; remembered for short strings. */
export function classifyText(text: string): readonly TextFact[] {
  if (text.length > 256) return classify(text);
  let facts = memo.get(text);
  if (facts === undefined) {
    if (memo.size > 20_000) memo.clear();
    facts = classify(text);
    memo.set(text, facts);
  }
  return facts;
}

/** Hosts that stand in names of XML namespaces, schemas and the like: identifiers, not destinations. */
const IDENTIFIER_HOST =
  /^(?:www\.w3\.org|json-schema\.org|schemas?\.[\w.-]+|purl\.org|xmlns\.[\w.-]+|ns\.adobe\.com|www\.sitemaps\.org|docs\.oasis-open\.org)$/;
/** Services a string in the middle of a text still tells about. */
const TELLING_HOST = /^to:(?:catcher|tunnel|webhook|paste|onion)$/;
const EMBEDDED_URL = /\b(?:https?|wss?):\/\/[^\s'"<>`\\)]+/gi;

function classify(text: string): readonly TextFact[] {
  const facts: TextFact[] = [];
  if (URL_START.test(text)) {
    const address = parseAddress(text);
    if (address !== undefined && !IDENTIFIER_HOST.test(address.host)) {
      facts.push({ code: 'D3', qualifiers: urlQualifiers(text), onlyIfUnused: false });
    }
  } else if (text.length < 20_000 && text.includes('://')) embedded(text, facts);
  if (facts.length === 0 && text.length < 120) {
    const host = bareHost(text);
    if (host !== undefined) facts.push({ code: 'D3', qualifiers: host, onlyIfUnused: false });
  }
  if (text.length < 400) {
    const sensitive = sensitivePath(text.replaceAll('\\', '/'));
    if (sensitive !== undefined) facts.push({ code: sensitive.code, qualifiers: [], onlyIfUnused: true });
  }
  if (text.length >= 40 && isBase64(text)) facts.push({ code: 'E3', qualifiers: [], onlyIfUnused: false });
  if (text.length >= LONG_STRING) {
    facts.push({ code: 'E4', qualifiers: [], onlyIfUnused: false });
    if (entropy(text) > 5.2 && spaces(text) < 0.02)
      facts.push({ code: 'hide-entropy', qualifiers: [], onlyIfUnused: false });
  }
  return facts.length === 0 ? NO_FACTS : facts;
}

function embedded(text: string, facts: TextFact[]): void {
  EMBEDDED_URL.lastIndex = 0;
  for (let i = 0; i < 8; i++) {
    const match = EMBEDDED_URL.exec(text);
    if (match === null) return;
    const qualifiers = urlQualifiers(match[0]);
    if (qualifiers.some((q) => TELLING_HOST.test(q)) || qualifiers.includes('to:ip')) {
      facts.push({ code: 'D3', qualifiers, onlyIfUnused: false });
      return;
    }
  }
}

/** `1.2.3.4:4444` and the bare names of catchers and tunnels. */
function bareHost(text: string): string[] | undefined {
  if (!/^[a-z0-9.-]+\.[a-z0-9-]+(?::\d{1,5})?(?:\/\S*)?$/i.test(text)) return undefined;
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const kind = hostClass(address.host, text);
  const isAddress =
    kind === 'to:ip' &&
    (address.port !== '' || !/^(?:\d{1,2}\.){2}/.test(text) || /\d{2,3}\.\d+\.\d+\.\d+/.test(text));
  return isAddress || TELLING_HOST.test(kind) ? urlQualifiers(text) : undefined;
}

/** Base64 of something, not a word or a path that happens to use its letters. */
export function isBase64(text: string): boolean {
  if (text.length > 200_000) return isBase64(text.slice(0, 4096).slice(0, 4096 - (4096 % 4)));
  const clean = text.replace(/\s+/g, '');
  if (clean.length < 40 || clean.length % 4 === 1 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(clean)) return false;
  const lower = /[a-z]/.test(clean);
  const upper = /[A-Z]/.test(clean);
  const digit = /\d/.test(clean);
  if (!lower || !upper || !digit) return false;
  // Alphabets and tables list characters in order; names are words with few capitals.
  if (/abcdefgh|ABCDEFGH|01234567/.test(clean)) return false;
  const capitals = clean.replace(/[^A-Z]/g, '').length / clean.length;
  return capitals > 0.12 && entropy(clean) > 4;
}

/** Shannon entropy in bits a character, of the first 64 Ki characters. */
export function entropy(text: string): number {
  const counts = new Map<number, number>();
  const size = Math.min(text.length, 65_536);
  for (let i = 0; i < size; i++) {
    const code = text.charCodeAt(i);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  let bits = 0;
  for (const count of counts.values()) bits -= (count / size) * Math.log2(count / size);
  return bits;
}

function spaces(text: string): number {
  let count = 0;
  const size = Math.min(text.length, 65_536);
  for (let i = 0; i < size; i++) if (text.charCodeAt(i) <= 32) count++;
  return count / size;
}
