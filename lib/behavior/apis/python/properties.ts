/** Properties of known values: methods taken as values, and the parts of paths that were built with pathlib. */
import type { Context } from '../../api.js';
import { chargeReading } from '../../joined-texts.js';
import { chargeCharacters } from '../../text-work.js';
import { known, ref, type Value } from '../../values.js';
import { boundTo, settle, stringOf } from './core.js';
import { baseName, directoryName } from './paths.js';

const TEXT_METHODS =
  /^(join|format|replace|split|rsplit|strip|lstrip|rstrip|decode|encode|translate|upper|lower|swapcase|title|capitalize|startswith|endswith|find|index|count|zfill|center|ljust|rjust|splitlines|partition|rpartition|format_map|hex|maketrans)$/;
const PATH_PROPERTIES = new Set(['parent', 'name', 'stem', 'suffix']);
/** Parts of `Look` a character costs that may be a sign between folders. */
const A_CHARACTER = 1 / 4;
const LIST_METHODS =
  /^(append|extend|pop|insert|reverse|sort|index|count|remove|copy|clear|__getitem__|appendleft|popleft|add)$/;
const DICT_METHODS = /^(get|pop|update|keys|values|items|setdefault|copy|__getitem__|has_key)$/;

export function readProperty(receiver: Value, name: string, _context: Context): Value | undefined {
  const self = settle(receiver);
  if (self === undefined) return undefined;
  const string = stringOf(self);
  if (string !== undefined) {
    if (TEXT_METHODS.test(name)) return boundTo(`builtins.str.${name}`, self);
    if (!PATH_PROPERTIES.has(name)) return name === '__class__' ? ref('builtins.str') : undefined;
    // A `pathlib.Path` is kept as its text.
    chargeReading(self);
    chargeCharacters(string.length, A_CHARACTER);
    switch (name) {
      case 'parent':
        return known(directoryName(string) || '.', self.labels);
      case 'name':
        return known(baseName(string), self.labels);
      case 'stem':
        return known(baseName(string).replace(/(?!^)\.[^.]*$/, ''), self.labels);
      case 'suffix':
        return known(/(?!^)\.[^.]*$/.exec(baseName(string))?.[0] ?? '', self.labels);
    }
    return undefined;
  }
  if (self.kind === 'bytes')
    return TEXT_METHODS.test(name) ? boundTo(`builtins.bytes.${name}`, self) : undefined;
  if (self.kind === 'list')
    return LIST_METHODS.test(name) ? boundTo(`builtins.list.${name}`, self) : undefined;
  if (self.kind === 'dict' && self.prototype === undefined) {
    if (name === '__builtins__') return ref('builtins');
    return DICT_METHODS.test(name) && !self.entries.has(name)
      ? boundTo(`builtins.dict.${name}`, self)
      : undefined;
  }
  return undefined;
}
