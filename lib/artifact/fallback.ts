/**
 * The one defined entry of a package whose manifest is missing or leads nowhere. Collections of malware are
 * trimmed to the malicious file; without this rule the phases of a sequence would say how it was packed.
 *
 * Rule: among the package's code files of its own language, the one with the usual name
 * (`index.*`; `__init__.py`, `__main__.py`, `main.py`), else the first, each time by depth, then by path.
 * Beside a manifest, code in folders of documents, tests and examples is no entry: nothing installs or imports it.
 * Kind `fallback`, phase `import`. What it does not reach is `remainder`, as everywhere. No code file: no entry.
 */
import type { Ecosystem, EntryPoint } from '../types.js';
import type { Files } from './manifest-npm.js';

const RULES: Readonly<Record<Ecosystem, { code: RegExp; usual: RegExp }>> = {
  npm: { code: /(?<!\.d)\.(?:[cm]?[jt]s|jsx|tsx)$/i, usual: /(?:^|\/)index\.[^/]+$/i },
  pypi: { code: /\.pyw?$/i, usual: /(?:^|\/)(?:__init__|__main__|main)\.pyw?$/i },
};

const MANIFESTS = ['package.json', 'pyproject.toml', 'setup.py'];

/** Folders beside a package's code in either ecosystem: what is in them is there to be read or tried, not imported. */
export const isAside = (path: string): boolean =>
  /^(?:tests?|testing|docs?|examples?|samples?|benchmarks?)(?:\/|$)/i.test(path);

export function fallbackEntry(files: Files, ecosystem: Ecosystem): EntryPoint[] {
  const rule = RULES[ecosystem];
  const described = MANIFESTS.some((path) => files.has(path));
  let best: { path: string; rank: number } | undefined;
  for (const path of files.keys()) {
    if (!rule.code.test(path) || (described && isAside(path))) continue;
    // Files come sorted by path; depth counts most among files of equal standing.
    const rank = (rule.usual.test(path) ? 0 : 1000) + path.split('/').length;
    if (best === undefined || rank < best.rank) best = { path, rank };
  }
  if (best === undefined) return [];
  const { path } = best;
  return [
    { kind: 'fallback', phase: 'import', origin: path, file: path, line: 1, run: { type: 'file', path } },
  ];
}
