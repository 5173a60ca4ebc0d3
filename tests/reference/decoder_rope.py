#!/usr/bin/env python3
"""Golden values for tests/check_model_rope.c: llamas of seeded weights (tests/tiny_gguf.c) with RoPE scaled in several ways.

usage: decoder_rope.py VOCAB > tests/golden/decoder_rope.txt

The weights are made here again from the seed, put into transformers' llama, and its frequencies divided as the case says.
Needs torch and transformers (PyPI).  Output, a line each:

    CASE TOKEN LOGIT...     logits of the first words, behind TOKEN of the run
"""
import sys

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCAB, DIM, HEADS, INNER, LAYERS, N = int(sys.argv[1]), 64, 4, 128, 2, 200
D = DIM // HEADS


class Random:
    def __init__(self, seed):
        self.state = 0x9E3779B97F4A7C15 * seed % 2**64
        for _ in range(16):
            self.next()

    def next(self):
        s = self.state
        s ^= s << 13 & 2**64 - 1
        s ^= s >> 7
        s ^= s << 17 & 2**64 - 1
        self.state = s
        return s >> 32

    def floats(self, n, middle, spread):
        x = np.array([self.next() for _ in range(n)], np.uint32).view(np.int32).astype(np.float32)
        return np.float32(middle) + np.float32(spread) * (x / np.float32(2147483648.0))

    def matrix(self, rows, columns, spread):
        return torch.from_numpy(self.floats(rows * columns, 0, spread).reshape(rows, columns))

    def norm(self):
        return torch.from_numpy(self.floats(DIM, 1, 0.2))


def halves(w):
    """Rows of a head from pairs (0, 1), (2, 3) ... to halves, as transformers turns them."""
    return w.reshape(-1, D // 2, 2, DIM).transpose(1, 2).reshape(-1, DIM)


def run(name, kv_heads, base, divide):
    r = Random(1)
    config = LlamaConfig(vocab_size=VOCAB, hidden_size=DIM, intermediate_size=INNER, num_hidden_layers=LAYERS,
                         num_attention_heads=HEADS, num_key_value_heads=kv_heads, rms_norm_eps=1e-5,
                         rope_parameters={"rope_type": "default", "rope_theta": base}, tie_word_embeddings=False)
    weights = {"model.embed_tokens.weight": r.matrix(VOCAB, DIM, 1)}
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        weights[at + "input_layernorm.weight"] = r.norm()
        weights[at + "self_attn.q_proj.weight"] = halves(r.matrix(DIM, DIM, 0.3))
        weights[at + "self_attn.k_proj.weight"] = halves(r.matrix(kv_heads * D, DIM, 0.3))
        weights[at + "self_attn.v_proj.weight"] = r.matrix(kv_heads * D, DIM, 0.3)
        weights[at + "self_attn.o_proj.weight"] = r.matrix(DIM, DIM, 0.3)
        weights[at + "post_attention_layernorm.weight"] = r.norm()
        weights[at + "mlp.gate_proj.weight"] = r.matrix(INNER, DIM, 0.3)
        weights[at + "mlp.up_proj.weight"] = r.matrix(INNER, DIM, 0.3)
        weights[at + "mlp.down_proj.weight"] = r.matrix(DIM, INNER, 0.3)
    weights["model.norm.weight"] = r.norm()
    weights["lm_head.weight"] = r.matrix(VOCAB, DIM, 0.5)
    model = LlamaForCausalLM(config).eval()
    model.load_state_dict(weights)
    model.model.rotary_emb.inv_freq /= divide
    with torch.no_grad():
        logits = model(torch.tensor([[(i * 37 + 11) % 100 for i in range(N)]])).logits[0]
    for t in (60, N - 1):
        print(name, t, *["%.5f" % x for x in logits[t, :16]])


half = D // 4
run("llama", 2, 10000, 1)
run("llama3", 2, 500000, torch.tensor([1.0] * half + [8.0] * half))  # rope_freqs.weight
run("linear", 2, 10000, 4)
run("mistral", 1, 1000000, 1)
