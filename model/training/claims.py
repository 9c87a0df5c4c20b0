"""The paper's claims, re-examined out of fold with boosting on bags of behaviours (a bag has no order: shuffling is tried on the network).

    python claims.py [--honest 0.25] [--out REPORT.md]      (needs a built dist/ for the mapping to the paper's sixteen features)

Trained on one ecosystem or both, tested on each; the paper's sixteen features against the extended taxonomy. Recall per cluster, training
split only, each fold judged by a model that never saw it, whatever the ecosystem it was trained on. Of the honest packages the share given takes part, drawn by hash:
with all of them the six rows take about an hour.
"""
from __future__ import annotations

import argparse, json, subprocess
from pathlib import Path

import numpy as np

import controls, data, vocab
from manifest import digest
from train_baselines import Bags, models, weights

RATES = (0.001, 0.01)


def sixteen(ids: dict[str, int]) -> dict[int, int]:
    """Token → token of the paper's feature it counts as; qualifiers and what has no counterpart are left out."""
    code = "const t = await import('./dist/lib/behavior/taxonomy.js'); console.log(JSON.stringify(Object.fromEntries(t.TAXONOMY.map(r => [r.code, r.paper ?? null]))))"
    run = subprocess.run(["node", "--input-type=module", "-e", code], cwd=vocab.MODEL.parent, capture_output=True, text=True, check=True)
    return {ids[c]: ids[p] for c, p in json.loads(run.stdout).items() if p}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--honest", type=float, default=1.0, help="share of the honest packages that takes part")
    args = parser.parse_args()
    packages = [p for p in data.load() if p.mode == "whole" and p.split == "train" and (p.label or digest("claims " + p.sha256) % 1000 < 1000 * args.honest)]
    label, fold, w = np.array([p.label for p in packages]), np.array([p.fold for p in packages]), weights(packages)
    eco = np.array([p.ecosystem for p in packages])
    short = sixteen(vocab.load())
    features = {
        "extended taxonomy": [p.units for p in packages],
        "sixteen features": [[u[:2] + tuple(short[t] for t in u[2:] if t in short) for u in p.units] for p in packages],
    }
    lines = ["| features | trained on | " + " | ".join(f"{e} at {r:.1%}" for e in ("npm", "pypi") for r in RATES) + " |", "|---|---|" + "---|" * 4]
    print(*lines, sep="\n", flush=True)
    make = models()["boosting"][1]
    for name, units in features.items():
        x = Bags()(units)
        x = x[:, x.any(0)]
        for source in ("npm", "pypi", "both"):
            use = np.ones(len(packages), bool) if source == "both" else eco == source
            score = np.zeros(len(packages))
            for f in range(5):
                fitted = make().fit(x[use & (fold != f)], label[use & (fold != f)], sample_weight=w[use & (fold != f)])
                score[fold == f] = fitted.predict_proba(x[fold == f])[:, 1]
            cells = []
            for e in ("npm", "pypi"):
                evil = [p for p in packages if p.label and p.ecosystem == e]
                for rate in RATES:
                    t = controls.threshold_at(score[(eco == e) & (label == 0)], rate)
                    share, n = controls.per_cluster(evil, score[(eco == e) & (label == 1)] >= t)
                    cells.append(f"{share:.1%} of {n}")
            lines.append(f"| {name} | {source} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
