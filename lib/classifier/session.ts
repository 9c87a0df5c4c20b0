/**
 * The ONNX session. One window a run, never padded: dynamic quantisation scales activations over the
 * whole batch, so in a batch a package's score would depend on what is scanned beside it.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { KnownError } from '../errors.js';
import { loadModelConfig, MODEL_FOLDER, type ModelConfig, readModelFile } from './config.js';
import { withoutTelemetry } from './telemetry.js';
import { parseVocabulary, type Vocabulary } from './tokenizer.js';

export interface Model {
  readonly config: ModelConfig;
  readonly vocabulary: Vocabulary;
  /** Log-odds of one window of token ids, before calibration. */
  readonly run: (ids: readonly number[]) => Promise<number>;
  readonly close: () => Promise<void>;
}

export interface ModelOptions {
  /** Folder of config.json and the files it names. */
  readonly folder?: string;
  /** Threads one inference may use; 1 unless told, as windows are short and packages many. */
  readonly threads?: number;
}

/** Loads and checks the model. Throws `KnownError` (exit 102) when it is missing, changed or unloadable. */
export async function openModel({ folder = MODEL_FOLDER, threads = 1 }: ModelOptions = {}): Promise<Model> {
  const config = loadModelConfig(folder);
  const vocabulary = parseVocabulary(readModelFile(folder, config.vocabulary).toString('utf8'));
  const bytes = readModelFile(folder, config.model);
  const { ort, session } = await createSession(bytes, threads);
  const { inputs, output } = config.model;
  for (const [kind, known, wanted] of [
    ['input', session.inputNames, [inputs.ids, ...(inputs.mask === undefined ? [] : [inputs.mask])]],
    ['output', session.outputNames, [output]],
  ] as const) {
    for (const name of wanted) {
      if (!known.includes(name)) {
        throw new KnownError('model-graph', `the model has no ${kind} '${name}': reinstall safe-install`);
      }
    }
  }
  const run = async (ids: readonly number[]): Promise<number> => {
    const shape = [1, ids.length];
    const feeds: Record<string, Tensor> = {
      [inputs.ids]: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
    };
    if (inputs.mask !== undefined) {
      feeds[inputs.mask] = new ort.Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape);
    }
    const value = (await session.run(feeds))[output]?.data[0];
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new KnownError('model-output', 'the model gave no number: reinstall safe-install');
    }
    return value;
  };
  return { config, vocabulary, run, close: () => session.release() };
}

async function createSession(bytes: Buffer, threads: number) {
  try {
    withoutTelemetry();
    const ort = await import('onnxruntime-node');
    const options: InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: 3,
    };
    return { ort, session: await ort.InferenceSession.create(bytes, options) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new KnownError(
      'model-load',
      `the model cannot be loaded (${why}): reinstall safe-install`,
      undefined,
      {
        cause,
      },
    );
  }
}
