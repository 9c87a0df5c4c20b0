/** Loaded by Bun itself, inside a guarded run: hands what Bun is going to install to the gate, and its answer back. */
import process from 'node:process';

/** A package as Bun's security scanner interface gives it. */
export interface BunPackage {
  readonly name: string;
  readonly version: string;
  /** Empty for what comes from no archive. */
  readonly tarball: string;
  readonly requestedRange: string;
}

export interface BunAdvisory {
  /** `fatal` ends the install. */
  readonly level: 'fatal' | 'warn';
  readonly package: string;
  readonly url: string | null;
  readonly description: string | null;
}

export const scanner = {
  version: '1' as const,
  async scan({ packages }: { readonly packages: readonly BunPackage[] }): Promise<BunAdvisory[]> {
    // Bun's fetch takes the proxy of the environment: the gate.
    const response = await fetch('http://scanner.safe-install.invalid/', {
      method: 'POST',
      body: JSON.stringify(packages),
    });
    if (!response.ok)
      throw new Error(
        `the gate answered ${response.status} (proxy ${process.env.HTTP_PROXY ? 'set' : 'missing'})`,
      );
    return (await response.json()) as BunAdvisory[];
  },
};
