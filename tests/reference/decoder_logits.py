#!/usr/bin/env python3
"""Golden values for tests/check_model_decoder.c: what transformers computes, in float32, from a GGUF file's weights.

usage: decoder_logits.py MODEL.gguf TEXT N > tests/golden/decoder_NAME.txt
       decoder_logits.py MODEL.gguf TEXT N FROM > tests/golden/decoder_long_NAME.txt

TEXT is a file; its first N tokens (by transformers' tokenizer of the same file) are read in one causal run.
With FROM, rows from that token on, without attention: of texts that are longer than a block of scores and a window.
Needs torch, transformers and gguf (PyPI).  Output, a line each:

    ids  ID...                      the N tokens
    row  T  BEST  LOGSUM  ID LOGIT  ID LOGIT ...   token T's best next word, log of the sum of exp, and some logits
    mass L H  SUM...                attention from the last 16 tokens, averaged, to each 64 tokens of the text
"""
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

path, text, n = sys.argv[1], open(sys.argv[2], encoding="utf-8").read(), int(sys.argv[3])
first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
where = dict(pretrained_model_name_or_path=os.path.dirname(path), gguf_file=os.path.basename(path))
tokenizer = AutoTokenizer.from_pretrained(**where)
model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, attn_implementation="eager").eval()
ids = tokenizer(text, add_special_tokens=True)["input_ids"][:n]
with torch.no_grad():
    out = model(torch.tensor([ids]), output_attentions=not first)
logits = out.logits[0].double()
print("ids", *ids)
for t in [*range(first, n, 8), n - 1]:
    row = logits[t]
    some = [(t * 7919 + i * 104729) % row.numel() for i in range(6)]
    best = int(row.argmax())
    print("row", t, best, "%.6f" % torch.logsumexp(row, 0), *["%d %.5f" % (i, row[i]) for i in [best] + some])
for layer, a in enumerate(out.attentions or []):
    for head in range(a.shape[1]):
        mass = a[0, head, -16:].double().mean(0)
        print("mass", layer, head, *["%.7g" % mass[i : i + 64].sum() for i in range(0, n, 64)])
