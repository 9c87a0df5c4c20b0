"""The teacher: gradient boosting on the bag of one window's tokens, which learns in seconds what a network of few samples learns badly.

Alone it knows neither order nor what stands beside what; but its answers on windows put together anew, as many as wanted, are what the network
is then taught with (train.py --teach). Windows, not packages: it cannot learn size.
"""
from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Callable

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import data, vocab

if TYPE_CHECKING:
    from train import Augment

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


def fit(x: np.ndarray, label: np.ndarray, weight: np.ndarray, seed: int, rounds: int = 200, rate: float = 0.08) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=rounds, learning_rate=rate, max_leaf_nodes=24, l2_regularization=2, min_samples_leaf=10, max_features=0.5,
                                          random_state=seed, early_stopping=False).fit(x, label, sample_weight=weight)


def together(window: Window, qualifiers: set[int]) -> set[tuple[int, ...]]:
    """What stands together in a window: each behaviour with all its qualifiers, with the unit, with each other behaviour and each qualifier of the window."""
    behaviors: list[list[int]] = []
    for token in window[3:]:
        if token in qualifiers and behaviors:
            behaviors[-1].append(token)
        else:
            behaviors.append([token])
    codes = sorted({b[0] for b in behaviors})
    beside = sorted({q for b in behaviors for q in b[1:]})
    out = {tuple(b) for b in behaviors if len(b) > 1}
    out.update((-1, window[1], c) for c in codes)
    out.update((-2, a, b) for i, a in enumerate(codes) for b in codes[i + 1:])
    out.update((-3, c, q) for c in codes for q in beside)
    out.update((-4, a, b) for i, a in enumerate(beside) for b in beside[i + 1:])
    return out


class Together:
    """The PAIRS features of `together` that a linear model weighs most, as columns beside the bag."""

    PAIRS = 600
    LEAST = 8  # windows a feature must stand in

    def __init__(self, rows: list[Window], label: np.ndarray, weight: np.ndarray, qualifiers: set[int]):
        self.qualifiers = qualifiers
        found = [together(w, qualifiers) for w in rows]
        support = Counter(f for fs in found for f in fs)
        self.place = {f: i for i, f in enumerate(f for f, n in support.items() if n >= self.LEAST)}
        x = self.columns(found)
        linear = LogisticRegression(C=0.03, solver="liblinear", max_iter=200).fit(x, label, sample_weight=weight / weight.mean())
        best = np.argsort(-np.abs(linear.coef_[0]) * np.sqrt(np.asarray(x.mean(0)).ravel()), kind="stable")[: self.PAIRS]
        names = list(self.place)
        self.place = {names[i]: n for n, i in enumerate(best)}

    def columns(self, found: list[set[tuple[int, ...]]]) -> csr_matrix:
        cells = [(row, self.place[f]) for row, fs in enumerate(found) for f in fs if f in self.place]
        rows, columns = zip(*cells) if cells else ((), ())
        return csr_matrix((np.ones(len(cells), dtype=np.float32), (rows, columns)), shape=(len(found), len(self.place)))

    def __call__(self, rows: list[Window]) -> np.ndarray:
        return self.columns([together(w, self.qualifiers) for w in rows]).toarray()


def sharpened(packages: list[data.Package], rows: list[Window], label: np.ndarray, weight: np.ndarray, change: Callable[[Window], Window]) -> np.ndarray:
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
        model = fit(bag(shown + [change(w) for w in shown]), np.tile(label[kept], 2), np.concatenate([weight[kept], 0.5 * weight[kept]]), 0, 120, 0.1)
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
    """Mean of boosting on bags and boosting on bags with what stands together: the first is right more often, the second has fewer loud errors."""

    def __init__(self, rows: list[Window], label: np.ndarray, weight: np.ndarray, augment: "Augment"):
        """Each model sees the windows as they are, disguised, and inside honest units; and twins of the malicious ones."""
        shown, labels, weights = list(rows), [label], [weight]

        def add(chosen: np.ndarray, change: Callable[[Window], Window], share: float) -> None:
            shown.extend(change(rows[i]) for i in chosen)
            labels.append(label[chosen])
            weights.append(share * weight[chosen])

        everything, evil = np.arange(len(rows)), np.flatnonzero(label)
        add(everything, augment.disguise, 0.5)
        add(everything, lambda w: augment.join(w, augment.host(), 0.2), 0.4)
        add(evil, augment.twin, 0.25)
        add(evil, lambda w: augment.disguise(augment.twin(w)), 0.25)
        label, weight = np.concatenate(labels), np.concatenate(weights)
        self.together = Together(shown, label, weight, augment.not_code)
        x, pairs = bag(shown), self.together(shown)
        self.plain = [fit(x, label, weight, seed) for seed in range(2)]
        self.paired = fit(np.hstack([x, pairs]), label, weight, 0)

    def __call__(self, rows: list[Window]) -> np.ndarray:
        """Log-odds."""
        x = bag(rows)
        both = np.hstack([x, self.together(rows)])
        plain = np.mean([m.decision_function(x) for m in self.plain], axis=0)
        return (plain + self.paired.decision_function(both)) / 2
