"""Train the product's model: a compact BERT over behaviour windows, as multiple-instance learning.

    python train.py --corpus DIR [--minutes 20] [--pretrain-minutes 4] [--hold 4] [--name final]

A window (data.windows) gets a logit z; a package's windows combine by noisy-or: P = 1 - exp(-sum softplus(z)). So every window
of an honest package is a negative by itself, and of a malicious one at least one window must speak. A window never sees the
size of its package: a payload weighs the same alone and inside a large library.
Stops after so many minutes of processor time (a busy machine trains no worse, only longer), checkpoints every minute under DIR/ckpt/NAME.pt, and goes on from there when started again.
"""
from __future__ import annotations

import argparse, copy, math, os, random, time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import data, vocab


SUMMED = 1 / 32  # brings the sum over a window to the size of its greatest value


@dataclass
class Shape:
    vocabulary: int
    layers: int = 4
    width: int = 128
    heads: int = 4
    inner: int = 512
    tokens: int = data.MAX_TOKENS
    dropout: float = 0.1
    pool: bool = False  # the head also sees, of every dimension, its greatest value over the window (one loud place is not drowned) and its sum (how often)
    wide: int = 0  # and a layer of this width over how often each token stands in the window (wide & deep, Cheng et al. 2016): what is there is learnt fast, its order takes long


class Block(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.heads = s.heads
        self.norm1, self.norm2 = nn.LayerNorm(s.width), nn.LayerNorm(s.width)
        self.qkv, self.out = nn.Linear(s.width, 3 * s.width), nn.Linear(s.width, s.width)
        self.up, self.down = nn.Linear(s.width, s.inner), nn.Linear(s.inner, s.width)
        self.drop = nn.Dropout(s.dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        b, n, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(y.transpose(1, 2).reshape(b, n, w))
        return x + self.drop(self.down(F.gelu(self.up(self.norm2(x)))))


class Bert(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.shape = s
        self.tokens, self.positions = nn.Embedding(s.vocabulary, s.width), nn.Embedding(s.tokens, s.width)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.layers))
        self.norm = nn.LayerNorm(s.width)
        if s.wide:
            self.bag = nn.ModuleList([nn.Linear(s.vocabulary, s.wide), nn.Linear(s.wide, s.wide // 2)])
        self.head = nn.Linear((3 * s.width if s.pool else s.width) + s.wide // 2, 1)
        self.drop = nn.Dropout(s.dropout)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
                if isinstance(module, nn.Linear):
                    nn.init.zeros_(module.bias)
        nn.init.constant_(self.head.bias, -3.0)  # most windows are honest

    def encode(self, ids: torch.Tensor) -> torch.Tensor:
        keep = (ids != vocab.PAD)[:, None, None, :]
        x = self.drop(self.tokens(ids) + self.positions.weight[: ids.shape[1]])
        for block in self.blocks:
            x = block(x, keep)
        return self.norm(x)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """ids [batch, tokens] → logits [batch]."""
        x = self.encode(ids)
        first = x[:, 0]
        if self.shape.pool:
            gone = (ids == vocab.PAD)[:, :, None]
            first = torch.cat([first, x.masked_fill(gone, -1e4).amax(1), x.masked_fill(gone, 0).sum(1) * SUMMED], -1)
        if self.shape.wide:
            counts = torch.zeros(len(ids), self.shape.vocabulary).scatter_add_(1, ids, (ids != vocab.PAD).float())
            first = torch.cat([first, self.counted(counts)], -1)
        return self.head(first).squeeze(-1)

    def counted(self, counts: torch.Tensor) -> torch.Tensor:
        """The wide part: how often each token stands in a window [batch, vocabulary] → [batch, wide / 2]."""
        y = torch.log1p(counts)
        for layer in self.bag:
            y = F.gelu(layer(y))
        return y

    def masked(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits over the vocabulary at every place, embedding weights tied."""
        return self.encode(ids) @ self.tokens.weight.T


def pad(rows: list[tuple[int, ...]]) -> torch.Tensor:
    longest = max(map(len, rows)) + 1
    return torch.tensor([data.closed(row) + (vocab.PAD,) * (longest - 1 - len(row)) for row in rows])


def log_not(z: torch.Tensor) -> torch.Tensor:
    """-log(1 - sigmoid(z)): what a window adds to the package."""
    return F.softplus(z)


def judge(model: Bert, rows: list[tuple[int, ...]], parts: int = 3) -> torch.Tensor:
    """Logits of rows in their order; like lengths go through together, as augmentation makes a few of them long."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    cells, total = [], sum(len(r) for r in rows) / parts
    taken, part = 0, []
    for i in order:
        part.append(i)
        taken += len(rows[i])
        if taken >= total:
            cells.append(part)
            taken, part = 0, []
    if part:
        cells.append(part)
    z = torch.cat([model(pad([rows[i] for i in cell])) for cell in cells])
    back = torch.empty(len(rows), dtype=torch.long)
    back[[i for cell in cells for i in cell]] = torch.arange(len(rows))
    return z[back]


# ---- augmentation: on windows, so that it costs nothing ----------------------------------------------------------------

# What one campaign has in another's place: where the loot goes, what it is, where the code stands.
SUSPECT = "to:ip to:catcher to:tunnel to:webhook to:paste to:onion to:dynamic-dns to:shortener".split()
LOOT = "carries:env carries:host carries:credentials carries:browser carries:wallet carries:file carries:output".split()
# What a hook's behaviours begin with where it runs code: a file of the package, or the text itself (`node -e`).
STARTERS = ("run-own-file", "run-interpreter")
PLACES = (("lifecycle", "install"), ("setup", "install"), ("import", "import"), ("fallback", "import"), ("bin", "import"), ("remainder", "runtime"))

class Augment:
    def __init__(self, ids: dict[str, int], hosts: list[tuple[int, ...]], splice: float, rng: random.Random):
        self.hosts, self.splice, self.rng = hosts, splice, rng
        self.kinds = [i for t, i in ids.items() if t.startswith("unit:")]
        self.phases = [i for t, i in ids.items() if t.startswith("phase:")]
        qualifiers = [i for t, i in ids.items() if ":" in t and not t.startswith(("unit:", "phase:"))]
        self.suspect = [ids[t] for t in SUSPECT if t in ids]
        self.loot = [ids[t] for t in LOOT if t in ids]
        self.places = [(ids[f"unit:{kind}"], ids[f"phase:{phase}"]) for kind, phase in PLACES if f"unit:{kind}" in ids]
        self.starters = [ids[t] for t in STARTERS if t in ids]
        self.hook = ids.get("unit:lifecycle")
        self.not_code = set(qualifiers) | {ids[t] for t in "hidden assembled detached quiet shell sudo powershell encoded in-try if-platform".split() if t in ids}

    def cut_points(self, window: tuple[int, ...]) -> list[int]:
        """Places where a behaviour begins (its qualifiers stay with it)."""
        return [i for i in range(3, len(window)) if window[i] not in self.not_code] + [len(window)]

    def head(self, window: tuple[int, ...]) -> tuple[int, ...]:
        """Now and then the unit is told wrong (a missing manifest, code moved to another entry), or not at all."""
        luck = self.rng.random()
        if luck < 0.12:
            return (window[0], *self.started((self.rng.choice(self.kinds), self.rng.choice(self.phases)), window))
        if luck < 0.2:
            return (window[0], vocab.MASK, vocab.MASK, *window[3:])
        if window[1] == self.hook and luck < 0.6:
            return (window[0], *self.started(window[1:3], window))
        return window

    def started(self, head: tuple[int, ...], window: tuple[int, ...]) -> tuple[int, ...]:
        """The window's behaviours under another head. A hook runs the code as a file of the package or as a text of its own, which is one
        behaviour more, and most often the only difference; a hook that is no more than a few commands of a shell stays without."""
        body = window[3:]
        if body and body[0] in self.starters:
            body = body[1:]
        elif window[1] == self.hook:
            return (*head, *body)
        return (*head, *((self.rng.choice(self.starters), *body) if head[0] == self.hook else body)[: data.MAX_TOKENS - 4])

    def thin(self, window: tuple[int, ...], share: float = 0.06, least: int = 12) -> tuple[int, ...]:
        """Leaves out a few behaviours."""
        if len(window) < least or (share == 0.06 and self.rng.random() > 0.2):
            return window
        points = self.cut_points(window)
        body = []
        for a, b in zip(points, points[1:]):
            if self.rng.random() > share:
                body += window[a:b]
        return window[:3] + tuple(body)

    def stretch(self, body: tuple[int, ...], room: int) -> tuple[int, ...]:
        """At most `room` tokens of a body, beginning where a behaviour begins."""
        if len(body) <= room:
            return body
        points = [i for i in range(len(body) - room + 1) if body[i] not in self.not_code] or [0]
        at = self.rng.choice(points)
        return body[at:at + room]

    def join(self, window: tuple[int, ...], host: tuple[int, ...], scatter: float = 0.35) -> tuple[int, ...]:
        """The window's behaviours put into a stretch of a host unit of an honest package, where behaviours begin: in one piece, or
        (with probability `scatter`) in order but in up to four pieces with host behaviours between them. How much of the host
        stands around them is drawn evenly, from a few tokens to all there is room for."""
        body, room = window[3:], data.MAX_TOKENS - 4
        if len(body) > room - 8:
            body = self.stretch(body, self.rng.randint(max(1, room // 2), room - 8))
        space = room - len(body)
        around = self.stretch(host[2:], self.rng.randint(min(8, space), space))
        places = self.points(around)
        pieces = [body]
        if self.rng.random() < scatter and len(body) > 6:
            inner = self.points(body)[1:-1]
            cuts = sorted(self.rng.sample(inner, min(len(inner), self.rng.randint(1, 3))))
            pieces = [body[i:j] for i, j in zip([0, *cuts], [*cuts, len(body)])]
        # pieces of one payload stand near each other
        first = self.rng.randrange(len(places))
        at = sorted(places[min(len(places) - 1, first + self.rng.randint(0, 6) * (n > 0))] for n in range(len(pieces)))
        out, last = [], 0
        for piece, place in zip(pieces, at):
            out += around[last:place] + piece
            last = place
        head = (vocab.CLS, *host[:2]) if self.rng.random() < 0.7 else window[:3]
        return head + tuple(out) + around[last:]

    def host(self) -> tuple[int, ...]:
        return self.rng.choice(self.hosts)

    def disguise(self, window: tuple[int, ...]) -> tuple[int, ...]:
        return self.join(window, self.host()) if self.rng.random() < 0.6 else self.head(self.thin(window))

    def twin(self, window: tuple[int, ...]) -> tuple[int, ...]:
        """A malicious window as another campaign might have it: other kinds of destination, other loot, started from elsewhere."""
        other: dict[int, int] = {}
        if self.rng.random() < 0.7:
            other |= {t: self.rng.choice(self.suspect) for t in self.suspect}
        if self.rng.random() < 0.5:
            other |= {t: self.rng.choice(self.loot) for t in self.loot}
        head = self.rng.choice(self.places) if self.rng.random() < 0.6 else window[1:3]
        return (window[0], *self.started(head, (*window[:3], *(other.get(t, t) for t in window[3:]))))

    def points(self, body: tuple[int, ...]) -> list[int]:
        return [i for i in range(len(body)) if body[i] not in self.not_code] + [len(body)]

    def negative(self, window: tuple[int, ...]) -> tuple[int, ...]:
        if self.rng.random() < self.splice:
            window = self.join(window, self.rng.choice(self.hosts))
        return self.head(self.thin(window))

    def positive(self, bag: list[tuple[int, ...]], limit: int) -> list[tuple[int, ...]]:
        if len(bag) > limit:
            bag = self.rng.sample(bag, limit)
        if self.rng.random() < self.splice:
            bag = [self.join(w, self.rng.choice(self.hosts)) for w in bag]
        return [self.head(self.thin(w)) for w in bag]


# ---- data --------------------------------------------------------------------------------------------------------------

def learnt(hold: list[int]) -> list[data.Package]:
    """What is trained on: as it came and disguised, so that a disguise tells nothing by itself; of samples those that do something."""
    return [p for p in data.load(disguised=True) if p.split == "train" and p.fold not in hold and "no-payload" not in p.tags]


def negatives(packages: list[data.Package]) -> tuple[list[tuple[int, ...]], torch.Tensor]:
    """Distinct honest windows, weighted by the square root of the groups they occur in."""
    groups: dict[tuple[int, ...], set[str]] = defaultdict(set)
    for p in packages:
        for w in data.package_windows(p):
            groups[w].add(p.group)
    found = list(groups)
    return found, torch.tensor([math.sqrt(len(groups[w])) for w in found])


NPM_WEIGHT = 1.8  # there are three PyPI campaigns to one of npm


def positives(packages: list[data.Package], known_honest: set[tuple[int, ...]]) -> tuple[list[list[tuple[int, ...]]], torch.Tensor]:
    """Bags of malicious packages, windows that also stand in honest packages left out; a cluster weighs about as one package."""
    bags: dict[tuple, tuple[str, list]] = {}
    for p in packages:
        bag = [w for w in data.package_windows(p) if len(w) > 3 and w not in known_honest]
        if bag:
            bags[p.group, tuple(bag)] = (p.group, bag)
    sizes: dict[str, int] = defaultdict(int)
    for group, _ in bags.values():
        sizes[group] += 1
    chosen = list(bags.values())
    return [bag for _, bag in chosen], torch.tensor([sizes[group] ** -0.75 * NPM_WEIGHT ** group.startswith("npm:") for group, _ in chosen])


def length_batches(rows: list[tuple[int, ...]], order: list[int], tokens: int, rng: random.Random) -> list[list[int]]:
    """Batches of about `tokens` tokens, rows of like length together."""
    order = sorted(order, key=lambda i: len(rows[i]) + rng.random() * 4)
    out, batch = [], []
    for i in order:
        if batch and (len(batch) + 1) * len(rows[i]) > tokens:
            out.append(batch)
            batch = []
        batch.append(i)
    if batch:
        out.append(batch)
    rng.shuffle(out)
    return out


# ---- training ----------------------------------------------------------------------------------------------------------

def save(path: Path, state: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def pretrain(model: Bert, rows: list[tuple[int, ...]], minutes: float, rng: random.Random) -> None:
    """Masked-language modelling over honest and malicious windows."""
    if minutes <= 0:
        return
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    usable = [i for i, r in enumerate(rows) if len(r) >= 8]
    begin, seen, average = time.process_time(), 0, 0.0
    model.train()
    while True:
        order = rng.sample(usable, min(len(usable), 4000))
        for batch in length_batches(rows, order, 4096, rng):
            spent = (time.process_time() - begin) / 60
            if spent > minutes:
                print(f"pretraining ended: {seen} windows, loss {average:.3f}", flush=True)
                return
            for g in optimizer.param_groups:
                g["lr"] = 1e-3 * min(1, spent / (0.05 * minutes) + 0.01) * (1 - 0.9 * spent / minutes)
            ids = pad([rows[i] for i in batch])
            pick = (torch.rand(ids.shape) < 0.15) & (ids > vocab.MASK)
            if not pick.any():
                continue
            loss = F.cross_entropy(model.masked(ids.masked_fill(pick, vocab.MASK))[pick], ids[pick])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            seen += len(batch)
            average = loss.item() if not average else 0.98 * average + 0.02 * loss.item()


def warm(model: Bert, path: Path, ids: dict[str, int]) -> int:
    """Weights of an earlier network, also of one trained on another vocabulary: tokens are matched by name. Returns how many were known."""
    from quantize import checkpoint  # which needs this file
    state = checkpoint(path)
    old, new = state["model"], model.state_dict()
    places = {token: i for i, token in enumerate(state["vocabulary"])}
    known = [(i, places[t]) for t, i in ids.items() if t in places]
    for name, value in old.items():
        if name == "tokens.weight":
            new[name][[i for i, _ in known]] = value[[j for _, j in known]]
        elif name == "head.weight":  # a head without the wide part gives it nothing
            new[name].zero_()
            new[name][:, :value.shape[1]] = value
        elif name == "bag.0.weight":
            new[name][:, [i for i, _ in known]] = value[:, [j for _, j in known]]
        else:
            new[name] = value
    model.load_state_dict(new)
    return len(known)


def shuffle(packages: list[data.Package], ids: dict[str, int]) -> None:
    """Puts every unit's behaviours in random order, qualifiers staying with their behaviour: what the order itself tells is lost.
    Equal units get the same order, so that what stands in honest and malicious packages alike is still known to do so."""
    augment = Augment(ids, [], 0, random.Random(0))
    for p in packages:
        for n, unit in enumerate(p.units):
            body = unit[2:]
            cuts = sorted({0, *augment.points(body)})
            parts = [body[a:b] for a, b in zip(cuts, cuts[1:])]
            random.Random(hash(unit)).shuffle(parts)
            p.units[n] = unit[:2] + tuple(t for part in parts for t in part)


TAUGHT = 64  # windows a step
AS_IT_IS = 0.35  # share of windows shown unchanged
POOL = 12_000  # windows asked of the teacher at once
CERTAIN = 8.0  # log-odds beyond which the teacher's answer tells no more
HONEST_AT_MOST = -3.0, -1.0  # log-odds that an honest window is taught at most: as it is, and changed
# Log-odds a window is taught less for where it stands: what an install or an import does not reach acts only if somebody calls it. Chosen out of fold (MODEL_CARD.md, "How it is trained").
PLACE = {"remainder": 1.3, "bin": 1.3, "import": 0.4, "fallback": 0.4}
CONTESTED = 8.0  # how much more often an honest window is drawn that the teacher doubts by more than the first of these


def apart(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How far log-odds are from the teacher's, as numbers and as probabilities."""
    return F.smooth_l1_loss(z, target, reduction="none") + F.binary_cross_entropy_with_logits(z, torch.sigmoid(target), reduction="none")


def widen(model: Bert, pool: Callable[[], tuple[list[tuple[int, ...]], torch.Tensor]], minutes: float) -> None:
    """Lets the wide part learn alone first, in steps that cost next to nothing; the rest then learns what is left to say."""
    wide = model.shape.wide // 2
    model.head.weight.data[:, :-wide] = 0
    parameters = [*model.bag.parameters(), *model.head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.01)
    begin, error = time.process_time(), 0.0
    while (time.process_time() - begin) / 60 < minutes:
        rows, targets = pool()
        ids = [pad([row]).squeeze(0) for row in rows]
        counts = torch.stack([torch.bincount(i, minlength=model.shape.vocabulary) for i in ids]).float()
        for _ in range(3):
            for part in torch.randperm(len(rows)).split(256):
                for g in optimizer.param_groups:
                    g["lr"] = 2e-3 * max(0.02, 1 - (time.process_time() - begin) / 60 / minutes)
                z = F.linear(model.counted(counts[part]), model.head.weight[:, -wide:], model.head.bias).squeeze(-1)
                loss = apart(z, targets[part]).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                error = 0.98 * error + 0.02 * loss.item()
    model.head.weight.data[:, :-wide] = 0
    print(f"wide part alone: error {error:.4f}", flush=True)


def teach(args: argparse.Namespace) -> Path:
    """Distillation: the network learns the teacher's log-odds of windows as they are, thinned, and put together anew."""
    from teacher import Teacher, examples, sharpened
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    torch.set_num_threads(args.threads)
    path = args.corpus / "ckpt" / f"{args.name}.pt"
    packages = learnt(args.hold)
    ids = vocab.load()
    rows, label, weight = examples(packages)
    hosts = sorted({u for p in packages if p.label == 0 for u in p.units if len(u) >= 12})
    augment = Augment(ids, hosts, 0.5, rng)
    weight = sharpened(packages, rows, label, weight, augment.disguise)
    teacher = Teacher(rows, label, weight, augment)
    model = Bert(Shape(len(ids), layers=args.layers, width=args.width, inner=4 * args.width, pool=args.pool, wide=args.wide, dropout=0.0))
    if args.warm:
        warm(model, args.warm, ids)
    mean = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.01)
    chance = torch.tensor(np.where(label == 1, weight / weight[label == 1].sum(), weight / weight[label == 0].sum()))
    hardness = torch.ones(len(rows), dtype=chance.dtype)
    less = {ids[f"unit:{kind}"]: odds for kind, odds in PLACE.items()}
    contested = (label == 0) & (teacher(rows) > HONEST_AT_MOST[0])
    chance[torch.from_numpy(contested)] *= CONTESTED
    print(f"{int(contested.sum())} honest windows in doubt; teacher of {len(rows)} windows, {int(label.sum())} malicious; budget {args.minutes} min", flush=True)

    def drawn(count: int) -> tuple[list[int], list[float], list[tuple[int, ...]], torch.Tensor]:
        """Rows by chance and hardness, the luck by which each is changed, what is shown, and the teacher's answers, less for where it stands, which of honest windows are put right."""
        places = torch.multinomial(chance * hardness, count, replacement=True).tolist()
        luck = [rng.random() for _ in places]
        shown = [changed(i, n) for i, n in zip(places, luck)]
        most = [CERTAIN if label[i] else HONEST_AT_MOST[n >= AS_IT_IS] for i, n in zip(places, luck)]
        return places, luck, shown, torch.tensor(np.minimum(teacher(shown) - [less.get(w[1], 0.0) for w in shown], most), dtype=torch.float32).clamp(min=-CERTAIN)

    def changed(i: int, luck: float) -> tuple[int, ...]:
        if luck < AS_IT_IS:
            return rows[i]
        w = augment.twin(rows[i]) if label[i] and rng.random() < 0.3 else rows[i]
        return augment.head(augment.thin(w, rng.choice((0.06, 0.2, 0.5)), 4)) if luck < 0.65 else augment.join(w, augment.host())

    if model.shape.wide:
        widen(model, lambda: drawn(2 * POOL)[2:], args.wide_minutes)
        mean.load_state_dict(model.state_dict())
    begin, step, average = time.process_time(), 0, 1.0
    model.train()
    while True:
        places, luck, shown, targets = drawn(POOL)
        for at in range(0, POOL, TAUGHT):
            spent = (time.process_time() - begin) / 60
            if spent >= args.minutes:
                save(path, {"model": mean.state_dict(), "shape": asdict(model.shape), "vocabulary": list(ids), "minutes": spent, "step": step, "rows": len(rows)})
                print(f"ended after {step} steps", flush=True)
                return path
            progress = spent / args.minutes
            for g in optimizer.param_groups:
                g["lr"] = args.rate * min(1.0, progress / 0.04 + 0.02) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.02)
            target = targets[at:at + TAUGHT]
            z = judge(model, shown[at:at + TAUGHT], parts=4)
            error = apart(z, target)
            loss = error.mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            for i, n, e in zip(places[at:at + TAUGHT], luck[at:at + TAUGHT], error.detach().tolist()):
                if n < AS_IT_IS:
                    hardness[i] = 0.5 * hardness[i] + 0.5 * min(3.0, 0.3 + e)
            with torch.no_grad():
                keep = min(0.995, (1 + step) / (10 + step))
                for slow, fast in zip(mean.parameters(), model.parameters()):
                    slow.lerp_(fast, 1 - keep)
            average = 0.99 * average + 0.01 * loss.item()
            if step % 50 == 0:
                print(f"{spent:5.1f} min step {step} error {average:.4f}", flush=True)


def train(args: argparse.Namespace) -> Path:
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    torch.set_num_threads(args.threads)
    path = args.corpus / "ckpt" / f"{args.name}.pt"
    packages = learnt(args.hold)
    ids = vocab.load()
    if args.shuffle:
        shuffle(packages, ids)
    honest = [p for p in packages if p.label == 0]
    malicious = [p for p in packages if p.label == 1]
    rows, weights = negatives(honest)
    common = {w for w in rows}
    bags, bag_weights = positives(malicious, common)
    hosts = sorted({u for p in honest for u in p.units if len(u) >= 12})
    augment = Augment(ids, hosts, args.splice, rng)
    model = Bert(Shape(len(ids), layers=args.layers, width=args.width, inner=4 * args.width, pool=args.pool, wide=args.wide))
    print(f"{len(honest)} honest packages, {len(rows)} windows; {len(bags)} malicious bags of {len(malicious)}", flush=True)
    return learn(model, path, rows, weights, bags, bag_weights, augment, ids, args)


def learn(model: nn.Module, path: Path, rows: list[tuple[int, ...]], weights: torch.Tensor, bags: list[list[tuple[int, ...]]], bag_weights: torch.Tensor,
          augment: Augment, ids: dict[str, int], args: argparse.Namespace) -> Path:
    """Trains any model that gives padded ids [batch, tokens] logits [batch] and has a dataclass `shape`; its parameters without a gradient stay."""
    rng = augment.rng
    trained = [p for p in model.parameters() if p.requires_grad]
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {sum(p.numel() for p in trained) / 1e6:.2f} M trained; "
          f"budget {args.pretrain_minutes} + {args.minutes} min", flush=True)
    spent_before, step, optimizer_state = 0.0, 0, None
    hardness = torch.full((len(rows),), 0.5)
    mean = copy.deepcopy(model)  # exponential mean of the weights: what is used in the end
    if path.exists() and not args.fresh:
        state = torch.load(path, weights_only=False)
        if state["rows"] == len(rows) and state["shape"] == asdict(model.shape) and "raw" in state:
            mean.load_state_dict(state["model"])
            model.load_state_dict(state["raw"])
            optimizer_state, hardness = state["optimizer"], state["hardness"]
            spent_before, step = state["minutes"], state["step"]
            print(f"goes on at {spent_before:.1f} min, step {step}", flush=True)
    if step == 0 and args.warm:
        took = warm(model, args.warm, ids)
        mean.load_state_dict(model.state_dict())
        print(f"begins with the weights of {args.warm}: {took} of {len(ids)} tokens known there", flush=True)
    if step == 0:
        pretrain(model, rows + [w for b in bags for w in b], args.pretrain_minutes, rng)
    optimizer = torch.optim.AdamW(trained, lr=args.rate, weight_decay=0.02)
    if optimizer_state:
        optimizer.load_state_dict(optimizer_state)

    def keep_checkpoint(minutes: float) -> None:
        save(path, {"model": mean.state_dict(), "raw": model.state_dict(), "optimizer": optimizer.state_dict(), "hardness": hardness,
                    "shape": asdict(model.shape), "vocabulary": list(ids), "minutes": minutes, "step": step, "rows": len(rows)})

    begin, last_save, average = time.process_time(), time.time(), [0.0, 0.0]
    model.train()
    while True:
        # an epoch: honest windows drawn by weight and by how hard they were last time
        chance = weights * (0.15 + hardness)
        drawn = torch.multinomial(chance, min(8000, len(rows)), replacement=False).tolist()
        for batch in length_batches(rows, drawn, args.batch_tokens, rng):
            spent = spent_before + (time.process_time() - begin) / 60
            if spent >= args.minutes:
                keep_checkpoint(spent)
                print(f"ended after {step} steps", flush=True)
                return path
            progress = spent / args.minutes
            for g in optimizer.param_groups:
                g["lr"] = args.rate * min(1.0, progress / 0.04 + 0.02) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.02)
            z = judge(model, [augment.negative(rows[i]) for i in batch])
            negative = log_not(z)
            hardness[batch] = 0.5 * hardness[batch] + 0.5 * torch.sigmoid(z.detach())
            chosen = torch.multinomial(bag_weights, args.bags, replacement=len(bags) < args.bags).tolist()
            sampled = [augment.positive(bags[i], 4) for i in chosen]
            flat = [w for bag in sampled for w in bag]
            owner = torch.tensor([n for n, bag in enumerate(sampled) for _ in bag])
            total = torch.zeros(len(sampled)).index_add(0, owner, log_not(judge(model, flat)))
            positive = -torch.log(-torch.expm1(-total.clamp(min=1e-6)))
            loss = args.honest_weight * negative.mean() + positive.mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            step += 1
            with torch.no_grad():
                keep = min(0.998, (1 + step) / (10 + step))
                for slow, fast in zip(mean.parameters(), model.parameters()):
                    slow.lerp_(fast, 1 - keep)
            average = [0.99 * a + 0.01 * b if step > 1 else b for a, b in zip(average, (negative.mean().item(), positive.mean().item()))]
            if step % 50 == 0:
                print(f"{spent:5.1f} min step {step} honest {average[0]:.4f} malicious {average[1]:.4f}", flush=True)
            if time.time() - last_save > 60:
                last_save = time.time()
                keep_checkpoint(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default=os.environ.get("SAFE_INSTALL_CORPUS"), type=Path)
    parser.add_argument("--name", default="final")
    parser.add_argument("--hold", type=int, nargs="*", default=[], help="folds that are not trained on")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--pretrain-minutes", type=float, default=0)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--batch-tokens", type=int, default=1536)
    parser.add_argument("--bags", type=int, default=8)
    parser.add_argument("--honest-weight", type=float, default=3.0)
    parser.add_argument("--splice", type=float, default=0.4, help="share of windows of each class put inside honest units")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="more than one hurts on a busy machine")
    parser.add_argument("--pool", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--wide", type=int, default=192, help="width of the layer over how often each token stands in a window; 0: none")
    parser.add_argument("--wide-minutes", type=float, default=2, help="of processor time the wide part learns alone first (--teach)")
    parser.add_argument("--teach", action="store_true", help="learn from boosting on windows (teacher.py), best after a training of its own (--warm)")
    parser.add_argument("--shuffle", action="store_true", help="behaviours of a unit in random order: an experiment")
    parser.add_argument("--warm", type=Path, help="checkpoint, or network of a graph (quantize.py), to begin with; must not have seen the folds held out here")
    parser.add_argument("--fresh", action="store_true", help="ignore an older checkpoint")
    args = parser.parse_args()
    (teach if args.teach else train)(args)


if __name__ == "__main__":
    main()
