/** Fetches for the gate from npm registries, with the user's npm configuration and the credentials a manager sent. */
import type { GateRequest, GateResponse } from '../gate/proxy.js';
import { loadConfig } from '../npm/config.js';
import { bundledLibraries } from '../npm/libraries.js';

const PASSED_HEADERS = [
  'accept',
  'authorization',
  'content-type',
  'content-encoding',
  'npm-command',
  'user-agent',
];

/** @throws KnownError when npm's configuration cannot be read; the function it gives rejects when a line is broken. */
export async function createNpmUpstream(
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<(request: GateRequest) => Promise<GateResponse>> {
  const libraries = bundledLibraries();
  const { flat } = await loadConfig({ command: [], root: undefined, version: '', libraries }, [], cwd, env);
  return async ({ url, method, headers: given, body }) => {
    const headers: Record<string, string> = {};
    for (const name of PASSED_HEADERS) {
      const value = given[name];
      if (typeof value === 'string') headers[name] = value;
    }
    try {
      const response = await libraries.registryFetch(url.href, {
        ...flat,
        method,
        headers,
        ...(body.length > 0 ? { body } : {}),
        gzip: false,
        // Metadata as the registry gives it now, not as npm saw it earlier; a tarball never changes.
        ...(/\.tgz$/i.test(url.pathname) ? {} : { preferOnline: true }),
      });
      const type = response.headers.get('content-type');
      return {
        status: response.status,
        ...(type === null ? {} : { headers: { 'content-type': type } }),
        body: await response.buffer(),
      };
    } catch (error) {
      const { statusCode, message } = error as { statusCode?: number; message: string };
      if (statusCode === undefined) throw error;
      return { status: statusCode, body: JSON.stringify({ error: message }) };
    }
  };
}
