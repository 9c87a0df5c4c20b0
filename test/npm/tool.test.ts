import { equal, throws } from 'node:assert/strict';
import { chmodSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KnownError } from '../../lib/errors.js';
import { findNpm, npmFromCommand } from '../../lib/npm/tool.js';
import { npmUnderTest } from '../helpers/sandbox.js';

describe('the npm to guard', () => {
  const [node, cli] = npmUnderTest() as [string, string];
  const root = path.resolve(path.dirname(realpathSync(cli)), '..');
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'tool-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const script = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    chmodSync(file, 0o755);
    return file;
  };

  it('is known by its package, through links', () => {
    const link = path.join(folder, 'npm');
    symlinkSync(cli, link);
    const tool = npmFromCommand([node, link]);
    equal(tool.root, root);
    equal(tool.libraries.origin, 'user');
  });

  it("is found behind a version manager's launcher", () => {
    const launcher = script('npm', `#!/bin/sh\nexec "${node}" "${cli}" "$@"\n`);
    equal(npmFromCommand([launcher]).root, root);
  });

  it('is guarded with bundled libraries where it cannot be told', () => {
    const tool = npmFromCommand([script('npm', '#!/bin/sh\nexit 3\n')]);
    equal(tool.root, undefined);
    equal(tool.libraries.origin, 'bundled');
  });

  it('must be there', () => {
    throws(
      () => findNpm({ PATH: folder }),
      (error) => error instanceof KnownError && error.code === 'npm-missing',
    );
  });
});
