/**
 * `git+https://…@rev` requirements: the repository is fetched once into a bare mirror, which runs nothing of it; the
 * tree pip would check out is scanned; then pip's own git is shown the mirror under the repository's address. So what
 * pip builds is what was read, and what it writes down about the origin is the real one.
 */
import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface GitReference {
  /** As git is given it: without `git+`, revision and fragment. */
  readonly url: string;
  readonly revision: string | undefined;
  readonly subdirectory: string | undefined;
}

/** Undefined for other systems than git and for what pip refuses. */
export function parseGitReference(reference: string): GitReference | undefined {
  const match = /^git\+((?:https?|ssh|file|git):\/\/[^#\s]+)(#\S*)?$/i.exec(reference);
  if (match === null) return undefined;
  const address = match[1]!;
  // The revision stands behind the last @ of the path; one before the host belongs to the user's name.
  const path = address.indexOf('/', address.indexOf('://') + 3);
  const at = path === -1 ? -1 : address.lastIndexOf('@');
  const split = at > path;
  return {
    url: split ? address.slice(0, at) : address,
    revision: split ? address.slice(at + 1) : undefined,
    subdirectory: /[#&]subdirectory=([^&]+)/.exec(match[2] ?? '')?.[1],
  };
}

export interface GitTree {
  readonly commit: string;
  /** tar.gz of everything pip's git would check out; of the sub-folder alone as well, when one is asked for. */
  readonly archives: readonly Buffer[];
}

/** What keeps a repository from being read: the word goes into the reason of the verdict. */
export class GitProblem extends Error {}

export class GitMirrors {
  private readonly mirrors = new Map<string, string>();

  constructor(
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** @throws GitProblem */
  async read({ url, revision, subdirectory }: GitReference): Promise<GitTree> {
    const mirror = this.mirrors.get(url) ?? (await this.clone(url));
    const commit = await this.commitOf(mirror, revision);
    const names = (await this.git(mirror, ['ls-tree', '-r', '--name-only', '-z', commit]))
      .toString('utf8')
      .split('\0');
    if (names.includes('.gitmodules')) throw new GitProblem('it has submodules');
    const trees = [commit, ...(subdirectory === undefined ? [] : [`${commit}:${subdirectory}`])];
    const archives: Buffer[] = [];
    for (const tree of trees) {
      archives.push(await this.git(mirror, ['archive', '--format=tar.gz', '--prefix=repository/', tree]));
    }
    return { commit, archives };
  }

  /** Makes pip's git take the mirrors, and nothing else. */
  childEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const first = Number(env.GIT_CONFIG_COUNT ?? 0) || 0;
    const entries = [...this.mirrors].flatMap(([url, mirror], at) => [
      [`GIT_CONFIG_KEY_${first + at}`, `url.${pathToFileURL(mirror).href}.insteadOf`],
      [`GIT_CONFIG_VALUE_${first + at}`, url],
    ]);
    if (entries.length === 0) return { GIT_ALLOW_PROTOCOL: 'none' };
    return {
      ...Object.fromEntries(entries),
      GIT_CONFIG_COUNT: String(first + this.mirrors.size),
      GIT_ALLOW_PROTOCOL: 'file',
    };
  }

  private async clone(url: string): Promise<string> {
    const mirror = join(this.folder, `git-${this.mirrors.size}`);
    mkdirSync(mirror);
    await this.git(undefined, ['clone', '--quiet', '--mirror', '--template=', '--', url, mirror]);
    // Attributes in the repository could keep files out of an archive; these stand above them.
    mkdirSync(join(mirror, 'info'), { recursive: true });
    writeFileSync(join(mirror, 'info', 'attributes'), '* -export-ignore -export-subst\n');
    // pip asks for a partial clone.
    appendFileSync(
      join(mirror, 'config'),
      '[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n',
    );
    this.mirrors.set(url, mirror);
    return mirror;
  }

  /** pip's order: a branch of that name, then a tag, then anything git takes for a commit. */
  private async commitOf(mirror: string, revision: string | undefined): Promise<string> {
    const candidates =
      revision === undefined ? ['HEAD'] : [`refs/heads/${revision}`, `refs/tags/${revision}`, revision];
    for (const name of candidates) {
      const found = await this.git(mirror, [
        'rev-parse',
        '--verify',
        '--quiet',
        '--end-of-options',
        `${name}^{commit}`,
      ]).catch(() => undefined);
      // With --end-of-options some versions print it first.
      const commit = found?.toString().trim().split('\n').at(-1);
      if (commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit)) return commit;
    }
    throw new GitProblem(`it has no revision ${revision ?? 'HEAD'}`);
  }

  private git(mirror: string | undefined, words: readonly string[]): Promise<Buffer> {
    const safe = [
      '-c',
      'core.hooksPath=/dev/null',
      '-c',
      'protocol.ext.allow=never',
      '-c',
      'core.fsmonitor=false',
    ];
    const place = mirror === undefined ? [] : [`--git-dir=${mirror}`];
    return new Promise((resolve, reject) => {
      execFile(
        'git',
        [...safe, ...place, ...words],
        { env: this.env, encoding: 'buffer', maxBuffer: 2 ** 30 },
        (error, stdout, stderr) => {
          if (error === null) return resolve(stdout);
          reject(new GitProblem(stderr.toString('utf8').trim().split('\n').at(-1) || error.message));
        },
      );
    });
  }
}
