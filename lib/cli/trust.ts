/** `safe-install trust`: accept what the project's policy lets through, as the file stands now. */
import process from 'node:process';
import { EXIT, KnownError } from '../errors.js';
import { escapeText } from '../report/escape.js';
import { type FoundPolicy, findProjectPolicy, isTrusted, loosens, trust } from '../verdict/policy.js';
import { noMore, parseArguments } from './arguments.js';
import { done, type Outcome, say } from './exit.js';

const HELP = {
  usage: 'trust',
  description: `Accepts what the policy of this project (safe-install.json, or the key "safe-install" of
package.json) lets through, after showing it. Holds until the file changes. Without it, a project's
policy only tightens, so that nobody clones permissions with a repository.`,
  examples: [['safe-install trust', 'in the project']],
} as const;

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(argv, HELP, (parser) => parser);
  if (parsed === undefined) return done;
  noMore(parsed, 'trust');
  const found = findProjectPolicy(process.cwd());
  if (found === undefined) {
    throw new KnownError(
      'no-policy',
      `no policy in ${process.cwd()} or above it: nothing to trust`,
      EXIT.usage,
    );
  }
  if (!loosens(found)) {
    say(`${escapeText(found.path)} lets nothing through: nothing to trust`);
    return done;
  }
  for (const line of permissions(found)) say(escapeText(line));
  say(isTrusted(found) ? 'already accepted' : `accepted as ${escapeText(found.path)} stands now`);
  trust(found);
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
