"""The closed vocabulary: special tokens, unit kinds, phases, then codes and qualifiers in the order of lib/behavior/taxonomy.ts.

    python vocab.py        (needs a built dist/) writes model/vocab.txt, one token a line, line number = id
"""
from __future__ import annotations

import subprocess
from pathlib import Path

MODEL = Path(__file__).parent.parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
KINDS = "lifecycle gyp setup build-backend pth import bin remainder fallback".split()
PHASES = "install import runtime".split()
PAD, UNK, CLS, SEP, MASK = range(5)


def build() -> list[str]:
    code = ("const t = await import('./dist/lib/behavior/taxonomy.js');"
            "console.log([...t.TAXONOMY.map(r => r.code), ...Object.keys(t.QUALIFIERS)].join('\\n'))")
    run = subprocess.run(["node", "--input-type=module", "-e", code], cwd=MODEL.parent, capture_output=True, text=True, check=True)
    return SPECIAL + [f"unit:{k}" for k in KINDS] + [f"phase:{p}" for p in PHASES] + run.stdout.split()


def load(path: Path = MODEL / "vocab.txt") -> dict[str, int]:
    return {token: i for i, token in enumerate(path.read_text().split("\n")[:-1])}


if __name__ == "__main__":
    tokens = build()
    assert len(set(tokens)) == len(tokens), "a token stands twice"
    (MODEL / "vocab.txt").write_text("\n".join(tokens) + "\n")
    print(len(tokens), "tokens")
