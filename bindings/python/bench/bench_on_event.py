#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bridge.on_event against confluent-kafka's Producer.produce of the same records.

Both send to the same in-process Kafka with the same settings. Ours matches one of 1,000 rules and
renders key and value, produce gets them ready made. All take turns, round by round, in one run. What
counts is processor time of the calling thread: the median of the rounds, and the median of the rounds'
ratios, which a machine that is busy now and then does not change much.

  bench_on_event.py [--rounds N] [--at-most RATIO]    exit code 1 when the ratio is larger
"""
import argparse
import statistics
import sys
import time

import confluent_kafka

import mqkafka

EVENTS = 20_000
RULES = 1_000
PAYLOAD = b'{"temperature":21.50,"humidity":48.25,"unit":"celsius","seq":123456}'
VALUE = (
    '{"action":"message_publish","device_id":"${clientid}","username":"${username}",'
    '"topic":"${topic}","payload":"${payload}","ts":${timestamp}}'
)
FIELDS = {
    "topic": "line/7/temp",
    "payload": PAYLOAD,
    "clientid": "sensor-000017",
    "username": "factory-a",
    "timestamp": 1700000000123,
}


def rules() -> str:
    lines = [
        f"    - {{ hook: message.publish, filter: 'line/{n}/+', topic: bench, key: '${{clientid}}', value: '{VALUE}' }}"
        for n in range(RULES)
    ]
    return (
        "kafka:\n  client: { servers: [embedded] }\n"
        "  producer: { linger: 5ms, buffer: { memory: 2GB, when_full: refuse } }\n  hook:\n" + "\n".join(lines)
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--at-most", type=float)
    arguments = parser.parse_args()

    config = mqkafka.Config.from_text(rules())
    (record,) = mqkafka.Ruleset(config).evaluate("message.publish", **FIELDS)
    value, key = record.value, record.key.decode()
    bridge = mqkafka.Bridge(config)
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": bridge.servers(),
            "linger.ms": 5,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 10_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
        }
    )

    def ours() -> None:
        on_event = bridge.on_event
        for _ in range(EVENTS):
            on_event(
                "message.publish",
                topic="line/7/temp",
                payload=PAYLOAD,
                clientid="sensor-000017",
                username="factory-a",
                timestamp=1700000000123,
            )

    def ours_properties() -> None:
        on_event = bridge.on_event
        properties = [("traceparent", "00-4bf92f3577b34da6-01"), ("content", "telemetry")]
        for _ in range(EVENTS):
            on_event(
                "message.publish",
                topic="line/7/temp",
                payload=PAYLOAD,
                clientid="sensor-000017",
                username="factory-a",
                timestamp=1700000000123,
                user_properties=properties,
            )

    def ours_ctypes() -> None:
        on_event = mqkafka.Bridge.on_event
        for _ in range(EVENTS // 4):
            on_event(
                bridge,
                "message.publish",
                topic="line/7/temp",
                payload=PAYLOAD,
                clientid="sensor-000017",
                username="factory-a",
                timestamp=1700000000123,
            )

    def theirs() -> None:
        produce = producer.produce
        for _ in range(EVENTS):
            produce("bench", value=value, key=key)

    def theirs_callback() -> None:
        produce = producer.produce
        for _ in range(EVENTS):
            produce("bench", value=value, key=key, on_delivery=delivered)

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            raise RuntimeError(error)

    def theirs_positional() -> None:
        produce, key_bytes = producer.produce, key.encode()
        for _ in range(EVENTS):
            produce("bench", value, key_bytes)

    rows = {
        "mqkafka on_event": (ours, EVENTS),
        "… with two user properties": (ours_properties, EVENTS),
        "mqkafka on_event through ctypes": (ours_ctypes, EVENTS // 4),
        "produce(topic, value=, key=)": (theirs, EVENTS),
        "produce(…, on_delivery=)": (theirs_callback, EVENTS),
        "produce of bytes by position": (theirs_positional, EVENTS),
    }
    times: "dict[str, list[float]]" = {name: [] for name in rows}
    for number in range(-1, arguments.rounds):  # the first round warms up
        for name, (run, events) in rows.items():
            begin = time.thread_time_ns()
            run()
            spent = (time.thread_time_ns() - begin) / events
            if bridge.flush(60) or producer.flush(60):
                raise RuntimeError("Kafka did not take everything")
            if number >= 0:
                times[name].append(spent)
    bridge.close()

    us = times["mqkafka on_event"]
    ratio = {
        name: statistics.median(a / b for a, b in zip(us, own)) for name, own in times.items()
    }
    print(f"record value: {len(value)} bytes; 1 of {RULES:,} rules matches; Python {sys.version.split()[0]}, "
          f"confluent-kafka {confluent_kafka.__version__}")
    for name, own in times.items():
        said = "" if own is us else f"   on_event costs {ratio[name]:.2f} times as much"
        print(f"{name:34} {statistics.median(own):7.0f} ns{said}")
    counts = ratio["produce(topic, value=, key=)"]
    if arguments.at_most and counts > arguments.at_most:
        print(f"the ratio {counts:.2f} is larger than {arguments.at_most}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
