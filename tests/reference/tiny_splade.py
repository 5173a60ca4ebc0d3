#!/usr/bin/env python3
"""Golden words of a small random SPLADE model, from PyTorch: what model/splade.c is checked against to 1e-5.

    pip install torch transformers
    tiny_splade.py > golden/tiny_splade.txt

The network is the one of tiny_bert.py, with a masked-LM head whose numbers follow those of the network
(tests/check_model.c, tiny_splade_write).

A line: activation, number of ids, ids, number of words, then token and weight of each, tokens rising.
"""
# SPDX-License-Identifier: Apache-2.0
import torch
from tiny_bert import D, F, HEADS, LAYERS, LENGTHS, POSITIONS, SEED, WORDS, Numbers, weights
from transformers import BertConfig, BertForMaskedLM


def head():
    r = Numbers(SEED)
    for t in weights().values():  # those come first
        r.tensor(t.shape, 0, 1)
    p = "cls.predictions."
    return {
        p + "transform.dense.weight": r.tensor((D, D), 0, 0.3),
        p + "transform.dense.bias": r.tensor((D,), 0, 0.1),
        p + "transform.LayerNorm.weight": r.tensor((D,), 1, 0.1),
        p + "transform.LayerNorm.bias": r.tensor((D,), 0, 0.1),
        p + "bias": r.tensor((WORDS,), -3, 0.5),
    }


def main():
    state = {"bert." + name: t for name, t in weights().items()} | head()
    for activation in ("gelu", "gelu_new", "relu"):
        config = BertConfig(
            vocab_size=WORDS, hidden_size=D, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=F,
            max_position_embeddings=POSITIONS, type_vocab_size=2, hidden_act=activation, layer_norm_eps=1e-12,
        )
        model = BertForMaskedLM(config).eval()
        missing = model.load_state_dict(state, strict=False)
        tied = ("position_ids", "decoder.weight", "decoder.bias")
        assert not missing.unexpected_keys and all(k.endswith(tied) for k in missing.missing_keys), missing
        model.tie_weights()
        for n in LENGTHS:
            ids = [(17 * n + 31 * i + 5) % WORDS for i in range(n)]
            with torch.inference_mode():
                logits = model(torch.tensor([ids])).logits[0]
            w = torch.log1p(torch.relu(logits)).max(dim=0).values
            words = [(i, x) for i, x in enumerate(w.tolist()) if x > 0]
            print(activation, n, *ids, len(words), *("%d %.9g" % word for word in words))


if __name__ == "__main__":
    main()
