#!/usr/bin/env python3
"""Golden token ids from the Rust library `tokenizers`, the reference of model/tok_wordpiece.c.

    pip install tokenizers==0.23.3
    wordpiece.py texts   MODEL/tokenizer.json corpus.jsonl.gz queries.jsonl.gz > golden/wordpiece_scifact.txt
    wordpiece.py hostile MODEL/tokenizer.json > golden/wordpiece_hostile.txt
    wordpiece.py sweep                        > golden/wordpiece_sweep.txt

The formats are described at the top of what is written.  Ids always include [CLS] and [SEP] and are not cut.
"""
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import struct
import sys
import zlib

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers


def crc(ids, start=0):
    return zlib.crc32(struct.pack("<%di" % len(ids), *ids), start)


def load(path):
    t = Tokenizer.from_file(path)
    t.no_truncation()
    t.no_padding()
    return t


def texts(tokenizer, corpus, queries):
    """One line a text: documents ("title text"), then queries."""
    t = load(tokenizer)
    print("# CRC-32 of the ids (int32, little-endian) of each text: documents as 'title text', then queries")
    for path in (corpus, queries):
        with gzip.open(path, "rt", encoding="utf-8") as f:
            for line in f:
                d = json.loads(line)
                text = d["title"] + " " + d["text"] if "title" in d else d["text"]
                print("%08x" % crc(t.encode(text).ids))


# Name, text (bytes are taken as they are), how often it is repeated.
HOSTILE = [
    ("empty", "", 1),
    ("one space", " ", 1),
    ("only spaces", " \t\r\n  ", 50),
    ("no-break and other spaces", "a\u00a0b\u1680c\u2000d\u2003e\u2028f\u2029g\u202fh\u205fi\u3000j", 1),
    ("combining marks", "e\u0301 n\u0303 a\u030a\u0301 Z\u0351\u036b\u0343\u036aa\u0302\u0366l\u0348g\u034fo", 1),
    ("marks alone", "\u0301\u0302\u0303", 1),
    ("marks at the start", "\u0301abc \u0489def", 1),
    ("five hundred marks", "a" + "\u0301" * 500 + "b", 1),
    ("precomposed and decomposed", "\u00e9t\u00e9 e\u0301te\u0301 \u1e69 s\u0323\u0307 s\u0307\u0323", 1),
    ("vietnamese", "Ti\u1ebfng Vi\u1ec7t \u0110\u1ed3ng \u01a0\u01a1\u01af\u01b0", 1),
    ("zero-width", "zero\u200bwidth\u200cnon\u200djoiner\u2060word\ufeffbom", 1),
    ("soft hyphen", "co\u00adoperate", 1),
    ("byte order mark first", "\ufeffhello", 1),
    ("variation selectors", "\u2764\ufe0f \u2603\ufe0e \U000e0100 a\ufe00b", 1),
    ("tags", "a\U000e0001\U000e0061\U000e007fb", 1),
    ("chinese", "\u6211\u5728\u5317\u4eac\u5927\u5b66\u8bfb\u4e66 mixed\u4e2d\u6587text", 1),
    ("chinese extensions", "\u3400\u4dbf\u9fff\ua000\U00020000\U0002a6df\U0002a6e0\U0002a700\U0002b73f\U0002b740"
     "\U0002b81f\U0002b820\U0002b91f\U0002b920\U0002ceaf\U0002ceb0\U0002f800\U0002fa1f\U0002fa20\U00030000", 1),
    ("compatibility ideographs", "\uf900\ufa0e\ufaff \U0002f800 x\uf900y", 1),
    ("japanese", "\u6771\u4eac\u306f\u65e5\u672c\u3067\u3059\u3002\u30c6\u30b9\u30c8 \u304c\u304e \u304b\u3099 \uff76\uff9e", 1),
    ("korean", "\ud55c\uad6d\uc5b4 \uac00\uac01 \u1112\u1161\u11ab \u3131\u314f \uffa1", 1),
    ("hangul jamo, long word", "\uac01", 40),
    ("full width", "\uff21\uff22\uff43\uff11\uff12\uff01\uff0c\uff5e", 1),
    ("emoji", "\U0001f600\U0001f44d\U0001f3fd ok\U0001f680go", 1),
    ("emoji, joined", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308", 1),
    ("flags", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 1),
    ("keycaps", "1\ufe0f\u20e3 #\ufe0f\u20e3", 1),
    ("arabic", "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u064e\u0644\u064e\u064a\u0652\u0643\u064f\u0645\u061f \u0640\u0640 \ufdfa \ufefb", 1),
    ("hebrew", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \ufb2a\ufb1d", 1),
    ("right to left controls", "abc\u202edef\u202c \u2066x\u2069 \u200fy\u200e \u061c", 1),
    ("persian digits and joiner", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u06f1\u06f2\u06f3", 1),
    ("devanagari", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0915\u094d\u0937 \u0958 \u0964\u0965", 1),
    ("thai", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0e33 \u0e50\u0e51", 1),
    ("tibetan", "\u0f56\u0f7c\u0f51\u0f0b \u0f77\u0f79\u0f81", 1),
    ("tamil", "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bca", 1),
    ("controls", "".join(map(chr, range(0, 32))) + "x\x7fy\x80z\x85\x9f", 1),
    ("nul in words", "ab\0cd \0 e", 1),
    ("tab, line feed, carriage return", "a\tb\nc\rd\r\ne\x0bf\x0cg\x1ch\x1fi", 1),
    ("word of 99 letters", "a" * 99, 1),
    ("word of 100 letters", "a" * 100, 1),
    ("word of 101 letters", "a" * 101, 1),
    ("word of 100 letters beyond ascii", "\u00e4" * 100, 1),
    ("word of 100 letters and a mark", "b" * 100 + "\u0301", 1),
    ("word of 101 letters beyond ascii", "\u0436" * 101, 1),
    ("word of 100 letters, cut by punctuation", "a" * 60 + "-" + "b" * 60, 1),
    ("word of 100 letters, cut by an ideograph", "a" * 60 + "\u4e00" + "b" * 60, 1),
    ("word of 5000 letters", "abcdefghij", 500),
    ("word of 95 letters and 3 ligatures", "a" * 95 + "\ufb03\u0133\u01c4", 1),
    ("replacement character", "a\ufffdb \ufffd", 1),
    ("non-characters", "a\ufffeb\uffffc\ufdd0d\U0001ffffe\U0010ffff", 1),
    ("private use", "a\ue000b\uf8ffc\U000f0000d\U0010fffd", 1),
    ("unassigned", "a\u0378b\u2fe0c\U000e0fffd", 1),
    ("turkish i", "\u0130stanbul I\u015f\u0131k \u0130\u0307 i\u0307 \u0049\u0307", 1),
    ("sharp s", "Stra\u00dfe STRASSE \u1e9e GRO\u1e9e", 1),
    ("final sigma", "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03a3 \u03b1\u03a3. \u03a3\u0301", 1),
    ("greek accents", "\u1f08\u03b8\u1fc6\u03bd\u03b1\u03b9 \u1fb3 \u1fbc \u0390 \u037e \u0387 \u1fef", 1),
    ("ligatures", "\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06 \u0132\u0133 \u0152\u0153 \u00c6\u00e6 e\ufb03cient", 1),
    ("digraphs", "\u01c4\u01c5\u01c6 \u01f1\u01f2\u01f3 \u01c7", 1),
    ("letters that do not decompose", "\u0141\u0142 \u00d8\u00f8 \u0110\u0111 \u00de\u00fe \u00d0\u00f0 \u0166", 1),
    ("kelvin, angstrom, ohm", "\u212a \u212b \u2126 300\u212a", 1),
    ("superscripts and fractions", "x\u00b2 H\u2082O \u00bd \u2153 \u2460 \u2167 \u33a5", 1),
    ("digits", "0123456789 \u0660\u0669 \u0966\u096f \u09e6 \u0e50 \u17e0 \u1810 \uff10 \U0001d7ce \U00011066 \u4e00\u4e8c", 1),
    ("mathematical letters", "\U0001d400\U0001d41a\U0001d4d0\u210c\u2115 \u2200x\u2208\u211d \u221a2 \u2264", 1),
    ("currency and signs", "$5 \u20ac10 \u00a33 \u00a55 \u20bf \u00a9\u00ae\u2122 \u00b0C \u00b5m \u03bcm \u00d7\u00f7", 1),
    ("ascii punctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 1),
    ("punctuation of many scripts", "\u00a1\u00bf\u2014\u2013\u2018\u2019\u201c\u201d\u2026\u3001\u3002\u300c\u300d\u061f\u0964\u055e\u1362\u16eb\u2e2e", 1),
    ("punctuation younger than the tables", "a\u2e43b\u2e52c\u0c77d\u166de\U00011a3ff", 1),
    ("marks younger than the tables", "a\u1df6b\u08d4c\u1ac0d\u1734e\u1885f\ua9bdg", 1),
    ("lower case younger than the tables", "\ua7cb \ua7dc \u1c89 \U00010d50 \U00016ea0", 1),
    ("bicameral scripts", "\u0410\u0411\u0412 \u0531\u0532 \u10a0 \u1c90 \u13a0\uab70 \U00010400 \U0001e900 \u2c00 \ua640", 1),
    ("apostrophes", "don't don\u2019t 'tis rock'n'roll O\u02bcNeill", 1),
    ("hyphens", "state-of-the-art \u2010\u2011\u2012\u2212 e\u2011mail", 1),
    ("urls", "https://example.org/a_b?c=d&e=f#g user@host.tld", 1),
    ("hash signs", "## ##ing #hash a##b", 1),
    ("brackets that are no special token", "[sep] [ SEP ] [SEP [unused5] <s> [Mask]", 1),
    ("canonical order", "a\u302e\u302fb c\U0001d16d\U0001d165d \U0001d15e\U0001d165\U0001d16e \u302f\u0316\u302e", 1),
    ("musical symbols", "\U0001d160\U0001d1bb\U0001d1c0", 1),
    ("javanese, mongolian, lao", "\ua9b4\ua9c0 \u1820\u180b\u1885\u180e \u0e99\u0ec9\u0eb3", 1),
    ("cuneiform, hieroglyphs", "\U00012000 \U00013000\U00013430 \U00016fe4", 1),
    ("mixed case", "McDONALD iPhone XMLHttpRequest \u00c0\u00c9\u00ce \u0178", 1),
    ("line of dashes", "-", 300),
    ("very long text", "The quick brown fox, na\u00efve as ever, jumps over 13 lazy dogs. ", 2000),
    ("lone continuation bytes", b"a\x80b\xbf\xbfc", 1),
    ("overlong forms", b"a\xc0\xafb\xe0\x80\xafc\xf0\x80\x80\xafd\xc1\xbf", 1),
    ("surrogates", b"a\xed\xa0\x80b\xed\xbf\xbfc \xed\xa0\xbd\xed\xb8\x80", 1),
    ("above the last code point", b"a\xf4\x90\x80\x80b\xf5\x80\x80\x80c\xf8\x88\x80\x80\x80d\xfe\xff", 1),
    ("cut-off sequences", b"a\xc3 b\xe2\x82 c\xf0\x9f\x98 d\xe2\x82\xe2\x82\xac e\xf0\x9f", 1),
    ("latin-1 bytes", b"caf\xe9 na\xefve \xa9 2024", 1),
]

# With a special token spelled out: the reference is told to take it as text, as fovea always does.
SPECIAL = [
    ("special: separator", "end [SEP] begin", 1),
    ("special: all", "[CLS][SEP][PAD][UNK][MASK]", 1),
    ("special: in a word", "a[SEP]b x[MASK]", 1),
]


def hostile(tokenizer):
    t = load(tokenizer)
    print("# name, repetitions, bytes in hex, number of ids, CRC-32 of the ids (int32, little-endian), "
          "the first 200 ids; by tabs")
    for cases, as_text in ((HOSTILE, False), (SPECIAL, True)):
        t.encode_special_tokens = as_text
        for name, text, times in cases:
            raw = text if isinstance(text, bytes) else text.encode("utf-8")
            ids = t.encode((raw * times).decode("utf-8", errors="replace")).ids
            print(name, times, raw.hex(), len(ids), "%08x" % crc(ids), " ".join(map(str, ids[:200])), sep="\t")


PLANES = (0, 1, 2, 14)
OPTIONS = ((1, None), (0, None), (1, 0), (0, 1))  # lowercase, strip_accents


def scalars(plane):
    for cp in range(plane << 16, (plane + 1) << 16):
        if not 0xD800 <= cp <= 0xDFFF:
            yield cp


def sweep_vocabulary(plane):
    """[UNK] [CLS] [SEP], then c and ##c for every c of planes 0, 1 and `plane` from U+0021 on, but U+007F..U+00A0."""
    vocabulary = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}
    for p in sorted({0, 1, plane}):
        for cp in scalars(p):
            if cp > 0x20 and not 0x7F <= cp <= 0xA0:
                vocabulary[chr(cp)] = len(vocabulary)
                vocabulary["##" + chr(cp)] = len(vocabulary)
    return vocabulary


def sweep():
    """Every code point c, in the text "c acB a(1D16D)c(1D165)": the last part tells its combining class."""
    print("# plane, lowercase, strip_accents (-1: as lowercase), first code point, CRC-32 of the ids (int32,")
    print("# little-endian, with [CLS] and [SEP]) of the texts of 4096 code points; tokenizers", tokenizers.__version__)
    for plane in PLANES:
        vocabulary = sweep_vocabulary(plane)
        for lower, strip in OPTIONS:
            t = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
            t.normalizer = normalizers.BertNormalizer(
                clean_text=True, handle_chinese_chars=True, lowercase=bool(lower),
                strip_accents=None if strip is None else bool(strip))
            t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
            sums = {}
            for cp in scalars(plane):
                c = chr(cp)
                ids = t.encode("%s a%sB a\U0001d16d%s\U0001d165" % (c, c, c)).ids
                first = cp & ~4095
                sums[first] = crc([1] + ids + [2], sums.get(first, 0))
            for first, value in sums.items():
                print(plane, lower, -1 if strip is None else strip, "%x" % first, "%08x" % value)


if __name__ == "__main__":
    commands = {"texts": texts, "hostile": hostile, "sweep": sweep}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
