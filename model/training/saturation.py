"""Whether the 8-bit products of the model can overflow 16 bits, as they may on processors without VNNI.

    python model/training/saturation.py [MODEL.onnx]

Without VNNI two neighbouring products, of an unsigned activation (0 to 255) and a signed weight, are summed in 16 bits and saturate; with
it they are not. Prints the worst such sum over all weights and exits 1 when it is over 32767: then scores depend on the processor.
"""
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "model.onnx"
worst = 0
matrices = 0
for tensor in onnx.load(path).graph.initializer:
    weights = numpy_helper.to_array(tensor)
    if weights.dtype != np.int8 or weights.ndim != 2:
        continue
    matrices += 1
    # Whatever the activations, all of one sign is the worst; an odd row stands alone.
    for part in (np.maximum(weights.astype(int), 0), np.maximum(-weights.astype(int), 0)):
        rows = np.vstack([part, np.zeros((len(part) % 2, part.shape[1]), int)])
        worst = max(worst, 255 * int((rows[0::2] + rows[1::2]).max()))
print(f"{matrices} matrices, worst sum of two products {worst} of 32767")
sys.exit(0 if 0 < worst <= 32767 else 1)
