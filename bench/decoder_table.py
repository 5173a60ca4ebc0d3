"""The table of a decoder's figures and its peers', from the files that decoders.sh made.

usage: decoder_table.py PREFIX MODEL THREADS PASSAGES
"""
# SPDX-License-Identifier: Apache-2.0
import json
import sys

ROWS = (  # name, figure, more is better
    ("reading 512 tokens, tokens/s", "prefill_512", True),
    ("reading 2,048 tokens, tokens/s", "prefill_2048", True),
    ("reading 4,096 tokens, tokens/s", "prefill_4096", True),
    ("writing, tokens/s", "decode", True),
    ("opening, ms", "open_ms", False),
    ("opening and reading 20 tokens, ms", "first_ms", False),
)


def number(x):
    return "%.0f" % x if x >= 100 else "%.3g" % x


def row(name, own, peer, more_is_better):
    ratio = own / peer if more_is_better else peer / own
    print("%-48s %12s %12s %7.2fx" % (name, number(own), number(peer), ratio))


def main():
    prefix, model, threads, passages = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]

    def figures(end):
        with open(prefix + end, encoding="utf-8") as f:
            return json.load(f)

    own, llama = figures(".json"), figures(".llama.json")
    print("%-48s %12s %12s %8s" % (f"{model}, {threads} threads", "fovea", "peer", "ratio"))
    for name, key, more in ROWS:
        row(name + ": llama.cpp", own[key], llama[key], more)
    if passages == "0":
        return
    torch = figures(".transformers.json")
    kind = "float32" if torch["float32_s"] <= torch["bfloat16_s"] else "bfloat16"
    for name, end, key in (("icr", ".icr.json", "again_ms"), ("icr-blocks, cold", ".blocks.json", "first_ms"),
                           ("icr-blocks, warm", ".blocks.json", "again_ms")):
        row(f"{name}, {passages} passages, s: transformers ({kind})", figures(end)[key] / 1e3, torch["seconds"], False)


main()
