/** Methods of lists, tuples, sets and dicts whose content is known, and indexing of every sequence. */
import type { Context } from '../../api.js';
import { isBasicText, isKnownText } from '../../joined-texts.js';
import { Look } from '../../looks.js';
import { chargeCharacters } from '../../text-work.js';
import {
  clearEntries,
  type Dict,
  deleteEntry,
  dict,
  itemsToChange,
  known,
  type List,
  list,
  relabel,
  setEntry,
  union,
  type Value,
} from '../../values.js';
import {
  decoded,
  equalWithin,
  type Invoke,
  indexIn,
  integerOf,
  items,
  itemsOf,
  KeyLength,
  type Keywords,
  keyOf,
  labelsOf,
  MAX_ITEMS,
  numberOf,
  octets,
  settle,
  stringOf,
  text,
  truth,
} from './core.js';

const NONE = known(null);

export function listMethod(
  self: List,
  name: string,
  args: readonly Value[],
  keywords: Keywords,
  invoke: Invoke,
): Value | undefined {
  const [first] = args;
  switch (name) {
    case 'append':
    case 'add':
    case 'appendleft':
      if (first === undefined) return undefined;
      if (self.items.length >= MAX_ITEMS) self.open = true;
      else if (name === 'appendleft') itemsToChange(self).unshift(first);
      else if (name !== 'add' || self.open || indexIn(self.items, first) < 0) itemsToChange(self).push(first);
      relabel(self, union(self.labels, first.labels));
      return NONE;
    case 'extend':
    case 'update':
    case 'extendleft': {
      const more = itemsOf(first);
      if (more === undefined || self.items.length + more.length > MAX_ITEMS) self.open = true;
      else itemsToChange(self).push(...more);
      if (first !== undefined) relabel(self, union(self.labels, first.labels));
      return NONE;
    }
    case 'insert': {
      const at = integerOf(first);
      const value = args[1];
      if (value === undefined) return undefined;
      if (at === undefined || self.items.length >= MAX_ITEMS) self.open = true;
      else itemsToChange(self).splice(at, 0, value);
      return NONE;
    }
    case 'pop':
    case 'popleft': {
      if (self.open) return undefined;
      const at = name === 'popleft' ? 0 : first === undefined ? -1 : integerOf(first);
      if (at === undefined) {
        self.open = true;
        return undefined;
      }
      return itemsToChange(self).splice(at, 1)[0];
    }
    case 'remove':
    case 'discard': {
      const at = indexIn(self.items, first);
      if (at >= 0) itemsToChange(self).splice(at, 1);
      return NONE;
    }
    case 'clear':
      itemsToChange(self).length = 0;
      self.open = false;
      return NONE;
    case 'reverse':
      itemsToChange(self).reverse();
      return NONE;
    case 'sort': {
      const sorted = sortValues(self.items, keywords, invoke);
      if (sorted === undefined) self.open = true;
      else itemsToChange(self).splice(0, self.items.length, ...sorted);
      return NONE;
    }
    case 'copy':
      return list([...self.items], self.open, self.labels);
    case 'index': {
      const at = indexIn(self.items, first);
      return at >= 0 ? known(at) : undefined;
    }
    case 'count': {
      if (self.open) return undefined;
      const look = new Look();
      const same = self.items.filter((i) => equalWithin(i, first, 0, look) === true);
      look.done();
      return known(same.length);
    }
    case 'union': {
      const more = itemsOf(first);
      return more === undefined || self.open ? undefined : items([...self.items, ...more], self.labels);
    }
    case '__len__':
      return self.open ? undefined : known(self.items.length);
    case 'tolist':
    case '__iter__':
      return self;
    case 'tobytes':
    case '__bytes__':
    case 'tostring': {
      const codes = self.items.map(integerOf);
      return self.open || codes.includes(undefined)
        ? undefined
        : octets(Uint8Array.from(codes as number[]), decoded(labelsOf(self)));
    }
  }
  return undefined;
}

/** A stable sort by number or by text; undefined when the values do not compare. */
export function sortValues(
  values: readonly Value[],
  keywords: Keywords,
  invoke: Invoke,
): Value[] | undefined {
  const keyFunction = keywords.get('key');
  const reverse = truth(keywords.get('reverse')) === true;
  const look = new Look();
  const texts = new KeyLength();
  const pairs = values.map((value) => {
    const key =
      keyFunction === undefined || (keyFunction.kind === 'known' && keyFunction.value === null)
        ? value
        : invoke(keyFunction, [value]);
    return { value, key: sortKey(key, 0, look, texts) };
  });
  look.done();
  texts.done(Math.log2(values.length + 1));
  if (pairs.some((p) => p.key === undefined)) return undefined;
  const sorted = pairs.sort((a, b) => {
    const order = compareKeys(a.key!, b.key!);
    return reverse ? -order : order;
  });
  return sorted.map((p) => p.value);
}

type SortKey = number | string | readonly SortKey[];
function sortKey(value: Value, depth: number, look: Look, texts: KeyLength): SortKey | undefined {
  if (!look.more()) return undefined;
  const number = numberOf(value);
  if (number !== undefined) return number;
  const string = stringOf(value);
  if (string !== undefined) return texts.has(value, string) ? string : undefined;
  if (depth > 3) return undefined;
  const parts = itemsOf(value)?.map((v) => sortKey(v, depth + 1, look, texts));
  return parts === undefined || parts.includes(undefined) ? undefined : (parts as SortKey[]);
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (typeof a === 'object' && typeof b === 'object') {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const order = compareKeys(a[i]!, b[i]!);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

export function dictMethod(
  self: Dict,
  name: string,
  args: readonly Value[],
  keywords: Keywords,
): Value | undefined {
  if (self.prototype !== undefined) return undefined;
  const [first, second] = args;
  switch (name) {
    case 'get':
    case '__getitem__':
    case 'setdefault':
    case 'pop': {
      const key = keyOf(first);
      if (key === undefined) return undefined;
      const found = self.entries.get(key);
      if (name === 'pop') deleteEntry(self, key);
      if (name === 'setdefault' && found === undefined && second !== undefined) setEntry(self, key, second);
      if (found !== undefined) return found;
      return self.open ? undefined : (second ?? (name === 'get' ? NONE : undefined));
    }
    case '__setitem__': {
      const key = keyOf(first);
      if (key === undefined || second === undefined) self.open = true;
      else setEntry(self, key, second);
      return NONE;
    }
    case '__contains__':
    case 'has_key': {
      const key = keyOf(first);
      if (key === undefined) return undefined;
      return self.entries.has(key) ? known(true) : self.open ? undefined : known(false);
    }
    case 'keys':
    case 'iterkeys':
      return list(
        [...self.entries.keys()].map((k) => known(k)),
        self.open,
        self.labels,
      );
    case 'values':
    case 'itervalues':
      return list([...self.entries.values()], self.open, self.labels);
    case 'items':
    case 'iteritems':
      return list(
        [...self.entries].map(([k, v]) => list([known(k), v])),
        self.open,
        self.labels,
      );
    case 'update': {
      const other = settle(first);
      if (other?.kind === 'dict') {
        for (const [key, value] of other.entries) setEntry(self, key, value);
        self.open ||= other.open;
      } else if (first !== undefined) self.open = true;
      for (const [key, value] of keywords) if (key !== '**') setEntry(self, key, value);
      if (first !== undefined) relabel(self, union(self.labels, first.labels));
      return NONE;
    }
    case 'copy':
      chargeCharacters(self.entries.size, 16);
      return dict(new Map(self.entries), self.open, self.labels);
    case 'clear':
      clearEntries(self);
      return NONE;
    case '__len__':
      return self.open ? undefined : known(self.entries.size);
  }
  return undefined;
}

/** `value[index]`, negative indices too. */
export function indexValue(value: Value, index: Value | undefined): Value | undefined {
  const one = settle(value);
  if (one?.kind === 'dict')
    return dictMethod(one, '__getitem__', index === undefined ? [] : [index], new Map());
  const at = integerOf(index);
  if (at === undefined || one === undefined) return undefined;
  if (one.kind === 'list')
    return one.open && at < 0 ? undefined : one.items[at < 0 ? one.items.length + at : at];
  if (one.kind === 'bytes') {
    const byte = one.value[at < 0 ? one.value.length + at : at];
    return byte === undefined ? undefined : known(byte, one.labels);
  }
  const characters = stringOf(one);
  if (characters === undefined) return undefined;
  if (isKnownText(one) && isBasicText(one)) {
    const unit = characters.charAt(at < 0 ? characters.length + at : at);
    return unit === '' ? undefined : known(unit, one.labels);
  }
  chargeCharacters(characters.length, 8);
  const split = Array.from(characters);
  const found = split[at < 0 ? split.length + at : at];
  return found === undefined ? undefined : known(found, one.labels);
}

/** `value[start:stop:step]`; parts not given are undefined. */
export function sliceValue(
  value: Value,
  start: Value | undefined,
  stop: Value | undefined,
  step: Value | undefined,
): Value | undefined {
  const one = settle(value);
  if (one === undefined) return undefined;
  const part = (v: Value | undefined): number | null | undefined =>
    v === undefined || (v.kind === 'known' && (v.value === null || v.value === undefined))
      ? null
      : integerOf(v);
  const from = part(start);
  const to = part(stop);
  const by = part(step);
  if (from === undefined || to === undefined || by === undefined) return undefined;
  const pick = <T>(all: ArrayLike<T>): T[] => slice(all, from, to, by ?? 1);
  if (one.kind === 'list') return one.open ? undefined : list(pick(one.items), false, one.labels);
  if (one.kind === 'bytes') {
    const labels = (by ?? 1) === 1 ? one.labels : decoded(one.labels);
    return octets(Uint8Array.from(pick(one.value)), labels);
  }
  const characters = stringOf(one);
  if (characters === undefined) return undefined;
  if ((by ?? 1) === 1 && !/[\ud800-\udfff]/.test(characters)) {
    return text(characters.slice(from ?? 0, to ?? characters.length), one.labels);
  }
  return text(pick(Array.from(characters)).join(''), (by ?? 1) === 1 ? one.labels : decoded(one.labels));
}

function slice<T>(all: ArrayLike<T>, start: number | null, stop: number | null, step: number): T[] {
  const size = all.length;
  if (step === 0) return [];
  const clamp = (n: number): number => {
    const at = n < 0 ? n + size : n;
    return step > 0 ? Math.min(size, Math.max(0, at)) : Math.min(size - 1, Math.max(-1, at));
  };
  const from = start === null ? (step > 0 ? 0 : size - 1) : clamp(start);
  const to = stop === null ? (step > 0 ? size : -1) : clamp(stop);
  const out: T[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) out.push(all[i]!);
  return out;
}

/** A callable as library functions use it: what is pure is evaluated, what is not goes to the interpreter. */
export function invoker(
  context: Context,
  pure: (path: string, args: readonly Value[]) => Value | undefined,
): Invoke {
  return (fn, args) => {
    const one = settle(fn) ?? fn;
    if (one.kind === 'ref') {
      const result = pure(one.path, args);
      if (result !== undefined) return result;
    }
    return context.call(one, args);
  };
}
