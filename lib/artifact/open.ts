/** Opens an archive in memory as the installer would lay it out on disk. */
import type {
  ArtifactFile,
  ArtifactKind,
  EntryPoint,
  Finding,
  OpenedArtifact,
  ScanInput,
  UnverifiedReason,
} from '../types.js';
import { gunzipLoose, magicOf } from './compression.js';
import { npmEntryPoints, ownScriptEntries } from './entries-npm.js';
import { pypiEntryPoints } from './entries-pypi.js';
import { buildEntries } from './entries-pypi-build.js';
import { integrityOf, integrityProblem } from './integrity.js';
import { Layout } from './layout.js';
import { LIMITS } from './limits.js';
import { manifestDifferences } from './manifest-differences.js';
import { readPackageJson } from './manifest-npm.js';
import { pythonMetadata } from './manifest-pypi.js';
import { readNpmTarball } from './npm-tar.js';
import { hasLeadingFolder, readPythonTar, splitLeading } from './python-tar.js';
import { Unreadable } from './unreadable.js';
import { layOutWheel } from './wheel.js';
import { hasZipEnd, readZip, readZipContent } from './zip.js';

/** What reading the bytes gives, before the manifest is looked at. */
interface Unpacked {
  readonly kind: ArtifactKind;
  readonly files: Map<string, ArtifactFile>;
  readonly findings: readonly Finding[];
}

/**
 * Never throws on package content: what cannot be read in full has `unverified` set.
 * `integrity`: SHA-512 SRI of the input when the caller has it already.
 */
export async function openArtifact(
  input: ScanInput,
  integrity = integrityOf(input),
): Promise<OpenedArtifact> {
  let unverified = integrityProblem(input, integrity);
  let unpacked: Unpacked = { kind: kindByName(input), files: new Map(), findings: [] };
  let manifest: Readonly<Record<string, unknown>> | undefined;
  let entryPoints: readonly EntryPoint[] = [];
  const findings: Finding[] = [];
  try {
    unpacked = input.files === undefined ? await unpack(input) : fromFolder(input.files);
    findings.push(...unpacked.findings);
    if (input.ecosystem === 'npm') {
      manifest = readPackageJson(unpacked.files);
      entryPoints = input.ownScripts
        ? ownScriptEntries(unpacked.files, manifest)
        : npmEntryPoints(unpacked.files, manifest);
      findings.push(...manifestDifferences(unpacked.files.keys(), manifest, input.registryManifest));
    } else {
      manifest = pythonMetadata(unpacked.files, unpacked.kind);
      entryPoints = input.ownScripts
        ? buildEntries(unpacked.files)
        : pypiEntryPoints(unpacked.files, unpacked.kind);
    }
    if (entryPoints.length > LIMITS.entryPoints) {
      throw new Unreadable('too-large', { limit: 'entry-points', max: LIMITS.entryPoints });
    }
  } catch (error) {
    unverified ??= reasonOf(error);
  }
  const text = (key: string) => (typeof manifest?.[key] === 'string' ? (manifest[key] as string) : '');
  return {
    ecosystem: input.ecosystem,
    kind: unpacked.kind,
    name: text('name'),
    version: text('version'),
    integrity,
    files: unpacked.files,
    entryPoints,
    manifest,
    findings,
    ...(unverified === undefined ? {} : { unverified }),
  };
}

/** Anything else than Unreadable is our bug: said as such, and the artifact is not taken for read. */
function reasonOf(error: unknown): UnverifiedReason {
  if (error instanceof Unreadable) return error.reason;
  return { code: 'scan-failed', args: { why: error instanceof Error ? error.message : String(error) } };
}

async function unpack(input: ScanInput): Promise<Unpacked> {
  const { bytes, ecosystem } = input;
  if (bytes.length > LIMITS.compressedBytes) {
    throw new Unreadable('too-large', { limit: 'compressed', max: LIMITS.compressedBytes });
  }
  if (ecosystem === 'npm') {
    // No installer reads a zip from an npm registry; as a target of `scan` it is a folder in an envelope.
    if (magicOf(bytes) === 'zip' && /\.zip$/i.test(input.filename)) return zipFolder(bytes, 'folder');
    const layout = readNpmTarball(bytes);
    return finish('npm-tarball', layout);
  }
  const magic = magicOf(bytes);
  // pip looks for a zip's end before it looks for a tar; by name or by magic another reader sees the tar.
  if (hasZipEnd(bytes)) {
    if (magic !== 'zip') throw new Unreadable('ambiguous', { why: 'zip-and-other', format: magic });
    if (isWheelName(input.filename)) return openWheel(bytes);
    return zipFolder(bytes, 'sdist');
  }
  if (magic === 'zip') throw new Unreadable('damaged', { why: 'zip', message: 'no end of directory' });
  if (isWheelName(input.filename)) throw new Unreadable('damaged', { why: 'not-a-zip', format: magic });
  if (magic === 'gzip') {
    const { data, rest } = gunzipLoose(bytes);
    return finish('sdist', readPythonTar(data, bytes.length, rest));
  }
  if (magic === 'tar') return finish('sdist', readPythonTar(Buffer.from(bytes), bytes.length));
  throw new Unreadable('unsupported-format', { format: magic });
}

async function openWheel(bytes: Uint8Array): Promise<Unpacked> {
  const members = await readZip(bytes);
  const layout = new Layout('ambiguous', bytes.length);
  const findings = layOutWheel(members, layout);
  const unpacked = finish('wheel', layout);
  return { ...unpacked, findings: [...unpacked.findings, ...findings] };
}

/** Zip without a layout of its own; pip drops a leading folder that all members share. */
async function zipFolder(bytes: Uint8Array, kind: ArtifactKind): Promise<Unpacked> {
  const { members, names } = await readZipContent(bytes);
  const layout = new Layout('ambiguous', bytes.length);
  const strip = hasLeadingFolder(names);
  for (const member of members) {
    const path = strip ? splitLeading(member.name)[1] : member.name;
    layout.add(path, member.read(), member.executable);
  }
  return finish(kind, layout);
}

function fromFolder(files: readonly ArtifactFile[]): Unpacked {
  const layout = new Layout('ambiguous', Number.MAX_SAFE_INTEGER);
  for (const file of files) layout.add(file.path, file.bytes, file.executable);
  return finish('folder', layout);
}

function finish(kind: ArtifactKind, layout: Layout): Unpacked {
  const files = layout.finish();
  return { kind, files, findings: layout.findings };
}

function kindByName(input: ScanInput): ArtifactKind {
  if (input.files !== undefined) return 'folder';
  if (input.ecosystem === 'npm') return 'npm-tarball';
  return isWheelName(input.filename) ? 'wheel' : 'sdist';
}

function isWheelName(filename: string): boolean {
  return /\.whl$/i.test(filename);
}
