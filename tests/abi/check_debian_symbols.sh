#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_debian_symbols.sh LIST SYMBOLS: the Debian package's symbols file names what the list names.
# A new function gets a line with the version of the library that has it first.
set -eu
sed -n 's/^ \(mqk_[a-z0-9_]*\)@LIBMQKAFKA_1\.0 [0-9.]*$/\1/p' "$2" | sort | diff -u "$1" - || {
    echo "the functions in $2 (right) are not those in $1 (left)" >&2
    exit 1
}
