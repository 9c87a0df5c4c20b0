"""One command from committed data to every table of the model card.

    python evaluate.py [--out REPORT.md] [--cases FILE]

Scores are those of onnxruntime on model/model.onnx, one window a run; out of fold they are those choose.py wrote down, by
networks of the same recipe, each of which never saw the fold it judges. The thresholds come from the latter alone.
"""
from __future__ import annotations

import argparse, gzip, json, random
from collections import defaultdict
from pathlib import Path
from typing import Callable

import numpy as np

import controls, data, scoring, vocab
from scoring import MODEL

ECOSYSTEMS = ("npm", "pypi")
CURVE = (0.0, 0.0002, 0.001, 0.003, 0.01, 0.03)


def kinds(tags: list[str]) -> dict[str, Callable[[data.Package], bool]]:
    ids = vocab.load()
    disguised = {ids[t] for t in ("hide-long-line", "hide-entropy", "obfuscated-code", "hidden-string") if t in ids}
    out: dict[str, Callable[[data.Package], bool]] = {
        "npm": lambda p: p.ecosystem == "npm",
        "PyPI": lambda p: p.ecosystem == "pypi",
        "npm, under 20 kB of code": lambda p: p.ecosystem == "npm" and p.code_bytes < 20_000,
        "npm, acts on install": lambda p: p.ecosystem == "npm" and bool(controls.install_units(p, ids)),
        "wheels": lambda p: p.kind == "wheel",
        "sdists": lambda p: p.kind == "sdist",
        "sdists, under 20 kB of code": lambda p: p.kind == "sdist" and p.code_bytes < 20_000,
        "reads as hidden (long lines, entropy, obfuscation, hidden strings)": lambda p: any(t in disguised for u in p.units for t in u),
    }
    for e in ECOSYSTEMS:
        out[f"{e}, hard negatives, all"] = lambda p, e=e: p.ecosystem == e and any(t.startswith("hard-") for t in p.tags)
        for tag in tags:
            out[f"{e}, {tag}"] = lambda p, e=e, tag=tag: p.ecosystem == e and tag in p.tags
    return out


class Report:
    def __init__(self, config: dict):
        self.config, self.lines = config, []

    def say(self, text: str = "") -> None:
        print(text, flush=True)
        self.lines.append(text)

    def section(self, title: str, rows: list[data.Package], odds: np.ndarray) -> None:
        t = self.config["threshold"]
        score = np.array([float(scoring.calibrated(self.config, p.ecosystem, z)) for p, z in zip(rows, odds)])
        pick = {(e, label): np.array([p.ecosystem == e and p.label == label for p in rows], dtype=bool) for e in ECOSYSTEMS for label in (0, 1)}
        self.say(f"\n## {title}\n")
        self.say("| ecosystem | honest flagged | recall, packages | recall, clusters | the same without samples that do nothing | precision here | empty malicious |")
        self.say("|---|---|---|---|---|---|---|")
        for e in ECOSYSTEMS:
            h, m = pick[e, 0], pick[e, 1]
            evil = [p for p, x in zip(rows, m) if x]
            low, share, high, clusters = cluster_interval(evil, score[m] >= t)
            active = np.array(["no-payload" not in p.tags for p in evil], dtype=bool)
            acting = cluster_interval([p for p, x in zip(evil, active) if x], (score[m] >= t)[active])
            tp, fp = int((score[m] >= t).sum()), int((score[h] >= t).sum())
            self.say(f"| {e} | {controls.rate(score[h] >= t)} | {controls.rate(score[m] >= t)} | {share:.1%} [{low:.1%}, {high:.1%}] of {clusters} | "
                     f"{acting[1]:.1%} [{acting[0]:.1%}, {acting[2]:.1%}] of {acting[3]} | {tp / max(1, tp + fp):.1%} | {sum(not data.package_windows(p) for p in evil)} |")
        self.honest(rows, score)
        self.say("\n| recall per cluster at an honest rate of | " + " | ".join(f"{r:.2%}" for r in CURVE) + " |\n|---|" + "---|" * len(CURVE))
        for e in ECOSYSTEMS:
            h, m = pick[e, 0], pick[e, 1]
            if h.any() and m.any():
                evil = [p for p, x in zip(rows, m) if x]
                self.say(f"| {e} | " + " | ".join(f"{controls.per_cluster(evil, odds[m] >= controls.threshold_at(odds[h], r))[0]:.1%}" for r in CURVE) + " |")


    def newcomers(self, title: str, rows: list[data.Package], odds: np.ndarray) -> None:
        """Flagged with the prior for new names, all names taken for new, beside those flagged without it."""
        given = self.config["newcomer"]["logOdds"]
        score = np.array([float(scoring.calibrated(self.config, p.ecosystem, z)) for p, z in zip(rows, odds)])
        limit = np.array([1 / (1 + np.exp(given[p.ecosystem] - scoring.THRESHOLD_ODDS)) for p in rows])
        hard = np.array([any(t.startswith("hard-") for t in p.tags) for p in rows])
        picks = {"ordinary": lambda p: True, "popular": lambda p: "popular" in p.tags, "small-random": lambda p: "small-random" in p.tags}
        self.say(f"\n| {title} | score that blocks | recall, clusters | honest, ordinary | popular | small-random | hard negatives |\n|---|---|---|---|---|---|---|")
        for e in ECOSYSTEMS:
            here = np.array([p.ecosystem == e for p in rows])
            evil = here & np.array([p.label == 1 for p in rows])
            for name, flags in (("without", score >= self.config["threshold"]), ("with", score >= limit)):
                least = self.config["threshold"] if name == "without" else limit[here][0]
                recall = "-"
                if evil.any():
                    low, share, high, clusters = cluster_interval([p for p, x in zip(rows, evil) if x], flags[evil])
                    recall = f"{share:.1%} [{low:.1%}, {high:.1%}] of {clusters}"
                cells = [controls.rate(flags[here & ~hard & np.array([not p.label and pick(p) for p in rows])]) for pick in picks.values()]
                self.say(f"| {e}, {name} | {least:.3f} | {recall} | {' | '.join(cells)} | {controls.rate(flags[here & hard])} |")

    def disguises(self, rows: list[data.Package], recorded: dict[tuple[str, str], dict[str, float]]) -> None:
        """Packages of the training part with their code disguised (disguised.mjs), by the network that saw neither them nor their like."""
        known = {p.sha256: p for p in rows}
        self.say("\n| disguised, out of fold | honest flagged | the same as they came | samples flagged | the same as they came | kept of those |\n|---|---|---|---|---|---|")

        def flags(kind: str, ecosystem: str, archives: list[str]) -> np.ndarray:
            return scoring.calibrated(self.config, ecosystem, np.array([recorded[kind, ecosystem][a] for a in archives])) >= self.config["threshold"]

        for kind, e in sorted(k for k in recorded if k[0].startswith("disguise:")):
            cells = []
            for label in (0, 1):
                archives = [a for a in recorded[kind, e] if a in known and known[a].label == label and "no-payload" not in known[a].tags]
                after, before = flags(kind, e, archives), flags("package", e, archives)
                cells += [controls.rate(after), controls.rate(before)]
            self.say(f"| {e}, {kind.removeprefix('disguise:')} | {' | '.join(cells)} | {controls.rate(after[before])} |")

    def honest(self, rows: list[data.Package], score: np.ndarray) -> None:
        self.say("\n| honest kind | flagged |\n|---|---|")
        for name, test in kinds(sorted({t for p in rows for t in p.tags})).items():
            flags = [v >= self.config["threshold"] for p, v in zip(rows, score) if not p.label and test(p)]
            if flags:
                self.say(f"| {name} | {controls.rate(flags)} |")


def cluster_interval(packages: list[data.Package], flags: np.ndarray, draws: int = 2000) -> tuple[float, float, float, int]:
    """Mean over clusters of the share caught, with a 95 % interval by drawing clusters anew."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for p, flag in zip(packages, flags):
        groups[p.group].append(bool(flag))
    share = np.array([np.mean(v) for v in groups.values()] or [0.0])
    means = share[np.random.default_rng(0).integers(0, len(share), (draws, len(share)))].mean(1)
    return float(np.quantile(means, 0.025)), float(share.mean()), float(np.quantile(means, 0.975)), len(groups)


def read_out_of_fold() -> dict[tuple[str, str], dict[str, float]]:
    """(kind of row, ecosystem) → archive or number → log-odds."""
    out: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    with gzip.open(MODEL / "data" / "out-of-fold.tsv.gz", "rt") as lines:
        for line in lines:
            kind, ecosystem, key, odds = line.rstrip("\n").split("\t")
            out[kind, ecosystem][key] = float(odds)
    return out


def shipped_controls(report: Report, packages: list[data.Package], scorer: scoring.Scorer) -> None:
    t, config = report.config["threshold"], report.config
    table: dict[str, dict[str, str]] = defaultdict(dict)
    wrong = [scoring.Scorer(scoring.permuted((MODEL / "model.onnx").read_bytes(), seed)) for seed in range(2)]
    for e in ECOSYSTEMS:
        def judge(units: list, by: scoring.Scorer = scorer) -> np.ndarray:
            return scoring.calibrated(config, e, np.array([by.package(u) for u in units])) if units else np.zeros(0)

        fresh = [p for p in packages if p.split in ("test", "later") and p.ecosystem == e]
        for name, (units, _) in controls.cases(fresh, e).items():
            table[name][e] = controls.rate(judge(units) >= t)
        evil = [p for p in fresh if p.label and p.mode == "whole"]
        known = {w for p in packages if p.label and p.split == "train" for w in data.package_windows(p)}
        far = [p for p in evil if data.package_windows(p) and not any(w in known for w in data.package_windows(p))]
        table["far: no window of it stands in training"][e] = controls.rate(judge([p.units for p in far]) >= t)
        small = [p for p in fresh if not p.label and p.mode == "whole" and p.code_bytes < 20_000]
        table["size-matched: honest, under 20 kB of code"][e] = controls.rate(judge([p.units for p in small]) >= t)
        quiet, count = [], 0
        for u in (u for p in fresh if not p.label for u in p.units if len(u) > 60):
            if count > 10_000:
                break
            if judge([[u]])[0] < t:
                quiet.append(u)
                count += len(u)
        table[f"diluted by {count:,} honest tokens" if e == "npm" else "diluted"][e] = controls.rate(judge([p.units + quiet for p in evil]) >= t)
        for seed, by in enumerate(wrong):
            table[f"permuted weights, seed {seed}: malicious flagged"][e] = controls.rate(judge([p.units for p in evil[:100]], by) >= t)
    for name, row in table.items():
        report.say(f"| {name} | {row.get('npm', '-')} | {row.get('pypi', '-')} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=MODEL / "data" / "evaluation.md")
    parser.add_argument("--cases", type=Path, help="list of misses and alarms, for reading")
    parser.add_argument("--windows", type=Path, help="write windows of 1,000 packages and their log-odds, for bound.mjs")
    args = parser.parse_args()
    config = scoring.config()
    report = Report(config)
    packages = data.load()
    whole = [p for p in packages if p.mode == "whole"]
    scorer = scoring.Scorer(MODEL / "model.onnx")
    report.say(f"Model {config['version']}, taxonomy {config['taxonomy']}, data {config['dataFingerprint']}, "
               f"{(MODEL / 'model.onnx').stat().st_size / 1e6:.2f} MB; threshold {config['threshold']} on calibrated scores")
    if config["dataFingerprint"] != scoring.fingerprint():
        report.say("NOTE: config.json was made from other data than what lies here\n")

    recorded = read_out_of_fold()
    judged = [p for p in whole if p.sha256 in recorded["package", p.ecosystem]]
    out_of_fold = np.array([recorded["package", p.ecosystem][p.sha256] for p in judged])
    report.section(f"Out of fold: each fold judged by a network that never saw it (folds {', '.join(map(str, sorted({p.fold for p in judged})))}); the thresholds were set on the honest part of this",
                   judged, out_of_fold)
    report.say("\n| control, out of fold | npm | PyPI |\n|---|---|---|")
    for name in [k for k, e in recorded if e == "npm" and k != "package" and not k.startswith("disguise:")]:
        cells = [controls.rate(scoring.calibrated(config, e, np.array(list(recorded[name, e].values()))) >= config["threshold"]) if recorded.get((name, e)) else "-"
                 for e in ECOSYSTEMS]
        report.say(f"| {name} | {cells[0]} | {cells[1]} |")

    report.disguises(whole, recorded)

    fresh = [p for p in whole if p.split == "calibration"]
    report.say("\n## Calibration: honest packages fetched after training, on which the shipped model's thresholds were set as well")
    fresh_odds = np.array([scorer.package(p.units) for p in fresh])
    report.honest(fresh, np.array([float(scoring.calibrated(config, p.ecosystem, z)) for p, z in zip(fresh, fresh_odds)]))

    test = [p for p in whole if p.split in ("test", "later")]
    test_odds = np.array([scorer.package(p.units) for p in test])
    report.section("Test set, seen by no network and no threshold: honest groups and npm clusters drawn before training, PyPI clusters first added 2024-08 or later; the shipped model",
                   test, test_odds)
    report.say("\n| control, test set, shipped model | npm | PyPI |\n|---|---|---|")
    shipped_controls(report, packages, scorer)

    if "newcomer" in config:
        days, rate = config["newcomer"]["days"], config["newcomer"]["honestRate"]
        report.say(f"\n## With the prior for new names\n\nAll packages taken for names their registry first had less than {days} days ago, malicious and honest; "
                   f"every table above is without it. It was chosen out of fold, so that {rate:.1%} of the ordinary honest would be flagged.")
        report.newcomers("out of fold", judged, out_of_fold)
        report.newcomers("calibration split, shipped model", fresh, fresh_odds)
        report.newcomers("test set, shipped model", test, test_odds)

    report.say(f"\n## Cost\n\n{len(scorer.known)} distinct windows scored, {1000 * scorer.seconds / max(1, len(scorer.known)):.2f} ms of processor time each (onnxruntime in Python).")
    honest = [p for p in whole if not p.label]
    counts = sorted(len(data.package_windows(p, data.judged)) for p in honest)
    report.say(f"Windows an honest package: median {counts[len(counts) // 2]}, 95 % {counts[int(len(counts) * 0.95)]}, most {counts[-1]}. "
               f"Unverified among honest packages: {controls.rate(p.unverified is not None for p in honest)}.")
    args.out.write_text("\n".join(report.lines) + "\n")
    card = MODEL / "MODEL_CARD.md"
    head, mark, _ = card.read_text().partition("<!-- evaluation: written by training/evaluate.py -->\n")
    card.write_text(head + mark + "\n# Evaluation\n\n" + "\n".join(report.lines).replace("\n## ", "\n## ") + "\n")
    if args.windows:
        drawn = random.Random(5).sample([p for p in whole if p.behaviors], 1000)
        distinct = dict.fromkeys(w for p in drawn for w in data.package_windows(p, data.judged))
        args.windows.write_text("".join(json.dumps({"ids": data.closed(w), "logOdds": scorer.window(w)}) + "\n" for w in distinct))
    if args.cases:
        write_cases(args.cases, config, judged + test, np.concatenate([out_of_fold, test_odds]), scorer)


def write_cases(path: Path, config: dict, rows: list[data.Package], odds: np.ndarray, scorer: scoring.Scorer) -> None:
    names = {i: t for t, i in vocab.load().items()}
    score = np.array([float(scoring.calibrated(config, p.ecosystem, z)) for p, z in zip(rows, odds)])
    out = []
    for flag, order in (("alarm", np.argsort(-score)), ("miss", np.argsort(score))):
        groups: set[str] = set()
        for i in order:
            p, over = rows[i], score[i] >= config["threshold"]
            if (flag == "alarm") != (not p.label) or p.group in groups or len(groups) >= 60 or (flag == "miss" and over):
                continue
            groups.add(p.group)
            worst = max((w for u in p.units if len(u) > 2 for w in data.judged(u)), key=scorer.window, default=())
            out.append(f"- {flag}{'' if over == (flag == 'alarm') else ' (under threshold)'} {score[i]:.4f} {p.ecosystem} {p.name} {p.kind} {p.sha256[:12]} {p.split} "
                       f"{p.code_bytes} B {len(p.units)} units: {' '.join(names[t] for t in worst[1:])[:500]}")
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
