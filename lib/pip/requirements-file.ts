/** A requirements or constraints file as pip reads it: requirements, and options that bring in more. */
import { parsePipArguments } from './argv.js';

export interface RequirementsFile {
  readonly requirements: readonly string[];
  readonly editables: readonly string[];
  /** As written; relative to the file that names them. */
  readonly requirementFiles: readonly string[];
  readonly constraintFiles: readonly string[];
  readonly indexUrls: readonly string[];
  readonly findLinks: readonly string[];
  readonly trustedHosts: readonly string[];
}

export function parseRequirementsFile(text: string, env: NodeJS.ProcessEnv = {}): RequirementsFile {
  const file = {
    requirements: [] as string[],
    editables: [] as string[],
    requirementFiles: [] as string[],
    constraintFiles: [] as string[],
    indexUrls: [] as string[],
    findLinks: [] as string[],
    trustedHosts: [] as string[],
  };
  for (const line of logicalLines(text)) {
    const expanded = line.replace(/\$\{([A-Z0-9_]+)\}/g, (whole, name) => env[name] || whole);
    if (!expanded.startsWith('-')) {
      file.requirements.push(requirementPart(expanded));
      continue;
    }
    const { options } = parsePipArguments(['install', ...shellWords(expanded)]);
    const values = (name: string): readonly string[] => options.get(name) ?? [];
    file.requirementFiles.push(...values('requirement'));
    file.constraintFiles.push(...values('constraint'));
    file.editables.push(...values('editable'));
    file.indexUrls.push(...values('index-url'), ...values('extra-index-url'));
    file.findLinks.push(...values('find-links'));
    file.trustedHosts.push(...values('trusted-host'));
  }
  return file;
}

/** Without comments, continued lines joined, empty ones left out. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open = '';
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
    const comment = /^\s*#/.test(line);
    if (line.endsWith('\\') && !comment) {
      open += line.slice(0, -1);
      continue;
    }
    lines.push(comment ? open : open + line);
    open = '';
  }
  if (open !== '') lines.push(open);
  return lines.map((line) => line.replace(/(^|\s+)#.*$/, '').trim()).filter((line) => line !== '');
}

/** What stands before the options of a requirement (`--hash=…`). */
function requirementPart(line: string): string {
  const words = line.split(' ');
  const option = words.findIndex((word) => word.startsWith('-'));
  return (option === -1 ? words : words.slice(0, option)).join(' ').trim();
}

/** Words as `shlex` would split them, as far as options need it. */
function shellWords(line: string): string[] {
  const words = line.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double, single, escaped) =>
      double !== undefined ? double.replace(/\\(["\\])/g, '$1') : (single ?? escaped),
    ),
  );
}
