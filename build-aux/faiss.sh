#!/bin/sh
# Builds FAISS with its C API, which Debian's package lacks, from Debian's source package.
# usage: build-aux/faiss.sh            builds it, unless it is there already
#        build-aux/faiss.sh --prefix   says where it is, or would be
# Environment: FOVEA_FAISS=PREFIX (default: the user's cache), FAISS_LOG=FILE, JOBS=N.
#
# libfaiss.so is built twice: plain, and with AVX2 into lib/glibc-hwcaps/x86-64-v3, where the dynamic
# linker finds it first on processors that have AVX2. The choice is made at run time, by glibc.
# The system's package sources are read, never touched. What stands at the prefix is complete: it is
# built beside it and moved there at the end.
# SPDX-License-Identifier: Apache-2.0
set -eu

version=1.7.3
recipe=1 # one more when the build changes: a new folder, a new build
cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/fovea
prefix=${FOVEA_FAISS:-$cache/faiss-$version-$recipe}
work=$prefix.work
log=${FAISS_LOG:-$prefix.log}
jobs=${JOBS:-$(nproc)}

die() {
    echo "faiss: $*" >&2
    exit 1
}

# run WHAT COMMAND...: one command into the log
run() {
    what=$1
    shift
    "$@" >>"$log" 2>&1 || die "$what failed: see $log"
}

# Debian's own entries for the source packages: `deb` lines and stanzas, turned into deb-src. Entries of
# other archives that look alike do no harm: the version of what is fetched is checked.
one_line_sources() { # FILE
    awk -v suite="$codename" '/^deb[ \t]/ {
        options = ""
        sub(/^deb[ \t]+/, "")
        if (match($0, /^\[[^]]*\][ \t]+/)) {
            options = substr($0, 1, RLENGTH)
            $0 = substr($0, RLENGTH + 1)
        }
        if ($2 == suite && / main([ \t]|$)/) print "deb-src " options $1, suite, "main"
    }' "$1"
}

stanza_sources() { # FILE
    awk -v suite="$codename" 'BEGIN { RS = ""; FS = "\n" } {
        types = suites = components = 0
        text = ""
        for (i = 1; i <= NF; i++) {
            line = $i
            if (line ~ /^#/) continue
            field = tolower(line)
            sub(/:.*/, "", field)
            value = line
            sub(/^[^:]*:/, "", value)
            gsub(/[ \t]+/, " ", value)
            value = value " "
            if (line ~ /^[ \t]/) field = ""
            if (field == "enabled" && value ~ / (no|false) /) types = -9
            if (field == "types" && value ~ / deb /) { types++; line = "Types: deb-src" }
            if (field == "suites" && index(value, " " suite " ")) { suites = 1; line = "Suites: " suite }
            if (field == "components" && value ~ / main /) { components = 1; line = "Components: main" }
            text = text line "\n"
        }
        if (types > 0 && suites && components) print text
    }' "$1"
}

copy_sources() {
    mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] && one_line_sources "$file"
    done >"$work/sources/fovea.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && stanza_sources "$file"
    done >"$work/sources/fovea.sources"
    grep -q . "$work/sources/fovea.list" "$work/sources/fovea.sources" ||
        die "no package source for '$codename main' in /etc/apt"
}

private_apt() { # apt-get, on the copied sources and with its state in the work folder
    apt-get -q -oDir::Etc::sourcelist=/dev/null -oDir::Etc::sourceparts="$work/sources" \
        -oDir::State::Lists="$work/lists" -oDir::Cache="$work/cache" \
        -oAPT::Sandbox::User="$(id -un)" -oAcquire::Languages=none -oAcquire::Retries=3 "$@"
}

fetch() {
    copy_sources
    private_apt update >>"$log" 2>&1 || echo "faiss.sh: goes on with what could be read" >>"$log"
    (cd "$work" && run "fetching the source package" private_apt source --download-only faiss)
    for dsc in "$work"/faiss_"$version"-*.dsc; do
        [ -f "$dsc" ] || die "Debian's source package is not version $version: see $log"
        run "unpacking the source package" dpkg-source --no-check -x "$dsc" "$work/src"
    done
}

# compile DIR FLAGS TARGET...
compile() {
    dir=$work/$1
    flags=$2
    shift 2
    # shellcheck disable=SC2016 # $ORIGIN is the dynamic linker's
    run "cmake" cmake -S "$work/src" -B "$dir" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_INSTALL_PREFIX="$work/out" -DCMAKE_INSTALL_LIBDIR=lib \
        -DCMAKE_INSTALL_RPATH='$ORIGIN' -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
        -DBUILD_SHARED_LIBS=ON -DBUILD_TESTING=OFF \
        -DFAISS_ENABLE_C_API=ON -DFAISS_ENABLE_PYTHON=OFF -DFAISS_ENABLE_GPU=OFF \
        -DCMAKE_DISABLE_FIND_PACKAGE_MKL=ON -DBLA_VENDOR=OpenBLAS
    run "compiling" cmake --build "$dir" -j "$jobs" --target "$@"
}

# The C library has no install rule in 1.7.3.
build() {
    compile plain "" faiss faiss_c
    run "installing" cmake --install "$work/plain" --strip
    run "installing" install -s -m 755 "$work/plain/c_api/libfaiss_c.so" "$work/out/lib/"
    run "installing" install -m 644 "$work/src/LICENSE" "$work/out/"
    [ "$(uname -m)" = x86_64 ] || return 0
    compile avx2 "-mavx2 -mfma -mf16c -mpopcnt" faiss
    mkdir -p "$work/out/lib/glibc-hwcaps/x86-64-v3"
    run "installing" install -s -m 755 "$work/avx2/faiss/libfaiss.so" \
        "$work/out/lib/glibc-hwcaps/x86-64-v3/"
}

main() {
    [ -d "$prefix" ] && return
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    mkdir -p "$(dirname "$prefix")" || die "cannot make $(dirname "$prefix")"
    exec 9>"$prefix.lock"
    flock 9
    [ -d "$prefix" ] && return # someone else built it meanwhile
    : >"$log"
    rm -rf "$work"
    mkdir -p "$work"
    fetch
    build
    mv "$work/out" "$prefix"
    rm -rf "$work" "$prefix.lock"
}

case ${1:-} in
--prefix) echo "$prefix" ;;
"") main ;;
*) die "unknown argument '$1'" ;;
esac
