#!/usr/bin/env python3
"""The run of a SPLADE model over a collection in BEIR's layout, from PyTorch in float32: what `fovea eval beir --systems
sparse` is compared with.

    pip install torch transformers scipy
    splade_run.py MODEL corpora/data/scifact > torch.run
    fovea eval torch.run corpora/data/scifact/qrels/test.tsv

Texts go through the network one by one, without padding; the maximum over tokens is taken before the logarithm, which is
the same and cheaper.  Ties are broken by docno descending.
"""
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import sys

import numpy as np
import scipy.sparse
import torch
from transformers import AutoTokenizer, BertForMaskedLM

DEPTH = 1000


def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            doc = json.loads(line)
            yield doc["_id"], " ".join(filter(None, (doc.get("title"), doc["text"])))


def main(model_path, data):
    tokenizer = AutoTokenizer.from_pretrained(model_path)
    model = BertForMaskedLM.from_pretrained(model_path).eval()
    longest = min(tokenizer.model_max_length, model.config.max_position_embeddings)

    def encode(texts):
        rows = []
        with torch.inference_mode():
            for text in texts:
                x = tokenizer(text, return_tensors="pt", truncation=True, max_length=longest)
                logits = model(**x).logits[0].max(dim=0).values
                rows.append(scipy.sparse.csr_matrix(torch.log1p(torch.relu(logits)).numpy()))
        return scipy.sparse.vstack(rows).tocsr()

    docs = sorted(read(f"{data}/corpus.jsonl.gz"), reverse=True)
    queries = list(read(f"{data}/queries.jsonl.gz"))
    weights = encode(text for _, text in docs).T.tocsc()
    for (qid, _), query in zip(queries, encode(text for _, text in queries)):
        scores = (query @ weights).toarray()[0]
        for rank, i in enumerate(np.argsort(-scores, kind="stable")[:DEPTH], 1):
            if scores[i] > 0:
                print(qid, "Q0", docs[i][0], rank, "%.7g" % scores[i], "torch")


if __name__ == "__main__":
    main(*sys.argv[1:])
