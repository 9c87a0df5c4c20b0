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
SIZE = len(vocab.load())  # read once: the network asks the teacher at every step of its training
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


def bag(rows: list[Window]) -> np.ndarray:
    """log(1 + count) of each token."""
    out = np.zeros((len(rows), SIZE), dtype=np.float32)
    for line, row in zip(out, rows):
        np.add.at(line, list(row[1:]), 1)
    return np.log1p(out)


def fit(rows: list[Window], label: np.ndarray, weight: np.ndarray, seed: int, rounds: int = 200, rate: float = 0.08) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=rounds, learning_rate=rate, max_leaf_nodes=24, l2_regularization=2, min_samples_leaf=10,
                                          random_state=seed, early_stopping=False).fit(bag(rows), label, sample_weight=weight)


def sharpened(packages: list[data.Package], rows: list[Window], label: np.ndarray, weight: np.ndarray, change: Callable[[Window, int], Window]) -> np.ndarray:
    """Weights by which windows of a malicious package count as far as they are what is malicious in it: one step of expectation
    maximisation. Each half of the clusters is judged by boosting on the other half and all that is honest; of a package the
    loudest window keeps its weight, the others as much as they come near to it."""
    place = {w: i for i, w in enumerate(rows)}
    half = {g: n % 2 for n, g in enumerate(sorted({p.group for p in packages if p.label}))}
    bags = [(half[p.group], [place[w] for w in data.package_windows(p) if w in place and label[place[w]]]) for p in packages if p.label]
    members: list[set[int]] = [set(), set()]
    for h, found in bags:
        members[h].update(found)
    odds = np.full(len(rows), -20.0)
    for h in (0, 1):
        kept = [i for i in range(len(rows)) if not label[i] or i not in members[h]]
        shown = [rows[i] for i in kept]
        model = fit(shown + [change(w, 0) for w in shown], np.tile(label[kept], 2), np.concatenate([weight[kept], 0.5 * weight[kept]]), 0, 120, 0.1)
        asked = sorted(members[h])
        odds[asked] = model.decision_function(bag([rows[i] for i in asked]))
    share = np.zeros(len(rows))
    for _, found in bags:
        if found:
            spoken = 1 / (1 + np.exp(-(odds[found] + 1)))
            share[found] = np.maximum(share[found], spoken / spoken.max())
    out = weight.copy()
    out[label == 1] *= np.maximum(share[label == 1], 0.02)
    out[label == 1] *= out[label == 0].sum() / out[label == 1].sum() / 2
    return out


class Teacher:
    def __init__(self, rows: list[Window], label: np.ndarray, weight: np.ndarray, change: Callable[[Window, int], Window], seeds: int = 3):
        """`change` disguises a window of that label: each of `seeds` models sees the windows as they are and once changed."""
        self.models = [fit(rows + [change(w, int(y)) for w, y in zip(rows, label)], np.tile(label, 2), np.concatenate([weight, 0.5 * weight]), seed)
                       for seed in range(seeds)]

    def __call__(self, rows: list[Window]) -> np.ndarray:
        """Log-odds."""
        x = bag(rows)
        return np.mean([m.decision_function(x) for m in self.models], axis=0)
