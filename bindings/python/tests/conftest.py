# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import mqkafka

REPO = Path(__file__).resolve().parents[3]
QUICK = not os.environ.get("MQK_LONG")


@pytest.fixture(params=["interpreter", "ctypes"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways from Python to mqk_on_event."""
    if request.param == "ctypes":
        monkeypatch.setenv("MQKAFKA_CTYPES", "1")
    return str(request.param)


Open = Callable[..., mqkafka.Bridge]


@pytest.fixture
def open_bridge() -> Iterator[Open]:
    """Opens bridges with an in-process Kafka, from the YAML of their rules."""
    opened = []

    def make(
        *rules: str, producer: str = "{}", servers: str = "embedded", **options: Any
    ) -> mqkafka.Bridge:
        bridge = mqkafka.Bridge(config(*rules, producer=producer, servers=servers), **options)
        opened.append(bridge)
        return bridge

    yield make
    for bridge in opened:
        bridge.close(timeout=0)


def config(*rules: str, producer: str = "{}", servers: str = "embedded") -> mqkafka.Config:
    lines = "\n".join(f"    - {rule}" for rule in rules)
    return mqkafka.Config.from_text(
        f"kafka:\n  client: {{ servers: ['{servers}'] }}\n  producer: {producer}\n  hook:\n{lines}\n"
    )


NOWHERE = "127.0.0.1:1"  # where no Kafka is: enough for what needs none, and faster to close
EVERYTHING = "{ hook: message.publish, topic: t, key: '${clientid}', value: '${payload}' }"


def consume(servers: str, topic: str, count: int, seconds: float = 60) -> list[Any]:
    """What a real consumer reads of a topic: `count` messages, or what comes in time."""
    kafka = pytest.importorskip("confluent_kafka")
    consumer = kafka.Consumer(
        {"bootstrap.servers": servers, "group.id": "test", "enable.auto.commit": False}
    )
    found: list[Any] = []
    try:
        partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
        consumer.assign([kafka.TopicPartition(topic, p, 0) for p in partitions])
        end = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < end:
            found += [m for m in consumer.consume(10000, timeout=0.5) if not m.error()]
        found += [m for m in consumer.consume(10000, timeout=0.5) if not m.error()]
    finally:
        consumer.close()
    return found


def eventually(what: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)
