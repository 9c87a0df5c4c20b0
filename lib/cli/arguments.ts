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
    .version(false)
    .help('help')
    .alias('help', 'h')
    .wrap(null)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw usage(`${message ?? error?.message}: see safe-install ${help.usage.split(' ', 1)[0]} --help`);
    });
  const parsed = await options(parser).parseAsync([...argv]);
  if ((parsed as { help?: boolean }).help === true) return undefined;
  return parsed as T & { _: string[] };
}

/** Refuses positional arguments where a command takes none. */
export function noMore(parsed: { readonly _: readonly string[] }, command: string): void {
  const [first] = parsed._;
  if (first !== undefined) throw usage(`${command} takes no '${first}': see safe-install ${command} --help`);
}
