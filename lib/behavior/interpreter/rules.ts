/**
 * Finds the rules of an access path. Patterns are compiled once a library into a trie over path segments; what a
 * path matches is remembered, since the same few hundred paths come up all the time.
 */
import type { Rule } from '../api.js';

export type RuleKind = NonNullable<Rule['when']>;

interface Node {
  readonly children: Map<string, Node>;
  star: Node | undefined;
  globstar: Node | undefined;
  /** Rules that end here, with how many literal segments their pattern has. */
  readonly ends: {
    readonly rule: Rule;
    readonly kind: RuleKind;
    readonly literals: number;
    readonly order: number;
  }[];
}

const newNode = (): Node => ({ children: new Map(), star: undefined, globstar: undefined, ends: [] });
const NO_RULES: readonly Rule[] = [];
/** Remembered paths before the memory is emptied: computed paths of a hostile artifact must not grow it for ever. */
const MEMO_LIMIT = 20_000;

export class RuleIndex {
  readonly #root = newNode();
  readonly #containers = new Set<string>();
  readonly #memo: Record<RuleKind, Map<string, readonly Rule[]>> = {
    call: new Map(),
    read: new Map(),
    import: new Map(),
    write: new Map(),
  };

  constructor(rules: readonly Rule[]) {
    rules.forEach((rule, order) => {
      for (const pattern of expandBraces(rule.on)) this.#add(pattern, rule, order);
    });
  }

  /** Rules of one kind that match, the least specific first. */
  match(kind: RuleKind, path: string): readonly Rule[] {
    const memo = this.#memo[kind];
    const remembered = memo.get(path);
    if (remembered !== undefined) return remembered;
    const found: Node['ends'][number][] = [];
    collect(this.#root, path.split('.'), 0, kind, found);
    found.sort((a, b) => a.literals - b.literals || a.order - b.order);
    const rules = found.length === 0 ? NO_RULES : [...new Set(found.map((end) => end.rule))];
    if (memo.size >= MEMO_LIMIT) memo.clear();
    memo.set(path, rules);
    return rules;
  }

  /** True when rules exist for longer paths that begin with this one: reading it says little yet. */
  isContainer(path: string): boolean {
    return this.#containers.has(path);
  }

  #add(pattern: string, rule: Rule, order: number): void {
    const segments = pattern.split('.');
    let node = this.#root;
    let literals = 0;
    let prefix = '';
    for (const [i, segment] of segments.entries()) {
      if (segment === '*') node = node.star ??= newNode();
      else if (segment === '**') node = node.globstar ??= newNode();
      else {
        let child = node.children.get(segment);
        if (child === undefined) {
          child = newNode();
          node.children.set(segment, child);
        }
        node = child;
        if (literals === i) {
          prefix = i === 0 ? segment : `${prefix}.${segment}`;
          if (i < segments.length - 1) this.#containers.add(prefix);
        }
        literals++;
      }
    }
    node.ends.push({ rule, kind: rule.when ?? 'call', literals, order });
  }
}

function collect(
  node: Node,
  segments: readonly string[],
  at: number,
  kind: RuleKind,
  found: Node['ends'][number][],
): void {
  if (node.globstar !== undefined) {
    for (let i = at; i <= segments.length; i++) collect(node.globstar, segments, i, kind, found);
  }
  if (at === segments.length) {
    for (const end of node.ends) if (end.kind === kind) found.push(end);
    return;
  }
  const child = node.children.get(segments[at]!);
  if (child !== undefined) collect(child, segments, at + 1, kind, found);
  if (node.star !== undefined) collect(node.star, segments, at + 1, kind, found);
}

/** `{a,b}.c` → `a.c`, `b.c`; braces may hold dots and stand anywhere, not nested. */
export function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  const close = pattern.indexOf('}', open);
  if (close < 0) throw new Error(`rule pattern '${pattern}' lacks a closing brace`);
  return pattern
    .slice(open + 1, close)
    .split(',')
    .flatMap((option) => expandBraces(pattern.slice(0, open) + option + pattern.slice(close + 1)));
}
