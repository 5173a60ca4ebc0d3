"""Golden values of the reader of GGUF files, by the `gguf` package (the ggml project's own reader in NumPy).

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0
    venv/bin/python tests/reference/gguf_values.py blocks > tests/golden/gguf_blocks.txt
    venv/bin/python tests/reference/gguf_values.py models MODELS > tests/golden/gguf_models.txt

blocks: for each type of weights some blocks made by a seed, and what they stand for.  A line is
    TYPE<tab>BLOCK NUMBERS<tab>BLOCK BYTES<tab>hexadecimal bytes<tab>hexadecimal float32, little-endian
models: what is in MODELS/{smollm2,gemma3,qwen0.5b}/model.gguf.  A line is MODEL<tab>KIND<tab>NAME and
    int, bool      VALUE
    number         VALUE as hexadecimal float32
    text           LENGTH CRC-32
    ints, numbers  LENGTH CRC-32 of them as int32, float32
    texts          LENGTH CRC-32 of them, each behind its length as u64
    tensor         TYPE ROWS COLUMNS CRC-32 of the numbers as float32
"""
# SPDX-License-Identifier: Apache-2.0
import sys
import zlib

import numpy
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

# Where the binary16 numbers of a block are; the other bytes are integers, any of which is good.
HALVES = {"F32": [], "F16": [], "BF16": [], "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0],
          "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
# One, a usual scale, negative, subnormal, the largest, zero, the smallest, negative zero.
SCALES = [1.0, 0.0123, -0.37, 5.5e-5, 65504.0, 0.0, 6e-8, -0.0]


def fields(*values):
    print("\t".join(str(v) for v in values))


def blocks():
    rng = numpy.random.default_rng(2024)
    for name, halves in HALVES.items():
        kind = GGMLQuantizationType[name]
        numbers, size = GGML_QUANT_SIZES[kind]
        n = 150 if numbers == 1 else 8 if numbers == 32 else 6
        data = rng.integers(0, 256, (n, size), dtype=numpy.uint8)
        if numbers == 1:  # floats: all of them finite
            scale = rng.normal(size=n) * 10.0 ** rng.integers(-6, 4, n)
            data = scale.astype(numpy.float16 if name == "F16" else numpy.float32)
            data = data.view(numpy.uint8).reshape(n, -1)[:, -size:].copy()
        else:
            data[0], data[1] = 0, 255
        for i in range(n):
            for k, at in enumerate(halves):
                scale = SCALES[(i + 3 * k) % len(SCALES)]
                data[i, at:at + 2] = numpy.float16([scale]).view(numpy.uint8)
        out = dequantize(data.reshape(1, -1), kind).reshape(-1)
        assert out.dtype == numpy.float32 and out.size == n * numbers and numpy.isfinite(out).all()
        fields(name, numbers, size, data.tobytes().hex(), out.tobytes().hex())


def crc(data):
    return "%08x" % zlib.crc32(data)


def value(model, field):
    kind, name = field.types[0], field.name
    parts = [field.parts[i] for i in field.data]
    integers = {GGUFValueType[t] for t in "UINT8 INT8 UINT16 INT16 UINT32 INT32 UINT64 INT64".split()}
    if kind == GGUFValueType.ARRAY:
        if field.types[1] == GGUFValueType.STRING:
            data = b"".join(len(p).to_bytes(8, "little") + p.tobytes() for p in parts)
            fields(model, "texts", name, len(parts), crc(data))
        elif field.types[1] in integers:
            fields(model, "ints", name, len(parts), crc(numpy.concatenate(parts).astype("<i4").tobytes()))
        else:
            fields(model, "numbers", name, len(parts), crc(numpy.concatenate(parts).astype("<f4").tobytes()))
    elif kind == GGUFValueType.STRING:
        fields(model, "text", name, len(parts[0]), crc(parts[0].tobytes()))
    elif kind == GGUFValueType.BOOL:
        fields(model, "bool", name, int(parts[0][0]))
    elif kind in integers:
        fields(model, "int", name, int(parts[0][0]))
    else:
        fields(model, "number", name, numpy.float32(parts[0][0]).tobytes().hex())


def models(folder):
    for model in "smollm2", "gemma3", "qwen0.5b":
        reader = GGUFReader(f"{folder}/{model}/model.gguf")
        for field in reader.fields.values():
            if not field.name.startswith("GGUF."):  # version and counts, which the package adds
                value(model, field)
        for t in sorted(reader.tensors, key=lambda t: t.name):
            out = dequantize(t.data, t.tensor_type)
            columns = int(t.shape[0])
            fields(model, "tensor", t.name, t.tensor_type.name, out.size // columns, columns, crc(out.tobytes()))


if sys.argv[1:] == ["blocks"]:
    blocks()
elif len(sys.argv) == 3 and sys.argv[1] == "models":
    models(sys.argv[2])
else:
    sys.exit(__doc__)
