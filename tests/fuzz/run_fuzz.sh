#!/bin/sh
# run_fuzz.sh PROGRAM CORPUS: a fixed number of inputs, beginning with the corpus, which stays as it is.
set -eu
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
"$1" -runs=20000 -max_len=4096 -artifact_prefix="$new/" "$new" "$2" || {
    for input in "$new"/crash-* "$new"/leak-* "$new"/timeout-* "$new"/oom-*; do
        [ -f "$input" ] && echo "$input:" && base64 "$input"
    done
    exit 1 # libFuzzer's own 77 would count as skipped
}
