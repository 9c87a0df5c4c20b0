/**
 * A security scanner for Bun (`bunfig.toml`: `[install.security] scanner = "safe-install/bun"`): plain `bun install` asks
 * it before it installs anything. Bun loads this file itself; reading archives is done by Node.js, whose worker threads
 * and native modules it needs. Whatever goes wrong throws, and Bun then installs nothing.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BunAdvisory, BunPackage } from './managers/bun-scanner.js';

export type { BunAdvisory, BunPackage };

export const scanner: {
  readonly version: '1';
  readonly scan: (info: { readonly packages: readonly BunPackage[] }) => Promise<BunAdvisory[]>;
} = {
  version: '1',
  scan: ({ packages }) =>
    new Promise((resolve, reject) => {
      // `process.execPath` is Bun here.
      const child = spawn('node', [fileURLToPath(new URL('./managers/bun-judge.js', import.meta.url))], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
      child.once('error', (error) => reject(new Error(`safe-install needs node on PATH: ${error.message}`)));
      child.once('close', (code) => {
        if (code !== 0) reject(new Error(`safe-install failed (${code}); nothing is installed`));
        else resolve(JSON.parse(output) as BunAdvisory[]);
      });
      child.stdin.end(JSON.stringify(packages));
    }),
};
