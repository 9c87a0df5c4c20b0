"""The controls every result must pass, as functions of any scorer: `judge(unit lists, folds) -> scores`."""
from __future__ import annotations

import random
from collections import defaultdict
from typing import Callable, Iterable

import numpy as np
from scipy.stats import beta

import data, vocab

Judge = Callable[[list[list[tuple[int, ...]]], list[int]], np.ndarray]
HONEST = ("stub", "graft", "honest inside", "bare", "payload taken out again")  # controls that must not be flagged
# What an attack cannot do without, and most honest install and import units do not do: behaviours by which a unit counts as acting.
ACTS = """http-request http-send download-file open-socket websocket dns-query send-mail file-transfer listen run-shell run-program run-interpreter
run-own-file run-build-tool run-package-manager pipe-to-shell evaluate evaluate-decoded evaluate-downloaded write-file write-executable make-executable
copy-file run-downloaded connect-shell persist-startup delete-file delete-tree read-env-all read-env-secret read-registry-token""".split()
INSTALL_KINDS = ("lifecycle", "gyp", "setup", "build-backend", "pth")


def interval(hits: int, n: int) -> tuple[float, float]:
    """95 % Clopper-Pearson."""
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(0.975, hits + 1, n - hits))
    return low, high


def rate(flags: Iterable[bool]) -> str:
    flags = list(flags)
    if not flags:
        return "-"
    hits = int(sum(flags))
    low, high = interval(hits, len(flags))
    return f"{hits}/{len(flags)} = {hits / len(flags):.2%} [{low:.2%}, {high:.2%}]"


def per_cluster(packages: list[data.Package], flags: np.ndarray) -> tuple[float, int]:
    """Mean over clusters of the share caught."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for p, flag in zip(packages, flags):
        groups[p.group].append(bool(flag))
    return (float(np.mean([np.mean(v) for v in groups.values()])) if groups else 0.0), len(groups)


def threshold_at(score: np.ndarray, rate: float) -> float:
    """Least threshold that lets at most `rate` of these honest scores alarm (score >= threshold)."""
    ordered = np.sort(score)[::-1]
    allowed = int(np.floor(rate * len(ordered)))
    return float(np.nextafter(ordered[allowed], np.inf)) if allowed < len(ordered) else 0.0


def install_units(p: data.Package, ids: dict[str, int]) -> list[tuple[int, ...]]:
    wanted = {ids[f"unit:{k}"] for k in INSTALL_KINDS}
    return [u for u in p.units if u[0] in wanted and len(u) > 2]


def payload_units(p: data.Package, ids: dict[str, int]) -> list[tuple[int, ...]]:
    """Install units, or where there are none the import units: what is transplanted."""
    found = install_units(p, ids)
    if found:
        return found
    return [u for u in p.units if u[0] in (ids["unit:import"], ids["unit:fallback"]) and len(u) > 2]


def cases(packages: list[data.Package], ecosystem: str, seed: int = 7, limit: int = 400) -> dict[str, tuple[list, list]]:
    """Unit lists and folds of each control. Donor and host share a fold, so that no scorer has seen either."""
    ids, rng = vocab.load(), random.Random(seed)
    here = [p for p in packages if p.ecosystem == ecosystem and p.mode == "whole"]
    honest = [p for p in here if p.label == 0]
    hosts: dict[int, list[data.Package]] = defaultdict(list)
    for p in honest:
        if p.behaviors > 20:
            hosts[p.fold].append(p)

    def one_a_group(rows: list[data.Package]) -> list[data.Package]:
        rows = rows[:]
        rng.shuffle(rows)
        return list({p.group: p for p in rows}.values())[:limit]

    def inside(payload: list, host: data.Package) -> list:
        """The payload's behaviours in the middle of the host's longest unit."""
        units = sorted(host.units, key=len)
        target, rest = units[-1], units[:-1]
        middle = 2 + (len(target) - 2) // 2
        body = tuple(t for u in payload for t in u[2:])
        return rest + [target[:middle] + body + target[middle:]]

    donors = one_a_group([p for p in honest if install_units(p, ids) and hosts[p.fold]])
    evil = one_a_group([p for p in here if p.label and payload_units(p, ids) and hosts[p.fold]])
    out: dict[str, list] = {name: [] for name in ("stub", "graft", "honest inside", "bare", "undisguised", "transplant", "transplant, what is moved acts", "inside", "payload taken out again")}
    acts = {ids[code] for code in ACTS}
    for p in donors:
        host = rng.choice(hosts[p.fold])
        out["stub"].append((install_units(p, ids), p.fold))
        out["graft"].append((install_units(p, ids) + host.units, p.fold))
        out["honest inside"].append((inside(install_units(p, ids), host), p.fold))
    for p in evil:
        host, payload = rng.choice(hosts[p.fold]), payload_units(p, ids)
        out["undisguised"].append((p.units, p.fold))
        out["transplant"].append((payload + host.units, p.fold))
        if any(acts.intersection(u[2:]) for u in payload):
            out["transplant, what is moved acts"].append(out["transplant"][-1])
        out["inside"].append((inside(payload, host), p.fold))
        out["payload taken out again"].append((host.units, p.fold))
    out["bare"] = [(p.units, p.fold) for p in packages if p.ecosystem == ecosystem and p.label == 0 and p.mode == "bare"]
    return {name: ([c[0] for c in rows], [c[1] for c in rows]) for name, rows in out.items()}


def table(packages: list[data.Package], score: np.ndarray, judge: Judge, with_controls: bool, everything: list[data.Package] | None = None,
          rates: tuple[float, ...] = (0.01, 0.001)) -> list[str]:
    out = []
    label = np.array([p.label for p in packages])
    for ecosystem in ("npm", "pypi"):
        here = np.array([p.ecosystem == ecosystem for p in packages])
        if not (here & (label == 0)).any():
            continue
        honest, evil = here & (label == 0), here & (label == 1)
        caught = cases(everything or packages, ecosystem) if with_controls else {}
        judged = {name: judge(units, folds) if units else np.zeros(0) for name, (units, folds) in caught.items()}
        for target in rates:
            t = threshold_at(score[honest], target)
            rows = [p for p, e in zip(packages, evil) if e]
            recall, clusters = per_cluster(rows, score[evil] >= t)
            out.append(f"{ecosystem} at {target:.1%} false alarms (threshold {t:.4f}, {honest.sum()} honest): recall {np.mean(score[evil] >= t):.1%} "
                       f"of {evil.sum()} packages, {recall:.1%} of {clusters} clusters")
            small = honest & np.array([p.code_bytes < 20_000 for p in packages])
            out.append(f"  size-matched (< 20 kB) alarms {rate(score[small] >= t)}")
            if ecosystem == "pypi":
                for kind in ("wheel", "sdist"):
                    out.append(f"  {kind} alarms {rate(score[honest & np.array([p.kind == kind for p in packages])] >= t)}")
            for name, scores in judged.items():
                out.append(f"  {name} {'flagged' if name in HONEST else 'caught'} {rate(scores >= t)}")
    return out
