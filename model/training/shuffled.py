"""Sequence against the same behaviours shuffled: two networks of one recipe, judged on the fold neither has seen.

    python train.py --corpus DIR --hold 1 --pretrain-minutes 1 --minutes 4 --name ordered
    python train.py --corpus DIR --hold 1 --pretrain-minutes 1 --minutes 4 --name shuffled --shuffle
    python shuffled.py --corpus DIR --fold 1 ordered shuffled

Each is shown the fold as it is and shuffled (train.shuffle): recall per cluster at a rate of false alarms of each ecosystem.
"""
from __future__ import annotations

import argparse, copy, os
from pathlib import Path

import numpy as np
import torch

import controls, data, evaluate, train, vocab

RATES = (0.001, 0.01)


def judged(model: train.Bert, packages: list[data.Package]) -> np.ndarray:
    """Log-odds of each package's loudest window, as the product takes it."""
    windows = [data.package_windows(p, data.judged) for p in packages]
    rows = sorted({w for ws in windows for w in ws}, key=len)
    odds: dict[tuple[int, ...], float] = {}
    with torch.no_grad():
        for at in range(0, len(rows), 128):
            batch = rows[at:at + 128]
            odds.update(zip(batch, model(train.pad(batch)).tolist()))
    return np.array([max((odds[w] for w in ws), default=-20.0) for ws in windows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default=os.environ.get("SAFE_INSTALL_CORPUS"), type=Path)
    parser.add_argument("--fold", type=int, default=1, help="the fold neither network was trained on")
    parser.add_argument("names", nargs="+", help="checkpoints under DIR/ckpt")
    args = parser.parse_args()
    torch.set_num_threads(1)
    plain = [p for p in data.load() if p.split == "train" and p.mode == "whole" and p.fold == args.fold]
    mixed = copy.deepcopy(plain)
    train.shuffle(mixed, vocab.load())
    label, eco = np.array([p.label for p in plain]), np.array([p.ecosystem for p in plain])
    print("| network | shown | " + " | ".join(f"{e} at {r:.1%}" for e in evaluate.ECOSYSTEMS for r in RATES) + " |\n|---|---|" + "---|" * 4)
    for name in args.names:
        state = torch.load(args.corpus / "ckpt" / f"{name}.pt", weights_only=False)
        model = train.Bert(train.Shape(**state["shape"]))
        model.load_state_dict(state["model"])
        model.eval()
        for shown, packages in (("in order", plain), ("shuffled", mixed)):
            odds, cells = judged(model, packages), []
            for e in evaluate.ECOSYSTEMS:
                evil = [p for p, x in zip(packages, (eco == e) & (label == 1)) if x]
                for rate in RATES:
                    t = controls.threshold_at(odds[(eco == e) & (label == 0)], rate)
                    low, share, high, n = evaluate.cluster_interval(evil, odds[(eco == e) & (label == 1)] >= t)
                    cells.append(f"{share:.1%} [{low:.1%}, {high:.1%}] of {n}")
            print(f"| {name} | {shown} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
