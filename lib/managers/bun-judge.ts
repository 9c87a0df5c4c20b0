/** Run by `lib/bun.ts` under Node.js: packages as JSON on stdin → advisories as JSON on stdout, cards on stderr. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { buffer } from 'node:stream/consumers';
import { LIMITS } from '../artifact/limits.js';
import { failed } from '../cli/exit.js';
import { createServices } from '../cli/services.js';
import { ScanningRegistry } from '../gate/registry-scan.js';
import { loadPolicy } from '../verdict/policy.js';
import { advisoriesFor } from './bun.js';
import type { BunPackage } from './bun-scanner.js';
import { needsPreparing } from './session.js';
import { createNpmUpstream } from './upstream.js';

const cwd = process.cwd();
const services = createServices({ cwd, silent: true });
try {
  const packages = JSON.parse((await buffer(process.stdin)).toString('utf8')) as BunPackage[];
  const registry = new ScanningRegistry({
    scan: services.scan,
    upstream: await createNpmUpstream(cwd, process.env),
    inspect: needsPreparing,
    onRefusal: async () => {},
    needsDates: loadPolicy(cwd).minimumReleaseAge > 0,
    maxArchiveBytes: LIMITS.compressedBytes,
  });
  const advisories = await advisoriesFor(registry, packages, (file) =>
    services.scan({
      ecosystem: 'npm',
      filename: path.basename(file),
      bytes: readFileSync(path.resolve(cwd, file)),
    }),
  );
  if (registry.results.length > 0) await services.report(registry.results);
  process.stdout.write(JSON.stringify(advisories));
} catch (error) {
  process.exitCode = failed(error).exitCode;
} finally {
  await services.close();
}
