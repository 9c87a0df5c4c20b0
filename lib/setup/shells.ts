/**
 * The few lines in a user's shell start-up files that put the shims first on PATH, and keep them first when
 * nvm, a virtual environment or another tool puts itself before them.
 *
 * Each file gets one marked block that sources a script in safe-install's own folder; removal takes out exactly
 * what was put in, so that the file is byte for byte as before.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { CLOSE, CREATED, OPEN, replaceFile } from './marked-block.js';

export type Shell = 'bash' | 'zsh' | 'fish';

/** The start-up files a shell reads, of those the first listed is made when none exists. */
export function startupFiles(
  shell: Shell,
  home: string,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  switch (shell) {
    case 'bash': {
      // A login bash reads only the first of these three that exists.
      const login = ['.bash_profile', '.bash_login', '.profile'].map((name) => path.join(home, name));
      return [path.join(home, '.bashrc'), login.find((file) => existsSync(file)) ?? login[2]!];
    }
    case 'zsh': {
      const folder = env.ZDOTDIR && path.isAbsolute(env.ZDOTDIR) ? env.ZDOTDIR : home;
      return ['.zshenv', '.zshrc'].map((name) => path.join(folder, name));
    }
    case 'fish': {
      const configured = env.XDG_CONFIG_HOME;
      const folder = configured && path.isAbsolute(configured) ? configured : path.join(home, '.config');
      return [path.join(folder, 'fish', 'config.fish')];
    }
  }
}

/**
 * Sourced by bash and zsh, and from `.profile` by any `sh`, which must be able to parse it. Idempotent: it is read by more
 * than one start-up file.
 */
export function posixScript(shims: string): string {
  return `# Written by 'safe-install setup'; puts the guard's shims first on PATH and keeps them there.
_safe_install_first() {
  case $PATH in
    ${quote(shims)} | ${quote(shims)}:*) return 0 ;;
  esac
  _safe_install_rest=:$PATH:
  while :; do
    case $_safe_install_rest in
      *:${quote(shims)}:*) _safe_install_rest=\${_safe_install_rest%%:${quote(shims)}:*}:\${_safe_install_rest#*:${quote(shims)}:} ;;
      *) break ;;
    esac
  done
  _safe_install_rest=\${_safe_install_rest#:}
  PATH=${quote(shims)}:\${_safe_install_rest%:}
  unset _safe_install_rest
  hash -r 2>/dev/null
  return 0
}
_safe_install_first
export PATH
# A virtual environment or version manager switched on later puts itself first: before the next line it is second again.
# In quotes, as another shell that reads this file could not parse it.
if [ -n "\${BASH_VERSION-}" ]; then
  eval '_safe_install_prompt() {
    local status=$? index last=0
    _safe_install_first
    for index in "\${!PROMPT_COMMAND[@]}"; do last=$index; done
    # Behind all hooks, also those added since; with the exit status as it was, which hooks show.
    case \${PROMPT_COMMAND[last]-} in
      *_safe_install_prompt) ;;
      *)
        for index in "\${!PROMPT_COMMAND[@]}"; do PROMPT_COMMAND[index]=\${PROMPT_COMMAND[index]//_safe_install_prompt/:}; done
        PROMPT_COMMAND[last]="\${PROMPT_COMMAND[last]-}
_safe_install_prompt" ;;
    esac
    return $status
  }'
  _safe_install_prompt
elif [ -n "\${ZSH_VERSION-}" ]; then
  eval 'case " \${preexec_functions[*]-} " in
    *" _safe_install_first "*) ;;
    *) precmd_functions+=(_safe_install_first); preexec_functions+=(_safe_install_first) ;;
  esac'
fi
`;
}

export function fishScript(shims: string): string {
  return `# Written by 'safe-install setup'; puts the guard's shims first on PATH and keeps them there.
function _safe_install_first --on-event fish_prompt --on-event fish_preexec --on-variable PATH
    if test "$PATH[1]" != ${quote(shims)}
        set -l rest (string match --invert -- ${quote(shims)} $PATH)
        set -gx PATH ${quote(shims)} $rest
    end
end
_safe_install_first
`;
}

/** Adds the marked block. Returns false when it stood there already. */
export function addBlock(file: string, script: string, shell: Shell): boolean {
  const existed = existsSync(file);
  const before = existed ? readFileSync(file, 'utf8') : '';
  if (before.includes(OPEN)) return false;
  const source =
    shell === 'fish'
      ? `test -f ${quote(script)}; and source ${quote(script)}`
      : `if [ -f ${quote(script)} ]; then . ${quote(script)}; fi`;
  const block = ['', OPEN, ...(existed ? [] : [CREATED]), source, CLOSE, ''].join('\n');
  replaceFile(file, before + block);
  return true;
}

/** Takes the block out again; deletes a file that held nothing else and was made by us. Returns whether it stood there. */
export function removeBlock(file: string): boolean {
  if (!existsSync(file)) return false;
  const text = readFileSync(file, 'utf8');
  const start = text.indexOf(`\n${OPEN}\n`);
  const end = text.indexOf(`\n${CLOSE}\n`, start);
  if (start < 0 || end < 0) return false;
  const block = text.slice(start, end);
  const rest = text.slice(0, start) + text.slice(end + CLOSE.length + 2);
  if (rest === '' && block.includes(CREATED)) rmSync(file);
  else replaceFile(file, rest);
  return true;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
