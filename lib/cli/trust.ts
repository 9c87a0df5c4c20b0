/** `safe-install trust`: accept what the project's own files let through or run, as they stand now. */
import process from 'node:process';
import { EXIT, KnownError } from '../errors.js';
import { escapeText } from '../report/escape.js';
import { type FoundPolicy, findProjectPolicy, isTrusted, loosens, trust } from '../verdict/policy.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, say } from './exit.js';

const HELP = {
  usage: 'trust',
  description: `Accepts, after showing it, what this project's own files ask for: what its policy (safe-install.json,
or the key "safe-install" of package.json) lets through, and install scripts, or code of its
own that builds it, that are flagged. Holds until these files change. Without it, a project's policy only tightens and its
flagged scripts stop every install, so that nobody clones permissions with a repository.`,
  examples: [['safe-install trust', 'in the project']],
} as const;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(argv, HELP, (parser) => parser);
  if (parsed === undefined) return done;
  noMore(parsed, 'trust');
  const cwd = process.cwd();
  const found = findProjectPolicy(cwd);
  if (found !== undefined && loosens(found)) {
    for (const line of permissions(found)) say(escapeText(line));
    say(isTrusted(found) ? 'already accepted' : `accepted as ${escapeText(found.path)} stands now`);
    trust(found);
  }
  const { acceptOwnScripts } = await import('./own-scripts.js');
  const scripts = await acceptOwnScripts(cwd);
  if (scripts > 0 || (found !== undefined && loosens(found))) return done;
  if (found === undefined) {
    throw new KnownError(
      'no-policy',
      `nothing to trust: no policy in ${cwd} or above it, and no install or build script of this project is flagged`,
      EXIT.usage,
    );
  }
  say(`${escapeText(found.path)} lets nothing through: nothing to trust`);
  return done;
}

/** What a policy lets through, a line each. */
export function permissions({ content }: FoundPolicy): string[] {
  const { exceptions = [], acceptUnverified = [], own = [] } = content;
  return [
    ...exceptions.map(
      ({ ecosystem, name, version, integrity, reason, until }) =>
        `lets through ${name}@${version} (${ecosystem}, ${integrity.slice(0, 20)}...)${until === undefined ? '' : ` until ${until}`}: ${reason}`,
    ),
    ...acceptUnverified.map((code) => `lets through what is unverified as '${code}'`),
    ...own.map((entry) => `turns alarms of ${entry} into warnings`),
  ];
}
