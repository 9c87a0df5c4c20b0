"""What a change of the readers does to sequences: lines of extract.mjs against the committed ones, samples above all.

    node model/training/extract.mjs LIST OUT.jsonl 2 && python model/training/differs.py OUT.jsonl

Prints every archive whose tokens or reason for `unverified` differ, with what is gone and what has come; exits with 1 when a sample has lost
half of its tokens or more. Honest archives alone do not show a loss: hardly one of them is packed.
"""
from __future__ import annotations

import json, sys
from collections import Counter
from pathlib import Path

import data


def main() -> None:
    texts, rows = data.stored()
    committed = {(row[0], row[1]): (row[5], [texts[n] for n in row[6]]) for row in rows}
    names = data.manifest()
    same = unknown = 0
    differ: Counter[str] = Counter()
    lost = []
    for line in Path(sys.argv[1]).read_text().splitlines():
        item = json.loads(line)
        key = item["sha256"], item["mode"]
        if key not in committed or "error" in item:
            unknown += 1
            continue
        reason, units = committed[key]
        now = [unit["tokens"] for unit in item["units"]]
        if now == units and item["unverified"] == reason:
            same += 1
            continue
        row = names[item["sha256"]]
        before, after = Counter(" ".join(units).split()), Counter(" ".join(now).split())
        differ[row["label"]] += 1
        if row["label"] == "malicious" and after.total() * 2 <= before.total():
            lost.append(row["file"])
        print(f"{row['label']} {row['ecosystem']} {row['file']} {item['mode']}: gone {dict(before - after)}, come {dict(after - before)}"
              + (f", unverified {reason} → {item['unverified']}" if reason != item["unverified"] else ""))
    print(f"{same} the same, {dict(differ)} differ, {unknown} not to be compared; samples that lost half: {lost or 'none'}")
    if lost:
        sys.exit(1)


if __name__ == "__main__":
    main()
