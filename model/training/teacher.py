"""The teacher: gradient boosting on the bag of one window's tokens, which learns in seconds what a network of few samples learns badly.

Alone it knows neither order nor what stands beside what; but its answers on windows put together anew, as many as wanted, are what the network
is then taught with (train.py --teach). Windows, not packages: it cannot learn size.
"""
from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import Callable

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

import data, vocab

Window = tuple[int, ...]
NPM_WEIGHT = 1.8  # there are three PyPI campaigns to one of npm


def examples(packages: list[data.Package]) -> tuple[list[Window], np.ndarray, np.ndarray]:
    """Distinct windows, labels and weights: honest by the square root of their groups; of malicious packages those that stand in no honest
    one, a cluster's windows together about as much as another's."""
    honest: dict[Window, set[str]] = defaultdict(set)
    evil: dict[Window, set[str]] = defaultdict(set)
    for p in packages:
        for w in data.package_windows(p):
            (evil if p.label else honest)[w].add(p.group)
    own = {w: groups for w, groups in evil.items() if w not in honest}
    sizes = Counter(g for groups in own.values() for g in groups)
    rows = [*honest, *own]
    label = np.array([0] * len(honest) + [1] * len(own))
    weight = np.array([len(g) ** 0.5 for g in honest.values()]
                      + [sum(sizes[g] ** -0.6 * NPM_WEIGHT ** g.startswith("npm:") for g in groups) for groups in own.values()])
    weight[label == 1] *= weight[label == 0].sum() / weight[label == 1].sum() / 2
    return rows, label, weight


class Teacher:
    def __init__(self, rows: list[Window], label: np.ndarray, weight: np.ndarray, change: Callable[[Window, int], Window], seeds: int = 3):
        """`change` disguises a window of that label: each of `seeds` models sees the windows as they are and once changed."""
        self.size = len(vocab.load())
        self.models = []
        for seed in range(seeds):
            more = [change(w, int(y)) for w, y in zip(rows, label)]
            self.models.append(HistGradientBoostingClassifier(
                max_iter=200, learning_rate=0.08, max_leaf_nodes=24, l2_regularization=2, min_samples_leaf=10, random_state=seed, early_stopping=False,
            ).fit(self.bag(rows + more), np.concatenate([label, label]), sample_weight=np.concatenate([weight, 0.5 * weight])))

    def bag(self, rows: list[Window]) -> np.ndarray:
        """log(1 + count) of each token."""
        out = np.zeros((len(rows), self.size), dtype=np.float32)
        for line, row in zip(out, rows):
            np.add.at(line, list(row[1:]), 1)
        return np.log1p(out)

    def __call__(self, rows: list[Window]) -> np.ndarray:
        """Log-odds."""
        x = self.bag(rows)
        return np.mean([m.decision_function(x) for m in self.models], axis=0)
