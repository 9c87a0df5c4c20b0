/** Finds the pip the user would have run: the one a shim or hook was called for, else the first on PATH. */
import { KnownError } from '../errors.js';
import { findTool } from '../tools.js';

/** The words that start it. @throws KnownError when there is none. */
export function findPip(env: NodeJS.ProcessEnv): readonly string[] {
  // A shim says which file it stands for; `python -m pip` is another pip than the one on PATH.
  if (env.SAFE_INSTALL_PYTHON) return [env.SAFE_INSTALL_PYTHON, '-m', 'pip'];
  if (env.SAFE_INSTALL_PIP) return [env.SAFE_INSTALL_PIP];
  const pip = findTool('pip', env) ?? findTool('pip3', env);
  if (pip !== undefined) return [pip];
  const python = findTool('python3', env) ?? findTool('python', env);
  if (python !== undefined) return [python, '-m', 'pip'];
  throw new KnownError(
    'pip-missing',
    'cannot find pip or python3 on PATH; install Python with pip, or activate its environment',
  );
}
