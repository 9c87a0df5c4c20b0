/** `--help` and `--version`. Plain text: nothing is loaded to show it. */
import process from 'node:process';
import { toolVersion } from '../report/output.js';
import { done, type Outcome } from './exit.js';

const HELP = `safe-install reads every package before npm or pip installs it, without running it, and
stops the install when a model of malicious behaviour flags one.

Install
  safe-install [npm install arguments]      npm install, guarded
  safe-install ci|update|exec|…             npm's other installing commands, guarded
  safe-install npm …    safe-install npx …  the whole command of that tool, guarded
  safe-install pnpm …  yarn …  bun …        other managers, guarded; also corepack …
  safe-install pip …  uv …  pipx …          Python's installers, guarded

Look
  safe-install scan TARGET…                 read and judge, install nothing
  safe-install log                          what was judged on this machine
  safe-install watch npm|pypi               read every new release of a registry, list what is flagged
  safe-install worker                       read what a watch on another machine has queued

Decide
  safe-install allow NAME@VERSION           accept exactly one artifact, with a reason
  safe-install trust                        accept what the project's policy lets through, and its flagged scripts

Set up
  safe-install init                         make plain npm install in this project refuse what is flagged
  safe-install setup | teardown             put the guard before npm and pip on this machine, or take it away
  safe-install doctor                       say what is guarded and prove it
  safe-install completion bash|zsh|fish     complete commands and options in a shell

Options, before the command
  --status-file FILE    write the outcome as JSON (or SAFE_INSTALL_STATUS_FILE)
  --version, --help     also after scan, watch, worker, allow, trust, log, init, setup, teardown, doctor

Examples
  safe-install express -D
  safe-install ci
  safe-install pip install -r requirements.txt
  safe-install scan npm:left-pad@1.3.0 --format json
  safe-install scan package-lock.json --format html --output report.html

Exit codes
  the tool's own   allowed (scan: 0)        102   safe-install failed; nothing was installed
  100              blocked                    2   bad usage or configuration
  101              unverified
`;

export function run(): Outcome {
  process.stdout.write(HELP);
  return done;
}

export function version(): Outcome {
  process.stdout.write(`${toolVersion()}\n`);
  return done;
}
