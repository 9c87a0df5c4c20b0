/** Packages that cost more than others: the largest honest files, and packages built to be slow. */
import process from 'node:process';
import { createScanner } from '../../../lib/scan.js';
import type { ScanInput, Verdict } from '../../../lib/types.js';
import { makeTarball } from '../../helpers/tarball.js';
import { addRow, say } from './table.js';

async function scanned(input: ScanInput): Promise<{ verdict: Verdict; cpu: number; clock: number }> {
  const scanner = await createScanner({ threads: 1 });
  try {
    // Parsers and model are loaded once a run, not once a package.
    await scanner.scan(archive('warm-up', { 'index.js': 'require("fs").readFileSync("a")' }));
    const started = performance.now();
    const before = process.cpuUsage();
    const verdict = await scanner.scan(input);
    const { user, system } = process.cpuUsage(before);
    return { verdict, cpu: (user + system) / 1e6, clock: (performance.now() - started) / 1e3 };
  } finally {
    await scanner.close();
  }
}

function archive(name: string, files: Record<string, string>): ScanInput {
  const manifest = JSON.stringify({ name, version: '1.0.0', main: 'index.js' });
  return {
    ecosystem: 'npm',
    filename: `${name}-1.0.0.tgz`,
    bytes: makeTarball({ 'package.json': manifest, ...files }),
  };
}

const HONEST = [
  'typescript@5.6.3',
  'firebase@11.0.1',
  'three@0.170.0',
  'monaco-editor@0.52.0',
  'plotly.js-dist-min@2.35.2',
];

export async function benchLargest(cache: string): Promise<void> {
  say('\nlargest honest files');
  const { default: pacote } = await import('pacote');
  for (const spec of HONEST) {
    const bytes = await pacote.tarball(spec, { cache: `${cache}/_cacache` });
    const { verdict, cpu, clock } = await scanned({ ecosystem: 'npm', filename: `${spec}.tgz`, bytes });
    addRow(
      spec,
      '≤ 2 s',
      `${clock.toFixed(1)} s (${cpu.toFixed(1)} s processor), ${verdict.verdict} ${verdict.unverified?.code ?? ''}`,
    );
  }
}

const times = (count: number, text: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => text(at)).join('');

const SLOW: Readonly<Record<string, () => string>> = {
  'nested-brackets': () => `module.exports = ${'['.repeat(50_000)}${']'.repeat(50_000)};`,
  'nested-calls': () => `${'f('.repeat(20_000)}1${')'.repeat(20_000)};`,
  'functions-100k': () =>
    times(100_000, (at) => `function f${at}() { return f${(at * 7) % 100_000}(${at}); }\n`),
  'strings-1M': () => `module.exports = [${times(1_000_000, (at) => `"s${at}",`)}];`,
  'regex-bait': () =>
    `const s = "${'a'.repeat(200_000)}!"; /(a+)+$/.test(s); require('child_process').exec(s);`,
  'loop-decoder': () => `let s = ''; for (let i = 0; ; i++) s += String.fromCharCode(i ^ 42); eval(s);`,
  'template-tower': () =>
    `${times(5_000, (at) => `const a${at + 1} = \`\${a${at}}\${a${at}}\`;\n`)}const a0 = 'x'; eval(a5000);`,
};

export async function benchSlow(): Promise<void> {
  say('\npackages built to be slow');
  for (const [name, code] of Object.entries(SLOW)) {
    const { verdict, cpu, clock } = await scanned(archive(name, { 'index.js': code() }));
    addRow(
      `built to be slow: ${name}`,
      'bounded',
      `${clock.toFixed(1)} s (${cpu.toFixed(1)} s processor), ${verdict.verdict} ${verdict.unverified?.code ?? ''}`,
    );
  }
}
