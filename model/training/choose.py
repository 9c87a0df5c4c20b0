"""Set the thresholds from pooled out-of-fold scores, write model/config.json, model/test-vectors.json and data/out-of-fold.tsv.gz.

    python choose.py --version V [--oof DIR] [--npm-rate 0.0003] [--tree-rate 0.0001] [--pypi-rate 0.001] [--hard-rate 0.006] [--fresh-rate 0.001] [--bound 0.02]

DIR (model/data/folds) holds foldN.onnx (int8) for the folds there are, each trained without its fold and without the test set. The threshold of an ecosystem is
the least that lets at most that share of its ordinary honest out-of-fold packages alarm, of npm's at most `--tree-rate` of
those that stand in people's trees (neither drawn at random nor fetched because they are small and obscure), and at most `--hard-rate` of those fetched because their
honest work looks like an attack's (tags `hard-…`): these are many more here than in anybody's tree; at which the shipped model (model.onnx, a mean of
several networks and so less often loud) flags at most `--fresh-rate` of the calibration split, honest packages no network has seen; and no honest package of the
training part but those fetched as hard or because they are small and obscure. The test set takes no part in it, nor do malicious packages, so both stay measurements.
The scores are written down, so that evaluate.py needs neither those networks nor the corpus.
"""
from __future__ import annotations

import argparse, gzip, json, random
from pathlib import Path

import numpy as np

import controls, data, newcomer, scoring, vocab

SHARPEST = 1e-4  # log-odds put between the loudest honest package let pass and the threshold


def write_vectors(packages: list[data.Package], scorer: scoring.Scorer, config: dict) -> None:
    """model/test-vectors.json: units → windows → log-odds → score, by which the TypeScript side proves that it reads the same;
    and where in the file the weights lie, so that a test can put them in random order."""
    import onnx
    names = {i: t for t, i in vocab.load().items()}
    rng = random.Random(3)
    small = [p for p in packages if 0 < p.behaviors < 150 and p.mode == "whole"]

    def score(p: data.Package) -> float:
        return float(scoring.calibrated(config, p.ecosystem, scorer.package(p.units)))

    evil = rng.sample([p for p in small if p.label == 1], 200)
    chosen = rng.sample([p for p in small if p.label == 0], 14) + evil[:6]
    chosen += [p for p in evil[6:] if score(p) >= config["threshold"] + 0.005][:8]
    chosen += rng.sample([p for p in packages if 250 < p.behaviors < 500], 4)
    cases = []
    for p in chosen:
        units = [u for u in p.units if len(u) > 2]
        distinct = list(dict.fromkeys(w for u in units for w in data.judged(u)))
        cases.append({"ecosystem": p.ecosystem, "malicious": bool(p.label), "units": [" ".join(names[t] for t in u) for u in units],
                      "windows": [{"ids": list(data.closed(w)), "logOdds": scorer.window(w)} for w in distinct], "score": score(p)})
    content = (scoring.MODEL / "model.onnx").read_bytes()
    weights = []
    for tensor in onnx.load_from_string(content).graph.initializer:
        if len(tensor.raw_data) > 4096 and (tensor.data_type == onnx.TensorProto.INT8 or "bag" in tensor.name):
            weights.append([content.index(tensor.raw_data), len(tensor.raw_data), 1 if tensor.data_type == onnx.TensorProto.INT8 else 4])
    (scoring.MODEL / "test-vectors.json").write_text(json.dumps({"model": config["model"]["sha256"], "weights": weights, "cases": cases}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oof", type=Path, default=scoring.MODEL / "data" / "folds")
    parser.add_argument("--version", required=True)
    parser.add_argument("--npm-rate", type=float, default=0.0003)
    parser.add_argument("--tree-rate", type=float, default=0.0001)
    parser.add_argument("--pypi-rate", type=float, default=0.001)
    parser.add_argument("--hard-rate", type=float, default=0.006)
    parser.add_argument("--fresh-rate", type=float, default=0.001)
    parser.add_argument("--bound", type=float, default=0.02)
    args = parser.parse_args()
    judge = scoring.OutOfFold(args.oof)
    loaded = data.load(disguised=True)
    disguised = [p for p in loaded if p.mode.startswith("disguise:") and p.fold in judge.folds]
    everything = [p for p in loaded if not p.mode.startswith("disguise:")]
    packages = [p for p in everything if p.split == "train" and p.fold in judge.folds]
    whole = [p for p in packages if p.mode == "whole"]
    odds = judge.packages(whole)
    scorer = scoring.Scorer(scoring.MODEL / "model.onnx")
    shipped = np.array([scorer.package(p.units) if p.label == 0 else scoring.EMPTY for p in whole])
    fresh = [p for p in everything if p.split == "calibration" and p.mode == "whole"]
    unseen = np.array([scorer.package(p.units) for p in fresh])
    calibration = {}
    for ecosystem, rate in (("npm", args.npm_rate), ("pypi", args.pypi_rate)):
        here = np.array([p.ecosystem == ecosystem for p in whole])
        honest = here & np.array([p.label == 0 for p in whole])
        scale = round(scoring.platt(odds[here], [p for p, h in zip(whole, here) if h]), 6)
        hard = honest & np.array([any(t.startswith("hard-") for t in p.tags) for p in whole])
        obscure = np.array(["small-random" in p.tags or "small-family" in p.tags for p in whole])
        drawn = unseen[[p.ecosystem == ecosystem for p in fresh]]
        bounds = {"out of fold": controls.threshold_at(odds[honest & ~hard], rate), "hard": controls.threshold_at(odds[hard], args.hard_rate),
                  "fresh": controls.threshold_at(drawn, args.fresh_rate), "trained on": float(shipped[honest & ~hard & ~obscure].max())}
        if ecosystem == "npm":
            bounds["in trees"] = controls.threshold_at(odds[honest & ~hard & ~obscure], args.tree_rate)
        least = max(bounds.values()) + SHARPEST
        # one printed threshold for both ecosystems: the offset takes up where theirs lie
        calibration[ecosystem] = {"scale": scale, "offset": round(scoring.THRESHOLD_ODDS - scale * least, 6), "perLogWindow": 0}
        print(f"{ecosystem}: {honest.sum()} honest out of fold, {hard.sum()} of them hard; {len(drawn)} fresh; bounds { {k: round(v, 3) for k, v in bounds.items()} }; log-odds threshold {least:.3f}, slope {scale}")
    training = json.loads((scoring.MODEL / "data" / "training.json").read_text())
    config = {
        "format": 1, "version": args.version, "taxonomy": training["taxonomy"],
        "model": {"file": "model.onnx", "sha256": scoring.sha(scoring.MODEL / "model.onnx"), "inputs": {"ids": "ids"}, "output": "logit"},
        "vocabulary": {"file": "vocab.txt", "sha256": scoring.sha(scoring.MODEL / "vocab.txt")},
        "maxTokens": data.MAX_TOKENS, "overlap": data.OVERLAP, "short": {"maxTokens": data.SHORT_TOKENS, "overlap": data.SHORT_OVERLAP, "around": data.AROUND}, "aggregation": {"kind": "top-k", "k": 1}, "calibration": calibration,
        "emptyLogOdds": scoring.EMPTY, "threshold": scoring.THRESHOLD, "scoreBound": args.bound, "dataFingerprint": scoring.fingerprint(),
    }
    config["newcomer"] = newcomer.entry(config, whole, odds)
    (scoring.MODEL / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_vectors(everything, scorer, config)

    # what evaluate.py reads: a score a package, and the controls' scores by the same networks
    rows = [("package", p.ecosystem, p.sha256, f"{z:.4f}") for p, z in zip(whole, odds)]
    for ecosystem in ("npm", "pypi"):
        for name, (units, folds) in controls.cases(packages, ecosystem).items():
            rows += [(name, ecosystem, str(n), f"{z:.4f}") for n, z in enumerate(judge.judge(units, folds))]
    rows += [(p.mode, p.ecosystem, p.sha256, f"{z:.4f}") for p, z in zip(disguised, judge.packages(disguised))]
    with open(scoring.MODEL / "data" / "out-of-fold.tsv.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
        out.write("".join("\t".join(row) + "\n" for row in rows).encode())


if __name__ == "__main__":
    main()
