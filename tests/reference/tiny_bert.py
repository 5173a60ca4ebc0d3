#!/usr/bin/env python3
"""Golden vectors of a small random BERT, from PyTorch: what model/encoder.c is checked against to 1e-5.

    pip install torch transformers
    tiny_bert.py > golden/tiny_bert.txt

The weights are not stored: tests/check_model.c (tiny_model_write) and this script make the same ones from a seed.
They are numbers of xorshift64, in float32, tensor after tensor in the order of the file.

A line: activation, pooling, number of ids, ids, vector (32 numbers, not normalised).
"""
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import torch
from transformers import BertConfig, BertModel

SEED, WORDS, D, LAYERS, HEADS, F, POSITIONS = 1, 147, 32, 2, 2, 64, 48
LENGTHS = (1, 2, 3, 17, 48)
MASK = (1 << 64) - 1


class Numbers:
    """xorshift64, the upper half as a float32 in -1..1."""

    def __init__(self, seed):
        self.state = 0x9E3779B97F4A7C15 ^ seed

    def next(self):
        s = self.state
        s ^= s << 13 & MASK
        s ^= s >> 7
        s ^= s << 17 & MASK
        self.state = s
        high = s >> 32
        return np.float32(high - (1 << 32) if high >> 31 else high) / np.float32(2147483648)

    def tensor(self, shape, middle, spread):
        n = int(np.prod(shape))
        x = [np.float32(middle) + np.float32(spread) * self.next() for _ in range(n)]
        return torch.tensor(np.array(x, dtype=np.float32).reshape(shape))


def weights():
    r = Numbers(SEED)
    w = {
        "embeddings.word_embeddings.weight": r.tensor((WORDS, D), 0, 1),
        "embeddings.position_embeddings.weight": r.tensor((POSITIONS, D), 0, 0.3),
        "embeddings.token_type_embeddings.weight": r.tensor((2, D), 0, 0.1),
        "embeddings.LayerNorm.weight": r.tensor((D,), 1, 0.1),
        "embeddings.LayerNorm.bias": r.tensor((D,), 0, 0.1),
    }
    for i in range(LAYERS):
        for part, out, inner in (
            ("attention.self.query", D, D),
            ("attention.self.key", D, D),
            ("attention.self.value", D, D),
            ("attention.output.dense", D, D),
            ("attention.output.LayerNorm", D, 0),
            ("intermediate.dense", F, D),
            ("output.dense", D, F),
            ("output.LayerNorm", D, 0),
        ):
            name = f"encoder.layer.{i}.{part}"
            w[name + ".weight"] = r.tensor((out, inner), 0, 0.3) if inner else r.tensor((out,), 1, 0.1)
            w[name + ".bias"] = r.tensor((out,), 0, 0.1)
    return w


def main():
    state = weights()
    for activation in ("gelu", "gelu_new", "relu"):
        config = BertConfig(
            vocab_size=WORDS, hidden_size=D, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=F,
            max_position_embeddings=POSITIONS, type_vocab_size=2, hidden_act=activation, layer_norm_eps=1e-12,
        )
        model = BertModel(config, add_pooling_layer=False).eval()
        missing = model.load_state_dict(state, strict=False)
        assert not missing.unexpected_keys and all("position_ids" in k for k in missing.missing_keys), missing
        for n in LENGTHS:
            ids = [(17 * n + 31 * i + 5) % WORDS for i in range(n)]
            with torch.inference_mode():
                last = model(torch.tensor([ids])).last_hidden_state[0]
            for pooling, v in (("mean", last.mean(dim=0)), ("cls", last[0])):
                print(activation, pooling, n, *ids, *("%.9g" % x for x in v.tolist()))


if __name__ == "__main__":
    main()
