#!/bin/sh
# check_symbols.sh LIBRARY LIST: the library's exported symbols are exactly those in the list.
set -eu
nm -D --defined-only "$1" | awk '$2 != "A" {print $3}' | sed 's/@.*//' | sort -u | diff -u "$2" - || {
    echo "exported symbols differ from $2 (left: the list, right: the library)" >&2
    exit 1
}
