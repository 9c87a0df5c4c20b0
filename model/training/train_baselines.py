"""The cheap models first: linear and gradient boosting on bags of behaviours, out of fold, with every control.

    python train_baselines.py [--out REPORT.md]

Also prints the collision floor (malicious packages all of whose windows stand in honest ones too: a missing behaviour)
and a model of length and phase alone, which must be poor.
"""
from __future__ import annotations

import argparse, random
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import controls, data, vocab


def weights(packages: list[data.Package]) -> np.ndarray:
    """Clusters and honest groups count about as one package."""
    sizes: dict[str, int] = defaultdict(int)
    for p in packages:
        sizes[p.group] += 1
    w = np.array([sizes[p.group] ** (-0.75 if p.label else -0.5) for p in packages])
    y = np.array([p.label for p in packages])
    w[y == 1] *= w[y == 0].sum() / max(w[y == 1].sum(), 1e-9) / 4
    return w


class Bags:
    """log(1 + count) of each token in each phase."""

    def __init__(self) -> None:
        self.ids = vocab.load()
        self.phase = {self.ids[f"phase:{p}"]: n for n, p in enumerate(vocab.PHASES)}

    def __call__(self, unit_lists: list[list[tuple[int, ...]]]) -> np.ndarray:
        size = len(self.ids)
        out = np.zeros((len(unit_lists), 3 * size), dtype=np.float32)
        for row, units in zip(out, unit_lists):
            for unit in units:
                at = self.phase.get(unit[1], 2) * size
                for t in unit[2:]:
                    row[at + t] += 1
        return np.log1p(out)


def length_only(unit_lists: list[list[tuple[int, ...]]]) -> np.ndarray:
    ids = vocab.load()
    out = []
    for units in unit_lists:
        n = [sum(len(u) - 2 for u in units if u[1] == ids[f"phase:{p}"]) for p in vocab.PHASES]
        out.append([len(units), sum(n), *n])
    return np.log1p(np.array(out, dtype=np.float32))


def models() -> dict:
    return {
        "linear": (Bags(), lambda: LogisticRegression(C=0.3, max_iter=300)),
        "boosting": (Bags(), lambda: HistGradientBoostingClassifier(max_iter=150, learning_rate=0.1, max_leaf_nodes=31, l2_regularization=1.0)),
        "length only": (length_only, lambda: HistGradientBoostingClassifier(max_iter=60)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--misses", type=int, default=30)
    args = parser.parse_args()
    everything = data.load()
    packages = [p for p in everything if p.mode == "whole" and p.split == "train"]
    lines = []

    def say(text: str = "") -> None:
        print(text, flush=True)
        lines.append(text)

    honest_windows = {w for p in packages if p.label == 0 for w in data.package_windows(p)}
    for ecosystem in ("npm", "pypi"):
        mal = [p for p in packages if p.label and p.ecosystem == ecosystem]
        empty = [p for p in mal if not data.package_windows(p)]
        collide = [p for p in mal if data.package_windows(p) and all(w in honest_windows for w in data.package_windows(p))]
        clusters = {p.group for p in mal}
        floor = clusters - {p.group for p in mal if p not in empty and p not in collide}
        say(f"{ecosystem}: {len(mal)} malicious in {len(clusters)} clusters: {len(empty)} empty, {len(collide)} collide; "
            f"clusters with nothing of their own {len(floor)} ({len(floor) / max(1, len(clusters)):.1%})")

    for name, (features, make) in models().items():
        x = features([p.units for p in packages])
        y, fold, w = np.array([p.label for p in packages]), np.array([p.fold for p in packages]), weights(packages)
        score = np.zeros(len(packages))
        fitted = {}
        for f in range(5):
            fitted[f] = make().fit(x[fold != f], y[fold != f], sample_weight=w[fold != f])
            score[fold == f] = fitted[f].predict_proba(x[fold == f])[:, 1]

        def judge(unit_lists, folds):
            xs, out = features(unit_lists), np.zeros(len(unit_lists))
            folds = np.array(folds)
            for f in range(5):
                if (folds == f).any():
                    out[folds == f] = fitted[f].predict_proba(xs[folds == f])[:, 1]
            return out

        say(f"\n## {name}")
        for line in controls.table(packages, score, judge, name != "length only", [p for p in everything if p.split == "train"]):
            say(line)
        if name == "boosting":
            say("\n### misses (lowest scores of clusters) and alarms (highest honest)")
            tokens = {i: t for t, i in vocab.load().items()}
            for label, order in ((1, np.argsort(score)), (0, np.argsort(-score))):
                shown, groups = 0, set()
                for i in order:
                    p = packages[i]
                    if p.label != label or p.group in groups or shown >= args.misses:
                        continue
                    groups.add(p.group)
                    shown += 1
                    text = " | ".join(" ".join(tokens[t] for t in u) for u in p.units[:3])
                    say(f"- {'miss' if label else 'alarm'} {score[i]:.3f} {p.ecosystem} {p.name} {p.kind} {p.sha256[:10]} {p.code_bytes} B, {len(p.units)} units: {text[:420]}")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
