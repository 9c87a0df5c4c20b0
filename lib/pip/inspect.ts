/** What an archive about to be served needs: noted for its provenance, refused where it points past the gate. */
import { createHash } from 'node:crypto';
import { isMetadataPath } from '../artifact/manifest-pypi.js';
import { openArtifact } from '../artifact/open.js';
import { readZip } from '../artifact/zip.js';
import type { UnverifiedReason } from '../types.js';
import type { Provenance } from './provenance.js';
import { normalizeName, parseRequirement, type Requirement, referenceKind } from './requirement.js';
import { metadataFields, readStatedNeeds, type StatedNeeds } from './stated-needs.js';

export interface InspectOptions {
  readonly provenance: Provenance;
  /** Lets the gate answer for an address that an allowed archive names; what comes from there is scanned. */
  readonly admit: (address: string) => void;
}

export class Inspector {
  /** References that count only once somebody asks for the extra they belong to. */
  private readonly dormant: {
    readonly name: string;
    readonly extra: string;
    readonly reason: UnverifiedReason;
  }[] = [];

  constructor(private readonly options: InspectOptions) {}

  /** @param servedMetadata SHA-256 (hex) of the METADATA the index served for this wheel before, if it did */
  async archive(
    filename: string,
    bytes: Uint8Array,
    servedMetadata: string | undefined,
  ): Promise<UnverifiedReason | undefined> {
    const needs = await readNeeds(filename, bytes);
    if (servedMetadata !== undefined && needs.metadata !== undefined) {
      const own = createHash('sha256').update(needs.metadata).digest('hex');
      if (own !== servedMetadata)
        return { code: 'integrity-mismatch', args: { file: `${filename}.metadata` } };
    }
    this.options.provenance.served(needs.name, needs.version);
    return this.lines(needs.name, needs.requires, false) ?? this.lines(needs.name, needs.buildRequires, true);
  }

  metadata(bytes: Uint8Array): UnverifiedReason | undefined {
    const fields = metadataFields(Buffer.from(bytes).toString('utf8'));
    this.options.provenance.served(fields.name, fields.version);
    return this.lines(fields.name, fields.requires, false);
  }

  private lines(owner: string, lines: readonly string[], toBuild: boolean): UnverifiedReason | undefined {
    const name = normalizeName(owner);
    const requirements = lines.map(parseRequirement).filter((one) => one !== undefined);
    for (const requirement of requirements) this.options.provenance.needs(name, requirement, toBuild);
    for (const requirement of requirements) {
      const reason = this.reference(name, requirement);
      if (reason !== undefined) return reason;
    }
    return this.dormant.find(({ name, extra }) => this.options.provenance.asksForExtra(name, extra))?.reason;
  }

  private reference(owner: string, { reference, onlyForExtra }: Requirement): UnverifiedReason | undefined {
    if (reference === undefined) return undefined;
    const kind = referenceKind(reference);
    if (kind === 'remote') {
      this.options.admit(reference);
      return undefined;
    }
    const reason: UnverifiedReason = {
      code: kind === 'vcs' ? 'git-source' : 'local-source',
      args: { source: reference.slice(0, 200) },
    };
    if (onlyForExtra === undefined) return reason;
    this.dormant.push({ name: owner, extra: onlyForExtra, reason });
    return undefined;
  }
}

const NOTHING: StatedNeeds = { name: '', version: '', requires: [], buildRequires: [], metadata: undefined };

/** A wheel's METADATA alone is unpacked: reading all of it a second time would double the cost of a large wheel. */
async function readNeeds(filename: string, bytes: Uint8Array): Promise<StatedNeeds> {
  try {
    if (!/\.whl$/i.test(filename)) {
      const opened = await openArtifact({ ecosystem: 'pypi', filename, bytes });
      return readStatedNeeds(opened.files);
    }
    const member = (await readZip(bytes)).find(({ name }) => isMetadataPath(name));
    return member === undefined
      ? NOTHING
      : readStatedNeeds(new Map([[member.name, { bytes: member.read() }]]));
  } catch {
    return NOTHING; // the scan said what is wrong with it
  }
}
