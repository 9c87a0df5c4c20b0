/** Permutes the weights inside an ONNX file: the same graph, sizes and value distribution, and nothing learnt. */

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_DATA_TYPE = 2;
const TENSOR_RAW_DATA = 9;
/** Bytes of an element by TensorProto.DataType; only these are weights. */
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 10: 2 };

interface Field {
  readonly number: number;
  /** Value of a varint field. */
  readonly value: number;
  /** Bytes of a length-delimited field, half-open. */
  readonly from: number;
  readonly to: number;
}

function* fields(bytes: Uint8Array, from: number, to: number): Generator<Field> {
  let at = from;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < to) {
    const key = varint();
    const [number, wire] = [key >>> 3, key & 7];
    if (wire === 0) yield { number, value: varint(), from: at, to: at };
    else if (wire === 2) {
      const length = varint();
      yield { number, value: 0, from: at, to: at + length };
      at += length;
    } else at += wire === 1 ? 8 : 4;
  }
}

/** Every weight tensor's elements shuffled in place, by a seed. `permuted` counts elements. */
export function permuteWeights(model: Uint8Array, seed: number): { bytes: Uint8Array; permuted: number } {
  const bytes = Uint8Array.from(model);
  let permuted = 0;
  let state = seed;
  const random = (below: number): number => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
  for (const graph of fields(bytes, 0, bytes.length)) {
    if (graph.number !== MODEL_GRAPH) continue;
    for (const tensor of fields(bytes, graph.from, graph.to)) {
      if (tensor.number !== GRAPH_INITIALIZER) continue;
      const inner = [...fields(bytes, tensor.from, tensor.to)];
      const type = inner.find(({ number }) => number === TENSOR_DATA_TYPE)?.value ?? 0;
      const raw = inner.find(({ number }) => number === TENSOR_RAW_DATA);
      const size = ELEMENT_BYTES[type];
      if (raw === undefined || size === undefined) continue;
      const count = (raw.to - raw.from) / size;
      for (let i = count - 1; i > 0; i--) {
        const j = random(i + 1);
        for (let k = 0; k < size; k++) {
          const a = raw.from + i * size + k;
          const b = raw.from + j * size + k;
          [bytes[a], bytes[b]] = [bytes[b]!, bytes[a]!];
        }
      }
      permuted += count;
    }
  }
  return { bytes, permuted };
}
