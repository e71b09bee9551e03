#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Doxygen understands the public header and misses nothing: a warning is an error.
#   test_api_docs.sh BUILD-DIRECTORY
set -eu
command -v doxygen >/dev/null || { echo 'skipped: doxygen is missing' && exit 77; }
doxyfile=$1/include/Doxyfile
[ -f "$doxyfile" ] || { echo 'skipped: doxygen came after the build directory was made' && exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/mqk-docs.XXXXXX")
trap 'rm -rf "$work"' EXIT
{ cat "$doxyfile" && echo "OUTPUT_DIRECTORY = $work"; } >"$work/Doxyfile"
doxygen "$work/Doxyfile"
page=$work/structmqk__event.html
grep -q 'client identifier' "$page" || { echo "FAILED: the tables' members are not described" && exit 1; }

# It must notice a parameter that is not there.
header=$(sed -n 's/^INPUT *= *//p' "$doxyfile")
sed 's/@param event  the event; not used/@param evnet  the event; not used/' "$header" >"$work/mqkafka.h"
cmp -s "$header" "$work/mqkafka.h" && { echo 'FAILED: nothing was spoilt' && exit 1; }
echo "INPUT = $work/mqkafka.h" >>"$work/Doxyfile"
if doxygen "$work/Doxyfile" >"$work/log" 2>&1; then
    echo 'FAILED: a wrong parameter was not noticed'
    exit 1
fi
grep -q evnet "$work/log"
