/**
 * `model/config.json`: everything the product must know of the bundled model, and nothing it must guess.
 * The training export writes this file; this reader is its only definition.
 *
 * Every file the model consists of is named with its SHA-256 and checked when it is loaded: a model that
 * is not the one the threshold was chosen for must stop the install, not judge it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TAXONOMY_VERSION } from '../behavior/taxonomy.js';
import { KnownError } from '../errors.js';
import { ECOSYSTEMS, type Ecosystem } from '../types.js';
import type { ShortCut } from './tokenizer.js';

/** A file beside config.json, with the lower-case hexadecimal SHA-256 of its bytes. */
export interface ModelFile {
  readonly file: string;
  readonly sha256: string;
}

/**
 * How the log-odds of a package's windows become the log-odds of the package:
 * `noisy-or`: the package is malicious if any window is, windows taken as independent;
 * `top-k`: the mean of the k largest (of all of them when there are fewer).
 */
export type Aggregation = { readonly kind: 'noisy-or' } | { readonly kind: 'top-k'; readonly k: number };

/** Calibrated log-odds = scale × aggregated + offset + perLogWindow × ln(number of distinct windows). */
export interface Calibration {
  readonly scale: number;
  readonly offset: number;
  readonly perLogWindow: number;
}

export interface ModelConfig {
  /** Version of this file's format. */
  readonly format: 1;
  /** Version of the model, as reports and caches name it. */
  readonly version: string;
  /** `TAXONOMY_VERSION` the training data was extracted with. */
  readonly taxonomy: string;
  /**
   * The ONNX graph. `inputs.ids` is int64 [batch, length]; `inputs.mask`, when the graph has one, is int64
   * of the same shape, 1 everywhere as windows are never padded. `output` is float32 [batch] or [batch, 1]: the
   * log-odds that a window is malicious, before calibration.
   */
  readonly model: ModelFile & {
    readonly inputs: { readonly ids: string; readonly mask?: string };
    readonly output: string;
  };
  /** One token a line, UTF-8, the line number (from 0) is its id. Holds [PAD], [UNK], [CLS] and [SEP]. */
  readonly vocabulary: ModelFile;
  /** Longest window in tokens, [CLS], unit, phase and [SEP] counted in. */
  readonly maxTokens: number;
  /** Tokens two neighbouring windows of a long unit share. */
  readonly overlap: number;
  /** Shorter windows a longer unit is cut into besides, and how they are weighed with the long ones. */
  readonly short?: ShortCut;
  readonly aggregation: Aggregation;
  readonly calibration: Readonly<Record<Ecosystem, Calibration>>;
  /** Calibrated log-odds of a package in which no behaviour was found. */
  readonly emptyLogOdds: number;
  /**
   * Least score that blocks, 0 to 1, on the scores `onnxruntime-node` gives. One number for both ecosystems, as
   * reports print it: where they need different ones t, `calibration.offset` takes up logit(threshold) - logit(t).
   */
  readonly threshold: number;
  /**
   * Prior for packages whose name its registry first had less than `days` ago: `logOdds` (0 or more) on top of the score's.
   * The verdict adds it, never the score. At it `honestRate` of ordinary honest packages would alarm, out of fold,
   * were all of them new; that is what it was chosen by. Without it new names are judged like others.
   */
  readonly newcomer?: {
    readonly days: number;
    readonly honestRate: number;
    readonly logOdds: Readonly<Record<Ecosystem, number>>;
  };
  /** Largest difference of a score between machines and between Python and Node (promise 7). */
  readonly scoreBound: number;
  /** Hash over the training manifest and derived sequences, to tell two trainings apart. */
  readonly dataFingerprint: string;
}

/** The model's folder of an installed or built safe-install. */
export const MODEL_FOLDER = fileURLToPath(new URL('../../../model/', import.meta.url));

const REINSTALL = 'reinstall safe-install';

/** Throws `KnownError` (exit 102) when the file is missing, malformed or made for another taxonomy. */
export function loadModelConfig(folder: string = MODEL_FOLDER): ModelConfig {
  const path = join(folder, 'config.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KnownError('model-missing', `the model's ${path} cannot be read: ${REINSTALL}`, undefined, {
      cause,
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new KnownError('model-config', `${path} is not JSON: ${REINSTALL}`, undefined, { cause });
  }
  const problem = configProblem(parsed);
  if (problem !== undefined) throw new KnownError('model-config', `${path}: ${problem}: ${REINSTALL}`);
  const config = parsed as ModelConfig;
  if (config.taxonomy !== TAXONOMY_VERSION) {
    throw new KnownError(
      'model-taxonomy',
      `the model reads taxonomy ${config.taxonomy}, this safe-install writes taxonomy ${TAXONOMY_VERSION}: ${REINSTALL}`,
    );
  }
  return config;
}

/** Bytes of one of the model's files. Throws `KnownError` (exit 102) when missing or not as hashed. */
export function readModelFile(folder: string, { file, sha256 }: ModelFile): Buffer {
  const path = join(folder, file);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new KnownError('model-missing', `the model's ${path} cannot be read: ${REINSTALL}`, undefined, {
      cause,
    });
  }
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new KnownError('model-hash', `${path} is not the file this model was released with: ${REINSTALL}`);
  }
  return bytes;
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && value >= least && value <= most;
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** What is wrong with a parsed config, in words, or undefined. */
export function configProblem(config: unknown): string | undefined {
  if (!isObject(config)) return 'not an object';
  if (config.format !== 1) return `format ${String(config.format)} is not known`;
  for (const key of ['version', 'taxonomy', 'dataFingerprint']) {
    if (!isText(config[key])) return `'${key}' must be text`;
  }
  for (const key of ['model', 'vocabulary']) {
    const problem = fileProblem(config[key]);
    if (problem !== undefined) return `'${key}' ${problem}`;
  }
  const model = config.model as Fields;
  const inputs = model.inputs;
  if (!isObject(inputs) || !isText(inputs.ids)) return `'model.inputs.ids' must be text`;
  if (inputs.mask !== undefined && !isText(inputs.mask)) return `'model.inputs.mask' must be text`;
  if (!isText(model.output)) return `'model.output' must be text`;
  const { short } = config;
  const cut = cutProblem(config) ?? (short === undefined ? undefined : cutProblem(short, 'short.'));
  if (cut !== undefined) return cut;
  if (isObject(short) && !isNumber(short.around, 0, 1)) return `'short.around' must be 0 to 1`;
  if (!isNumber(config.emptyLogOdds, -100, 100)) return `'emptyLogOdds' must be a number`;
  if (!isNumber(config.threshold, 0.000001, 1)) return `'threshold' must be over 0, at most 1`;
  if (!isNumber(config.scoreBound, 0, 1)) return `'scoreBound' must be 0 to 1`;
  if (config.newcomer !== undefined && !isNewcomer(config.newcomer)) {
    return `'newcomer' must have days from 0, honestRate 0 to 1 and logOdds from 0 for npm and pypi`;
  }
  const aggregation = config.aggregation;
  if (!isObject(aggregation)) return `'aggregation' must be an object`;
  if (aggregation.kind === 'top-k') {
    if (!isNumber(aggregation.k, 1, 1000) || !Number.isInteger(aggregation.k)) {
      return `'aggregation.k' must be 1 to 1000`;
    }
  } else if (aggregation.kind !== 'noisy-or') return `'aggregation.kind' must be noisy-or or top-k`;
  return ecosystemProblem(config);
}

function isNewcomer(value: unknown): boolean {
  if (!isObject(value) || !isObject(value.logOdds)) return false;
  const { days, honestRate, logOdds } = value;
  const offsets = ECOSYSTEMS.map((ecosystem) => logOdds[ecosystem]);
  return (
    isNumber(days, 0, 3650) &&
    isNumber(honestRate, 0, 1) &&
    offsets.every((offset) => isNumber(offset, 0, 100))
  );
}

function cutProblem(value: unknown, at = ''): string | undefined {
  const { maxTokens, overlap } = isObject(value) ? value : ({} as Fields);
  if (!isNumber(maxTokens, 8, 4096) || !Number.isInteger(maxTokens))
    return `'${at}maxTokens' must be 8 to 4096`;
  if (!isNumber(overlap, 0, maxTokens - 5) || !Number.isInteger(overlap)) {
    return `'${at}overlap' must be 0 to ${at}maxTokens - 5`;
  }
  return undefined;
}

function fileProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'must be an object';
  // A bare name: the model's files lie beside config.json and nowhere else.
  if (!isText(value.file) || !/^[\w.-]+$/.test(value.file)) return 'must name a file beside config.json';
  if (!isText(value.sha256) || !/^[0-9a-f]{64}$/.test(value.sha256)) return 'must have a sha256';
  return undefined;
}

function ecosystemProblem(config: Fields): string | undefined {
  for (const ecosystem of ['npm', 'pypi']) {
    const calibration = isObject(config.calibration) ? config.calibration[ecosystem] : undefined;
    if (!isObject(calibration)) return `'calibration.${ecosystem}' must be an object`;
    for (const key of ['scale', 'offset', 'perLogWindow']) {
      if (!isNumber(calibration[key], -1e6, 1e6)) return `'calibration.${ecosystem}.${key}' must be a number`;
    }
    if ((calibration.scale as number) <= 0) return `'calibration.${ecosystem}.scale' must be over 0`;
  }
  return undefined;
}
