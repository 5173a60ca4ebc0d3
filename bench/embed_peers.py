"""sentence-transformers, onnxruntime (f32 and int8) and fasttextembed with the same MiniLM, same passages.

fasttextembed runs it as a model of 12 layers (fasttextembed_model.py); "at 6 layers" is half its time, reckoned, not measured.

usage: embed_peers.py MODEL_FOLDER CORPUS_FOLDER N THREADS MAX_TOKENS REFERENCE
Prints one JSON object; writes the vectors of sentence-transformers (float32) to REFERENCE.
"""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import gzip
import json
import os
import statistics
import sys
import tempfile
import time

import fasttextembed
import numpy as np
import onnxruntime
import torch
from fasttextembed_model import write as write_fasttextembed
from onnxruntime.quantization import QuantType, quantize_dynamic
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer

QUERY = "Do statins lower the risk of atrial fibrillation?"


def passages(folder, n):
    path = folder + "/corpus.jsonl"
    stream = gzip.open(path + ".gz", "rt", encoding="utf-8") if os.path.exists(path + ".gz") else open(path, encoding="utf-8")
    texts = []
    for line in stream:
        d = json.loads(line)
        texts.append(d.get("title", "") + " " + d["text"])
        if len(texts) == n:
            break
    return texts


def normal(vectors):
    v = np.asarray(vectors, np.float32)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def measure(encode, texts, reference=None):
    """Speed, and the mean cosine of the vectors to the reference's; with them if there is no reference."""
    encode(texts[:8])
    begin = time.perf_counter()
    vectors = encode(texts)
    seconds = time.perf_counter() - begin
    times = []
    for _ in range(50):
        t = time.perf_counter()
        encode([QUERY])
        times.append(1e3 * (time.perf_counter() - t))
    result = {"passages_per_s": len(texts) / seconds, "query_ms": statistics.median(times)}
    if reference is None:
        return result, normal(vectors)
    result["cosine"] = float((normal(vectors) * reference).sum(1).mean())
    return result


class Positional(torch.nn.Module):
    """The model with the three inputs by position, as the exporter passes them."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask, types):
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state


def export(model, path):
    ids = torch.ones(2, 8, dtype=torch.long)
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(Positional(model), (ids, ids, ids), path, input_names=["input_ids", "attention_mask", "token_type_ids"],
                      output_names=["hidden"], opset_version=17, dynamo=False,
                      dynamic_axes={name: axes for name in ("input_ids", "attention_mask", "token_type_ids", "hidden")})


def onnx_encoder(path, tokenizer, threads, max_tokens):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def encode(texts):
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        out = [None] * len(texts)
        for begin in range(0, len(order), 32):
            part = order[begin:begin + 32]
            x = tokenizer([texts[i] for i in part], padding=True, truncation=True, max_length=max_tokens, return_tensors="np")
            hidden = session.run(None, {k: x[k].astype(np.int64) for k in ("input_ids", "attention_mask", "token_type_ids")})[0]
            mask = x["attention_mask"][:, :, None]
            v = (hidden * mask).sum(1) / mask.sum(1)
            for i, row in zip(part, v / np.linalg.norm(v, axis=1, keepdims=True)):
                out[i] = row
        return np.stack(out)

    return encode


def fasttextembed_encoder(folder, model, tokenizer, threads):
    """Its own default for one text is all cores, so the environment says how many."""
    os.environ["FTE_THREADS"] = str(threads)
    own = {name: t.detach().numpy() for name, t in model.state_dict().items()}
    library = ctypes.CDLL(os.path.join(os.path.dirname(fasttextembed.__file__), "libfte.so"))
    parameters = write_fasttextembed(folder, library, own, tokenizer.get_vocab())
    engine = fasttextembed.TextEmbedding(folder + "/model.fte", folder + "/vocab.tsv")
    return (lambda t: [engine.embed_one(t[0])] if len(t) == 1 else engine.embed(t, threads)), parameters


def cut(texts, tokenizer, max_tokens):
    """The texts up to as many tokens as the others read: fasttextembed has no such option."""
    x = tokenizer(texts, truncation=True, max_length=max_tokens, return_offsets_mapping=True)
    return [t[:max(end for _, end in spans)] for t, spans in zip(texts, x["offset_mapping"])]


def main():
    folder, corpus, n, threads, max_tokens = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(threads)
    texts = passages(corpus, n)
    st = SentenceTransformer(folder, device="cpu")
    st.max_seq_length = max_tokens
    result = {}
    result["sentence-transformers"], reference = measure(lambda t: st.encode(t, batch_size=32, show_progress_bar=False), texts)
    result["sentence-transformers"]["cosine"] = 1.0
    reference.tofile(sys.argv[6])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as tmp:
        with torch.no_grad():
            export(st[0].auto_model.eval(), tmp + "/f32.onnx")
        quantize_dynamic(tmp + "/f32.onnx", tmp + "/int8.onnx", weight_type=QuantType.QInt8)
        for name in ("f32", "int8"):
            encode = onnx_encoder(tmp + f"/{name}.onnx", tokenizer, threads, max_tokens)
            result["onnxruntime " + name] = measure(encode, texts, reference)
        encode, parameters = fasttextembed_encoder(tmp, st[0].auto_model, tokenizer, threads)
        whole = measure(encode, cut(texts, tokenizer, max_tokens), reference)
    whole["parameters"] = parameters
    result["fasttextembed"] = whole
    result["fasttextembed at 6 layers"] = {"passages_per_s": 2 * whole["passages_per_s"], "query_ms": whole["query_ms"] / 2,
                                           "cosine": whole["cosine"]}
    print(json.dumps(result))


main()
