#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests in roots of the other supported Debian releases, and prints one line each.
#
#   tests/matrix.sh [--prepare] [--no-e2e] [PLATFORM…]     default platforms: trixie sid
#
# --prepare   only create the roots
# --no-e2e    leave out the plugin test against a real Kafka (sid, whose Mosquitto is 2.1)
#
# Environment: MQK_CACHE (where the roots are kept), MQK_RESULTS (a folder that receives Meson's
# testlog.json of each run, and a line "STATUS NAME: WHY" per platform in matrix.txt).
# Exit code: 0 all passed or skipped, 1 something failed, 77 everything was skipped.
set -eu

repo=$(cd "$(dirname "$0")/.." && pwd)
cache=${MQK_CACHE:-$repo/.work/cache}
roots=$cache/roots
results=${MQK_RESULTS:-$repo/.work/matrix}
prepare_only=no
e2e=yes
platforms=()

required='gcc g++ meson ninja-build pkg-config librdkafka-dev libpcre2-dev libcyaml-dev libyaml-dev
    libcmocka-dev libjansson-dev liblmdb-dev'
optional='mosquitto mosquitto-dev mosquitto-clients libmosquitto-dev libssl-dev kcat python3
    python3-prometheus-client openssl procps'

while [ $# -gt 0 ]; do
    case $1 in
    --prepare) prepare_only=yes ;;
    --no-e2e) e2e=no ;;
    -h | --help) sed -n '3,13s/^# \{0,1\}//p' "$0" && exit 0 ;;
    -*) echo "matrix.sh: unknown option $1" >&2 && exit 2 ;;
    *) platforms+=("$1") ;;
    esac
    shift
done
[ ${#platforms[@]} -gt 0 ] || platforms=(trixie sid)
mkdir -p "$roots" "$results"
: >"$results/matrix.txt"

# shellcheck source=tests/roots.sh
. "$repo/tests/roots.sh"

# Creates a root unless it is there with the same packages. Its log says what went wrong.
prepare() {
    local suite=$1 root=$roots/$1 log=$results/$1-root.log want stamp
    want=$(echo "$required $optional" | tr -s ' \n' '  ')
    stamp=$root/etc/mqkafka-packages
    [ "$(cat "$stamp" 2>/dev/null)" != "$want" ] || return 0
    use_proxy
    {
        if [ ! -x "$root/usr/bin/apt-get" ] || [ ! -e "$root/etc/mqkafka-base" ]; then
            again bootstrap "$suite" "$root" && as_root touch "$root/etc/mqkafka-base" || return 1
        fi
        forbid_services "$root"
        again in_root "$root" /bin/sh -c '
            set -e
            apt-get -o Acquire::Check-Valid-Until=false -o APT::Update::Error-Mode=any update
            known=
            for p in $2; do
                if apt-cache show "$p" >/dev/null 2>&1; then known="$known $p"; else echo "not there: $p"; fi
            done
            apt-get install -y --no-install-recommends $1 $known
            apt-get clean' sh "$(echo $required)" "$(echo $optional)" || return 1
        printf '%s' "$want" | as_root tee "$stamp" >/dev/null
    } >"$log" 2>&1
}

kafka_dir=
stop_kafka() {
    [ -z "$kafka_dir" ] || "$repo/tests/e2e/kafka.sh" stop "$kafka_dir" >/dev/null 2>&1 || :
    [ -z "$kafka_dir" ] || rm -rf "$kafka_dir"
    kafka_dir=
}
trap stop_kafka EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Keeps the log of a test run of a root.
keep() {
    cp "$1/build/meson-logs/testlog.json" "$results/$2.json" 2>/dev/null || :
    as_root rm -f "$1/build/meson-logs/testlog.json"
}

# Builds and runs unit and integration tests in a root; in sid the plugin against a real Kafka too.
check() {
    local suite=$1 root=$roots/$1 log=$results/$1.log
    as_root rm -rf --one-file-system "$root/src" "$root/build"
    as_root mkdir -p "$root/src"
    tar -C "$repo" --exclude=./.git --exclude=./.work --exclude='./build*' -cf - . |
        as_root tar -C "$root/src" --no-same-owner -xf -
    in_root "$root" meson setup /build /src -Dwerror=true -Dbenchmarks=false >"$log" 2>&1 &&
        in_root "$root" ninja -k 0 -C /build >>"$log" 2>&1 || { echo 'does not build' && return 1; }
    in_root "$root" meson test -C /build --no-rebuild --suite unit --suite integration -t 3 \
        --print-errorlogs >>"$log" 2>&1 || { keep "$root" "$suite" && echo 'tests fail' && return 1; }
    keep "$root" "$suite"
    [ "$suite" = sid ] && [ "$e2e" = yes ] || return 0
    local rc=0
    kafka_dir=$(mktemp -d "${TMPDIR:-/tmp}/mqk-matrix.XXXXXX")
    "$repo/tests/e2e/kafka.sh" start "$kafka_dir" "${MQK_KAFKA_NEW:-4.2.0}" --owner $$ \
        >>"$log" 2>&1 || rc=$?
    if [ $rc = 77 ]; then
        echo "plugin test left out: $(tail -n 1 "$log")" && return 0
    elif [ $rc != 0 ]; then
        echo 'Kafka does not start' && return 1
    fi
    MQK_BIND=$kafka_dir in_root "$root" /usr/bin/env MQK_KAFKA_ENV=/mnt/env \
        meson test -C /build --no-rebuild --suite e2e-plugin -t 3 --print-errorlogs >>"$log" 2>&1 || rc=$?
    keep "$root" "$suite-plugin"
    stop_kafka
    [ $rc = 0 ] || { echo 'the plugin test fails' && return 1; }
}

report() { # status platform why
    printf '%-8s %s%s\n' "$1" "matrix $2" "${3:+: $3}" | tee -a "$results/matrix.txt"
}

why=$(obstacle)
if [ -n "$why" ]; then
    for p in "${platforms[@]}"; do report skipped "$p" "$why"; done
    exit 77
fi

failed=0
skipped=0
for p in "${platforms[@]}"; do
    exec 9>"$roots/.$p.lock"
    flock 9
    if ! prepare "$p"; then
        report skipped "$p" "the root cannot be created (see $results/$p-root.log)"
        skipped=$((skipped + 1))
    elif [ "$prepare_only" = yes ]; then
        report ready "$p" "$roots/$p"
    else
        begin=$SECONDS
        if why=$(check "$p" 9>&-); then
            report passed "$p" "$((SECONDS - begin)) s${why:+, $why}"
        else
            report failed "$p" "$why (see $results/$p.log)"
            grep -E ' error: |^FAILED' "$results/$p.log" | head -n 20 || :
            tail -n 60 "$results/$p.log"
            failed=$((failed + 1))
        fi
    fi
    exec 9>&-
done
[ $failed = 0 ] || exit 1
[ $skipped -lt ${#platforms[@]} ] || exit 77
