#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to records in Kafka: installs what is missing (Debian 12, 13 or newer), builds, starts
# Mosquitto with the plugin and an in-process Kafka, publishes messages and shows what became of them.
set -euo pipefail

usage='Usage: examples/quickstart.sh [--keep]
  --keep  leave everything running until Ctrl-C, to play with it'
keep=false
case "${1-}" in
'') ;;
--keep) keep=true ;;
--help | -h) echo "$usage" && exit 0 ;;
*) echo "$usage" >&2 && exit 2 ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-quickstart
rules=$root/examples/config/mosquitto.yaml
work=$(mktemp -d "${TMPDIR:-/tmp}/mqkafka-quickstart.XXXXXX")
pids=()

finish() {
    local status=$?
    trap - EXIT
    for pid in ${pids[@]+"${pids[@]}"}; do
        kill "$pid" 2>"$work/kill" || true
        wait "$pid" 2>"$work/kill" || true
    done
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
step() { echo "${bold}==> $*${plain}"; }
fail() {
    echo "quickstart: $*" >&2
    exit 1
}

# Runs a command quietly; shows what it said when it fails.
quietly() {
    if ! "$@" >"$work/output" 2>&1; then
        tail -n 60 "$work/output" >&2
        fail "this command failed: $*"
    fi
}

wait_for() { # seconds, what, command...
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            cat "$work/mosquitto.log" >&2
            fail "waited in vain for $what"
        fi
        sleep 0.1
    done
}

# ---- what is needed ------------------------------------------------------------------------------
packages='gcc libc6-dev meson ninja-build pkg-config python3
          librdkafka-dev libpcre2-dev libcyaml-dev libyaml-dev
          mosquitto mosquitto-clients mosquitto-dev libmosquitto-dev kcat'

is_installed() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>"$work/output" | grep -qx installed
}

install_missing() {
    local package missing=() admin=()
    for package in $packages; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    step "Installing ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >"$work/output" || fail "run as root once, or install: ${missing[*]}"
        admin=(sudo)
    fi
    admin+=(env DEBIAN_FRONTEND=noninteractive)
    local apt=("${admin[@]}" apt-get -q -o DPkg::Lock::Timeout=300)
    quietly "${apt[@]}" update
    quietly "${apt[@]}" -y --no-install-recommends install "${missing[@]}"
    # The package starts a broker of its own; nobody asked for that one.
    if [[ " ${missing[*]} " == *" mosquitto "* ]] && [ -d /run/systemd/system ]; then
        quietly "${admin[@]}" systemctl disable --now mosquitto.service
    fi
}

command -v apt-get >"$work/output" || fail "this script knows Debian's apt-get only; see README.md"
install_missing

# ---- build ---------------------------------------------------------------------------------------
step "Building into ${build#"$root"/}"
if [ ! -f "$build/build.ninja" ]; then
    quietly meson setup "$build" "$root" --buildtype=release -Dtests=false -Dmosquitto_plugin=enabled
fi
quietly ninja -C "$build"
plugin=$build/examples/mosquitto/mqkafka_mosquitto.so

# ---- Mosquitto with the plugin -------------------------------------------------------------------
step "Starting Mosquitto with the plugin and an in-process Kafka"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/mosquitto.conf" <<EOF
listener $port 127.0.0.1
allow_anonymous true
plugin $plugin
plugin_opt_mqk_config $rules
EOF
# As root the broker would become user mosquitto, who need not be able to read this folder.
if [ "$(id -u)" -eq 0 ]; then
    echo "user root" >>"$work/mosquitto.conf"
fi
PATH=$PATH:/usr/sbin mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
broker=$!
pids+=("$broker")

broker_is_up() {
    kill -0 "$broker" 2>"$work/kill" || {
        cat "$work/mosquitto.log" >&2
        fail "Mosquitto did not start"
    }
    grep -q 'mosquitto version .* running' "$work/mosquitto.log"
}
wait_for 20 "Mosquitto" broker_is_up
kafka=$(sed -n 's/.*mqkafka: Kafka servers: //p' "$work/mosquitto.log" | head -n 1)
[ -n "$kafka" ] || fail "the plugin did not tell the address of its Kafka"
echo "    MQTT on 127.0.0.1:$port, Kafka on $kafka, rules from ${rules#"$root"/}"

# One reader for each Kafka topic: partition, key, headers and value, a line each.
mkdir "$work/records"
topics=$(sed -n 's/^ *topic: *\([A-Za-z0-9._-]*\).*/\1/p' "$rules")
for topic in $topics; do
    : >"$work/records/$topic" # there before the first look at it, however late kcat starts
    kcat -q -u -b "$kafka" -C -t "$topic" -o beginning -f '%p\n%k\n%h\n%s\n' \
        >"$work/records/$topic" 2>"$work/kcat.log" &
    pids+=($!)
done

rule_for() { # Kafka topic: the name of the rule that writes to it
    awk -v topic="$1" '$1 == "-" && $2 == "name:" { name = $3 }
                       $1 == "topic:" && $2 == topic { print name; exit }' "$rules"
}

published=0
records_before=0

# show: Kafka topic, what the value must be (a regular expression), then mosquitto_pub's arguments
show() {
    local topic=$1 expected=$2 id='' mqtt_topic='' payload='' property='' args=()
    shift 2
    while [ $# -gt 0 ]; do
        case $1 in
        -i) id=$2 ;;
        -t) mqtt_topic=$2 ;;
        -m) payload=$2 ;;
        -D)
            property="$4 = $5"
            args+=(-V mqttv5 -D "$2" "$3" "$4" "$5")
            shift 5
            continue
            ;;
        esac
        args+=("$1" "$2")
        shift 2
    done
    records_before=$(wc -l <"$work/records/$topic")
    quietly mosquitto_pub -h 127.0.0.1 -p "$port" -q 1 "${args[@]}"
    published=$((published + 1))
    has_record() { [ "$(wc -l <"$work/records/$topic")" -ge $((records_before + 4)) ]; }
    wait_for 20 "the record in Kafka's topic $topic" has_record
    local fields
    mapfile -t fields < <(tail -n +$((records_before + 1)) "$work/records/$topic" | head -n 4)

    echo
    echo "${bold}$published${plain}  MQTT   ${bold}$mqtt_topic${plain}   ${dim}from client${plain} $id"
    echo "          $payload"
    [ -z "$property" ] || echo "          ${dim}user property${plain} $property"
    echo "   rule   ${bold}$(rule_for "$topic")${plain}"
    echo "   Kafka  ${bold}$topic${plain}   ${dim}partition${plain} ${fields[0]}   ${dim}key${plain} ${fields[1]}"
    echo "          ${fields[3]}"
    # kcat writes NULL for a header without a value.
    [[ -z ${fields[2]} || ${fields[2]} == *=NULL ]] ||
        echo "          ${dim}header${plain} ${fields[2]/=/ = }"
    [[ ${fields[3]} =~ $expected ]] || fail "this is not the record that was expected"
    if [ "$topic" = telemetry ]; then
        printf '%s' "${fields[3]}" | quietly python3 -c 'import json, sys; json.load(sys.stdin)'
    fi
}

step "Publishing with mosquitto_pub, reading with kcat"
show telemetry '^\{"device":"sensor-7","topic":"factory/berlin/line/3/oven","temp":31\.50,"at":[0-9]+\}$' \
    -i sensor-7 -t factory/berlin/line/3/oven -m '{"temp":31.50,"unit":"C"}' \
    -D publish user-property traceparent 00-4bf92f3577b34da6-01
# shellcheck disable=SC2016
show telemetry '"temp":-4e-2,"at":[0-9]+\}$' \
    -i 'x","admin":true,"y":"' -t 'factory/"quoted" \ ${topic}/line/9/t' -m '{"temp":-4e-2}'
show mqtt '^She said: "it'\''s \{fine\}" \\o/$' \
    -i phone -t notes/today -m 'She said: "it'\''s {fine}" \o/'

echo
step "$published messages, $published records. Client ids, topics and payloads full of quotes did no harm."

if $keep; then
    cat <<EOF

Still running. Try, in another terminal:
  mosquitto_pub -p $port -i sensor-8 -t factory/rome/line/1/oven -m '{"temp":20}'
  kcat -q -b $kafka -C -t telemetry -f '%k %h %s\\n'
Edit $rules, then make the broker read it again:
  kill -HUP $broker
Ctrl-C ends it.
EOF
    wait "$broker"
fi
