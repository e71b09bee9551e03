# SPDX-License-Identifier: Apache-2.0
"""Handlers of what Kafka asks: answers, errors, coroutines."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import mqkafka
from conftest import EVERYTHING, config
from mqkafka import Answer
from mqkafka._downlink import ATTEMPTS, Handlers
from mqkafka._library import structs

HAS_DOWNLINK = "mqk_kafka_record" in structs


def record(offset: int = 0) -> mqkafka.Record:
    return mqkafka.Record("down", b"k", b"v", (), 1, 0, "consumer[0]", "default", offset=offset)


def kick(offset: int = 0) -> mqkafka.Kick:
    return mqkafka.Kick(None, "user", None, record(offset))


def answer(handler: Any, request: Any, handlers: Any = None) -> Answer:
    return (handlers or Handlers({}, None)).answer("kick", handler, request)


def raises(error: Exception) -> Any:
    def handler(_request: Any) -> None:
        raise error

    return handler


@pytest.mark.parametrize(
    "handler, expected",
    [
        (lambda k: None, Answer.ACCEPT),
        (lambda k: Answer.ACCEPT, Answer.ACCEPT),
        (lambda k: Answer.REFUSE, Answer.REFUSE),
        (lambda k: Answer.LATER, Answer.LATER),
        (raises(mqkafka.Refuse("never")), Answer.REFUSE),
        (raises(mqkafka.Later()), Answer.LATER),
        (raises(KeyError("x")), Answer.LATER),
        (lambda k: True, Answer.REFUSE),
        (lambda k: "yes", Answer.REFUSE),
    ],
)
def test_answers(handler: Any, expected: Answer) -> None:
    assert answer(handler, kick()) is expected
    assert answer(handler, record()) is expected


def test_a_handler_that_always_fails_does_not_hold_up_the_partition() -> None:
    handlers = Handlers({}, None)
    broken = raises(ValueError("bug"))
    assert [answer(broken, kick(1), handlers) for _ in range(ATTEMPTS)] == [Answer.LATER] * (
        ATTEMPTS - 1
    ) + [Answer.REFUSE]
    assert answer(broken, kick(2), handlers) is Answer.LATER


def test_coroutines() -> None:
    async def main() -> None:
        handlers = Handlers({}, asyncio.get_running_loop())
        begun = []

        async def slow(request: Any) -> Answer:
            begun.append(request)
            await asyncio.sleep(0.05)
            return Answer.ACCEPT

        async def broken(_request: Any) -> None:
            raise mqkafka.Refuse

        assert answer(slow, kick(), handlers) is Answer.LATER
        assert answer(slow, kick(), handlers) is Answer.LATER
        while answer(slow, kick(), handlers) is Answer.LATER:
            await asyncio.sleep(0.01)
        assert len(begun) == 1
        assert answer(slow, kick(), handlers) is Answer.LATER and len(begun) == 1
        await asyncio.sleep(0.1)
        assert len(begun) == 2
        while (said := answer(broken, kick(5), handlers)) is Answer.LATER:
            await asyncio.sleep(0.01)
        assert said is Answer.REFUSE
        handlers.closing = True
        assert answer(lambda k: None, kick(), handlers) is Answer.LATER

    asyncio.run(main())


def test_a_coroutine_needs_a_loop(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(_request: Any) -> None:
        pass

    assert answer(handler, kick()) is Answer.LATER
    assert "needs a bridge with a loop" in caplog.text


@pytest.mark.skipif(HAS_DOWNLINK, reason="this library reads from Kafka")
def test_an_older_library_says_so() -> None:
    with pytest.raises(mqkafka.UnavailableError, match="does not read from Kafka"):
        mqkafka.Bridge(config(EVERYTHING), publish=lambda p: None)


@pytest.mark.skipif(not HAS_DOWNLINK, reason="this version of the library does not read from Kafka")
def test_from_kafka_to_handlers_and_coroutines() -> None:
    kafka = pytest.importorskip("confluent_kafka")
    rules = """
kafka:
  client: { servers: ["%s"] }
  hook: [ { hook: message.publish, topic: up } ]
  consumer:
    - { topics: [down], group_id: g, offset_reset: earliest, action: publish, mqtt_topic: "${key}",
        qos: 1, user_properties: [ { name: a, value: "${headers.a}" } ] }
    - { topics: [kicks], group_id: g2, offset_reset: earliest, action: kick, username: ["${value}"] }
    - { topics: [cleans], group_id: g3, offset_reset: earliest, action: acl_clean, clientid: ["${value}"] }
    - { topics: [records], group_id: g4, offset_reset: earliest, action: callback }
"""

    async def main() -> None:
        published: list[mqkafka.Publish] = []
        others: list[Any] = []

        async def publish(message: mqkafka.Publish) -> None:
            await asyncio.sleep(0.02)
            published.append(message)

        with mqkafka.Bridge(config(EVERYTHING)) as cluster:
            producer = kafka.Producer({"bootstrap.servers": cluster.servers()})
            for n in range(3):
                producer.produce("down", key="a/b", value=str(n), headers={"a": "1"})
            for topic in ("kicks", "cleans", "records"):
                producer.produce(topic, value="who")
            producer.flush(20)
            bridge = mqkafka.Bridge(
                mqkafka.Config.from_text(rules % cluster.servers()),
                callbacks="asyncio",
                publish=publish,
                kick=others.append,
                acl_clean=others.append,
                record=others.append,
            )
            async with bridge:
                end = time.monotonic() + 60
                while len(published) < 3 or len({type(o) for o in others}) < 3:
                    assert time.monotonic() < end, (published, others)
                    await asyncio.sleep(0.02)
                stats = bridge.consumer_stats()
        assert [p.payload for p in published] == [b"0", b"1", b"2"]
        assert {(p.topic, p.qos, p.retain, p.user_properties) for p in published} == {
            ("a/b", 1, False, (("a", "1"),))
        }
        kinds = {type(o).__name__: o for o in others}
        assert kinds["Kick"].username == "who" and kinds["Kick"].clientid is None
        assert kinds["AclClean"].clientid == "who"
        assert (kinds["Record"].topic, kinds["Record"].value, kinds["Record"].offset) == ("records", b"who", 0)
        assert sum(s.delivered for s in stats) >= 5

    asyncio.run(asyncio.wait_for(main(), 120))
