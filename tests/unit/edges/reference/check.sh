#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares partition_hashes.txt with what Erlang, and Kafka's Java client where its jar is named by
# KAFKA_CLIENTS_JAR (a class path), say today. Skipped (77) where neither is there.
here=$(dirname "$0")
made=$(mktemp -d) || exit 1
trap 'rm -rf "$made"' EXIT
checked=0

compare() {
    checked=$((checked + 1))
    grep -v '^#' "$here/partition_hashes.txt" | cut -d' ' -f"$2" >"$made/expected"
    if ! diff "$made/expected" "$made/$1" >"$made/differences"; then
        head "$made/differences"
        echo "$1 does not agree with the table"
        exit 1
    fi
    echo "$1 agrees with all $(wc -l <"$made/expected") values"
}

if command -v escript >/dev/null; then
    escript "$here/partition_hashes.escript" >"$made/erlang" || exit 1
    compare erlang 1-4
else
    echo "no escript here: Erlang not asked"
fi
if [ -n "$KAFKA_CLIENTS_JAR" ] && command -v java >/dev/null; then
    java -cp "$KAFKA_CLIENTS_JAR" "$here/PartitionHashes.java" >"$made/java" 2>"$made/errors" ||
        { cat "$made/errors"; exit 1; }
    compare java 1,2,5,6
else
    echo "no java, or KAFKA_CLIENTS_JAR is not set: the Java client not asked"
fi
[ "$checked" -gt 0 ] || exit 77
