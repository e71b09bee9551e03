#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real Apache Kafka for tests: KRaft brokers on 127.0.0.1, on free ports, everything in one folder.
#
#   kafka.sh fetch VERSION              bring the jars of a version into the cache
#   kafka.sh start DIR VERSION [--brokers N] [--owner PID] [--set NAME=VALUE]…
#   kafka.sh stop DIR                   stop all brokers (DIR stays)
#   kafka.sh kill-broker DIR N          kill -9 broker N (from 1)
#   kafka.sh stop-broker DIR N          stop it in an orderly way
#   kafka.sh start-broker DIR N         start it again, same ports, same data
#   kafka.sh pause-broker DIR N         SIGSTOP; resume-broker DIR N: SIGCONT
#   kafka.sh topic DIR NAME [PARTITIONS [REPLICATION [NAME=VALUE]…]]
#
# Every broker has these listeners:
#   plain  no encryption, no authentication
#   sasl   SASL_SSL: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 (user mq, password "pa ss'w\"ord")
#   mtls   SSL that demands a client certificate of our CA
#   other  SSL whose certificate is made out to another host name
# start writes DIR/env, lines of NAME='value' for a shell to source:
#   KAFKA_VERSION BROKERS BOOTSTRAP BOOTSTRAP_SASL BOOTSTRAP_MTLS BOOTSTRAP_OTHER
#   SASL_USER SASL_PASSWORD CA CLIENT_CERT CLIENT_KEY OTHER_CA
# Pids stand in DIR/N/pid, logs in DIR/N/log. With --owner the brokers are stopped as soon as that
# process is gone, so that nothing is left behind by a test that was killed.
#
# Environment: MQK_CACHE (folder of the jars), KAFKA_JAVA_OPTS (in place of the defaults below).
# Exit code: 0 done, 1 failed, 2 wrong usage, 77 java, mvn or the registry is missing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${MQK_CACHE:-$(cd "$here/../.." && pwd)/.work/cache}
java_opts=${KAFKA_JAVA_OPTS:--Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}
listeners='PLAIN SASL MTLS OTHER'
sasl_user=mq
sasl_password="pa ss'w\"ord"

fail() {
    echo "kafka.sh: $1" >&2
    exit "${2:-1}"
}

jars() { printf '%s/kafka-%s' "$cache" "$1"; }

fetch() {
    local version=$1 dir new
    dir=$(jars "$version")
    command -v java >/dev/null || fail 'java is missing (package default-jre-headless)' 77
    [ ! -d "$dir" ] || return 0
    command -v mvn >/dev/null || fail 'mvn is missing (package maven)' 77
    mkdir -p "$cache"
    exec 8>"$cache/.fetch.lock"
    flock 8
    if [ ! -d "$dir" ]; then
        new=$(mktemp -d "$cache/fetch.XXXXXX")
        if ! (cd "$new" && mvn -q -B -f "$here/pom.xml" "-Dkafka.version=$version" \
            org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
            -DincludeScope=runtime "-DoutputDirectory=$new/jars" >"$new/log" 2>&1 8>&-); then
            grep -m 3 ERROR "$new/log" >&2 || :
            rm -rf "$new"
            fail "Kafka $version cannot be fetched from the Maven registry" 77
        fi
        mv "$new/jars" "$dir"
        rm -rf "$new"
    fi
    exec 8>&-
}

# Free ports, kept for this cluster until stop, so that a broker that was killed finds its own free
# when it comes back.
hold_ports() {
    local dir=$1 tries=0
    release_ports "$dir"
    rm -f "$dir/ports"
    python3 "$here/ports.py" "$2" >"$dir/ports" 2>/dev/null </dev/null &
    echo $! >"$dir/ports.pid"
    while [ ! -s "$dir/ports" ]; do
        alive "$dir/ports.pid" && [ $tries -lt 600 ] || fail 'no ports'
        tries=$((tries + 1))
        sleep 0.1
    done
    cat "$dir/ports"
}

release_ports() {
    if alive "$1/ports.pid"; then kill "$(cat "$1/ports.pid")" 2>/dev/null || :; fi
    rm -f "$1/ports.pid"
}

# A certificate: NAME, CA, subject, subjectAltName. The key comes in the form that Kafka reads.
certificate() {
    openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$3"
    printf 'subjectAltName=%s\n' "$4" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -sha256 \
        -extfile "$1.ext" -out "$1.pem"
    cat "$1.key" "$1.pem" "$2.pem" >"$1-store.pem"
}

authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -sha256 \
        -subj "/CN=$2" -addext 'basicConstraints=critical,CA:TRUE' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign'
}

certificates() {
    mkdir -p "$1"
    (
        cd "$1"
        authority ca 'test authority'
        authority other-ca 'another authority'
        certificate server ca localhost 'DNS:localhost,IP:127.0.0.1'
        certificate other ca broker.example.org 'DNS:broker.example.org'
        certificate client ca 'test client' 'DNS:client'
    ) >"$1/log" 2>&1 || fail "no certificates: $(tail -n 1 "$1/log")"
}

# DIR N PORTS_OF_ALL_BROKERS EXTRA…; ports come in the order of $listeners, then the controller.
properties() {
    local dir=$1 n=$2 ports=$3 brokers replicas i name port list='' all='' voters=''
    shift 3
    brokers=$(echo "$ports" | wc -l)
    replicas=$((brokers < 3 ? 1 : 3))
    i=0
    for port in $(echo "$ports" | sed -n "${n}p"); do
        i=$((i + 1))
        name=$(echo "$listeners CONTROLLER" | cut -d ' ' -f $i)
        all=$all,$name://127.0.0.1:$port
        [ "$name" = CONTROLLER ] || list=$list,$name://127.0.0.1:$port
    done
    for i in $(seq "$brokers"); do
        voters=$voters,$i@127.0.0.1:$(echo "$ports" | sed -n "${i}p" | awk '{print $NF}')
    done
    local quoted=${sasl_password//\\/\\\\\\\\}
    quoted=${quoted//\"/\\\\\"}
    cat <<EOT
process.roles=broker,controller
node.id=$n
controller.quorum.voters=${voters#,}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listeners=${all#,}
advertised.listeners=${list#,}
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL,OTHER:SSL
log.dirs=$dir/$n/data
ssl.keystore.type=PEM
ssl.truststore.type=PEM
ssl.keystore.location=$dir/tls/server-store.pem
ssl.truststore.location=$dir/tls/ca.pem
listener.name.mtls.ssl.keystore.type=PEM
listener.name.mtls.ssl.keystore.location=$dir/tls/server-store.pem
listener.name.mtls.ssl.truststore.type=PEM
listener.name.mtls.ssl.truststore.location=$dir/tls/ca.pem
listener.name.mtls.ssl.client.auth=required
listener.name.other.ssl.keystore.type=PEM
listener.name.other.ssl.keystore.location=$dir/tls/other-store.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$sasl_user="$quoted";
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
num.partitions=3
default.replication.factor=$replicas
min.insync.replicas=$(((replicas + 1) / 2))
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes=20971520
replica.fetch.max.bytes=20971520
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
controlled.shutdown.max.retries=1
log.segment.delete.delay.ms=1000
log.retention.ms=-1
EOT
    local extra
    for extra in "$@"; do printf '%s\n' "$extra"; done
}

# Only in the background: it becomes java, so that the pid is java's.
run_java() {
    # shellcheck disable=SC2086 # several options in one variable
    exec java $java_opts -Dorg.slf4j.simpleLogger.showDateTime=true \
        -Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn \
        -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn -cp "$(cat "$1/jars")/*" "${@:2}"
}

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

spawn() {
    local dir=$1 n=$2
    run_java "$dir" kafka.Kafka "$dir/$n/server.properties" >>"$dir/$n/log" 2>&1 </dev/null &
    echo $! >"$dir/$n/pid"
}

# Waits until broker N serves clients and knows the others that run; false when it ended or did not
# come in time.
await() {
    local dir=$1 n=$2 tries=0 address running=0 other
    for other in "$dir"/[0-9]*/pid; do
        if alive "$other"; then running=$((running + 1)); fi
    done
    address=$(sed -n "${n}p" "$dir/addresses")
    while [ $tries -lt 1800 ]; do
        if (exec 3<>"/dev/tcp/${address%:*}/${address#*:}") 2>/dev/null &&
            python3 "$here/kafka_topic.py" "$address" --brokers "$running" >/dev/null 2>&1
        then
            return 0
        fi
        alive "$dir/$n/pid" || return 1
        tries=$((tries + 1))
        sleep 0.1
    done
    return 1
}

# Ends a broker: SIGNAL, then kill -9 when that does not help within 20 seconds.
end_broker() {
    local file=$1/$2/pid pid tries=0
    alive "$file" || { rm -f "$file" && return 0; }
    pid=$(cat "$file")
    kill -CONT "$pid" 2>/dev/null || :
    kill "-$3" "$pid" 2>/dev/null || :
    while [ -d "/proc/$pid" ] && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries != 200 ] || kill -KILL "$pid" 2>/dev/null || :
        [ $tries -lt 400 ] || break
        sleep 0.1
    done
    rm -f "$file"
}

stop() {
    local dir=$1 n
    [ -d "$dir" ] || return 0
    for n in "$dir"/[0-9]*/pid; do
        [ ! -e "$n" ] || end_broker "$dir" "$(basename "$(dirname "$n")")" KILL
    done
    release_ports "$dir"
    if alive "$dir/watch.pid"; then kill "$(cat "$dir/watch.pid")" 2>/dev/null || :; fi
    rm -f "$dir/watch.pid" "$dir/env"
}

# Stops everything when the owner is gone.
watch_owner() {
    (
        trap - EXIT
        while kill -0 "$2" 2>/dev/null && [ -d "$1" ]; do sleep 1; done
        rm -f "$1/watch.pid"
        "$here/kafka.sh" stop "$1"
    ) >/dev/null 2>&1 </dev/null &
    echo $! >"$1/watch.pid"
}

column() { cut -d ' ' -f "$2" <<<"$1" | sed 's/^/127.0.0.1:/' | paste -sd , -; }

write_env() {
    local dir=$1 version=$2 ports=$3 brokers=$4
    {
        printf "KAFKA_VERSION='%s'\nBROKERS='%s'\n" "$version" "$brokers"
        printf "BOOTSTRAP='%s'\n" "$(column "$ports" 1)"
        printf "BOOTSTRAP_SASL='%s'\n" "$(column "$ports" 2)"
        printf "BOOTSTRAP_MTLS='%s'\n" "$(column "$ports" 3)"
        printf "BOOTSTRAP_OTHER='%s'\n" "$(column "$ports" 4)"
        printf "SASL_USER='%s'\nSASL_PASSWORD='%s'\n" "$sasl_user" "${sasl_password//\'/\'\\\'\'}"
        printf "CA='%s'\nOTHER_CA='%s'\n" "$dir/tls/ca.pem" "$dir/tls/other-ca.pem"
        printf "CLIENT_CERT='%s'\nCLIENT_KEY='%s'\n" "$dir/tls/client.pem" "$dir/tls/client.key"
    } >"$dir/env.new"
    mv "$dir/env.new" "$dir/env"
}

# One attempt, on fresh ports.
try_start() {
    local dir=$1 version=$2 brokers=$3 n ports all formats='' ok=0
    shift 3
    all=$(hold_ports "$dir" $((5 * brokers))) || return 1
    # shellcheck disable=SC2086 # one port a word
    ports=$(printf '%s %s %s %s %s\n' $all)
    column "$ports" 1 | tr ',' '\n' >"$dir/addresses"
    local id
    id=M$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)
    for n in $(seq "$brokers"); do
        rm -rf "${dir:?}/$n"
        mkdir -p "$dir/$n/data"
        properties "$dir" "$n" "$ports" "$@" >"$dir/$n/server.properties"
        run_java "$dir" kafka.tools.StorageTool format -t "$id" -c "$dir/$n/server.properties" \
            --add-scram "SCRAM-SHA-256=[name=$sasl_user,password=$sasl_password]" \
            --add-scram "SCRAM-SHA-512=[name=$sasl_user,password=$sasl_password]" \
            >"$dir/$n/log" 2>&1 </dev/null &
        formats="$formats $!"
    done
    for n in $formats; do wait "$n" || ok=1; done
    [ $ok = 0 ] || return 1
    for n in $(seq "$brokers"); do spawn "$dir" "$n"; done
    for n in $(seq "$brokers"); do await "$dir" "$n" || return 1; done
    write_env "$dir" "$version" "$ports" "$brokers"
}

start() {
    [ $# -ge 2 ] || fail 'start DIR VERSION [--brokers N] [--owner PID] [--set NAME=VALUE]…' 2
    local dir=$1 version=$2 brokers=1 owner='' extra=() try
    shift 2
    while [ $# -gt 0 ]; do
        case $1 in
        --brokers) brokers=$2 ;;
        --owner) owner=$2 ;;
        --set) extra+=("$2") ;;
        *) fail "unknown option $1" 2 ;;
        esac
        shift 2
    done
    command -v openssl >/dev/null || fail 'openssl is missing' 77
    fetch "$version"
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    jars "$version" >"$dir/jars"
    trap 'stop "$dir"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    certificates "$dir/tls"
    for try in 1 2 3; do
        if try_start "$dir" "$version" "$brokers" ${extra[@]+"${extra[@]}"}; then
            trap - EXIT
            [ -z "$owner" ] || watch_owner "$dir" "$owner"
            return 0
        fi
        stop "$dir"
        # Only a port that was taken meanwhile makes another attempt worth while.
        grep -qs 'Address already in use' "$dir"/[0-9]*/log || break
    done
    tail -n 20 "$dir"/[0-9]*/log >&2 || :
    fail "Kafka $version does not start (attempt $try)"
}

start_broker() {
    alive "$1/$2/pid" && return 0
    spawn "$1" "$2"
    await "$1" "$2" || fail "broker $2 does not come back: $(tail -n 3 "$1/$2/log")"
}

topic() {
    python3 "$here/kafka_topic.py" "$(paste -sd , "$1/addresses")" "${@:2}"
}

command=${1:-}
[ $# = 0 ] || shift
need() { [ "$1" -ge "$2" ] || fail "$command: too few arguments (see the head of this file)" 2; }
case $command in
fetch) need $# 1 && fetch "$1" ;;
start) start "$@" ;;
stop) need $# 1 && stop "$1" ;;
kill-broker) need $# 2 && end_broker "$1" "$2" KILL ;;
stop-broker) need $# 2 && end_broker "$1" "$2" TERM ;;
start-broker) need $# 2 && start_broker "$1" "$2" ;;
pause-broker) need $# 2 && kill -STOP "$(cat "$1/$2/pid")" ;;
resume-broker) need $# 2 && kill -CONT "$(cat "$1/$2/pid")" ;;
topic) need $# 2 && topic "$@" ;;
*) sed -n '3,27s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
