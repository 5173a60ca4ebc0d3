#!/usr/bin/env python3
"""Golden values for tests/check_model_masks.c: attention under every mask, as transformers computes it in float32 from a
GGUF file's weights.

usage: decoder_masks.py MODEL.gguf IDS > tests/golden/decoder_masks_NAME.txt

IDS is tests/golden/decoder_NAME.txt, whose first line has token ids; they are gone through as often as needed.
A head, four passages and a tail are read.  Under every mask the tail sees all; positions of blocks begin anew for each
passage, and the tail's behind the longest.  In layers with a sliding window, positions count.

    causal      each token sees those before it
    blocks      a passage's token sees the head and its own passage up to itself
    both-ways   ... and its own passage's later tokens
    pine        order-invariant: Wang et al., "Eliminating Position Bias of Language Models: A Mechanistic Approach",
                2024, section 3.3, written here token by token with keys turned anew for each reader

Needs torch, transformers and gguf (PyPI).  Output, a line each:

    ids ID...                  head, passages and tail
    sizes HEAD PASSAGE... TAIL
    mass KIND L H  SUM...      attention to each passage, mean of the tail's tokens; of every third head
"""
import functools
import os
import sys

import torch
from transformers import AttentionInterface, AutoModelForCausalLM

HEAD, PASSAGES, TAIL = 16, [150, 122, 171, 141], 24

path = sys.argv[1]
model = AutoModelForCausalLM.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path),
                                             dtype=torch.float32, attn_implementation="eager").eval()
config = model.config
n = HEAD + sum(PASSAGES) + TAIL
pool = [int(i) for i in open(sys.argv[2]).readline().split()[1:]]
ids = (pool * (n // len(pool) + 1))[:n]
begins = [HEAD + sum(PASSAGES[:i]) for i in range(len(PASSAGES))]
ends = [b + size for b, size in zip(begins, PASSAGES)]
tail = ends[-1]
window = getattr(config, "sliding_window", None) if getattr(config, "layer_types", None) else None


def has_window(layer):
    return bool(window) and config.layer_types[layer] == "sliding_attention"


def show(kind, attentions):
    for layer, a in enumerate(attentions):
        for head in range(a.shape[1]):
            if (layer * a.shape[1] + head) % 3 == 0:
                mean = a[0, head, tail:].double().mean(0)
                print("mass", kind, layer, head, *["%.7g" % mean[b:e].sum() for b, e in zip(begins, ends)])


# ---- masks that are a matrix ----


def run(kind, sees, positions):
    """sees [n, n]: bool."""
    def added(m):
        return torch.where(m, 0.0, torch.finfo(torch.float32).min)[None, None]

    near = sees if not window else sees & (positions[:, None] - positions[None, :] < window)
    masks = added(sees)
    if any(has_window(i) for i in range(config.num_hidden_layers)):
        masks = {"full_attention": added(sees), "sliding_attention": added(near)}
    out = model(torch.tensor([ids]), attention_mask=masks, position_ids=positions[None], output_attentions=True,
                use_cache=False)
    show(kind, out.attentions)


def blocks(is_both_ways):
    sees = torch.ones(n, n, dtype=torch.bool).tril()
    positions = torch.arange(n)
    for b, e in zip(begins, ends):
        sees[b:e, HEAD:b] = False
        positions[b:e] = HEAD + torch.arange(e - b)
        if is_both_ways:
            sees[b:e, b:e] = True
    positions[tail:] = HEAD + max(PASSAGES) + torch.arange(TAIL)
    return sees, positions


# ---- PINE ----


@functools.lru_cache(maxsize=None)
def angles(kind):
    """RoPE's cosines and sines [n, d], as transformers makes them."""
    cos, sin = model.model.rotary_emb(torch.zeros(1), torch.arange(n)[None], *kind)
    return cos[0], sin[0]


def turned(x, layer, positions):
    """x [n, d] by RoPE at positions [n]."""
    cos, sin = angles((config.layer_types[layer],) if hasattr(model.model.rotary_emb, "layer_types") else ())
    half = x.shape[-1] // 2
    return x * cos[positions] + torch.cat((-x[:, half:], x[:, :half]), -1) * sin[positions]


def places(importance, first):
    """Effective positions of the passages' first tokens: the most important lies last, next to the reader.
    `first` is a passage that comes before all, or None."""
    order = sorted(range(len(PASSAGES)), key=lambda j: (j != first, -importance[j]))
    at, end = [0] * len(PASSAGES), tail
    for j in order:
        end -= PASSAGES[j]
        at[j] = end
    return at


def masses(weights):
    """Mean weight of a passage's tokens, summed over the readers; weights [readers, tail - HEAD]."""
    return [float(weights[:, b - HEAD:e - HEAD].double().sum()) / (e - b) for b, e in zip(begins, ends)]


def attend(weights, context, q, k, v, layer, readers, key_positions, own, n_keys):
    """Readers, a range of tokens, at positions `own`; q, k, v [n, d] of a head, not yet turned."""
    keys = turned(k[:n_keys], layer, key_positions[:n_keys])
    s = turned(q[readers], layer, own) @ keys.T * scaling
    far = own[:, None] - key_positions[None, :n_keys]
    s = s.masked_fill(far < 0, -torch.inf)
    if has_window(layer):
        s = s.masked_fill(far >= window, -torch.inf)
    w = s.softmax(-1)
    weights[readers, :n_keys] = w
    context[readers] = w @ v[:n_keys]


def pine_head(q, k, v, layer):
    weights, context = torch.zeros(n, n), torch.zeros_like(q)
    natural = torch.arange(n)
    region = slice(HEAD, tail)
    attend(weights, context, q, k, v, layer, torch.arange(HEAD), natural, natural[:HEAD], HEAD)
    for i, (b, e) in enumerate(zip(begins, ends)):
        s = q[b:e] @ k[region].T * scaling
        s[:, b - HEAD:e - HEAD] = -torch.inf
        at = places(masses(s.softmax(-1)), i)
        positions = natural.clone()
        for j in range(len(PASSAGES)):
            positions[begins[j]:ends[j]] = at[j] + torch.arange(PASSAGES[j])
        attend(weights, context, q, k, v, layer, torch.arange(b, e), positions, positions[b:e], tail)
    for t in range(tail, n):
        at = places(masses((q[t:t + 1] @ k[region].T * scaling).softmax(-1)), None)
        positions = natural.clone()
        for j in range(len(PASSAGES)):
            positions[begins[j]:ends[j]] = at[j] + torch.arange(PASSAGES[j])
        attend(weights, context, q, k, v, layer, torch.tensor([t]), positions, natural[t:t + 1], t + 1)
    return weights, context


def pine(module, query, key, value, attention_mask, scaling=None, **kwargs):
    globals()["scaling"] = scaling
    group = query.shape[1] // key.shape[1]
    heads = [pine_head(query[0, h], key[0, h // group], value[0, h // group], module.layer_idx)
             for h in range(query.shape[1])]
    seen.append(torch.stack([w for w, _ in heads])[None])
    return torch.stack([c for _, c in heads], 1)[None], None


with torch.no_grad():
    print("ids", *ids)
    print("sizes", HEAD, *PASSAGES, TAIL)
    run("causal", torch.ones(n, n, dtype=torch.bool).tril(), torch.arange(n))
    run("blocks", *blocks(False))
    run("both-ways", *blocks(True))
    seen = []
    AttentionInterface.register("pine", pine)
    model.set_attn_implementation("pine")
    sys.modules[type(model.model.layers[0].self_attn).__module__].apply_rotary_pos_emb = lambda q, k, *rest: (q, k)
    model(torch.tensor([ids]), use_cache=False)
    show("pine", seen)
