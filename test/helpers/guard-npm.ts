/**
 * Run as a process of its own: guards npm with a scanner that knows verdicts by integrity. What to do comes
 * as JSON in the first argument, npm's arguments follow.
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { KnownError } from '../../lib/errors.js';
import { guardNpm, guardNpx } from '../../lib/npm/guard.js';
import { npmFromCommand } from '../../lib/npm/tool.js';
import type { Verdict } from '../../lib/types.js';
import { sha512 } from './tarball.js';

export interface GuardSetup {
  readonly npm: readonly string[];
  readonly npx?: boolean;
  readonly block?: readonly string[];
  readonly unverified?: readonly string[];
  /** The scanner never answers; a file of this name says that it was asked. */
  readonly hang?: string;
  /** While scanning, writes this file: the project changes between the verdict and npm's run. */
  readonly write?: { readonly file: string; readonly text: string };
}

const [text = '{}', ...argv] = process.argv.slice(2);
const setup = JSON.parse(text) as GuardSetup;

try {
  const outcome = await (setup.npx ? guardNpx : guardNpm)({
    argv,
    cwd: process.cwd(),
    env: process.env,
    tool: npmFromCommand(setup.npm),
    scan: async ({ bytes, files }): Promise<Verdict> => {
      if (setup.hang !== undefined) {
        writeFileSync(setup.hang, '');
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      }
      if (setup.write !== undefined) writeFileSync(setup.write.file, setup.write.text);
      const integrity = sha512(bytes);
      const manifest = files?.find(({ path }) => path === 'package.json');
      // A folder has no integrity a test could know beforehand: it is blocked by a word in its manifest.
      const blocked =
        (setup.block?.includes(integrity) ?? false) ||
        (manifest !== undefined && /blocked-folder/.test(Buffer.from(manifest.bytes).toString()));
      const unverified = setup.unverified?.includes(integrity) ?? false;
      return {
        ecosystem: 'npm',
        name: '',
        version: '',
        integrity,
        verdict: blocked ? 'block' : unverified ? 'unverified' : 'allow',
        findings: [],
        evidence: [],
        opaqueFiles: 0,
        durationMs: 0,
        ...(unverified ? { unverified: { code: 'damaged', args: {} } } : {}),
      };
    },
  });
  const { kind, exitCode, error, decision } = outcome;
  const packages = decision.packages.map(({ target, verdict, path }) => ({
    target,
    verdict: verdict.verdict,
    path,
  }));
  process.stderr.write(
    `\nGUARD ${JSON.stringify({ kind, message: error?.message, packages, ownFolders: decision.ownFolders })}\n`,
  );
  process.exitCode = exitCode;
} catch (error) {
  const exitCode = error instanceof KnownError ? error.exitCode : 102;
  const line = error instanceof KnownError ? error.message : (error as Error).stack;
  process.stderr.write(
    `\nGUARD ${JSON.stringify({ kind: 'failed', message: line, packages: [], ownFolders: [] })}\n`,
  );
  process.exitCode = exitCode;
}
