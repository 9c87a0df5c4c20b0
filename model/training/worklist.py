"""Write the list extract.mjs reads: malicious first, then honest in an order drawn by hash, in which large archives come later.

    python worklist.py --corpus DIR --pypi-repo GIT --npm-repo GIT > LIST

One npm package in eight is read a second time without its package.json (`bare`), as a third of the npm samples come.
Large archives cost most of the time and are drawn later, so that training can start before extraction ends.
"""
from __future__ import annotations

import argparse, os
from collections import Counter
from pathlib import Path
from typing import Callable

import data
from manifest import digest

UNIT = 20_000  # compressed bytes that come at full rate; twice as large, half as often among the first
LATE = 1_500_000


def arguments(summary: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--corpus", default=os.environ.get("SAFE_INSTALL_CORPUS"), type=Path)
    parser.add_argument("--pypi-repo", type=Path, required=True)
    parser.add_argument("--npm-repo", type=Path, required=True)
    return parser.parse_args()


def columns(args: argparse.Namespace) -> Callable[[dict[str, str]], tuple[str, str, str, str]]:
    """What gives the first four columns of a line for a row of the manifest: hash, ecosystem, file name, source."""
    repo = {"pypi": args.pypi_repo, "npm": args.npm_repo}
    objects = {}
    for line in (args.corpus / "malicious.tsv").read_text().splitlines()[1:]:
        _, _, _, _, oid, _, sha = line.split("\t")
        objects[sha] = oid

    def of(row: dict[str, str]) -> tuple[str, str, str, str]:
        ecosystem, file, sha = row["ecosystem"], row["file"], row["sha256"]
        evil = row["label"] == "malicious"
        source = f"git:{repo[ecosystem]}:{objects[sha]}" if evil else f"file:{args.corpus / ecosystem / file}"
        return sha, ecosystem, file.rsplit("/", 1)[-1], source

    return of


def main() -> None:
    base_of = columns(arguments(__doc__.splitlines()[0]))
    rows, seen = [], Counter()
    for sha, row in data.manifest().items():
        if row["use"] != "1":
            continue
        evil = row["label"] == "malicious"
        base = base_of(row)
        order = digest("order " + sha) * max(1.0, int(row["size"]) / UNIT)
        if evil:  # the first two of a cluster with the first honest ones, the others after
            seen[row["group"]] += 1
            order *= 0.25 if seen[row["group"]] <= 2 else 1.0
        rows.append((order, (*base, "whole")))
        if row["ecosystem"] == "npm" and int(row["size"]) < LATE and (evil or digest("bare " + sha) % 8 == 0):
            rows.append((order, (*base, "raw" if evil else "bare")))
    for _, row in sorted(rows):
        print("\t".join(row))


if __name__ == "__main__":
    main()
