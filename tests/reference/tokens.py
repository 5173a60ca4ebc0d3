#!/usr/bin/env python3
"""Golden token ids of decoders from the library `transformers`, the reference of model/tok_bpe.c, tok_sentencepiece.c, chat.c.

    pip install transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 jinja2
    tokens.py smollm2  MODEL.gguf corpus.jsonl.gz queries.jsonl.gz > golden/tokens_smollm2.txt
    tokens.py qwen0.5b MODEL.gguf corpus.jsonl.gz queries.jsonl.gz > golden/tokens_qwen0.5b.txt
    tokens.py gemma3   MODEL.gguf corpus.jsonl.gz queries.jsonl.gz > golden/tokens_gemma3.txt

The vocabulary is that of the GGUF file; normaliser and pre-tokenizer are the published tokenizer's: for Qwen2 and Gemma
those of transformers' classes, for SmolLM2 (digits alone, then GPT-2's pattern) spelled out below, as transformers
takes GPT-2's alone for it.  Control tokens in texts are texts (split_special_tokens=True).  Broken UTF-8 is mended as
fovea mends it: U+FFFD for each byte that is part of no character.
"""
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import random
import struct
import sys
import zlib

import jinja2
import tokenizers
import transformers
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import GPT2Tokenizer
from transformers.integrations.gguf.gguf_tokenizer_mapping import add_gguf_special_tokens, gemma_tokenizer
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

from wordpiece import HOSTILE, SPECIAL

BPE = {"smollm2": GPT2Tokenizer, "qwen0.5b": Qwen2Tokenizer}

RUNS = [("run of " + name, text, n) for name, text in (
    ("letters", "a"), ("blanks", " "), ("line feeds", "\n"), ("tabs", "\t"), ("pairs", "ab"), ("digits", "0"),
    ("line ends", "\r\n"), ("wide blanks", "\u3000"), ("lower blocks", "\u2581"), ("blank lines", " \n"), ("marks", "\u0301"),
    ("equals", "=")) for n in (2, 3, 7, 24, 25, 26, 31, 32, 33, 100, 10000)]

MORE = [
    ("blanks before words", "  word   x\n   y  \n\n  z \r\n\r\n  ", 1),
    ("tags", "<b>bold</b>\n\n\n <h1>x</h1> [multimodal] <tool_call>x</tool_call>", 1),
    ("control tokens", "<|im_start|>user\nhi<|im_end|> <start_of_turn>user <bos><eos> <|endoftext|> <unused7>", 1),
    ("bytes spelled out", "<0x41><0xE4> \u2581x a\u2581b", 1),
    ("contractions", "it's IT'S 'S '\u017f we'll WE'LL they're I'm I'd you've 'tis ''s", 1),
    ("digits and blanks", "x  12 345  6789 7  8a \u0661\u0662 \u216b1 \u00bd1", 1),
    ("odd blanks", "\u180e \u180e x \u0085 y\x1c z\u2028 \u2029x \u00a0\u00a0y \u200b \ufeff", 1),
    ("normal forms", "I\u0307 \u1e9b\u0323 \u212b a\u0316\u0301 a\u0301\u0316 \u1100\u1161\u11a8 \uac00\u11a8 \u0915\u093c \u0958 \u2adc", 1),
    ("exclusions", "\u0344 \u0340 \u0f73 \U0001d15e \u2000\u2001 \u0387 \u1fef \uf900", 1),
    ("out of order", "e" + "\u0301\u0316" * 300, 1),
]


def bits():
    """Pieces that meet each other in many ways."""
    some = ["a", "Word", "unbelievable", " ", "  ", "\n", "-", "...", "\u00e9", "e\u0301", "\u4e2d", "\u2014", "\U0001f600", "\u200b",
            "<|im_end|>", "<eos>", "42", "\u03a3", "#", "\ud55c", "'", "'s", "'LL", "\t", "\r\n", "\u00a0", "\u3000", "1st", "<h1>", "_",
            "\u0300", "\u1100\u1161", "\u2581", "\u2019s", "\ufffd", "\0", "http://x.y/z?q=1"]
    r = random.Random(5)
    return [("mixture %d" % i, "".join(r.choice(some) for _ in range(30)), 1) for i in range(60)]


CHATS = [
    [("user", "What does the fovea do?")],
    [("system", "Answer briefly."), ("user", "Do people live longer\nwhen they exercise?")],
    [("user", "One."), ("assistant", "Two, 2."), ("user", "\u4e09\uff1f")],
    [("system", "A\n\nB"), ("user", "x"), ("assistant", "y"), ("user", "1 2  3")],
]

# What the model comes without: the template that Gemma's instructed models are published with, without its parts for pictures.
GEMMA_TEMPLATE = """{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- set first = messages[0]['content'] + '\n\n' -%}
{%- set turns = messages[1:] -%}{%- else -%}{%- set first = '' -%}{%- set turns = messages -%}{%- endif -%}
{%- for m in turns -%}{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' + (first if loop.first else '') }}
{{- m['content'] | trim }}{{ '<end_of_turn>\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"""


# A character among letters, digits, blanks, an apostrophe and its like.
SWEEP = "ab* *1*the'*  **x"


def crc(ids, start=0):
    return zlib.crc32(struct.pack("<%di" % len(ids), *ids), start)


def mend(text):
    if isinstance(text, str):
        return text
    out, i = "", 0
    while i < len(text):
        for n in (1, 2, 3, 4):
            try:
                out += text[i:i + n].decode()
                i += n
                break
            except UnicodeDecodeError:
                pass
        else:
            out += "\ufffd"
            i += 1
    return out


def load(name, path):
    fields = {key: field.contents() for key, field in GGUFReader(path).fields.items() if key.startswith("tokenizer.")}
    get = lambda key: fields.get("tokenizer.ggml." + key)
    d = {"tokens": get("tokens"), "scores": get("scores"), "token_type": get("token_type"), "tokenizer_type": get("model")}
    if name in BPE:
        t = BPE[name](vocab={token: i for i, token in enumerate(d["tokens"])},
                      merges=[tuple(merge.split(" ")) for merge in get("merges")])
    else:
        t = gemma_tokenizer(d)
    t = add_gguf_special_tokens(t, d).backend_tokenizer
    if name == "smollm2":
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    return t, fields.get("tokenizer.chat_template", GEMMA_TEMPLATE)


def texts(paths):
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as f:
            for line in f:
                d = json.loads(line)
                yield d["title"] + " " + d["text"] if "title" in d else d["text"]


def main(name, path, *collection):
    t, template = load(name, path)
    print("# transformers %s, tokenizers %s; fields are separated by tabs" % (transformers.__version__, tokenizers.__version__))
    print("# texts: CRC-32 of the ids (int32, little-endian), each text's followed by -1, of the next 100 texts: documents")
    print("#        as 'title text', then queries")
    print("# hostile: name, repetitions, bytes in hex, number of ids, CRC-32 of the ids, the first 64 ids")
    print("# sweep: first of 4096 code points, CRC-32 of the ids of the texts '%s' with each of them as *" % SWEEP)
    print("# chat: 1 if the assistant's turn is begun, number of messages, role and text in hex of each, ids")
    t.encode_special_tokens = True
    n, value = 0, 0
    for n, text in enumerate(texts(collection), 1):
        value = crc(t.encode(text, add_special_tokens=False).ids + [-1], value)
        if n % 100 == 0:
            print("texts\t%08x" % value)
            value = 0
    if n % 100:
        print("texts\t%08x" % value)
    for title, text, n in HOSTILE + SPECIAL + MORE + RUNS + bits():
        ids = t.encode(mend(text) * n, add_special_tokens=False).ids
        raw = text if isinstance(text, bytes) else text.encode()
        print("\t".join(["hostile", title, str(n), raw.hex(), str(len(ids)), "%08x" % crc(ids),
                         " ".join(map(str, ids[:64]))]))
    for first in range(0, 0x32000, 4096):
        value = 0
        for cp in range(first, first + 4096):
            if not 0xd800 <= cp < 0xe000:
                value = crc(t.encode(SWEEP.replace("*", chr(cp)), add_special_tokens=False).ids, value)
        print("sweep\t%x\t%08x" % (first, value))
    t.encode_special_tokens = False
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    for chat in CHATS:
        for answer in (0, 1):
            text = environment.from_string(template).render(
                messages=[{"role": role, "content": content} for role, content in chat],
                add_generation_prompt=bool(answer), bos_token="<bos>")
            ids = t.encode(text, add_special_tokens=False).ids
            print("\t".join(["chat", str(answer), str(len(chat))] +
                            [x for role, content in chat for x in (role, content.encode().hex())] + [" ".join(map(str, ids))]))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
