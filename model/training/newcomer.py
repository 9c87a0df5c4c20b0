"""The prior for names that are new to their registry: `newcomer` in model/config.json, from committed scores alone.

    python newcomer.py [--days 30] [--rate 0.005]

Malicious packages are mostly installed within days of the first publication of their name; among the dependencies of an honest project such names
are rare. So a new name may be judged at a lower score at nearly no cost a tree. The log-odds of an ecosystem are the most at which
at most `rate` of its ordinary honest packages would alarm, out of fold, were all of them new. Neither malicious packages nor the test set take part.
choose.py writes the entry with every new model; this rewrites it alone.
"""
from __future__ import annotations

import argparse, json, math

import numpy as np

import controls, data, evaluate, scoring

DAYS, RATE = 30, 0.005


def log_odds(config: dict, ecosystem: str, odds: np.ndarray) -> np.ndarray:
    """Log-odds of the loudest window → calibrated log-odds, to which the prior is added."""
    c = config["calibration"][ecosystem]
    return np.where(odds == scoring.EMPTY, config["emptyLogOdds"], c["scale"] * odds + c["offset"])


def is_hard(p: data.Package) -> bool:
    return any(t.startswith("hard-") for t in p.tags)


def entry(config: dict, packages: list[data.Package], odds: np.ndarray, days: int = DAYS, rate: float = RATE) -> dict:
    """`packages` and `odds`: out of fold; only the ordinary honest among them count."""
    offsets = {}
    for ecosystem in ("npm", "pypi"):
        ordinary = np.array([p.ecosystem == ecosystem and not p.label and not is_hard(p) for p in packages])
        least = controls.threshold_at(log_odds(config, ecosystem, odds[ordinary]), rate)
        offsets[ecosystem] = max(0.0, math.floor(1000 * (scoring.THRESHOLD_ODDS - least)) / 1000)
    return {"days": days, "honestRate": rate, "logOdds": offsets}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--rate", type=float, default=RATE)
    args = parser.parse_args()
    recorded = evaluate.read_out_of_fold()
    packages = [p for p in data.load() if p.mode == "whole" and p.sha256 in recorded["package", p.ecosystem]]
    odds = np.array([recorded["package", p.ecosystem][p.sha256] for p in packages])
    config = scoring.config()
    config["newcomer"] = entry(config, packages, odds, args.days, args.rate)
    (scoring.MODEL / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    print(config["newcomer"])


if __name__ == "__main__":
    main()
