/** Run as a process of its own: guards pnpm, Yarn or Bun with a scanner that knows verdicts by integrity. */
import process from 'node:process';
import { KnownError } from '../../lib/errors.js';
import type { ManagerName } from '../../lib/managers/argv.js';
import { guardManager } from '../../lib/managers/guard.js';
import { readTarballManifest } from '../../lib/npm/facts.js';
import type { Verdict } from '../../lib/types.js';
import { sha512 } from './tarball.js';

export interface ManagerSetup {
  readonly manager: ManagerName;
  readonly command: readonly string[];
  readonly keepFolder: string;
  readonly block?: readonly string[];
  readonly unverified?: readonly string[];
  /** The scanner fails on this. */
  readonly crash?: readonly string[];
}

const [text = '{}', ...argv] = process.argv.slice(2);
const setup = JSON.parse(text) as ManagerSetup;

try {
  const { kind, exitCode, results, notes } = await guardManager({
    manager: setup.manager,
    command: setup.command,
    keepFolder: setup.keepFolder,
    argv,
    cwd: process.cwd(),
    env: process.env,
    stdio: 'inherit',
    scan: async ({ bytes, files }): Promise<Verdict> => {
      const integrity = sha512(bytes);
      const manifest = files?.find(({ path }) => path === 'package.json')?.bytes;
      const own =
        manifest === undefined
          ? (await readTarballManifest(Buffer.from(bytes))).manifest
          : (JSON.parse(Buffer.from(manifest).toString()) as Record<string, unknown>);
      if (setup.crash?.includes(integrity)) throw new KnownError('model-missing', 'the model is missing');
      // What has no archive is blocked by a word in its manifest.
      const blocked =
        setup.block?.includes(integrity) || (files !== undefined && own.description === 'blocked');
      const unverified = setup.unverified?.includes(integrity) ?? false;
      return {
        ecosystem: 'npm',
        name: String(own.name ?? ''),
        version: String(own.version ?? ''),
        integrity,
        verdict: blocked ? 'block' : unverified ? 'unverified' : 'allow',
        findings: [],
        evidence: [],
        opaqueFiles: 0,
        durationMs: 0,
        ...(unverified ? { unverified: { code: 'damaged', args: {} } } : {}),
      };
    },
    onProjectSettings: (settings) => {
      if (settings.length > 0) process.stderr.write(`SETTINGS ${JSON.stringify(settings)}\n`);
    },
    judgeOwn: async ({ name, version, input }): Promise<Verdict> => ({
      ecosystem: 'npm',
      name,
      version,
      integrity: '',
      verdict: input.files?.some(({ bytes }) => Buffer.from(bytes).includes('blocked-script'))
        ? 'block'
        : 'allow',
      findings: [],
      evidence: [],
      opaqueFiles: 0,
      durationMs: 0,
    }),
  });
  const packages = results.map(({ target, verdict }) => `${verdict.verdict} ${target}`).sort();
  process.stderr.write(`\nGUARD ${JSON.stringify({ kind, packages, notes })}\n`);
  process.exitCode = exitCode;
} catch (error) {
  const known = error instanceof KnownError;
  const message = known ? error.message : (error as Error).stack;
  process.stderr.write(`\nGUARD ${JSON.stringify({ kind: 'failed', message, packages: [], notes: [] })}\n`);
  process.exitCode = known ? error.exitCode : 102;
}
