"""all-MiniLM-L6-v2's weights as a file for fasttextembed, whose C library has bge-small's shape compiled in.

That is 12 layers of the width of MiniLM's 6, and the first token's vector as the text's.  Six layers are MiniLM's own;
the seventh makes the first token the mean of all (attention to all alike, its output scaled so that what it is added to is
lost); the last five add nothing, and normalising what is normalised leaves it.  So the vector is MiniLM's, but for its mean
over the dimensions, which layer norm takes away; its cost is that of 12 layers.  Where nothing is added, the products
into q, k, v and the feed-forward still have real weights, to cost what they would.
"""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import struct

import numpy as np

LAYERS, OWN, HIDDEN, INTERMEDIATE = 12, 6, 384, 1536
ALIGN, NAME = 64, 64
POOL_SCALE = 32768.0  # a float16 power of two; the rest of the sum is below 1e-4 of it
HEADER, ENTRY = struct.Struct("<QQ11I"), struct.Struct(f"<QQ{NAME}s6i")


def matrix_names(lib):
    """What the library calls the matrices of a layer: out of attention, into and out of the feed-forward."""
    lib.fte_layer_matmul_name.argtypes = [ctypes.c_int, ctypes.c_int]
    lib.fte_layer_matmul_name.restype = ctypes.c_char_p
    return [[lib.fte_layer_matmul_name(layer, i).decode() for i in range(3)] for layer in range(LAYERS)]


def layer_tensors(own, layer, names):
    """One layer's tensors by the library's names: matrices of 16 bits are [in, out]."""
    base = f"encoder.layer.{layer}."
    src = f"encoder.layer.{layer % OWN}."
    heads = [f"{src}attention.self.{x}." for x in ("query", "key", "value")]
    qkv = np.concatenate([own[x + "weight"] for x in heads]).T
    qkv_bias = np.concatenate([own[x + "bias"] for x in heads])
    attention, out = own[src + "attention.output.dense.weight"].T, own[src + "output.dense.weight"].T
    rest = {end: own[src + end] for end in (
        "attention.output.dense.bias", "attention.output.LayerNorm.weight", "attention.output.LayerNorm.bias",
        "intermediate.dense.bias", "output.dense.bias", "output.LayerNorm.weight", "output.LayerNorm.bias")}
    if layer >= OWN:
        attention, out = np.zeros_like(attention), np.zeros_like(out)
        for end in rest:
            if end != "intermediate.dense.bias":
                rest[end] = np.full(HIDDEN, 1.0 if end.endswith("Norm.weight") else 0.0, np.float32)
    if layer == OWN:
        qkv, qkv_bias = np.zeros_like(qkv), np.zeros_like(qkv_bias)
        qkv[:, 2 * HIDDEN:] = np.eye(HIDDEN)
        attention = POOL_SCALE * np.eye(HIDDEN)
    result = {f"Attention_{layer}_qkv_weight": qkv, f"Attention_{layer}_qkv_bias": qkv_bias, names[0]: attention,
              names[1]: own[src + "intermediate.dense.weight"].T, names[2]: out}
    result.update({base + end: value for end, value in rest.items()})
    return result


def write(folder, lib, own, vocabulary):
    """Writes model.fte and vocab.tsv into the folder; own: the model's tensors, of numpy, by name; gives the parameters."""
    tensors = {name: own[name] for name in own if name.startswith("embeddings.") and name.endswith(("weight", "bias"))}
    names = matrix_names(lib)
    for layer in range(LAYERS):
        tensors.update(layer_tensors(own, layer, names[layer]))
    data = {name: np.ascontiguousarray(t, np.float16 if t.ndim == 2 else np.float32) for name, t in tensors.items()}
    table = -(-HEADER.size // ALIGN) * ALIGN
    offset = blob = -(-(table + ENTRY.size * len(data)) // ALIGN) * ALIGN
    with open(folder + "/model.fte", "wb") as f:
        f.write(HEADER.pack(table, blob, 0x31455446, 2, HIDDEN, LAYERS, 12, INTERMEDIATE, 30522, 512, 2, len(data), 0))
        f.seek(table)
        for name, t in data.items():
            shape = (list(t.shape) + [0] * 4)[:4]
            f.write(ENTRY.pack(offset, t.nbytes, name.encode(), t.ndim, *shape, int(t.ndim == 2)))
            offset += -(-t.nbytes // ALIGN) * ALIGN
        f.seek(blob)
        for t in data.values():
            f.write(t.tobytes() + bytes(-t.nbytes % ALIGN))
    with open(folder + "/vocab.tsv", "w", encoding="utf-8") as f:
        f.writelines(f"{token}\t{i}\n" for token, i in vocabulary.items())
    return sum(t.size for t in data.values())
