#!/usr/bin/env python3
"""Golden scores of a small random cross-encoder, from PyTorch: what model/pair.c is checked against to 1e-5.

    pip install torch transformers
    tiny_cross.py > golden/tiny_cross.txt

The network is the one of tiny_bert.py, with a pooler and a classifier whose numbers follow those of the network
(tests/tiny_model.c, tiny_cross_write).  Pairs are cut by transformers' tokenizer ("longest_first") to 48 tokens.

A line, fields between tabs: number of labels, query, passage, number of tokens, how many are of the first type, ids with
blanks between, score.
"""
# SPDX-License-Identifier: Apache-2.0
import torch
from tiny_bert import D, F, HEADS, LAYERS, POSITIONS, SEED, WORDS, Numbers, weights
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
for c in range(0x21, 0x7F):
    if not chr(c).isupper():
        VOCABULARY += [chr(c), "##" + chr(c)]
VOCABULARY += ["the", "retina", "of", "eye", "fove", "##ation", "##ing"]

LENGTHS = [(1, 1), (0, 3), (2, 5), (3, 43), (2, 43), (3, 42), (22, 23), (23, 22), (22, 60), (23, 60), (60, 23), (60, 22),
           (100, 100), (100, 101), (101, 100), (400, 2), (2, 400), (44, 1), (45, 1), (1, 45), (45, 500), (500, 45)]
SOME = "the retina of eye foveation ? x1 see , foving".split()


def words(n, step, i):
    """About n tokens."""
    out = []
    while n > 0:
        w = SOME[i * step % len(SOME)]
        out.append(w)
        n -= 2 if w in ("foveation", "x1", "foving") else 3 if w == "see" else 1
        i += 1
    return " ".join(out)


def classifier(labels):
    r = Numbers(SEED)
    for t in weights().values():  # those come first
        r.tensor(t.shape, 0, 1)
    return {
        "bert.pooler.dense.weight": r.tensor((D, D), 0, 0.3),
        "bert.pooler.dense.bias": r.tensor((D,), 0, 0.1),
        "classifier.weight": r.tensor((labels, D), 0, 1),
        "classifier.bias": r.tensor((labels,), 0, 0.1),
    }


def main():
    tokenizer = BertTokenizer(vocab={w: i for i, w in enumerate(VOCABULARY)})
    assert len(VOCABULARY) == WORDS
    for labels in (1, 2):
        config = BertConfig(
            vocab_size=WORDS, hidden_size=D, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=F,
            max_position_embeddings=POSITIONS, type_vocab_size=2, layer_norm_eps=1e-12, num_labels=labels,
        )
        model = BertForSequenceClassification(config).eval()
        state = {"bert." + name: t for name, t in weights().items()} | classifier(labels)
        missing = model.load_state_dict(state, strict=False)
        assert not missing.unexpected_keys and all("position_ids" in k for k in missing.missing_keys), missing
        for i, (q, p) in enumerate(LENGTHS):
            query, passage = words(q, 3, i), words(p, 7, i // 2)
            x = tokenizer([query], [passage], truncation="longest_first", max_length=POSITIONS, return_tensors="pt")
            with torch.inference_mode():
                logits = model(**x).logits[0].double()
            score = logits[0] if labels == 1 else logits[1] - logits[0]
            ids, types = x["input_ids"][0].tolist(), x["token_type_ids"][0].tolist()
            assert 1 not in ids
            print(labels, query, passage, len(ids), types.count(0), " ".join(map(str, ids)), "%.9g" % score, sep="\t")


if __name__ == "__main__":
    main()
