/**
 * A start-up hook in a virtual environment. Activation puts the environment's own pip before every shim, and
 * `.venv/bin/pip` or an IDE never looks at PATH; a `.pth` file of the environment is read whichever way its
 * interpreter is started, so `pip …` and `python -m pip …` in it end at the guard.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { KnownError } from '../errors.js';
import { replaceFile } from './marked-block.js';
import { PIP_PASSING } from './passing.js';
import { PACKAGE_ROOT } from './shims.js';

const MODULE = '_safe_install_guard.py';
const PTH = '_safe_install_guard.pth';

/** Writes the hook. @throws KnownError `not-a-venv` when the folder is none. */
export function guardVenv(folder: string): string[] {
  const template = readFileSync(path.join(PACKAGE_ROOT, 'hooks', 'venv_guard.py'), 'utf8');
  const text = template
    .replace('@NODE@', () => JSON.stringify(process.execPath))
    .replace('@GUARD@', () => JSON.stringify(path.join(PACKAGE_ROOT, 'bin', 'safe-install.js')))
    .replace('@PASS@', () => JSON.stringify([...PIP_PASSING.commands, '-V', '-h', '--version', '--help']))
    .replace('@SWITCHES@', () => JSON.stringify(PIP_PASSING.switches))
    .replace('@VALUED@', () => JSON.stringify(PIP_PASSING.valued));
  return sitePackages(folder).flatMap((site) => [
    // The module first: a .pth that names a missing module would only print an error and go on.
    replaceFile(path.join(site, MODULE), text),
    replaceFile(path.join(site, PTH), 'import _safe_install_guard\n'),
  ]);
}

/** Removes the hook; returns the files removed. */
export function releaseVenv(folder: string): string[] {
  return sitePackages(folder)
    .flatMap((site) => [path.join(site, PTH), path.join(site, MODULE)])
    .filter((file) => {
      if (!existsSync(file)) return false;
      rmSync(file);
      return true;
    });
}

export function isVenvGuarded(folder: string): boolean {
  return sitePackages(folder).every((site) =>
    [PTH, MODULE].every((name) => existsSync(path.join(site, name))),
  );
}

function sitePackages(folder: string): string[] {
  const lib = path.join(folder, 'lib');
  const found =
    existsSync(path.join(folder, 'pyvenv.cfg')) && existsSync(lib)
      ? readdirSync(lib)
          .filter((name) => name.startsWith('python3'))
          .map((name) => path.join(lib, name, 'site-packages'))
          .filter((site) => existsSync(site))
      : [];
  if (found.length === 0) {
    throw new KnownError(
      'not-a-venv',
      `${folder} is no virtual environment (no pyvenv.cfg with site-packages in it): name one that 'python3 -m venv' made`,
      2,
    );
  }
  return found;
}
