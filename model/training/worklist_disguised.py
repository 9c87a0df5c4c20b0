"""Write the list disguised.mjs reads: small training archives, honest and malicious, drawn by hash; fewer of a group than elsewhere.

    python worklist_disguised.py --corpus DIR --pypi-repo GIT --npm-repo GIT > LIST

Honest: HONEST an ecosystem, one a group, of under SIZE compressed bytes and with at most CODE bytes of code in which a behaviour shows; the first
half have a unit of the install or import phase that runs, fetches, sends, writes or deletes something, or reads a secret.
Malicious: all of npm, EVIL of PyPI, at most two a cluster there.
"""
from __future__ import annotations

from collections import Counter
from typing import Iterable

import data, vocab
from controls import ACTS
from manifest import digest
from worklist import arguments, columns

HONEST, EVIL, SIZE = 700, 600, 40_000
CODE = {"npm": 60_000, "pypi": 200_000}  # as disguised.mjs has it


def few(rows: Iterable[dict[str, str]], most: int, of_group: int, taken: Counter) -> list[dict[str, str]]:
    out = []
    for row in sorted(rows, key=lambda r: digest("disguise " + r["sha256"])):
        if len(out) < most and taken[row["group"]] < of_group:
            taken[row["group"]] += 1
            out.append(row)
    return out


def main() -> None:
    base_of = columns(arguments(__doc__.splitlines()[0]))
    ids = vocab.load()
    acts = {ids[code] for code in ACTS}
    early = {ids["phase:install"], ids["phase:import"]}
    manifest = data.manifest()
    shown = [p for p in data.load() if p.mode == "whole" and p.split == "train" and p.unverified is None and p.behaviors]
    acting = {p.sha256 for p in shown if any(u[1] in early and acts.intersection(u[2:]) for u in p.units)}
    rows: list[dict[str, str]] = []
    for ecosystem in ("npm", "pypi"):
        honest = [manifest[p.sha256] for p in shown if p.ecosystem == ecosystem and not p.label and p.code_bytes <= CODE[ecosystem]]
        honest = [row for row in honest if int(row["size"]) < SIZE]
        taken: Counter = Counter()
        first = few((row for row in honest if row["sha256"] in acting), HONEST // 2, 1, taken)
        rows += first + few(honest, HONEST - len(first), 1, taken)
        evil = [row for row in manifest.values() if (row["ecosystem"], row["label"], row["split"], row["use"]) == (ecosystem, "malicious", "train", "1")]
        rows += evil if ecosystem == "npm" else few(evil, EVIL, 2, Counter())
    for row in sorted(rows, key=lambda r: digest("order " + r["sha256"])):
        print("\t".join((*base_of(row), "whole")))


if __name__ == "__main__":
    main()
