/** behaviour sequence → score, with the bundled model. The one entry of this folder. */
import { unitTokens } from '../behavior/tokens.js';
import type { BehaviorSequence, Score } from '../types.js';
import { explain } from './explain.js';
import { type Place, packageLogOdds, placesOf, sigmoid } from './score.js';
import { type Model, type ModelOptions, openModel } from './session.js';
import { cutWindows, type Window } from './tokenizer.js';

/** A window with the unit it was cut from and the model's answer. */
export interface ScoredWindow extends Window {
  readonly unit: number;
  readonly logOdds: number;
}

export type ScoredPlace = Place<ScoredWindow>;

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
  const finish = (places: readonly ScoredPlace[], sequence: BehaviorSequence): Omit<Score, 'evidence'> => ({
    value: sigmoid(packageLogOdds(distinctLogOdds(places), sequence.ecosystem, model.config)),
    threshold: model.config.threshold,
  });
  return {
    model,
    score: async (sequence) => ({
      ...finish(await scorePlaces(sequence, model, known), sequence),
      evidence: [],
    }),
    explain: async (sequence) => {
      const places = await scorePlaces(sequence, model, known);
      return { ...finish(places, sequence), evidence: await explain(sequence, places, model) };
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

async function scorePlaces(
  sequence: BehaviorSequence,
  model: Model,
  known: KnownWindows,
): Promise<ScoredPlace[]> {
  const places: ScoredPlace[] = [];
  for (const [unit, { kind, phase, behaviors }] of sequence.units.entries()) {
    if (behaviors.length === 0) continue;
    const tokens = unitTokens({ kind, phase, behaviors });
    const scored: ScoredWindow[] = [];
    for (const window of cutWindows(tokens, model.vocabulary, model.config)) {
      scored.push({ ...window, unit, logOdds: await known.logOdds(window.ids) });
    }
    places.push(...placesOf(scored, model.config.short?.around ?? 0));
  }
  return places;
}

/** Log-odds of places, equal ones counted once: copies of a file must not add up to an alarm. */
export function distinctLogOdds(places: readonly Place<Pick<Window, 'ids'>>[]): number[] {
  return [...new Map(places.map((p) => [p.windows.map((w) => w.ids.join()).join(' '), p.logOdds])).values()];
}
