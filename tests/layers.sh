#!/bin/sh
# Who may include whom: the table of CONTRIBUTING.md, line by line.
# 1. A folder includes itself, base/, and only the faces of the folders below it; a header that a face
#    includes is part of that face.
# 2. A library's header is included by one .c file in each folder that may use it, and by no header.
# Prints a line for each violation. SPDX-License-Identifier: Apache-2.0
set -eu
cd "${srcdir:-.}"

# "FILE:LINE <header>" or "FILE:LINE header" for every #include
includes() {
    for file in base/*.[ch] model/*.[ch] corpora/*.[ch] indexer/*.[ch] retriever/*.[ch] reranker/*.[ch] \
        generator/*.[ch] eval/*.[ch] api/*.[ch]; do
        [ -f "$file" ] && sed -n "s|^[ 	]*#[ 	]*include[ 	]*[\"]\([^\"]*\)\".*|$file \1|p
            s|^[ 	]*#[ 	]*include[ 	]*\(<[^>]*>\).*|$file \1|p" "$file"
    done
}

includes | awk '
BEGIN {
    # folder: the headers that it may include beside its own and those of base/
    index_h = " indexer/index.h "
    may["base"] = may["corpora"] = may["eval"] = " "
    may["model"] = " "
    may["generator"] = " model/model.h model/reader.h model/session.h "
    may["indexer"] = " model/model.h model/keys.h model/profile.h "
    may["retriever"] = " model/model.h" index_h
    may["reranker"] = " model/model.h model/keys.h model/prompt.h model/profile.h model/reader.h model/session.h model/question.h" index_h
    may["api"] = " model/model.h model/about.h model/reader.h model/write.h reranker/heads.h corpora/corpora.h retriever/retriever.h reranker/reranker.h" \
        " generator/generator.h eval/eval.h eval/significance.h" index_h

    # library: the folders that may use it
    users["sqlite3"] = " base api "
    users["jansson"] = users["zlib"] = users["curl"] = " base "
    users["unicode"] = " indexer model "
    users["omp"] = " indexer model "
    users["libstemmer"] = users["faiss"] = " indexer "
    users["oneapi"] = users["pcre2"] = users["cuda"] = " model "
    users["histedit"] = " api "
    users["libxml"] = " corpora "

    split("assert complex cpuid ctype dirent dlfcn endian errno fcntl fenv float fnmatch ftw getopt" \
        " glob iconv immintrin inttypes limits locale malloc math netdb poll pthread regex sched semaphore" \
        " setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string" \
        " strings sys termios time unistd wchar", names, " ")
    for (i in names) standard[names[i]] = 1
}

function bad(text) { print file ": " text; n_bad++ }

function folder_of(path) { sub(/\/.*/, "", path); return path }

# "<sqlite3ext.h>" -> "sqlite3"
function library(header) {
    gsub(/[<>]|ext\.h|\.h/, "", header)
    return folder_of(header)
}

function check_library(header,    name) {
    name = library(header)
    if (name in standard) return
    if (!(name in users)) return bad("unknown library " header ": name its users in tests/layers.sh")
    if (file ~ /\.h$/) return bad("a header may not include " header)
    if (!index(users[name], " " folder " ")) return bad(folder "/ may not use " header)
    if ((name, folder) in user && user[name, folder] != file)
        return bad(header " is used by " user[name, folder] " already: one file for each library")
    user[name, folder] = file
}

# Is the header in the list of the folder, or part of a face that is?
function allowed(header,    face) {
    if (index(may[folder], " " header " ")) return 1
    for (face in part_of)
        if (index(part_of[face], " " header " ") && index(may[folder], " " face " ")) return 1
    return 0
}

function check_own(header) {
    if (header !~ /\//) return bad("write \"" folder "/" header "\", from the top of the tree")
    if (folder_of(header) == folder || folder_of(header) == "base") return
    if (!allowed(header)) bad(folder "/ may not include " header)
}

{
    files[NR] = $1
    headers[NR] = $2
    if (index(may["api"], " " $1 " ")) part_of[$1] = part_of[$1] " " $2 " "
}

END {
    if (!NR) { print "layers.sh: no source files here"; exit 1 }
    for (i = 1; i <= NR; i++) {
        file = files[i]
        folder = folder_of(file)
        if (headers[i] ~ /^</) check_library(headers[i])
        else check_own(headers[i])
    }
    exit n_bad > 0
}'
