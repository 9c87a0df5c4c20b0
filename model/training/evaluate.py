"""One command from committed data to every table of the model card.

    python evaluate.py [--cache FILE] [--out REPORT.md] [--choose] [--oof DIR]

Scores are those of onnxruntime on model/model.onnx, one window a run. `--choose` sets the threshold in model/config.json: from the
pooled out-of-fold scores of DIR/foldN.onnx when given (each fold scored by the model that never saw it), else from the fold
that the shipped model did not train on (`heldFold` of training.json), and from the honest part of the test set. Malicious packages take no part in
that choice, so recall is measured on unseen campaigns; the honest rates are those the threshold was set to, not a second measurement.
"""
from __future__ import annotations

import argparse, hashlib, json, math, random, time
from collections import defaultdict
from pathlib import Path

import numpy as np

import controls, data, quantize, vocab

MODEL = vocab.MODEL


class Scorer:
    """Window → log-odds, remembered: honest trees share windows."""

    def __init__(self, onnx: Path | bytes, permute: bool = False):
        self.run = quantize.session(onnx)
        self.known: dict[tuple[int, ...], float] = {}
        self.seconds = 0.0

    def window(self, w: tuple[int, ...]) -> float:
        z = self.known.get(w)
        if z is None:
            ids = np.array([data.closed(w)], dtype=np.int64)
            start = time.perf_counter()
            z = self.known[w] = float(self.run.run(None, {"ids": ids})[0][0])
            self.seconds += time.perf_counter() - start
        return z

    def package(self, units: list[tuple[int, ...]]) -> float:
        """The most suspicious window decides (lib/classifier/score.ts, top-k with k = 1): summing over windows, as training does,
        lets large honest packages add up to an alarm."""
        return max((self.window(w) for u in units if len(u) > 2 for w in data.windows(u)), default=EMPTY)


EMPTY = -20.0
THRESHOLD = 0.9
THRESHOLD_ODDS = math.log(THRESHOLD / (1 - THRESHOLD))
BOUND = 0.02


def fingerprint() -> str:
    h = hashlib.sha256()
    for name in ("manifest.tsv.gz", "sequences.jsonl.gz"):
        h.update((MODEL / "data" / name).read_bytes())
    return h.hexdigest()[:16]


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def platt(odds: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """Slope of Platt's calibration, clusters and groups weighted as one package each, classes alike."""
    from sklearn.linear_model import LogisticRegression
    fit = LogisticRegression(C=1.0).fit(odds[:, None], label, sample_weight=weight)
    return max(float(fit.coef_[0, 0]), 0.05)


def permuted(onnx_bytes: bytes, seed: int) -> bytes:
    """The same graph with every weight tensor's values in random order."""
    import onnx
    from onnx import numpy_helper
    model, rng = onnx.load_from_string(onnx_bytes), np.random.default_rng(seed)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.size > 64 and values.dtype in (np.float32, np.int8):
            tensor.CopyFrom(numpy_helper.from_array(rng.permutation(values.ravel()).reshape(values.shape), tensor.name))
    return model.SerializeToString()


def write_vectors(packages: list[data.Package], scorer: Scorer, config: dict) -> None:
    """model/test-vectors.json: units → windows → log-odds → score, by which the TypeScript side proves that it reads the same;
    and where in the file the weights lie, so that a test can put them in random order."""
    import onnx
    names = {i: t for t, i in vocab.load().items()}
    rng = random.Random(3)
    small = [p for p in packages if 0 < p.behaviors < 150 and p.mode == "whole"]

    def calibrated(p: data.Package) -> float:
        c = config["calibration"][p.ecosystem]
        return 1 / (1 + math.exp(-(c["scale"] * scorer.package(p.units) + c["offset"])))

    evil = rng.sample([p for p in small if p.label == 1], 200)
    chosen = rng.sample([p for p in small if p.label == 0], 14) + evil[:6]
    chosen += [p for p in evil[6:] if calibrated(p) >= THRESHOLD + 0.005][:8]
    chosen += rng.sample([p for p in packages if 250 < p.behaviors < 500], 4)
    cases = []
    for p in chosen:
        units = [u for u in p.units if len(u) > 2]
        distinct = list(dict.fromkeys(w for u in units for w in data.windows(u)))
        cases.append({"ecosystem": p.ecosystem, "malicious": bool(p.label), "units": [" ".join(names[t] for t in u) for u in units],
                      "windows": [{"ids": list(data.closed(w)), "logOdds": scorer.window(w)} for w in distinct],
                      "score": calibrated(p)})
    content = (MODEL / "model.onnx").read_bytes()
    weights = []
    for tensor in onnx.load_from_string(content).graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.raw_data) > 4096:
            weights.append([content.index(tensor.raw_data), len(tensor.raw_data)])
    (MODEL / "test-vectors.json").write_text(json.dumps({"model": config["model"]["sha256"], "weights": weights, "cases": cases}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=MODEL / "data" / "evaluation.md")
    parser.add_argument("--choose", action="store_true", help="set calibration and threshold in config.json")
    parser.add_argument("--version", default="1")
    parser.add_argument("--rate", type=float, default=0.001, help="honest packages that may alarm, for --choose")
    parser.add_argument("--oof", type=Path, help="folder of fold0.onnx … fold4.onnx")
    parser.add_argument("--cases", type=Path, help="list of misses and alarms, for reading")
    args = parser.parse_args()
    lines: list[str] = []

    def say(text: str = "") -> None:
        print(text, flush=True)
        lines.append(text)

    held = json.loads((MODEL / "data" / "training.json").read_text())["heldFold"]
    packages = data.load()
    scorer = Scorer(MODEL / "model.onnx")
    whole = [p for p in packages if p.mode == "whole"]

    # who is judged by which model: never by one that has seen its group
    folds: dict[int, Scorer] = {}
    if args.oof:
        folds = {f: Scorer(args.oof / f"fold{f}.onnx") for f in range(5) if (args.oof / f"fold{f}.onnx").exists()}
    unseen = [p for p in whole if p.split == "train" and (p.fold in folds or (not args.oof and p.fold == held))]
    odds = np.array([folds.get(p.fold, scorer).package(p.units) for p in unseen])
    label = np.array([p.label for p in unseen])
    eco = np.array([p.ecosystem for p in unseen])

    config_path = MODEL / "config.json"
    if args.choose:
        groups: dict[str, int] = defaultdict(int)
        for p in unseen:
            groups[p.group] += 1
        calibration = {}
        # every honest package no network was trained on, of the test set too: too few are held out to spare some for a second count
        spare = {e: np.array([scorer.package(p.units) for p in whole if p.split == "test" and not p.label and p.ecosystem == e]) for e in ("npm", "pypi")}
        for ecosystem in ("npm", "pypi"):
            here = eco == ecosystem
            w = np.array([1 / groups[p.group] for p in unseen])[here]
            y = label[here]
            w[y == 1] *= w[y == 0].sum() / max(w[y == 1].sum(), 1e-9)
            scale = platt(odds[here], y, w)
            # one threshold for both ecosystems: the offset takes up where theirs lie
            least = controls.threshold_at(np.concatenate([odds[here & (label == 0)], spare[ecosystem]]), args.rate) + 1e-4
            calibration[ecosystem] = {"scale": round(scale, 6), "offset": round(THRESHOLD_ODDS - round(scale, 6) * least, 6), "perLogWindow": 0}
        config = {
            "format": 1, "version": args.version, "taxonomy": json.loads((MODEL / "data" / "training.json").read_text())["taxonomy"],
            "model": {"file": "model.onnx", "sha256": sha(MODEL / "model.onnx"), "inputs": {"ids": "ids"}, "output": "logit"},
            "vocabulary": {"file": "vocab.txt", "sha256": sha(MODEL / "vocab.txt")},
            "maxTokens": data.MAX_TOKENS, "overlap": data.OVERLAP, "aggregation": {"kind": "top-k", "k": 1}, "calibration": calibration,
            "emptyLogOdds": EMPTY, "threshold": THRESHOLD, "scoreBound": BOUND, "dataFingerprint": fingerprint(),
        }
        config_path.write_text(json.dumps(config, indent=2) + "\n")
        write_vectors(packages, scorer, config)
    config = json.loads(config_path.read_text())
    if config["dataFingerprint"] != fingerprint():
        say("NOTE: config.json was made from other data than what lies here\n")

    threshold = config["threshold"]

    def value(ecosystem: str, odds: np.ndarray | float):
        c = config["calibration"][ecosystem]
        return 1 / (1 + np.exp(-np.clip(c["scale"] * odds + c["offset"], -60, 60)))

    def scores(rows: list[data.Package], by: Scorer | None = None) -> np.ndarray:
        return np.array([value(p.ecosystem, (by or scorer).package(p.units)) for p in rows])

    say(f"Model {config['version']}, taxonomy {config['taxonomy']}, data {config['dataFingerprint']}, "
        f"{(MODEL / 'model.onnx').stat().st_size / 1e6:.2f} MB; threshold {threshold}")

    def section(title: str, rows: list[data.Package], s: np.ndarray) -> None:
        say(f"\n## {title}\n")
        say("| ecosystem | honest flagged | recall, packages | recall, clusters (mean) | precision | empty malicious |")
        say("|---|---|---|---|---|---|")
        for ecosystem in ("npm", "pypi"):
            t = threshold
            h = np.array([p.ecosystem == ecosystem and not p.label for p in rows], dtype=bool)
            m = np.array([p.ecosystem == ecosystem and bool(p.label) for p in rows], dtype=bool)
            evil = [p for p, x in zip(rows, m) if x]
            recall, clusters = controls.per_cluster(evil, s[m] >= t)
            tp, fp = int((s[m] >= t).sum()), int((s[h] >= t).sum())
            say(f"| {ecosystem} | {controls.rate(s[h] >= t)} | {controls.rate(s[m] >= t)} | {recall:.1%} of {clusters} | "
                f"{tp / max(1, tp + fp):.1%} | {sum(not data.package_windows(p) for p in evil)} |")
        say("\n| honest kind | flagged |\n|---|---|")
        kinds = {"npm": lambda p: p.ecosystem == "npm", "npm, under 20 kB of code": lambda p: p.ecosystem == "npm" and p.code_bytes < 20_000,
                 "wheels": lambda p: p.kind == "wheel", "sdists": lambda p: p.kind == "sdist",
                 "sdists, under 20 kB of code": lambda p: p.kind == "sdist" and p.code_bytes < 20_000}
        for tag in sorted({t for p in rows for t in p.tags}):
            kinds[tag] = lambda p, tag=tag: tag in p.tags
        for name, test in kinds.items():
            pick = np.array([not p.label and test(p) for p in rows], dtype=bool)
            say(f"| {name} | {controls.rate(v >= threshold for p, v, k in zip(rows, s, pick) if k)} |")
        say("\n| recall per cluster at an honest rate of | " + " | ".join(f"{r:.2%}" for r in (0.0, 0.001, 0.003, 0.01)) + " |\n|---|---|---|---|---|")
        for ecosystem in ("npm", "pypi"):
            h = np.array([p.ecosystem == ecosystem and not p.label for p in rows], dtype=bool)
            m = np.array([p.ecosystem == ecosystem and bool(p.label) for p in rows], dtype=bool)
            if h.any() and m.any():
                evil = [p for p, x in zip(rows, m) if x]
                say(f"| {ecosystem} | " + " | ".join(
                    f"{controls.per_cluster(evil, s[m] >= controls.threshold_at(s[h], r))[0]:.1%}" for r in (0.0, 0.001, 0.003, 0.01)) + " |")

    title = "Out of fold (five models, each judging the fold it never saw)" if folds else f"Fold {held}, not trained on (the threshold was set on the honest part of this fold and of the test set)"
    out_of_fold = np.array([value(p.ecosystem, o) for p, o in zip(unseen, odds)])
    section(title, unseen, out_of_fold)
    test = [p for p in whole if p.split in ("test", "later")]
    test_scores = scores(test)
    section("Test set: honest groups and npm clusters held out of everything, PyPI clusters first seen 2024-08 or later; the shipped model", test, test_scores)

    say("\n## Controls, at the shipped threshold\n\n| control | npm | PyPI |\n|---|---|---|")
    table: dict[str, dict[str, str]] = defaultdict(dict)
    for ecosystem in ("npm", "pypi"):
        t = threshold
        pool = [p for p in packages if p.split in ("test", "later") or (folds and p.fold in folds) or (not folds and p.fold == held)]

        def judge(units: list, fold_list: list[int]) -> np.ndarray:
            return np.array([value(ecosystem, o) for o in (scorer.package(u) for u in units)])
        # hosts and donors that the shipped model has not seen
        fresh = [p for p in packages if p.split in ("test", "later") or p.fold == held]
        for name, (units, fold_list) in controls.cases(fresh, ecosystem).items():
            table[name][ecosystem] = controls.rate(judge(units, fold_list) >= t)
        train_windows = {w for p in whole if p.label and p.split == "train" and p.fold != held for w in data.package_windows(p)}
        far = [p for p in fresh if p.label and p.ecosystem == ecosystem and p.mode == "whole" and data.package_windows(p)
               and not any(w in train_windows for w in data.package_windows(p))]
        table["far: no window of it stands in training"][ecosystem] = controls.rate(scores(far) >= t) if far else "-"
        evil = [p for p in fresh if p.label and p.ecosystem == ecosystem and p.mode == "whole"]
        thick = [u for p in fresh if not p.label and p.ecosystem == ecosystem for u in p.units if len(u) > 60][:200]
        big, count = [], 0
        for u in thick:
            if scorer.package([u]) < -4:
                big.append(u)
                count += len(u)
            if count > 10_000:
                break
        table["diluted by 10,000 honest tokens"][ecosystem] = controls.rate(judge([p.units + big for p in evil], []) >= t) if evil else "-"
        for seed in range(2):
            wrong = Scorer(permuted((MODEL / "model.onnx").read_bytes(), seed))
            rows = [p for p in evil[:100]]
            table[f"permuted weights, seed {seed}: malicious flagged"][ecosystem] = controls.rate(scores(rows, wrong) >= t)
    for name, row in table.items():
        say(f"| {name} | {row.get('npm', '-')} | {row.get('pypi', '-')} |")

    seen = [p for p in whole if not p.label and p.split == "train" and p.fold != held]
    say(f"\nHonest packages that were trained on (no measure of unseen ones): {controls.rate(v >= threshold for v in scores(seen))}.")
    say(f"\n## Cost\n\n{len(scorer.known)} distinct windows scored, {1000 * scorer.seconds / max(1, len(scorer.known)):.2f} ms each on one thread (onnxruntime in Python).")
    honest = [p for p in whole if not p.label]
    counts = sorted(len(data.package_windows(p)) for p in honest)
    say(f"Windows an honest package: median {counts[len(counts) // 2]}, 95 % {counts[int(len(counts) * 0.95)]}, most {counts[-1]}. "
        f"Unverified among honest packages: {controls.rate(p.unverified is not None for p in honest)}.")
    args.out.write_text("\n".join(lines) + "\n")
    card = MODEL / "MODEL_CARD.md"
    head, mark, _ = card.read_text().partition("<!-- evaluation: written by training/evaluate.py -->\n")
    card.write_text(head + mark + "\n# Evaluation\n\n" + "\n".join(lines) + "\n")

    if args.cases:
        names = {i: t for t, i in vocab.load().items()}
        out = []
        rows, s = unseen + test, np.concatenate([out_of_fold, test_scores])
        for flag, order in (("alarm", np.argsort(-s)), ("miss", np.argsort(s))):
            groups = set()
            for i in order:
                p = rows[i]
                over = s[i] >= threshold
                if (flag == "alarm") != (not p.label) or p.group in groups or len(groups) >= 60 or (flag == "miss" and over):
                    continue
                groups.add(p.group)
                worst = max((u for u in p.units if len(u) > 2), key=lambda u: scorer.package([u]), default=())
                out.append(f"- {flag}{'' if over == (flag == 'alarm') else ' (under threshold)'} {s[i]:.4f} {p.ecosystem} {p.name} {p.kind} {p.sha256[:12]} {p.split} "
                           f"{p.code_bytes} B {len(p.units)} units: {' '.join(names[t] for t in worst)[:500]}")
        args.cases.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
