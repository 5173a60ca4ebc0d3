#!/bin/sh
# usage: shipped.sh FILE...   prints C that holds the texts of some files, by name
# SPDX-License-Identifier: Apache-2.0
set -eu
echo '/* Made by build-aux/shipped.sh from model/profiles. */'
echo '#include "model/profile.h"'
echo
echo 'static const struct {'
echo '    const char *name, *text;'
echo '    size_t n;'
echo '} shipped[] = {'
for file; do
    printf '    {"%s",\n' "$(basename "$file")"
    sed 's/[\\"]/\\&/g; s/.*/     "&\\n"/' "$file"
    printf '     , %d},\n' "$(wc -c <"$file")"
done
echo '    {NULL, NULL, 0},'
echo '};'
echo
echo 'const char *profile_shipped(const char **name, size_t *n, int i)'
echo '{'
echo '    *name = shipped[i].name;'
echo '    *n = shipped[i].n;'
echo '    return shipped[i].text;'
echo '}'
