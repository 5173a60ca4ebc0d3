#!/usr/bin/env python3
"""Golden values for tests/check_reranker_golden.c: re-ranking by attention, written a second time over transformers, in float32
from a GGUF file's weights.

usage: rerank_scores.py MODEL.gguf SCIFACT_DIR > tests/golden/rerank_NAME.txt

SCIFACT_DIR holds corpus.jsonl.gz and queries.jsonl.gz.  The prompt is that of model/prompt.h, its pieces cut into tokens one by
one; the model's turns are ChatML.  Sources: Chen et al., "Attention in large language models yields efficient zero-shot
re-rankers", 2024, and the comments at the top of reranker/icr_blocks.c, reranker/stored.c and reranker/statistics.c.

Needs torch, transformers and gguf (PyPI).  Output, a line each; numbers are of the case's passages, in its order:

    case  QID DOCNO...
    ids   ID...                    the prompt of icr in the case's order
    icr   forward|reversed  SCORE...
    blocks  SCORE...               icr-blocks, all heads
    head  L H STATISTIC plain|calibrated  SCORE...   stored: one head
    stored|in-blocks  STATISTIC plain|calibrated  SCORE...   heads of CHOSEN, standardised and weighted, summed up
"""
import gzip
import json
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

CASES = [("1", 0), ("3", 700), ("5", 1500)]  # a query, and where its passages begin in the corpus
PASSAGES, STRIDE = 6, 37
HEADS = [(4, 2), (9, 3), (9, 4), (12, 0), (15, 7), (18, 5), (22, 1), (29, 8)]
CHOSEN = {(9, 3): 1.0, (9, 4): 0.5, (15, 7): -0.25, (18, 5): 2.0}
SENTENCE = "Find the paragraphs above that hold what the following query needs."
WORDS, DISTANCE = 60, 256  # of a text so many words are taken: fewer than the prompt has room for

path, scifact = sys.argv[1:3]
where = dict(pretrained_model_name_or_path=os.path.dirname(path), gguf_file=os.path.basename(path))
tokenizer = AutoTokenizer.from_pretrained(**where)
model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, attn_implementation="eager").eval()
layers, heads = model.config.num_hidden_layers, model.config.num_attention_heads
group = heads // model.config.num_key_value_heads
llama = sys.modules[type(model.model.layers[0].self_attn).__module__]


def read(name):
    with gzip.open(os.path.join(scifact, name), "rt", encoding="utf-8") as lines:
        return {d["_id"]: d for d in map(json.loads, lines)}


# ---- the prompt ----


def tok(piece):
    return tokenizer(piece, add_special_tokens=False)["input_ids"]


START, END = (tokenizer.convert_tokens_to_ids(t) for t in ("<|im_start|>", "<|im_end|>"))
BLANK = tok("\n\n")
HEAD = [START] + tok("user\n") + tok(" Here are some paragraphs:")


def passage(doc, number):
    """Tokens, and how many belong to the blank line before it."""
    text = (doc["title"] + "\n" + " ".join(doc["text"].split(" ")[:WORDS])).strip()
    return BLANK + (tok("[%d]" % number) + tok(" " + text) if number else tok(text)), len(BLANK)


def tail(query):
    """Blank line, rows, and which of the rows are the query's own."""
    before = tok(SENTENCE) + BLANK + tok("Query:")
    words = tok(" " + query.strip())
    return before + words + [END] + tok("\n") + [START] + tok("assistant\n"), range(len(before), len(before) + len(words))


# ---- reading ----


def forward(ids, positions, cache, mask=None, watched=False):
    return model(torch.tensor([ids]), position_ids=positions[None], past_key_values=cache, attention_mask=mask,
                 use_cache=True, output_attentions=watched)


def cut(cache, n):
    """Leaves the first n tokens; crop takes how many go."""
    cache.crop(n - cache.get_seq_length())


def look(cache, n, first, query):
    """What the rows of a tail attend to, n cells before it: [layers, heads, rows, n]."""
    rows, words = tail(query)
    positions = torch.arange(first, first + len(BLANK) + len(rows))
    forward(BLANK, positions[:len(BLANK)], cache)
    out = forward(rows, positions[len(BLANK):], cache, watched=True)
    cut(cache, n)
    return torch.stack([a[0, :, :, :n] for a in out.attentions]), words


def published(real, free):
    """s and s of N/A, [cells of a passage]."""
    c = (real - free).double()
    keep = c > c.mean() - 2 * c.std()
    return float(c[keep].sum())


def show(*parts):
    print(*["%.9g" % p if isinstance(p, float) else p for p in parts])


# ---- icr and icr-blocks ----


def score_published(cache, n, first, ranges, query):
    real, free = (look(cache, n, first, q)[0].double().mean(2).sum((0, 1)) for q in (query, "N/A"))
    return [published(real[b:e], free[b:e]) for b, e in ranges]


def icr(docs, query, is_reversed):
    ids, ranges = list(HEAD), {}
    for i in range(PASSAGES):
        k = PASSAGES - 1 - i if is_reversed else i
        tokens, blank = passage(docs[k], i + 1)
        ranges[k] = (len(ids) + blank, len(ids) + len(tokens))
        ids += tokens
    if not is_reversed:
        show("ids", *ids, *BLANK, *tail(query)[0])
    cache = DynamicCache()
    forward(ids, torch.arange(len(ids)), cache)
    show("icr", "reversed" if is_reversed else "forward",
         *score_published(cache, len(ids), len(ids), [ranges[k] for k in range(PASSAGES)], query))


def blocks(docs, query):
    ids, ranges, cuts = list(HEAD), [], []
    positions = list(range(len(HEAD)))
    for doc in docs:
        tokens, blank = passage(doc, 0)
        cuts.append((len(ids), len(ids) + len(tokens)))
        ranges.append((len(ids) + blank, len(ids) + len(tokens)))
        ids += tokens
        positions += range(len(HEAD), len(HEAD) + len(tokens))
    n = len(ids)
    sees = torch.ones(n, n, dtype=torch.bool).tril()
    for b, e in cuts:
        sees[b:e, len(HEAD):b] = False
    cache = DynamicCache()
    forward(ids, torch.tensor(positions), cache,
            mask=torch.where(sees, 0.0, torch.finfo(torch.float32).min)[None, None])
    first = len(HEAD) + DISTANCE
    show("blocks", *score_published(cache, n, first, ranges, query))
    sides = []
    for q in (query, "N/A"):
        a, words = look(cache, n, first, q)
        log = a.double().clamp_min(1e-300).log()
        sides.append((torch.stack([log[..., b:e].logsumexp(-1) for b, e in ranges], -1),
                      torch.stack([log[..., b:e].amax(-1) for b, e in ranges], -1), words, 0))
    combine("in-blocks", sides)


# ---- statistics ----


def statistics(log_sums, largest, words, total):
    """All [layers, heads, rows, passages]; total, a row's, broadcasts.  Gives [layers, heads, passages] by name."""
    own = slice(words.start, words.stop)
    share = log_sums - total
    return {
        "mass": share.exp().mean(2),
        "word-mass": share[:, :, own].exp().mean(2),
        "log-mass": share[:, :, own].mean(2),
        "largest": largest[:, :, own].mean(2),
        "peak": (largest - total)[:, :, own].exp().mean(2),
    }


def standardise(x):
    return (x - x.mean()) / x.std(correction=0)


def combine(name, sides):
    real, free = (statistics(*side) for side in sides)
    for kind in real:
        for how in ("plain", "calibrated"):
            scores = real[kind] - (free[kind] if how == "calibrated" else 0)
            show(name, kind, how, *sum(w * standardise(scores[l, h]) for (l, h), w in CHOSEN.items()).tolist())
            for l, h in HEADS if name == "stored" else []:
                show("head", l, h, kind, how, *scores[l, h].tolist())


# ---- stored ----

asked = []
turn = llama.apply_rotary_pos_emb


def listen(q, k, *rest, **named):
    q, k = turn(q, k, *rest, **named)
    asked.append(q[0])
    return q, k


llama.apply_rotary_pos_emb = listen


def keys_of(cache):
    return [cache[i][0][0] if hasattr(cache, "__getitem__") else cache.layers[i].keys[0] for i in range(layers)]


def stored(docs, query):
    cache = DynamicCache()
    forward(HEAD, torch.arange(len(HEAD)), cache)
    shared = [k.clone() for k in keys_of(cache)]
    found = []
    for doc in docs:
        tokens, blank = passage(doc, 0)
        forward(tokens, torch.arange(len(HEAD), len(HEAD) + len(tokens)), cache)
        found.append([k[:, len(HEAD) + blank:].clone() for k in keys_of(cache)])
        cut(cache, len(HEAD))
    sides = []
    for q in (query, "N/A"):
        rows, words = tail(q)
        first = len(HEAD) + DISTANCE
        asked.clear()
        forward(BLANK + rows, torch.arange(first, first + len(BLANK) + len(rows)), cache)
        cut(cache, len(HEAD))
        ask = [a[:, len(BLANK):].double() / a.shape[-1] ** 0.5 for a in asked]
        logits = [[ask[i] @ k[i].double().repeat_interleave(group, 0).transpose(1, 2) for i in range(layers)]
                  for k in [shared] + found]
        log_sums = torch.stack([torch.stack([x.logsumexp(-1) for x in side]) for side in logits], -1)
        largest = torch.stack([torch.stack([x.amax(-1) for x in side]) for side in logits[1:]], -1)
        sides.append((log_sums[..., 1:], largest, words, log_sums.logsumexp(-1, keepdim=True)))
    combine("stored", sides)


corpus, queries = read("corpus.jsonl.gz"), read("queries.jsonl.gz")
names = list(corpus)
with torch.no_grad():
    for qid, begin in CASES:
        docnos = names[begin:begin + PASSAGES * STRIDE:STRIDE]
        docs, query = [corpus[d] for d in docnos], queries[qid]["text"]
        print("case", qid, *docnos)
        icr(docs, query, False)
        icr(docs, query, True)
        blocks(docs, query)
        stored(docs, query)
