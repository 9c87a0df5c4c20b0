"""Checkpoint → model/model.onnx (int8).

    python quantize.py CHECKPOINT.pt [CHECKPOINT.pt …] OUT.onnx

A CHECKPOINT may also be a graph written here, `PATH.onnx` or, of one that holds several networks, `PATH.onnx:N` (from 0): its weights,
rounded as they are. The graph is written out by hand: it is forty lines, and nothing in it depends on an exporter's version. Weights of the
matrices are int8 by column with reduced range (7 bit, so that kernels without VNNI cannot saturate); activations are
scaled when the graph runs. That scale is taken over the tensor it is given, so the graph must be run on ONE window
unpadded: then a score depends on that window and on nothing beside it.
"""
from __future__ import annotations

import argparse, itertools, re, tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import vocab
from train import SUMMED, Bert, Shape, pad

OPSET = 17


class Graph:
    """Collects nodes and constants; every method returns the name of what it made."""

    def __init__(self) -> None:
        self.nodes, self.constants, self.count = [], {}, 0

    def constant(self, value, dtype=np.float32, name: str | None = None) -> str:
        name = name or f"c{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.asarray(value, dtype=dtype), name)
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        names = [f"{kind.lower()}{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}{self.count}", **attributes))
        self.count += 1
        return names[0] if outputs == 1 else names

    def linear(self, x: str, layer: torch.nn.Linear, name: str) -> str:
        weight = self.constant(layer.weight.detach().numpy().T.copy(), name=f"{name}.weight")
        return self.op("Add", self.op("MatMul", x, weight), self.constant(layer.bias.detach().numpy(), name=f"{name}.bias"))

    def gelu(self, x: str) -> str:
        half = self.op("Mul", self.constant(0.5), x)
        return self.op("Mul", half, self.op("Add", self.constant(1.0), self.op("Erf", self.op("Mul", x, self.constant(2**-0.5)))))

    def norm(self, x: str, layer: torch.nn.LayerNorm, name: str) -> str:
        return self.op("LayerNormalization", x, self.constant(layer.weight.detach().numpy(), name=f"{name}.weight"),
                       self.constant(layer.bias.detach().numpy(), name=f"{name}.bias"), axis=-1, epsilon=layer.eps)


def tower(g: Graph, model: Bert, length: str, counts: str, tag: str) -> str:
    """Log-odds of one network; `counts`: log(1 + how often) of every token."""
    s = model.shape
    tokens = g.constant(model.tokens.weight.detach().numpy(), name=f"{tag}tokens")
    positions = g.constant(model.positions.weight.detach().numpy(), name=f"{tag}positions")
    place = g.op("Slice", positions, g.constant([0], np.int64), length, g.constant([0], np.int64))
    x = g.op("Add", g.op("Gather", tokens, "ids"), place)
    split = g.constant([0, 0, 3, s.heads, s.width // s.heads], np.int64)
    merge = g.constant([0, 0, s.width], np.int64)
    scale = g.constant((s.width // s.heads) ** -0.5)
    axis = g.constant([0], np.int64)
    for n, block in enumerate(model.blocks):
        name = f"{tag}{n}"
        qkv = g.op("Reshape", g.linear(g.norm(x, block.norm1, f"{name}.norm1"), block.qkv, f"{name}.qkv"), split)
        parts = g.op("Split", g.op("Transpose", qkv, perm=[2, 0, 3, 1, 4]), g.constant([1, 1, 1], np.int64), outputs=3, axis=0)
        q, k, v = (g.op("Squeeze", p, axis) for p in parts)
        attention = g.op("Softmax", g.op("MatMul", g.op("Mul", q, scale), g.op("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
        y = g.op("Reshape", g.op("Transpose", g.op("MatMul", attention, v), perm=[0, 2, 1, 3]), merge)
        x = g.op("Add", x, g.linear(y, block.out, f"{name}.out"))
        up = g.linear(g.norm(x, block.norm2, f"{name}.norm2"), block.up, f"{name}.up")
        x = g.op("Add", x, g.linear(g.gelu(up), block.down, f"{name}.down"))
    x = g.norm(x, model.norm, f"{tag}norm")
    first = g.op("Gather", x, g.constant(0, np.int64), axis=1)
    if s.pool:  # no padding to leave out: a window is run alone
        total = g.op("Mul", g.op("ReduceSum", x, g.constant([1], np.int64), keepdims=0), g.constant(SUMMED))
        first = g.op("Concat", first, g.op("ReduceMax", x, axes=[1], keepdims=0), total, axis=-1)
    if s.wide:
        y = counts
        for n, layer in enumerate(model.bag):
            y = g.gelu(g.linear(y, layer, f"{tag}bag{n}"))
        first = g.op("Concat", first, y, axis=-1)
    # the last product stays in float: one row, and the score's own precision
    weight = g.constant(model.head.weight.detach().numpy()[0])
    return g.op("Add", g.op("ReduceSum", g.op("Mul", first, weight), g.constant([-1], np.int64), keepdims=0),
                g.constant(model.head.bias.detach().numpy()))


def build(models: list[Bert]) -> onnx.ModelProto:
    """One graph; of several networks (other seeds) the mean of their log-odds."""
    g = Graph()
    length = g.op("Gather", g.op("Shape", "ids"), g.constant([1], np.int64))
    depth = g.constant(models[0].shape.vocabulary, np.int64)
    each = g.op("OneHot", "ids", depth, g.constant([0, 1], np.float32))
    counts = g.op("Log", g.op("Add", g.constant(1.0), g.op("ReduceSum", each, g.constant([1], np.int64), keepdims=0)))
    odds = [tower(g, model, length, counts, f"m{n}." if n else "") for n, model in enumerate(models)]
    g.nodes.append(helper.make_node("Mean", odds, ["logit"]))
    graph = helper.make_graph(g.nodes, "behaviours", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])],
                              [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"])], list(g.constants.values()))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="safe-install")
    made.ir_version = 8
    onnx.checker.check_model(made)
    return made


def session(path: Path | bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(path if isinstance(path, bytes) else str(path), options, providers=["CPUExecutionProvider"])


def network(path: Path, which: int) -> dict:
    """The state of a checkpoint, out of the `which`th network of a graph that `export` wrote: int8 weights times their scales."""
    graph = onnx.load(path).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made_by = {output: node for node in graph.node for output in node.output}
    added = made_by[made_by["logit"].input[which]]  # the head: features times its weights, summed, and its bias
    product = made_by[made_by[added.input[0]].input[0]]
    tag = f"m{which}." if which else ""

    def of(name: str) -> np.ndarray:
        if tag + name in values:
            return values[tag + name]
        return values[f"{tag}{name}_quantized"].astype(np.float32) * values[f"{tag}{name}_scale"]

    state = {"tokens.weight": of("tokens"), "positions.weight": of("positions"), "norm.weight": of("norm.weight"), "norm.bias": of("norm.bias"),
             "head.weight": values[product.input[1]][None], "head.bias": values[added.input[1]]}
    layers = next(n for n in itertools.count() if f"{tag}{n}.qkv.bias" not in values)
    for n in range(layers):
        for part in ("norm1", "norm2", "qkv", "out", "up", "down"):
            weight = of(f"{n}.{part}.weight")
            state[f"blocks.{n}.{part}.weight"], state[f"blocks.{n}.{part}.bias"] = weight.T if weight.ndim == 2 else weight, of(f"{n}.{part}.bias")
    wide = [n for n in range(2) if f"{tag}bag{n}.weight" in values]
    for n in wide:
        state[f"bag.{n}.weight"], state[f"bag.{n}.bias"] = of(f"bag{n}.weight").T, of(f"bag{n}.bias")
    width = state["tokens.weight"].shape[1]
    heads = int(next(v[3] for node in graph.node if node.op_type == "Reshape" for v in [values.get(node.input[1])] if v is not None and len(v) == 5))
    shape = Shape(state["tokens.weight"].shape[0], layers, width, heads, state["blocks.0.up.weight"].shape[0], state["positions.weight"].shape[0],
                  pool=state["head.weight"].shape[1] >= 3 * width, wide=len(state["bag.0.bias"]) if wide else 0)
    return {"model": {name: torch.tensor(np.ascontiguousarray(value)) for name, value in state.items()}, "shape": asdict(shape), "vocabulary": list(vocab.load())}


def checkpoint(path: Path) -> dict:
    """The state of a checkpoint, or of a network inside a graph (`PATH.onnx`, `PATH.onnx:N`)."""
    found = re.fullmatch(r"(.+\.onnx)(?::(\d+))?", str(path))
    return network(Path(found[1]), int(found[2] or 0)) if found else torch.load(path, weights_only=False, map_location="cpu")


def load(path: Path) -> Bert:
    state = checkpoint(path)
    model = Bert(Shape(**state["shape"]))
    model.load_state_dict(state["model"])
    return model.eval()


def export(models: list[Bert], out: Path) -> None:
    """Writes int8 to `out`; checks the float graph against PyTorch on the way."""
    whole = build(models)
    rng = np.random.default_rng(0)
    check = session(whole.SerializeToString())
    for length in (4, 17, models[0].shape.tokens - 1):
        ids = pad([tuple(int(t) for t in rng.integers(5, models[0].shape.vocabulary, length))])
        with torch.no_grad():
            expected = sum(model(ids).item() for model in models) / len(models)
        got = float(check.run(None, {"ids": ids.numpy()})[0][0])
        assert abs(expected - got) < 1e-3, f"the written graph differs from PyTorch: {expected} {got}"
    with tempfile.TemporaryDirectory() as tmp:
        onnx.save(whole, Path(tmp, "float.onnx"))
        wide = [node.name for node in whole.graph.node if any(".weight" in name and "bag" in name for name in node.input)]  # small, and of few large values
        quantize_dynamic(Path(tmp, "float.onnx"), out, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
                         op_types_to_quantize=["MatMul"], extra_options={"MatMulConstBOnly": True}, nodes_to_exclude=wide)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    export([load(path) for path in args.checkpoints], args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")
