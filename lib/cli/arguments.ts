/** yargs as safe-install's own commands use it: strict, in plain English, ending in exit 2 with one line. */
import yargs, { type Argv } from 'yargs';
import { usage } from './exit.js';

export interface CommandHelp {
  /** `scan [options] TARGET…` */
  readonly usage: string;
  readonly description: string;
  readonly examples: readonly (readonly [command: string, what: string])[];
}

/** What a command line asks for; undefined when it asked for help, which has been printed. */
export async function parseArguments<T>(
  argv: readonly string[],
  help: CommandHelp,
  options: (parser: Argv) => Argv<T>,
): Promise<(T & { readonly _: readonly string[] }) | undefined> {
  const parser = yargs([])
    .scriptName('safe-install')
    .usage(`safe-install ${help.usage}\n\n${help.description}`)
    .parserConfiguration({
      'parse-positional-numbers': false,
      'parse-numbers': false,
      'dot-notation': false,
      'duplicate-arguments-array': false,
      'boolean-negation': false,
      'greedy-arrays': false,
      'short-option-groups': false,
    })
    .example(help.examples.map(([command, what]) => [command, what]))
    .strictOptions()
    .detectLocale(false)
    .version(false)
    .help('help')
    .alias('help', 'h')
    .wrap(null)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw usage(
        `${inPlainWords(message ?? error?.message ?? '')}: see safe-install ${help.usage.split(' ', 1)[0]} --help`,
      );
    });
  const parsed = await options(parser).parseAsync([...argv]);
  if ((parsed as { help?: boolean }).help === true) return undefined;
  return parsed as T & { _: string[] };
}

/** What yargs says on lines of its own, as one sentence that names the option as it is typed. */
function inPlainWords(message: string): string {
  return message
    .replace(/^Unknown arguments?: (.*)$/s, (_, names: string) => `unknown option ${dashed(names)}`)
    .replace(/^Missing required arguments?: (.*)$/s, (_, names: string) => `missing option ${dashed(names)}`)
    .replace(/^Not enough arguments following: (.*)$/s, (_, name: string) => `${dashed(name)} needs a value`)
    .replace(
      /^Arguments (\S+) and (\S+) are mutually exclusive$/,
      (_, one: string, other: string) => `${dashed(one)} and ${dashed(other)} cannot be given together`,
    )
    .replace(
      /^Invalid values:\n {2}Argument: (\S+), Given: (.*), Choices: (.*)$/s,
      (_, name: string, given: string, choices: string) =>
        `${dashed(name)} is one of ${choices}, not ${given}`,
    );
}

const dashed = (names: string): string =>
  names
    .split(', ')
    .map((name) => (name.length === 1 ? `-${name}` : `--${name}`))
    .join(', ');

/** Refuses positional arguments where a command takes none. */
export function noMore(parsed: { readonly _: readonly string[] }, command: string): void {
  const [first] = parsed._;
  if (first !== undefined) throw usage(`${command} takes no '${first}': see safe-install ${command} --help`);
}
