/** `safe-install completion SHELL`: a script for the shell to read at its start. */
import process from 'node:process';
import { FORMATS } from '../report/output.js';
import { CI_SYSTEMS, SHELLS } from '../setup/setup.js';
import { ECOSYSTEMS } from '../types.js';
import { parseArguments } from './arguments.js';
import { done, type Outcome, usage } from './exit.js';

const HELP = {
  usage: 'completion bash|zsh|fish',
  description: "Prints what completes safe-install's own commands and options in a shell.",
  examples: [
    ['eval "$(safe-install completion bash)"', 'in ~/.bashrc'],
    ['eval "$(safe-install completion zsh)"', 'in ~/.zshrc, after compinit'],
    ['safe-install completion fish | source', 'in config.fish'],
  ],
} as const;

const COMMANDS =
  'scan npm npx pnpm yarn bun corepack pip uv uvx pipx ci update exec allow trust log watch worker init setup teardown doctor completion';
const OPTIONS: Readonly<Record<string, string>> = {
  scan: `--format --output --ecosystem --silent`,
  allow: '--reason --until --ecosystem --user',
  log: '--last --format --rescan',
  watch:
    '--from --feed --registry --index --since --published-after --once --rescan --retry --ui --port --metrics --rate --retry-delay --threads --queue --store --lease --format',
  worker: '--queue --store --threads --rate --retry-delay --lease --metrics --format',
  init: '--strict --remove',
  setup: '--shell --ci --venv',
  teardown: '--venv',
  doctor: '--format',
};

/** Words that commands of ours take. */
const WORDS: Readonly<Record<string, string>> = {
  watch: 'npm pypi findings mark export status',
  completion: 'bash zsh fish',
};

const REPORTS = 'text json';
/** Values of options that take one of a few. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  scan: { '--format': FORMATS.join(' '), '--ecosystem': ECOSYSTEMS.join(' ') },
  allow: { '--ecosystem': ECOSYSTEMS.join(' ') },
  log: { '--format': REPORTS },
  watch: { '--format': REPORTS },
  setup: { '--shell': SHELLS.join(' '), '--ci': CI_SYSTEMS.join(' ') },
  doctor: { '--format': REPORTS },
};

/** `[command, option, its values]`. */
const valued = Object.entries(VALUES).flatMap(([command, options]) =>
  Object.entries(options).map(([option, values]) => [command, option, values] as const),
);

const SCRIPTS: Readonly<Record<string, () => string>> = {
  bash: () => `_safe_install() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W '${COMMANDS}' -- "$word")); return; fi
  case "\${COMP_WORDS[1]} $before" in
${valued
  .map(
    ([command, option, values]) =>
      `    '${command} ${option}') COMPREPLY=($(compgen -W '${values}' -- "$word")); return ;;`,
  )
  .join('\n')}
  esac
  case "\${COMP_WORDS[1]} $word" in
${Object.entries(OPTIONS)
  .map(([command, options]) => `    '${command} -'*) COMPREPLY=($(compgen -W '${options}' -- "$word")) ;;`)
  .join('\n')}
${Object.entries(WORDS)
  .map(([command, words]) => `    '${command} '*) COMPREPLY=($(compgen -W '${words}' -- "$word")) ;;`)
  .join('\n')}
    *) COMPREPLY=() ;;
  esac
}
complete -o default -F _safe_install safe-install
`,
  zsh: () => `_safe_install() {
  if (( CURRENT == 2 )); then compadd -- ${COMMANDS}; return; fi
  case "\${words[2]} \${words[CURRENT-1]}" in
${valued
  .map(([command, option, values]) => `    '${command} ${option}') compadd -- ${values}; return ;;`)
  .join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    case \${words[2]} in
${Object.entries(OPTIONS)
  .map(([command, options]) => `      ${command}) compadd -- ${options} ;;`)
  .join('\n')}
    esac
  else
    case \${words[2]} in
${Object.entries(WORDS)
  .map(([command, words]) => `      ${command}) compadd -- ${words} ;;`)
  .join('\n')}
      *) _files ;;
    esac
  fi
}
compdef _safe_install safe-install
`,
  fish: () =>
    [
      `complete -c safe-install -n __fish_use_subcommand -a '${COMMANDS}'`,
      ...Object.entries(OPTIONS).flatMap(([command, options]) =>
        options.split(' ').map((option) => {
          const values = VALUES[command]?.[option];
          const few = values === undefined ? '' : ` -x -a '${values}'`;
          return `complete -c safe-install -n '__fish_seen_subcommand_from ${command}' -l ${option.slice(2)}${few}`;
        }),
      ),
      ...Object.entries(WORDS).map(
        ([command, words]) =>
          `complete -c safe-install -n '__fish_seen_subcommand_from ${command}' -a '${words}'`,
      ),
      '',
    ].join('\n'),
};

export async function run(argv: readonly string[]): Promise<Outcome> {
  const parsed = await parseArguments(argv, HELP, (parser) => parser);
  if (parsed === undefined) return done;
  const [shell = '', ...more] = parsed._;
  const script = Object.hasOwn(SCRIPTS, shell) && more.length === 0 ? SCRIPTS[shell] : undefined;
  if (script === undefined)
    throw usage(`completion needs a shell, bash, zsh or fish: see safe-install completion --help`);
  process.stdout.write(script());
  return done;
}
