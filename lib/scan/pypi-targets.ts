/**
 * `pypi:NAME==VERSION` and `requirements.txt`: every file of each release, from the index the user's pip is
 * configured for. One platform's wheel alone can be poisoned, so one file a release would not do.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { filter, maxSatisfying, valid } from '@renovatebot/pep440';
import { isAddress, parseRequirement, referenceKind } from '../pip/requirement.js';
import { parseRequirementsFile } from '../pip/requirements-file.js';
import type { ScanInput } from '../types.js';
import { type IndexFile, openIndex, type PythonIndex } from './pypi-index.js';
import { item, type TargetItem, type TargetOptions, Unavailable } from './targets.js';

interface Wanted {
  readonly name: string;
  /** PEP 440 specifier; empty for the newest release. */
  readonly specifier: string;
  /** `algorithm:hex` the file must have one of; empty: any. */
  readonly hashes: readonly string[];
}

export async function* pypiSpec(target: string, options: TargetOptions): AsyncGenerator<TargetItem> {
  const wanted = readRequirement(target.slice('pypi:'.length), target);
  yield* release(target, wanted, await openIndex(options));
}

/** Requirements of a file and of the files it names; addresses and folders are `unverified`, one item each. */
export async function* requirementsFile(
  target: string,
  path: string,
  options: TargetOptions,
): AsyncGenerator<TargetItem> {
  const env = options.env ?? process.env;
  const seen = new Set<string>();
  const texts: { text: string; folder: string }[] = [];
  const read = async (file: string): Promise<void> => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = await readFile(file, 'utf8');
    texts.push({ text, folder: dirname(file) });
    for (const other of parseRequirementsFile(text, env).requirementFiles) {
      if (isAddress(other)) throw new Unavailable('remote-source', { target, file: other });
      await read(resolve(dirname(file), other));
    }
  };
  await read(path);
  const urls = texts.flatMap(({ text }) => parseRequirementsFile(text, env).indexUrls);
  const hosts = texts.flatMap(({ text }) => parseRequirementsFile(text, env).trustedHosts);
  const index = await openIndex(options, urls, hosts);
  for (const { text } of texts) {
    for (const editable of parseRequirementsFile(text, env).editables) {
      yield item({ target, ecosystem: 'pypi', name: '', version: '' }, () =>
        Promise.reject(new Unavailable('local-source', { target, requirement: editable.slice(0, 200) })),
      );
    }
    for (const line of requirementLines(text)) {
      try {
        yield* release(target, readRequirement(line, target), index);
      } catch (error) {
        const name = parseRequirement(line.split(/\s--/)[0]!)?.name ?? '';
        yield item({ target, ecosystem: 'pypi', name, version: '' }, () => Promise.reject(error));
      }
    }
  }
}

function requirementLines(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .replace(/\\\r?\n/g, ' ')
    .split(/\r\n?|\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('-'));
}

function readRequirement(line: string, target: string): Wanted {
  const hashes = [...line.matchAll(/\s--hash[= ](\w+):([0-9a-f]+)/gi)].map(
    (m) => `${m[1]!.toLowerCase()}:${m[2]!.toLowerCase()}`,
  );
  const text = line.split(/\s--/)[0]!.trim();
  if (/^[.~]?[/\\]/.test(text))
    throw new Unavailable('local-source', { target, requirement: text.slice(0, 200) });
  const requirement = parseRequirement(text);
  if (requirement === undefined)
    throw new Unavailable('not-fetched', {
      target,
      why: 'not a requirement',
      requirement: text.slice(0, 200),
    });
  if (requirement.reference !== undefined) {
    const kind = referenceKind(requirement.reference);
    const code = kind === 'vcs' ? 'git-source' : kind === 'remote' ? 'remote-source' : 'local-source';
    throw new Unavailable(code, { target, requirement: text.slice(0, 200) });
  }
  // A marker narrows where it is installed, not what it is: the file is read all the same.
  const specifier = /^[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)/.exec(text)?.[1]?.trim() ?? '';
  return { name: requirement.name, specifier, hashes };
}

async function* release(target: string, wanted: Wanted, index: PythonIndex): AsyncGenerator<TargetItem> {
  const files = await index.files(wanted.name);
  const version = pickVersion(files, wanted, target);
  const released = files.filter((file) => file.version === version);
  const chosen =
    wanted.hashes.length === 0
      ? released
      : released.filter((file) => file.hash !== undefined && wanted.hashes.includes(file.hash.join(':')));
  if (chosen.length === 0) {
    throw new Unavailable('integrity-mismatch', {
      target,
      name: wanted.name,
      why: 'no file of the release has a hash asked for',
    });
  }
  for (const file of chosen) {
    yield item({ target, ecosystem: 'pypi', name: wanted.name, version }, () => load(file, index));
  }
}

/** The newest release that satisfies; pre-releases and yanked ones only when nothing else does or they are named. */
function pickVersion(files: readonly IndexFile[], { name, specifier }: Wanted, target: string): string {
  const usable = (yanked: boolean) => [
    ...new Set(files.filter((file) => yanked || !file.yanked).map((file) => file.version)),
  ];
  // `===` compares text, also of versions that PEP 440 does not know.
  const exact = /^={2,3}\s*([^,\s*]+)$/.exec(specifier)?.[1];
  if (exact !== undefined && files.some((file) => file.version === exact)) return exact;
  for (const yanked of [false, true]) {
    const versions = usable(yanked).filter((version) => valid(version) !== null);
    for (const prereleases of [false, true]) {
      if (yanked && exact === undefined) continue;
      const picked =
        specifier === ''
          ? maxSatisfying(versions, '>=0', { prereleases })
          : maxSatisfying(filter(versions, specifier, { prereleases }), specifier, { prereleases });
      if (picked) return picked;
    }
  }
  throw new Unavailable('not-fetched', { target, name, why: `no release matches '${specifier}'` });
}

async function load(file: IndexFile, index: PythonIndex): Promise<ScanInput> {
  const bytes = await index.fetch(file);
  const { published, firstPublished } = file;
  const expectedIntegrity =
    file.hash === undefined
      ? undefined
      : `${file.hash[0]}-${Buffer.from(file.hash[1], 'hex').toString('base64')}`;
  return {
    ecosystem: 'pypi',
    filename: file.filename,
    bytes,
    registry: index.address,
    ...(expectedIntegrity !== undefined && { expectedIntegrity }),
    ...(published !== undefined && { published }),
    ...(firstPublished !== undefined && { firstPublished: async () => firstPublished }),
  };
}
