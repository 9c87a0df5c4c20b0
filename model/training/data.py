"""Packages as the model sees them: lists of units, a unit a list of token ids; and their windows.

`pack` turns the extractor's output into model/data/sequences.jsonl.gz, what is committed and what every later step reads:
    python data.py [--add] EXTRACTED.jsonl      # --add: archives that EXTRACTED does not name stay as they are there
"""
from __future__ import annotations

import gzip, json, sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import vocab

DATA = vocab.MODEL / "data"
MAX_TOKENS = 128  # a window; [CLS], the unit's two head tokens and [SEP] included
OVERLAP = 24      # body tokens that stand in two neighbouring windows
SHORT_TOKENS, SHORT_OVERLAP = 52, 16  # and of the short windows a longer unit is cut into besides, when it is judged
AROUND = 0.5      # weight of the long window around a short one


@dataclass
class Package:
    sha256: str
    ecosystem: str
    kind: str
    mode: str                       # `whole`; `bare`: manifest taken out; `raw`: a sample as collected; `disguise:NAME` (disguised.mjs)
    name: str
    label: int                      # 1 malicious
    group: str
    fold: int
    split: str
    code_bytes: int
    unverified: str | None
    ms: float
    units: list[tuple[int, ...]] = field(default_factory=list)
    tags: tuple[str, ...] = ()      # of honest packages: `hard-install`, …, `obfuscated`, `minified`, `small-random`, `small-family`; of malicious: `no-payload`

    @property
    def behaviors(self) -> int:
        return sum(len(u) - 2 for u in self.units)


def windows(unit: tuple[int, ...], size: int = MAX_TOKENS, overlap: int = OVERLAP) -> list[tuple[int, ...]]:
    """As lib/classifier/tokenizer.ts cuts them: [CLS], the unit's head (kind, phase), body tokens in overlapping steps, [SEP].
    The [SEP] is left to `closed`, so that training can still change the body."""
    head, body = (vocab.CLS, *unit[:2]), unit[2:]
    room = size - len(head) - 1
    out, start = [], 0
    while True:
        out.append(head + body[start:start + room])
        if start + room >= len(body):
            return out
        start += room - overlap


def judged(unit: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All windows that the product looks at, of a unit with a body. Training sees the long ones only, shortened and put together anew."""
    long = windows(unit)
    return long + windows(unit, SHORT_TOKENS, SHORT_OVERLAP) if len(unit) - 2 > SHORT_TOKENS - 4 else long


def places(unit: tuple[int, ...], odds: Callable[[tuple[int, ...]], float]) -> list[float]:
    """Log-odds of the places of a unit with a body, as lib/classifier/score.ts (`placesOf`): of each short window, weighed with the long one that
    holds most of it, of several the loudest; of a unit cut into long ones only, theirs."""
    body = len(unit) - 2
    far = [odds(w) for w in windows(unit)]
    if body <= SHORT_TOKENS - 4:
        return far

    def spans(count: int, size: int, overlap: int) -> list[tuple[int, int]]:
        return [(start, min(start + size - 4, body)) for start in range(0, count * (size - 4 - overlap), size - 4 - overlap)]

    held = spans(len(far), MAX_TOKENS, OVERLAP)
    near = [odds(w) for w in windows(unit, SHORT_TOKENS, SHORT_OVERLAP)]
    out = []
    for z, (start, end) in zip(near, spans(len(near), SHORT_TOKENS, SHORT_OVERLAP)):
        _, around = max((min(end, b) - max(start, a), y) for (a, b), y in zip(held, far))
        out.append((1 - AROUND) * z + AROUND * around)
    return out


def closed(window: tuple[int, ...]) -> tuple[int, ...]:
    return (*window, vocab.SEP)


def package_windows(package: Package, cut: Callable[[tuple[int, ...]], list[tuple[int, ...]]] = windows) -> list[tuple[int, ...]]:
    """Distinct windows in order: the same window twice says nothing new. A unit without behaviours has none."""
    return list(dict.fromkeys(w for unit in package.units if len(unit) > 2 for w in cut(unit)))


def manifest() -> dict[str, dict[str, str]]:
    with gzip.open(DATA / "manifest.tsv.gz", "rt") as lines:
        columns = next(lines).rstrip("\n").split("\t")
        rows = (dict(zip(columns, line.rstrip("\n").split("\t"))) for line in lines)
        return {row["sha256"]: row for row in rows}


def without_payload() -> set[str]:
    """Samples that were read and found to do nothing (empty, commented out, cut off), or whose label is in doubt: not trained on, but counted."""
    return {line.split("\t")[0] for line in (DATA / "no-payload.tsv").read_text().splitlines()[1:]}


def families() -> set[tuple[str, str, str]]:
    """(ecosystem, name, version) of the small, obscure packages taken from families of plugins (data/*-small.txt): tag `small-family`."""
    return {(ecosystem, *line.rsplit(mark, 1)) for ecosystem, mark in (("npm", "@"), ("pypi", "=="))
            for line in (DATA / f"{ecosystem}-small.txt").read_text().split()}


def stored() -> tuple[list[str], list[list]]:
    """model/data/sequences.jsonl.gz: the text of the distinct units, and a row an archive whose last item names its units by number."""
    with gzip.open(DATA / "sequences.jsonl.gz", "rt") as lines:
        count = json.loads(next(lines))["units"]
        return [next(lines).rstrip("\n") for _ in range(count)], [json.loads(line) for line in lines]


def pack(extracted: Path, add: bool) -> None:
    """Units are stored once and named by number: honest trees share many."""
    packages = []
    skipped = 0
    if add:
        texts, rows = stored()
        packages = [[*row[:-1], [texts[n] for n in row[-1]]] for row in rows]
    for line in extracted.read_text().splitlines():
        try:
            item = json.loads(line)
        except ValueError:
            continue
        if "error" in item:
            skipped += 1
            packages.append([item["sha256"], item["mode"], "", 0, 0, "scan-failed", []])
            continue
        units = [u["tokens"] for u in item["units"]]
        packages.append([item["sha256"], item["mode"], item["kind"], item["stats"]["codeBytes"], item["ms"], item["unverified"], units])
    packages = list({(p[0], p[1]): p for p in packages}.values())
    packages.sort(key=lambda p: (p[0], p[1]))
    numbers: dict[str, int] = {}
    packages = [[*p[:-1], [numbers.setdefault(text, len(numbers)) for text in p[-1]]] for p in packages]
    with open(DATA / "sequences.jsonl.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
        out.write((json.dumps({"units": len(numbers)}) + "\n").encode())
        for text in numbers:
            out.write((text + "\n").encode())
        for p in packages:
            out.write((json.dumps(p, separators=(",", ":")) + "\n").encode())
    print(f"{len(packages)} archives, {skipped} failed, {len(numbers)} distinct units, "
          f"{(DATA / 'sequences.jsonl.gz').stat().st_size / 1e6:.1f} MB")


def load(disguised: bool = False) -> list[Package]:
    """All archives of the manifest that were read; `disguised`: those of the training part once more with their code disguised."""
    ids = vocab.load()
    rows = manifest()
    idle, small = without_payload(), families()
    out = []
    texts, archives = stored()
    units = [tuple(ids.get(t, vocab.UNK) for t in text.split()) for text in texts]
    for sha, mode, kind, code_bytes, ms, unverified, numbers in archives:
        row = rows.get(sha)
        if row is None or row["use"] != "1" or (mode.startswith("disguise:") and not disguised):
            continue
        tags = ["no-payload"] if sha in idle else [t for t in row.get("tags", "").split(",") if t]
        if row["label"] == "honest" and (row["ecosystem"], row["name"], row["version"]) in small:
            tags.append("small-family")
        out.append(Package(sha, row["ecosystem"], kind, mode, row["name"], int(row["label"] == "malicious"), row["group"],
                           int(row["fold"]), row["split"], code_bytes, unverified, ms, [units[n] for n in numbers], tuple(tags)))
    return out


if __name__ == "__main__":
    pack(Path(sys.argv[-1]), add="--add" in sys.argv)
