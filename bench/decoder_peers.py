"""llama.cpp and transformers with the same GGUF file, for what fovea's decoder does.

usage: decoder_peers.py llama FILE CORPUS_FOLDER THREADS
       decoder_peers.py icr   FILE CORPUS_FOLDER THREADS PASSAGES QUERY
llama: tokens a second while 512, 2,048 and 4,096 tokens are read and 32 written, and milliseconds to load the file (model and
vocabulary; the file is mapped and in the page cache), and until 20 tokens are read.
icr: seconds to re-rank PASSAGES passages for QUERY by attention as published: the prompt is read once (scaled dot-product attention, no
weights kept), then the content-free tail and the query's behind it, with the attention of all heads. In float32 and in
bfloat16, of which the faster counts.
Prints one JSON object.
"""
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import os
import statistics
import sys
import time

LENGTHS = (512, 2048, 4096)
DECODED = 32
QUERY_TOKENS = 20


def documents(folder):
    path = folder + "/corpus.jsonl"
    stream = gzip.open(path + ".gz", "rt", encoding="utf-8") if os.path.exists(path + ".gz") else open(path, encoding="utf-8")
    for line in stream:
        d = json.loads(line)
        yield d.get("title", ""), d["text"]


def median(measure, rounds):
    return statistics.median(measure() for _ in range(rounds))


def llama(path, corpus, threads):
    import llama_cpp

    parameters = llama_cpp.llama_model_default_params()

    def load():
        begin = time.perf_counter()
        model = llama_cpp.llama_model_load_from_file(path.encode(), parameters)
        seconds = time.perf_counter() - begin
        llama_cpp.llama_model_free(model)
        return seconds

    def start():
        """From nothing to 20 tokens read: weights that are mapped come into memory when they are first used."""
        begin = time.perf_counter()
        started = make()
        started.eval(list(range(100, 100 + QUERY_TOKENS)))
        seconds = time.perf_counter() - begin
        started.close()
        return seconds

    def make():
        return llama_cpp.Llama(path, n_ctx=LENGTHS[-1] + DECODED, n_threads=threads, n_threads_batch=threads,
                               n_batch=512, verbose=False)

    # what it says while it loads costs it time: keep it quiet
    silent = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(silent, None)
    load()
    result = {"open_ms": 1e3 * median(load, 5), "first_ms": 1e3 * median(start, 3)}
    model = make()
    ids = []
    for title, text in documents(corpus):
        ids += model.tokenize(f"{title}\n{text}\n\n".encode(), add_bos=False)
        if len(ids) >= LENGTHS[-1] + DECODED:
            break

    def read(n):
        model.reset()
        begin = time.perf_counter()
        model.eval(ids[:n])
        return time.perf_counter() - begin

    def write():
        read(LENGTHS[0])
        begin = time.perf_counter()
        for i in ids[LENGTHS[0]:LENGTHS[0] + DECODED]:
            model.eval([i])
        return time.perf_counter() - begin

    read(LENGTHS[0])
    for n in LENGTHS:
        result[f"prefill_{n}"] = n / median(lambda n=n: read(n), 3 if n == LENGTHS[0] else 1)
    result["decode"] = DECODED / median(write, 3)
    result["features"] = llama_cpp.llama_print_system_info().decode()
    model.close()
    return result


def icr(path, corpus, threads, n, query):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    folder, name = os.path.split(path)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    passages = [" ".join(f"{title}\n{text}".split(" ")[:300]) for _, (title, text) in zip(range(n), documents(corpus))]
    head, spans = tokenizer("Here are some paragraphs:").input_ids, []
    for i, passage in enumerate(passages):
        ids = tokenizer(f"\n\n[{i + 1}] {passage}", add_special_tokens=False).input_ids
        spans.append((len(head), len(head) + len(ids)))
        head += ids

    def tail(text):
        return tokenizer(f"\n\nFind what answers the query.\n\nQuery: {text}", add_special_tokens=False).input_ids

    def watch(model, cache, ids):
        """The mean over the tail's tokens and the sum over heads and layers, of each token of the prompt."""
        model.set_attn_implementation("eager")
        out = model(torch.tensor([ids]), past_key_values=cache, use_cache=True, output_attentions=True, logits_to_keep=1)
        cache.crop(-len(ids))
        return sum(a[0, :, :, :len(head)].float().mean(1).sum(0) for a in out.attentions)

    def rank(model):
        model.set_attn_implementation("sdpa")
        cache = model(torch.tensor([head]), use_cache=True, logits_to_keep=1).past_key_values
        change = watch(model, cache, tail(query)) - watch(model, cache, tail("N/A"))
        scores = []
        for begin, end in spans:
            c = change[begin:end]
            scores.append(float(c[c > c.mean() - 2 * c.std()].sum()))
        return scores

    result = {"tokens": len(head)}
    for kind in ("float32", "bfloat16"):
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=getattr(torch, kind)).eval()
        with torch.inference_mode():
            begin = time.perf_counter()
            scores = rank(model)
            seconds = time.perf_counter() - begin
        result[kind + "_s"] = seconds
        result["best"] = max(range(n), key=scores.__getitem__)
    result["seconds"] = min(result["float32_s"], result["bfloat16_s"])
    return result


def main():
    how, path, corpus, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    if how == "llama":
        print(json.dumps(llama(path, corpus, threads)))
    else:
        print(json.dumps(icr(path, corpus, threads, int(sys.argv[5]), sys.argv[6])))


main()
