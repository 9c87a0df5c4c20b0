/** behaviour sequence → score, with the bundled model. The one entry of this folder. */
import { unitTokens } from '../behavior/tokens.js';
import type { BehaviorSequence, Score } from '../types.js';
import { explain } from './explain.js';
import { packageLogOdds, sigmoid } from './score.js';
import { type Model, type ModelOptions, openModel } from './session.js';
import { cutWindows, type Window } from './tokenizer.js';

/** A window with the unit it was cut from and the model's answer. */
export interface ScoredWindow extends Window {
  readonly unit: number;
  readonly logOdds: number;
}

export interface Classifier {
  /** Score without evidence: one run a distinct window. */
  readonly score: (sequence: BehaviorSequence) => Promise<Score>;
  /** Score with the behaviours that carry it, ranked; costs at most ten times `score`. */
  readonly explain: (sequence: BehaviorSequence) => Promise<Score>;
  readonly model: Model;
}

/** Throws `KnownError` (exit 102) when the model cannot be loaded or is not the one it was released with. */
export async function openClassifier(options: ModelOptions = {}): Promise<Classifier> {
  const model = await openModel(options);
  const known = new KnownWindows(model);
  const finish = (windows: readonly ScoredWindow[], sequence: BehaviorSequence): Omit<Score, 'evidence'> => ({
    value: sigmoid(packageLogOdds(distinctLogOdds(windows), sequence.ecosystem, model.config)),
    threshold: model.config.threshold,
  });
  return {
    model,
    score: async (sequence) => ({
      ...finish(await scoreWindows(sequence, model, known), sequence),
      evidence: [],
    }),
    explain: async (sequence) => {
      const windows = await scoreWindows(sequence, model, known);
      return { ...finish(windows, sequence), evidence: await explain(sequence, windows, model) };
    },
  };
}

let shared: Promise<Classifier> | undefined;

/**
 * Score of one artifact, with evidence when it reaches the model's threshold or `explainFrom`. The model is loaded on the first
 * call and kept. Throws `KnownError` (exit 102) when it cannot be loaded or its hash is wrong.
 */
export async function classify(sequence: BehaviorSequence, explainFrom = 1): Promise<Score> {
  shared ??= openClassifier();
  const classifier = await shared;
  const score = await classifier.score(sequence);
  return score.value >= Math.min(score.threshold, explainFrom) ? classifier.explain(sequence) : score;
}

/**
 * Answers for windows already seen in this process: small packages of one author share whole units.
 * Bounded by number; which windows are kept cannot change a score, only its cost.
 */
class KnownWindows {
  private readonly answers = new Map<string, number>();
  constructor(private readonly model: Model) {}

  async logOdds(ids: readonly number[]): Promise<number> {
    const key = ids.join();
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = await this.model.run(ids);
    if (this.answers.size >= 20_000) this.answers.clear();
    this.answers.set(key, answer);
    return answer;
  }
}

async function scoreWindows(
  sequence: BehaviorSequence,
  model: Model,
  known: KnownWindows,
): Promise<ScoredWindow[]> {
  const scored: ScoredWindow[] = [];
  for (const [unit, { kind, phase, behaviors }] of sequence.units.entries()) {
    if (behaviors.length === 0) continue;
    const tokens = unitTokens({ kind, phase, behaviors });
    for (const window of cutWindows(tokens, model.vocabulary, model.config)) {
      scored.push({ ...window, unit, logOdds: await known.logOdds(window.ids) });
    }
  }
  return scored;
}

/** Log-odds of windows, equal windows counted once: copies of a file must not add up to an alarm. */
export function distinctLogOdds(windows: readonly Pick<ScoredWindow, 'ids' | 'logOdds'>[]): number[] {
  return [...new Map(windows.map((w) => [w.ids.join(), w.logOdds])).values()];
}
