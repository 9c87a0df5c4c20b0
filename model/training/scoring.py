"""Scores as the product gives them: onnxruntime on an int8 graph, one window a run; calibration and the config that holds it."""
from __future__ import annotations

import hashlib, json, math, time
from collections import defaultdict
from pathlib import Path

import numpy as np

import data, quantize, vocab

MODEL = vocab.MODEL
EMPTY = -20.0
THRESHOLD = 0.9
THRESHOLD_ODDS = math.log(THRESHOLD / (1 - THRESHOLD))
FOLDS = 5

Units = list[tuple[int, ...]]


class Scorer:
    """Window → log-odds, remembered: honest trees share windows."""

    def __init__(self, onnx: Path | bytes):
        self.run = quantize.session(onnx)
        self.known: dict[tuple[int, ...], float] = {}
        self.seconds = 0.0

    def window(self, w: tuple[int, ...]) -> float:
        z = self.known.get(w)
        if z is None:
            ids = np.array([data.closed(w)], dtype=np.int64)
            start = time.process_time()
            z = self.known[w] = float(self.run.run(None, {"ids": ids})[0][0])
            self.seconds += time.process_time() - start
        return z

    def package(self, units: Units) -> float:
        """The most suspicious place decides (lib/classifier/score.ts, top-k with k = 1): summing over windows, as training does,
        lets large honest packages add up to an alarm."""
        return max((z for u in units if len(u) > 2 for z in data.places(u, self.window)), default=EMPTY)


class OutOfFold:
    """A scorer a fold, each for the fold it never saw; folds without a network are left out."""

    def __init__(self, folder: Path):
        self.folds = {f: Scorer(folder / f"fold{f}.onnx") for f in range(FOLDS) if (folder / f"fold{f}.onnx").exists()}

    def judge(self, unit_lists: list[Units], folds: list[int]) -> np.ndarray:
        return np.array([self.folds[f].package(units) for units, f in zip(unit_lists, folds)])

    def packages(self, packages: list[data.Package]) -> np.ndarray:
        return self.judge([p.units for p in packages], [p.fold for p in packages])


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint() -> str:
    h = hashlib.sha256()
    for name in ("manifest.tsv.gz", "sequences.jsonl.gz"):
        h.update((MODEL / "data" / name).read_bytes())
    return h.hexdigest()[:16]


def calibrated(config: dict, ecosystem: str, odds: float | np.ndarray) -> float | np.ndarray:
    """Log-odds of the loudest window → score, as lib/classifier/score.ts."""
    c = config["calibration"][ecosystem]
    z = np.where(np.asarray(odds) == EMPTY, config["emptyLogOdds"], c["scale"] * np.asarray(odds) + c["offset"])
    return 1 / (1 + np.exp(-np.clip(z, -60, 60)))


def platt(odds: np.ndarray, packages: list[data.Package]) -> float:
    """Slope of Platt's calibration; a cluster or group weighs as one package, classes alike."""
    from sklearn.linear_model import LogisticRegression
    groups: dict[str, int] = defaultdict(int)
    for p in packages:
        groups[p.group] += 1
    label = np.array([p.label for p in packages])
    weight = np.array([1 / groups[p.group] for p in packages])
    weight[label == 1] *= weight[label == 0].sum() / max(weight[label == 1].sum(), 1e-9)
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


def config() -> dict:
    return json.loads((MODEL / "config.json").read_text())
