#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `meson install` gives is enough for others: a C project of its own builds through pkg-config,
# shared and static, a C++ file includes the header, and the library exports what it declares.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
build=${MQK_BUILD_DIR:-$repo/build}
work=$(mktemp -d "${TMPDIR:-/tmp}/mqk-install.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $1" >&2
    exit 1
}
skip() {
    echo "skipped: $1"
    exit 77
}

for tool in meson pkg-config nm cc; do
    command -v $tool >/dev/null || skip "$tool is missing"
done

DESTDIR=$work/root meson install -C "$build" --no-rebuild --quiet >"$work/log" 2>&1 ||
    fail "meson install: $(tail -n 5 "$work/log")"
pc=$(find "$work/root" -name mqkafka.pc)
[ -n "$pc" ] || fail 'mqkafka.pc is not installed'
prefix=$work/root$(sed -n 's/^prefix=//p' "$pc")
mqk_config() { PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$prefix" "$@" mqkafka; }

header=$prefix/include/mqkafka/mqkafka.h
[ -f "$header" ] || fail 'the header is not installed'
version=$(mqk_config --modversion)
grep -q "MQK_VERSION \"$version\"" "$header" || fail "mqkafka.pc says $version, the header another"
libdir=$(mqk_config --variable=libdir)
shared=$(find "$libdir" -name 'libmqkafka.so.*' -type f)
[ -f "$shared" ] || fail 'no libmqkafka.so.VERSION'
[ -L "$libdir/libmqkafka.so" ] || fail 'no libmqkafka.so to link with'
[ -f "$libdir/libmqkafka.a" ] || fail 'no libmqkafka.a'
soname=$(readelf -d "$shared" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
case $soname in
libmqkafka.so.[0-9]*) [ -e "$libdir/$soname" ] || fail "no $soname" ;;
*) fail "the SONAME is \"$soname\"" ;;
esac
if nm -D "$shared" | grep -qE '__(asan|tsan|ubsan)_'; then
    skip 'a sanitizer build is not for others'
fi
readelf -lW "$shared" | grep -q GNU_RELRO || fail 'no RELRO'
readelf -d "$shared" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' || fail 'not bound at start (full RELRO)'
for program in $(meson introspect "$build" --installed | python3 -c '
import json, sys
print("\n".join(json.load(sys.stdin).values()))'); do
    [ -e "$work/root$program" ] || fail "$program is not installed"
done

# Exported is what begins with mqk_, and just what the committed list says.
nm -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort \
    >"$work/symbols"
if grep -v '^mqk_' "$work/symbols"; then fail 'these symbols are exported'; fi
list=$repo/tests/abi/symbols.txt
if [ -f "$list" ]; then
    grep -v '^#' "$list" | LC_ALL=C sort | diff - "$work/symbols" >"$work/diff" ||
        { cat "$work/diff"; fail "exported symbols (>) differ from tests/abi/symbols.txt (<)"; }
fi
grep -oE 'MQK_API [^;]*' "$header" | grep -oE '\bmqk_[a-z0-9_]+ *\(' | tr -d ' (' | LC_ALL=C sort -u \
    >"$work/declared"
diff "$work/declared" "$work/symbols" >"$work/diff" ||
    { cat "$work/diff"; fail 'declared (<) and exported (>) functions differ'; }

# A project of someone else's.
cat >"$work/other.c" <<'C'
#include <mqkafka/mqkafka.h>
#include <stdio.h>

static void print_record(void *user, const mqk_record *record) {
    (void)user;
    printf("%.*s %.*s %.*s\n", (int)record->topic.len, record->topic.data, (int)record->key.len,
           record->key.data, (int)record->value.len, record->value.data);
}

int main(void) {
    static const char rules[] = "kafka:\n"
                                "  client: { servers: [\"embedded\"] }\n"
                                "  hook:\n"
                                "    - hook: message.publish\n"
                                "      filter: \"a/+\"\n"
                                "      topic: \"from.${filter.1}\"\n"
                                "      key: \"${clientid}\"\n"
                                "      value: '{\"p\":\"${payload}\"}'\n";
    mqk_error error = {MQK_OK, 0, 0, ""};
    mqk_config *config = NULL;
    mqk_ruleset *ruleset = NULL;
    mqk_bridge *bridge = NULL;
    if (mqk_config_load_memory(mqk_cstr(rules), "rules", &config, &error) != MQK_OK ||
        mqk_ruleset_compile(config, &ruleset, &error) != MQK_OK ||
        mqk_bridge_open(config, NULL, &bridge, &error) != MQK_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    mqk_event event;
    mqk_event_init(&event, sizeof(event), MQK_HOOK_MESSAGE_PUBLISH);
    event.clientid = mqk_cstr("c1");
    event.topic = mqk_cstr("a/b");
    event.payload = mqk_cstr("say \"hi\"");
    int records = mqk_ruleset_evaluate(ruleset, &event, print_record, NULL);
    int accepted = mqk_on_event(bridge, &event);
    mqk_status closed = mqk_bridge_close(bridge, 30000, NULL);
    mqk_ruleset_free(ruleset);
    mqk_config_free(config);
    printf("%d %d %s %s\n", records, accepted, mqk_status_name(closed), mqk_version());
    return 0;
}
C
expected="from.b c1 {\"p\":\"say \\\"hi\\\"\"}
1 1 MQK_OK $version"
check() { # name, program
    local said
    said=$("$2") || fail "$1: the program ends with $?"
    [ "$said" = "$expected" ] || fail "$1: it says: $said"
    echo "ok: $1"
}
warnings='-Wall -Wextra -Wpedantic -Werror'

# shellcheck disable=SC2046,SC2086 # flags are words
cc -std=c11 $warnings $(mqk_config --cflags) "$work/other.c" -o "$work/other-shared" $(mqk_config --libs)
export LD_LIBRARY_PATH=$libdir
check 'C, shared' "$work/other-shared"
readelf -d "$work/other-shared" | grep -q "NEEDED.*\[$soname\]" || fail 'C, shared: not linked with the library'
unset LD_LIBRARY_PATH

# shellcheck disable=SC2046,SC2086
cc -std=c11 $warnings $(mqk_config --static --cflags) "$work/other.c" -o "$work/other-static" \
    $(mqk_config --static --libs | sed 's/-lmqkafka\b/-l:libmqkafka.a/')
check 'C, static' "$work/other-static"
if readelf -d "$work/other-static" | grep -q 'NEEDED.*mqkafka'; then fail 'C, static: it needs the shared library'; fi

# The same through CMake.
cmake_project() { # what find_package() wants, target
    rm -rf "$work/cmake" && mkdir "$work/cmake"
    cp "$work/other.c" "$work/cmake"
    cat >"$work/cmake/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.13)
project(other C)
find_package(mqkafka $1 REQUIRED)
add_executable(other other.c)
target_link_libraries(other PRIVATE $2)
CMAKE
    cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
        cmake --build "$work/cmake/build" >>"$work/log" 2>&1
}
if command -v cmake >/dev/null; then
    cmake_project "$version" mqkafka::mqkafka || fail "CMake, shared: $(cat "$work/log")"
    check 'CMake, shared' "$work/cmake/build/other"
    cmake_project '' mqkafka::static || fail "CMake, static: $(cat "$work/log")"
    check 'CMake, static' "$work/cmake/build/other"
    if cmake_project 99.0 mqkafka::mqkafka; then fail 'CMake: version 99 is not there'; fi
else
    echo 'left out: CMake (it is missing)'
fi

if command -v c++ >/dev/null; then
    sed 's/mqk_error error = {.*/mqk_error error = {};/; s/NULL;/nullptr;/' "$work/other.c" >"$work/other.cc"
    # shellcheck disable=SC2046,SC2086
    c++ -std=c++11 $warnings $(mqk_config --cflags) "$work/other.cc" -o "$work/other-cxx" $(mqk_config --libs)
    export LD_LIBRARY_PATH=$libdir
    check 'C++' "$work/other-cxx"
else
    echo 'left out: C++ (no compiler)'
fi
