#!/usr/bin/env python3
"""Terms of words in the languages of libstemmer, and of Chinese, Japanese and Korean text, for tests/golden/stems.txt.

    pip install PyStemmer==2.2.0.3 && python3 tests/reference/stems.py > tests/golden/stems.txt

The stems are PyStemmer's; what is done before and after is written down here once more, with Python's Unicode.
A line: analyzer, TAB, text, TAB, terms with a blank between them.
SPDX-License-Identifier: Apache-2.0
"""
import re
import unicodedata

import Stemmer

WORDS = {
    "arabic": "كتاب الكتاب والكتب مدرسة المدرسين يكتبون كَتَبَ ﻛﺘﺎﺏ",
    "armenian": "գիրք գրքեր գրքերով քաղաքներ և արևելյան",
    "basque": "etxea etxeak etxeetan liburuaren zaharrak",
    "catalan": "casa cases l'aigua d'homes català catalana cançons braços força",
    "danish": "bøger bøgerne husene læser undersøgelse Århus",
    "dutch": "huizen lichamelijk lopen fietsen financiën kinderen",
    "finnish": "talossa talojen kirjat lukemassa yön ÄITI",
    "french": "l'avion avions d'œuvres œuvre aujourd'hui qu'elle français françaises été abbé C'était JUSQU\u2019À naïve",
    "german": "Ärzte Aerzte Arzt Häuser Haus Haeuser Straße Strasse STRASSEN neue Neuem Quelle Goethe Bücher Buecher",
    "greek": "βιβλίο ΒΙΒΛΙΑ βιβλίων άνθρωπος ανθρώπους δρόμος ΟΔΟΣ",
    "hindi": "लड़का लड़के लड़कियाँ किताबें पुस्तकों",
    "hungarian": "házak házakban könyvet könyvekkel városok",
    "indonesian": "membaca bacaan perbaikan memperbaiki berjalan",
    "irish": "nAthair tUisce hÉireann hata bhfuil gcathair d'athair leabhair",
    "italian": "dell'acqua acque l'uomo un'amica città libri leggere perché C'È qualità",
    "lithuanian": "knygos knygų namuose miestas ĄŽUOLAI",
    "nepali": "किताबहरू घरमा मान्छेले",
    "norwegian": "bøker bøkene husene undersøkelser leser",
    "portuguese": "livros não ação ações São língua linguas alemão",
    "romanian": "cărți cărţi și înțeleg orașul orașele țară",
    "russian": "книги книгами читаешь ёлки елки БОЛЬШИЕ дома",
    "serbian": "књига књиге knjige градови gradovi",
    "spanish": "libros niños ninos canción canciones año antigüedad leyéndolo",
    "swedish": "böcker böckerna husen undersökningar får",
    "tamil": "புத்தகங்கள் வீட்டில் மரங்கள்",
    "turkish": "kitaplar KİTAPLAR ISPARTA ısparta İstanbul'da istanbul IŞIK ışık IĞDIR\u2019dan",
    "yiddish": "ביכער בוך הײַזער שרײַבן",
    "porter2": "generously skies dying",
}

TEXTS = [
    "多くの学生が試験に落ちた。",
    "東京都 A 水 データベース １９８４年 ﾃﾞｰﾀ",
    "中华人民共和国",
    "LG전자는 서울에 있다",
    "한국어 검색 e-mail Ｗｅｂ検索",
    "か\u3099っこう 人々 ラーメン・カレー",
]

FRENCH = "l d j m t s n c qu jusqu lorsqu puisqu quoiqu".split()
ITALIAN = ("l un d dell all dall nell sull coll c s m t v n gl degl agl dagl quest quell").split()
ELISION = {"french": FRENCH, "italian": ITALIAN, "catalan": list("ldnsmt"), "irish": list("dmb")}
BARE = {"french", "italian", "catalan", "portuguese", "spanish"}


def fold(word):
    """NFKC_Casefold, less characters that are ignored."""
    for _ in range(2):
        word = unicodedata.normalize("NFKC", word).casefold()
    return unicodedata.normalize("NFKC", word).replace("\u2019", "'")


def prepare(language, word):
    if language == "turkish":
        word = word.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı")
    folded = fold(word)
    head, _, tail = folded.partition("'")
    if tail and head in ELISION.get(language, ()):
        folded = tail
    if language == "french":
        folded = folded.replace("œ", "oe").replace("æ", "ae")
    if language == "german":
        for plain, umlaut in (("ae", "ä"), ("oe", "ö"), ("ue", "ü")):
            folded = re.sub("(?<![aeiouyq])" + plain, umlaut, folded)
    if language == "irish" and re.match("[nth][AEIOUÁÉÍÓÚ]", word):
        folded = folded[1:]
    if language == "romanian":
        folded = folded.replace("ș", "ş").replace("ț", "ţ")
    if language == "turkish":
        folded = head
    return folded


def finish(language, stem):
    if language not in BARE:
        return stem
    parts = unicodedata.normalize("NFD", stem.replace("ñ", "\0"))
    return "".join(c for c in parts if not unicodedata.combining(c)).replace("\0", "ñ")


def is_cjk(c):
    name = unicodedata.name(c, "")
    scripts = ("CJK UNIFIED", "HIRAGANA", "KATAKANA LETTER", "KATAKANA-HIRAGANA PROLONGED", "HANGUL", "IDEOGRAPHIC ITERATION")
    return name.startswith(scripts)


def bigrams(text):
    terms = []
    for run in re.findall(r"\w+", fold(text)):
        word = ""
        for c in run + "\0":
            if word and (is_cjk(c) != is_cjk(word[0]) or c == "\0"):
                pairs = [word[i : i + 2] for i in range(max(1, len(word) - 1))]
                terms += pairs if is_cjk(word[0]) else [word]
                word = ""
            word += c
    return terms


def main():
    for language, words in WORDS.items():
        stemmer = Stemmer.Stemmer("english" if language == "porter2" else language)
        for word in words.split():
            ready = prepare(language, word)
            term = finish(language, stemmer.stemWord(ready) or ready)
            print(language, word, term, sep="\t")
    for text in TEXTS:
        print("cjk", text, " ".join(bigrams(text)), sep="\t")


if __name__ == "__main__":
    main()
