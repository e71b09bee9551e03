#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In a clean root of Debian, with the packages in /mnt: each works with nothing but what it depends on.
#   debian_check.sh VERSION
set -eu
version=$1
cd /mnt

fail() {
    echo "FAILED: $1" >&2
    exit 1
}
# shellcheck source=tests/again.sh
. ./again.sh
update() { apt-get -o APT::Update::Error-Mode=any update; }
download() {
    apt-get install -y --no-install-recommends --download-only "$@" || { update && return 1; }
}
add() {
    again download "$@" >/tmp/apt.log 2>&1 && apt-get install -y --no-install-recommends "$@" >>/tmp/apt.log 2>&1 ||
        { cat /tmp/apt.log; fail "$*"; }
}

again update >/dev/null
find / -xdev -path /proc -prune -o -path '*mqkafka*' -print 2>/dev/null | grep -v '^/mnt' && fail 'the root is not clean'

# The programs.
add ./mqkafka-tools_*.deb ./libmqkafka1_*.deb
mqk --version | grep -qF "mqk $version (libmqkafka $version)"
mqk check /usr/share/mqkafka/examples/embedded.yaml | grep -q '^ok'
mqk reference linger | grep -q 'kafka.producer.linger'
mqkafka-gateway --help | grep -q '^Usage: mqkafka-gateway'
for page in man1/mqk.1 man1/mqkafka-gateway.1 man5/mqkafka.yaml.5; do
    zcat "/usr/share/man/$page.gz" | grep -q '^\.TH' || fail "no man page $page"
done
if dpkg-query -W -f '${Status}\n' libmqkafka-dev 2>/dev/null | grep -q 'ok installed'; then fail 'the tools want libmqkafka-dev'; fi
echo 'ok: programs'

# The plugin, in a broker.
add ./mosquitto-plugin-mqkafka_*.deb
plugin=$(dpkg -L mosquitto-plugin-mqkafka | grep '\.so$')
mkdir -p /tmp/broker
cat >/tmp/broker/mosquitto.conf <<CONF
user root
listener 0 /tmp/broker/socket
allow_anonymous true
plugin $plugin
plugin_opt_mqk_config /usr/share/mqkafka/examples/embedded.yaml
CONF
mosquitto -c /tmp/broker/mosquitto.conf >/tmp/broker/log 2>&1 &
broker=$!
for _ in $(seq 1200); do
    grep -q 'version .* running' /tmp/broker/log && break
    kill -0 $broker 2>/dev/null || break
    sleep 0.1
done
kill $broker || { cat /tmp/broker/log; fail 'the broker ended by itself'; }
wait $broker || { cat /tmp/broker/log; fail 'the broker did not end well'; }
grep -q 'Kafka.*127\.0\.0\.1' /tmp/broker/log || { cat /tmp/broker/log; fail 'the plugin did not start its Kafka'; }
echo 'ok: plugin'

# A program of someone else's, against the packages alone.
add ./libmqkafka-dev_*.deb gcc libc6-dev pkg-config cmake make
mkdir /tmp/app
cd /tmp/app
cp /usr/share/doc/libmqkafka-dev/examples/embed.c .
# shellcheck disable=SC2046 # flags are words
cc -std=c11 -Wall -Wextra -Wpedantic -Werror embed.c $(pkg-config --cflags --libs mqkafka) -o embed
./embed </dev/null | grep -q '^1 record' || fail 'the program does not run'
cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.13)
project(app C)
find_package(mqkafka 0.9 REQUIRED)
add_executable(app embed.c)
target_link_libraries(app mqkafka::mqkafka)
CMAKE
cmake -B build >/tmp/cmake.log 2>&1 && cmake --build build >>/tmp/cmake.log 2>&1 || { cat /tmp/cmake.log; fail 'CMake'; }
build/app </dev/null | grep -q '^1 record' || fail "CMake's program does not run"
echo 'ok: program against libmqkafka-dev'

# And the static library, with what libmqkafka-dev suggests.
# shellcheck disable=SC2046
add $(dpkg-query -W -f '${Suggests}' libmqkafka-dev | tr ',' '\n' | grep -- '-dev$')
# shellcheck disable=SC2046
cc embed.c $(pkg-config --static --cflags --libs mqkafka | sed 's/-lmqkafka/-l:libmqkafka.a/') -o embed-static
./embed-static </dev/null | grep -q '^1 record' || fail 'the static program does not run'
echo 'ok: static library'

# Nothing stays behind.
dpkg -P mosquitto-plugin-mqkafka mqkafka-tools libmqkafka-dev libmqkafka1 >/dev/null
find / -xdev \( -path /proc -o -path /mnt -o -path /tmp \) -prune -o -path '*mqkafka*' -print | grep . && fail 'these files stay behind'
echo 'ok: removed'
