/**
 * One policy file: JSON with comments, checked strictly. A key nobody knows is an error, since a misspelt rule
 * that is skipped is worse than none. The published form is `lib/verdict/policy.schema.json`.
 */
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { EXIT, KnownError } from '../errors.js';
import type { Ecosystem, UnverifiedCode } from '../types.js';

/** An alarm the organisation has looked into: exactly one artifact, why, and until when. */
export interface Exception {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
  /** SHA-512 SRI of the artifact, as every report prints it. */
  readonly integrity: string;
  readonly reason: string;
  /** Last day it applies (UTC), `YYYY-MM-DD`; without it, as long as the file says so. */
  readonly until?: string;
}

/** What one file says; every key may be absent. */
export interface PolicyFile {
  readonly exceptions?: readonly Exception[];
  /** Kinds of `unverified` to let pass. */
  readonly acceptUnverified?: readonly UnverifiedCode[];
  /** Score that blocks, instead of the model's. */
  readonly threshold?: Partial<Readonly<Record<Ecosystem, number>>>;
  /** The organisation's own: `@scope` or a registry's address. Still scanned; alarms become warnings. */
  readonly own?: readonly string[];
  /** Days a release must have been in its registry. */
  readonly minimumReleaseAge?: number;
  /** `plain`: a package whose name is new to its registry is judged like any other, not more strictly. */
  readonly newcomers?: 'strict' | 'plain';
  /** Findings that block whatever the score. */
  readonly blockFindings?: readonly string[];
  /** `block`: files that cannot be read for their kind (native code, bytecode) are not accepted. */
  readonly opaque?: 'allow' | 'block';
  /** Machine-wide file only: the user's and projects' files may tighten and not loosen. */
  readonly locked?: boolean;
}

/** The closed list of reasons for `unverified`, as data. */
export const UNVERIFIED_CODES: readonly UnverifiedCode[] = [
  'too-large',
  'damaged',
  'ambiguous',
  'encrypted',
  'not-fetched',
  'integrity-mismatch',
  'git-source',
  'remote-source',
  'local-source',
  'scan-budget',
  'scan-failed',
  'unsupported-format',
];

/** Bytes that are not what the registry promised are never waved through as a kind. */
const NEVER_ACCEPTED: readonly string[] = ['integrity-mismatch'];

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** Parses and checks a policy file's text. Throws `KnownError` (exit 2) naming file, line and what is wrong. */
export function parsePolicy(text: string, path: string): PolicyFile {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const bad = errors[0];
  if (bad !== undefined || tree === undefined) {
    const what = bad === undefined ? 'is empty' : printParseErrorCode(bad.error);
    throw policyError(path, lineOf(text, bad?.offset ?? 0), `not JSON (${what})`);
  }
  return checkPolicy(tree, path, (node) => lineOf(text, node.offset));
}

/** The same for one key of a larger JSON file (`"safe-install"` in package.json). Undefined when it has none. */
export function parsePolicyKey(text: string, key: string, path: string): PolicyFile | undefined {
  const tree = parseTree(text);
  const node = tree === undefined ? undefined : findNodeAtLocation(tree, [key]);
  return node === undefined ? undefined : checkPolicy(node, path, (n) => lineOf(text, n.offset));
}

const policyError = (path: string, line: number, what: string): KnownError =>
  new KnownError('policy', `policy ${path}:${line}: ${what}`, EXIT.usage);

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

type Fail = (node: Node, what: string) => never;
type Check<T> = (node: Node, fail: Fail) => T;

function checkPolicy(root: Node, path: string, line: (node: Node) => number): PolicyFile {
  const fail: Fail = (node, what) => {
    throw policyError(path, line(node), what);
  };
  return object<PolicyFile>('the policy', RULES, [])(root, fail);
}

const text: Check<string> = (node, fail) =>
  node.type === 'string' && node.value !== '' ? node.value : fail(node, 'text expected');

const oneOf =
  (words: readonly string[], what: string): Check<string> =>
  (node, fail) =>
    words.includes(node.value) ? node.value : fail(node, `${what} must be one of ${words.join(', ')}`);

const matching =
  (pattern: RegExp, what: string): Check<string> =>
  (node, fail) =>
    node.type === 'string' && pattern.test(node.value) ? node.value : fail(node, `${what} expected`);

const number =
  (least: number, most: number): Check<number> =>
  (node, fail) =>
    node.type === 'number' && node.value >= least && node.value <= most
      ? node.value
      : fail(node, `a number from ${least} to ${most} expected`);

const list =
  <T>(item: Check<T>): Check<readonly T[]> =>
  (node, fail) =>
    node.type === 'array'
      ? (node.children ?? []).map((child) => item(child, fail))
      : fail(node, 'a list expected');

const day: Check<string> = (node, fail) => {
  const value = matching(DAY, 'a day YYYY-MM-DD')(node, fail);
  if (!isDay(value)) fail(node, `no such day ${value}`);
  return value;
};

/** Whether text is a day of the calendar, `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return DAY.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text;
}

const own: Check<string> = (node, fail) => {
  const value = text(node, fail);
  if (/^@[\w.~-]+$/.test(value)) return value;
  return URL.canParse(value) && /^https?:/.test(value)
    ? value
    : fail(node, 'a @scope or a registry address expected');
};

function object<T>(
  what: string,
  fields: Readonly<Record<string, Check<unknown>>>,
  required: readonly string[],
): Check<T> {
  return (node, fail) => {
    if (node.type !== 'object') fail(node, `${what} must be an object`);
    const result: Record<string, unknown> = {};
    for (const property of node.children ?? []) {
      const [name, value] = property.children ?? [];
      const key: string = name?.value;
      if (key === '$schema') continue;
      if (value === undefined) fail(property, `'${key}' has no value`);
      else if (!Object.hasOwn(fields, key)) fail(property, `${what} knows no '${key}'`);
      else if (Object.hasOwn(result, key)) fail(property, `'${key}' is given twice`);
      else
        result[key] = fields[key]!(value, (at, why) =>
          fail(at, `${key}: ${why}`.replace(/^(\w+): \1: /, '$1: ')),
        );
    }
    for (const key of required) {
      if (!Object.hasOwn(result, key)) fail(node, `${what} needs '${key}'`);
    }
    return result as T;
  };
}

const exception = object<Exception>(
  'an exception',
  {
    ecosystem: oneOf(['npm', 'pypi'], 'ecosystem'),
    name: text,
    version: text,
    integrity: matching(SHA512, 'the whole sha512-… as the report prints it'),
    reason: text,
    until: day,
  },
  ['ecosystem', 'name', 'version', 'integrity', 'reason'],
);

const RULES: Readonly<Record<string, Check<unknown>>> = {
  exceptions: list(exception),
  acceptUnverified: list(
    oneOf(
      UNVERIFIED_CODES.filter((code) => !NEVER_ACCEPTED.includes(code)),
      'a reason',
    ),
  ),
  threshold: object('threshold', { npm: number(0.000001, 1), pypi: number(0.000001, 1) }, []),
  own: list(own),
  minimumReleaseAge: number(0, 3650),
  newcomers: oneOf(['strict', 'plain'], 'newcomers'),
  blockFindings: list(matching(/^[a-z0-9-]+$/, 'the code of a finding')),
  opaque: oneOf(['allow', 'block'], 'opaque'),
  locked: (node, fail) => (node.type === 'boolean' ? node.value : fail(node, 'true or false expected')),
};
