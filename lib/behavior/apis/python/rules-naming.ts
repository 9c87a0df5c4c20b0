/** Roundabout ways to name things, undone: `os.__dict__['system']`, `__builtins__.__dict__`, `string.ascii_letters`. */
import type { Rule } from '../../api.js';
import { known, ref, type Value } from '../../values.js';
import { decodeBytes, encodeText } from './codecs.js';
import { bytesOf, decoded, labelsOf, octets, settle, stringOf, text } from './core.js';
import { made, rule } from './site.js';

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const DIGITS = '0123456789';
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const STRINGS: Readonly<Record<string, string>> = {
  'string.ascii_letters': LOWER + UPPER,
  'string.letters': LOWER + UPPER,
  'string.ascii_lowercase': LOWER,
  'string.lowercase': LOWER,
  'string.ascii_uppercase': UPPER,
  'string.uppercase': UPPER,
  'string.digits': DIGITS,
  'string.hexdigits': `${DIGITS}abcdefABCDEF`,
  'string.octdigits': '01234567',
  'string.punctuation': PUNCTUATION,
  'string.whitespace': ' \t\n\r\v\f',
  'string.printable': `${DIGITS}${LOWER}${UPPER}${PUNCTUATION} \t\n\r\v\f`,
  'os.sep': '/',
  'os.path.sep': '/',
  'os.linesep': '\n',
  'os.pathsep': ':',
  'os.curdir': '.',
  'os.devnull': '/dev/null',
};

/** Functions of C: their text is a table of letters that no constant shows. */
const FUNCTIONS =
  /^(?:abs|all|any|ascii|bin|callable|chr|compile|delattr|dir|divmod|eval|exec|format|getattr|globals|hasattr|hash|hex|id|input|isinstance|issubclass|iter|len|locals|max|min|next|oct|ord|pow|print|repr|round|setattr|sorted|sum|vars|__import__)$/;
const COPYRIGHT = [
  'Copyright (c) 2001-2023 Python Software Foundation.',
  'Copyright (c) 2000 BeOpen.com.',
  'Copyright (c) 1995-2001 Corporation for National Research Initiatives.',
  'Copyright (c) 1991-1995 Stichting Mathematisch Centrum, Amsterdam.',
].join('\nAll Rights Reserved.\n\n');

/** `hex.__str__()`: `<built-in function hex>`. */
const builtinText: Rule['apply'] = (site) => {
  const name = site.path.split('.')[1]!;
  if (name === 'copyright') return known(`${COPYRIGHT}\nAll Rights Reserved.`);
  return FUNCTIONS.test(name) ? known(`<built-in function ${name}>`) : undefined;
};

/** Reading `x.__dict__` gives x: its entries are x's properties. */
const through: Rule['apply'] = (site) => ref(site.path.replace(/\.(__dict__|__builtins__)$/, ''));

/** `codecs.getdecoder('hex')(data)` gives a pair; `codecs.lookup('rot13').decode(text)` too. */
function viaCodec(kind: 'decode' | 'encode'): Rule['apply'] {
  return (site, context) => {
    const codec = stringOf(made(site)[0]);
    const input = site.args[0];
    const raw = bytesOf(input);
    if (codec === undefined) return undefined;
    context.emit(kind, { detail: codec });
    const string = stringOf(input);
    let value: Value | undefined;
    if (raw !== undefined) {
      const labels = decoded(labelsOf(input));
      const out =
        kind === 'encode' || (/^rot/i.test(codec) && string !== undefined)
          ? encodeText(string ?? Buffer.from(raw).toString('latin1'), codec)
          : decodeBytes(raw, codec);
      value =
        out === undefined ? undefined : typeof out === 'string' ? text(out, labels) : octets(out, labels);
    }
    return value === undefined
      ? undefined
      : { kind: 'list', items: [value, known(0)], open: false, labels: value.labels };
  };
}

export const namingRules: readonly Rule[] = [
  ...Object.entries(STRINGS).map(([path, value]) => rule(path, () => known(value), 'read')),
  rule('{*,*.*,*.*.*}.__dict__', through, 'read'),
  rule('{builtins,*}.__builtins__', () => ref('builtins'), 'read'),
  rule('**.{__getattribute__,__getattr__}', (site, context) => {
    const name = stringOf(site.args[site.args.length - 1]);
    const target = site.args.length > 1 ? site.args[0] : site.receiver;
    return name === undefined ? undefined : context.property(target, name);
  }),
  rule('builtins.*.{__str__,__repr__}', builtinText),
  rule('**.__call__', (site, context) => {
    const called = settle(site.receiver);
    // The reference may be this method itself, taken as a value: what it calls is not known then.
    const isSelf = called?.kind === 'ref' && called.path.endsWith('.__call__');
    return called === undefined || isSelf ? undefined : context.call(called, site.args);
  }),
  rule('**.__dict__.get', (site, context) => {
    const name = stringOf(site.args[0]);
    const path = site.path.replace(/\.__dict__\.get$/, '');
    return name === undefined ? undefined : context.property(ref(path), name);
  }),
  rule('sys.modules.get', (site, context) => {
    const name = stringOf(site.args[0]);
    return name === undefined ? undefined : context.importModule(name);
  }),
  rule('codecs.getdecoder()', viaCodec('decode')),
  rule('codecs.getdecoder().decode', viaCodec('decode')),
  rule('codecs.getencoder()', viaCodec('encode')),
  rule('codecs.getdecoder().encode', viaCodec('encode')),
];
