#!/bin/sh
# static_library.sh OUTPUT ARCHIVE…: links the archives into one object, makes its hidden symbols local
# and puts it into the archive OUTPUT.
set -eu
output=$1
shift
object=${output%.a}.o
"${LD:-ld}" -r -o "$object" --whole-archive "$@"
"${OBJCOPY:-objcopy}" --localize-hidden "$object"
rm -f "$output"
"${AR:-ar}" rcs "$output" "$object"
rm -f "$object"
