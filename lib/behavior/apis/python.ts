/** The Python library surface: rules that emit behaviours, and pure evaluation. */
import type { Builtins, LanguageLibrary } from '../api.js';
import { chargeReading, endOf, isKnownText, type KnownText } from '../joined-texts.js';
import { known, ref, type Value } from '../values.js';
import { dictMethod, invoker, listMethod } from './python/container-methods.js';
import { settle, stringOf, truth } from './python/core.js';
import { callPath } from './python/functions.js';
import { binary, stringify, unary } from './python/operators.js';
import { readProperty } from './python/properties.js';
import { pythonRules } from './python/rules.js';
import { pathMethod } from './python/rules-files.js';
import { bytesMethod, numberMethod, partialMethod, readsNothing, textMethod } from './python/text-methods.js';

const MODULES = new Set(
  'os sys subprocess socket base64 binascii codecs zlib marshal shutil platform getpass urllib requests httpx ctypes tempfile glob threading importlib sqlite3 winreg psutil pyautogui discord telebot'.split(
    ' ',
  ),
);

/** What of a text decides whether it ends with the arguments given. */
function decidingEnd(text: KnownText, args: readonly Value[]): string {
  const end = endOf(text);
  const wanted = args.length === 1 ? stringOf(args[0]) : undefined;
  return wanted !== undefined && wanted.length <= end.length ? end : text.value;
}

const builtins: Builtins = {
  callPath,
  callMethod(receiver, name, args, keywords, context) {
    const self = settle(receiver);
    switch (self?.kind) {
      case 'known': {
        if (isKnownText(self)) {
          const text = name === 'endswith' ? decidingEnd(self, args) : self.value;
          if (text === self.value && !readsNothing(name)) chargeReading(self);
          return (
            textMethod(text, self.labels, name, args, keywords) ??
            pathMethod(context, self, name, args, keywords)
          );
        }
        if (typeof self.value === 'number' || typeof self.value === 'bigint') {
          return numberMethod(self.value, self.labels, name, args, keywords);
        }
        return undefined;
      }
      case 'bytes':
        return bytesMethod(self.value, self.labels, name, args, keywords);
      case 'list':
        return listMethod(
          self,
          name,
          args,
          keywords,
          invoker(context, (path, given) => callPath(path, given, new Map(), context)),
        );
      case 'dict':
        return dictMethod(self, name, args, keywords);
      case 'unknown':
        return partialMethod(self, name, args);
    }
    return undefined;
  },
  readProperty,
  binary,
  unary,
  stringify,
  truthy: truth,
  global(name) {
    if (name === '__builtins__' || name === '__builtin__' || name === 'builtins') return ref('builtins');
    if (name === '__debug__') return known(true);
    // A module that is used without its import in sight: after `from x import *`, in decoded pieces of code.
    return ref(MODULES.has(name) ? name : `builtins.${name}`);
  },
};

export const pythonLibrary: LanguageLibrary = { rules: pythonRules, builtins };
