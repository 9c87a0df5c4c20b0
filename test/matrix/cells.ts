/** The cells of the matrix npm × Node.js × command × way of guarding, and which of them are gaps, with the reason. */

export const NPMS = ['10', '11', '12'] as const;
export const NODES = ['20', '22', '24'] as const;
export const COMMANDS = ['install', 'ci', 'exec', 'update', 'rebuild', 'global'] as const;
export const WAYS = ['prefix', 'shim', 'hook'] as const;

export interface Cell {
  readonly npm: (typeof NPMS)[number];
  readonly node: (typeof NODES)[number];
  readonly command: (typeof COMMANDS)[number];
  readonly way: (typeof WAYS)[number];
}

export const titleOf = ({ npm, node, command, way }: Cell): string =>
  `npm ${npm}, Node ${node}: ${command} by ${way}`;

export function allCells(): Cell[] {
  return NPMS.flatMap((npm) =>
    NODES.flatMap((node) =>
      COMMANDS.flatMap((command) => WAYS.map((way): Cell => ({ npm, node, command, way }))),
    ),
  );
}

/** Few, quick, each version and way once: what CI runs. */
export const DIAGONAL: readonly Cell[] = [
  { npm: '10', node: '20', command: 'ci', way: 'shim' },
  { npm: '11', node: '20', command: 'exec', way: 'prefix' },
  { npm: '11', node: '20', command: 'rebuild', way: 'hook' },
  { npm: '12', node: '24', command: 'update', way: 'prefix' },
];

/** Why a cell is not guarded, written down before it was run; undefined for one that must hold. */
export function gapOf({ npm, node, command, way }: Cell): string | undefined {
  if (npm === '12' && node === '20') return 'npm 12 does not start on Node 20';
  if (way !== 'hook') return undefined;
  if (command === 'exec')
    return 'npm exec installs into a folder of its own, which the hook of a project does not see';
  if (command === 'global') return 'npm -g reads no .npmrc of a project';
  return undefined;
}

/**
 * Whether the honest twin's install script is to be run: npm 12 runs none that the project does not list in
 * `allowScripts`, and outside a project there is no such list.
 */
export const runsScripts = ({ npm, command }: Cell): boolean =>
  npm !== '12' || (command !== 'exec' && command !== 'global');
