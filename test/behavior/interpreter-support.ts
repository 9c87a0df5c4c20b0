/** Walks small packages with a handful of rules, so that the interpreter is tested apart from the libraries. */
import type { LanguageLibrary, Rule } from '../../lib/behavior/api.js';
import { RuleIndex } from '../../lib/behavior/interpreter/rules.js';
import { loadLanguages, sequenceOf } from '../../lib/behavior/sequence.js';
import { carried, urlQualifiers } from '../../lib/behavior/strings.js';
import { ref, unknown } from '../../lib/behavior/values.js';
import type { Behavior, BehaviorSequence, Ecosystem, EntryPoint, Phase, UnitKind } from '../../lib/types.js';

const simple = (on: string, code: string, when?: Rule['when']): Rule => ({
  on,
  ...(when === undefined ? {} : { when }),
  apply(site, context) {
    context.emit(code, {
      detail: site.args.map((arg) => context.text(arg) ?? '?').join(' '),
      qualifiers: site.args.flatMap((arg) => carried(context.labelsOf(arg))),
    });
    return undefined;
  },
});

const RULES: readonly Rule[] = [
  simple('{child_process.exec,child_process.execSync,os.system,subprocess.run}', 'run-shell'),
  simple('{fs,fs.promises}.{readFile,readFileSync}', 'read-file'),
  simple('builtins.open', 'read-file'),
  simple('{fs,fs.promises}.{writeFile,writeFileSync}', 'write-file'),
  simple('**.unlink', 'delete-file'),
  simple('http.request().end', 'http-send'),
  simple('requests.{get,post}', 'http-request'),
  {
    on: '{http.request,http.get,fetch}',
    apply(site, context) {
      context.emit('http-request', { qualifiers: urlQualifiers(context.text(site.args[0])) });
      return undefined;
    },
  },
  {
    on: '{os.hostname,socket.gethostname}',
    apply(_site, context) {
      context.emit('read-host-name');
      return unknown(new Set(['host']));
    },
  },
  {
    on: '{process.env,os.environ}',
    when: 'read',
    apply(_site, context) {
      context.emit('read-env-all');
      return unknown(new Set(['env']));
    },
  },
  {
    on: '{process.env,os.environ}.*',
    when: 'read',
    apply(site, context) {
      context.emit('read-env-variable', { detail: site.path });
      return unknown(new Set(['env-variable']));
    },
  },
  { on: '{child_process,subprocess}', when: 'import', apply: (_site, context) => void context.emit('P1') },
  {
    on: '{eval,builtins.exec}',
    apply(site, context) {
      const code = context.text(site.args[0]);
      context.emit('evaluate');
      if (code !== undefined) {
        const labels = context.labelsOf(site.args[0]);
        context.runCode(context.language, code, { hidden: labels.size > 0 });
      }
      return undefined;
    },
  },
  {
    on: 'module._load',
    when: 'write',
    apply: (_site, context) => void context.emit('hook-import'),
  },
  {
    on: 'atexit.register',
    apply(site, context) {
      context.defer(site.args[0]!, []);
      return ref('atexit');
    },
  },
];

export interface TestPackage {
  readonly files: Readonly<Record<string, string>>;
  readonly entries?: readonly (readonly [UnitKind, Phase, string])[];
  readonly ecosystem?: Ecosystem;
  readonly name?: string;
}

export async function walkPackage(input: TestPackage): Promise<BehaviorSequence> {
  const real = await loadLanguages();
  const rules = new RuleIndex(RULES);
  const library = (own: LanguageLibrary): LanguageLibrary => ({ rules: RULES, builtins: own.builtins });
  const ecosystem = input.ecosystem ?? 'npm';
  const main = ecosystem === 'npm' ? 'index.js' : 'pkg/__init__.py';
  const entryPoints: EntryPoint[] = (input.entries ?? [['import', 'import', main]]).map(
    ([kind, phase, path]) => ({
      kind,
      phase,
      origin: path,
      file: path,
      line: 1,
      run: path.includes(' ') ? { type: 'command', command: path, cwd: '' } : { type: 'file', path },
    }),
  );
  return sequenceOf(
    {
      ecosystem,
      kind: 'folder',
      name: input.name ?? 'pkg',
      version: '1.0.0',
      integrity: '',
      files: new Map(
        Object.entries(input.files).map(([path, text]) => [
          path,
          { path, bytes: Buffer.from(text), executable: false },
        ]),
      ),
      entryPoints,
      manifest: undefined,
      findings: [],
    },
    {
      javascript: { ...real.javascript, library: library(real.javascript.library), index: rules },
      python: { ...real.python, library: library(real.python.library), index: rules },
    },
    { strict: true },
  );
}

export const all = (sequence: BehaviorSequence): Behavior[] => sequence.units.flatMap((u) => u.behaviors);

/** `code detail` of every behaviour, units separated by their kind. */
export function lines(sequence: BehaviorSequence): string[] {
  return sequence.units.flatMap((unit) => [
    `[${unit.kind}]`,
    ...unit.behaviors.map((b) => `${b.code} ${b.detail}`.trim()),
  ]);
}

/** Behaviours of a JavaScript file imported as the package's main file, without the text-level rows. */
export async function javascript(source: string, more: Record<string, string> = {}): Promise<string[]> {
  return lines(await walkPackage({ files: { 'index.js': source, ...more } }));
}

export async function python(source: string, more: Record<string, string> = {}): Promise<string[]> {
  return lines(await walkPackage({ files: { 'pkg/__init__.py': source, ...more }, ecosystem: 'pypi' }));
}
