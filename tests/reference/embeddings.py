#!/usr/bin/env python3
"""Golden vectors from PyTorch, the reference of model/: every fifth SciFact document, 1,000 in all, in float32.

    pip install torch transformers
    embeddings.py MODEL_FOLDER corpus.jsonl.gz > golden/embeddings_minilm.f16

A text is "title text", cut at 256 tokens; its vector is the mean of the last layer over its tokens, brought to length 1.
One text at a time, so that there is no padding.

The file: "FOVEAVEC", u32 number of vectors, u32 dimensions, then the vectors as float16; all little-endian.
Rounding to float16 alone leaves a cosine of 0.9999999.
"""
# SPDX-License-Identifier: Apache-2.0
import gzip
import itertools
import json
import struct
import sys

import torch
from transformers import AutoModel, AutoTokenizer

N, STEP, MAX_TOKENS = 1000, 5, 256


def main(folder, corpus):
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with gzip.open(corpus, "rt", encoding="utf-8") as f:
        docs = [json.loads(line) for line in itertools.islice(f, 0, N * STEP, STEP)]
    assert len(docs) == N
    rows = []
    with torch.inference_mode():
        for d in docs:
            batch = tokenizer(d["title"] + " " + d["text"], truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
            mean = model(**batch).last_hidden_state[0].mean(dim=0)
            rows.append(torch.nn.functional.normalize(mean, dim=0))
    vectors = torch.stack(rows).to(torch.float16).numpy().astype("<f2")
    sys.stdout.buffer.write(b"FOVEAVEC" + struct.pack("<II", *vectors.shape) + vectors.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
