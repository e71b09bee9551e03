# SPDX-License-Identifier: Apache-2.0
"""The life of a bridge: events, tokens, callbacks, reload, closing, forks."""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import threading
import time
import warnings
from typing import Any

import pytest

import mqkafka
from conftest import EVERYTHING, NOWHERE, Open, config, consume, eventually


def test_events_arrive(open_bridge: Open, way: str) -> None:
    bridge = open_bridge(
        "{ hook: '*', topic: t, key: '${clientid}', value: '${event} ${topic} ${payload} ${qos} ${user.a}' }"
    )
    assert bridge.on_event("message.publish", topic="a/b", payload=b"\x01", clientid="c", qos=1) == 1
    assert bridge.on_event("message.publish", topic="\u20ac", payload="p", clientid=b"c") == 1
    assert bridge.on_event("client.connected", clientid="c", username=None) == 1
    assert bridge.on_event("message.publish", topic="u", user_properties={"a": "b"}, clientid="c") == 1
    assert bridge.on_event("custom.modbus", payload=bytearray(b"3"), clientid="c") == 1
    assert bridge.on_event("session.takeovered", clientid="c") == 1
    assert bridge.on_event("message.publish", topic="$SYS/x", clientid="c") == 0
    assert bridge.flush(30) == 0
    assert sorted(m.value().decode() for m in consume(bridge.servers(), "t", 6)) == sorted(
        [
            "message.publish a/b \x01 1 undefined",
            "message.publish \u20ac p undefined undefined",
            "client.connected undefined undefined undefined undefined",
            "message.publish u undefined undefined b",
            "custom.modbus undefined 3 undefined undefined",
            "session.takenover undefined undefined undefined undefined",
        ]
    )
    stats = bridge.stats()
    assert (stats.events, stats.delivered, stats.queued, stats.rules, stats.clusters) == (7, 6, 0, 1, 1)


@pytest.mark.parametrize(
    "hook, fields, kind",
    [
        ("message.publsh", {}, mqkafka.ArgumentError),
        (b"\xff", {}, mqkafka.ArgumentError),
        (None, {}, TypeError),
        (7, {}, TypeError),
        ("message.publish", {"clintid": "a"}, TypeError),
        ("message.publish", {"clientid": 3}, TypeError),
        ("message.publish", {"qos": "1"}, TypeError),
        ("message.publish", {"timestamp": 2**63}, OverflowError),
        ("message.publish", {"topic": "\ud800"}, UnicodeEncodeError),
    ],
)
def test_wrong_arguments(open_bridge: Open, way: str, hook: Any, fields: dict[str, Any], kind: Any) -> None:
    bridge = open_bridge(EVERYTHING, servers=NOWHERE)
    with pytest.raises(kind):
        bridge.on_event(hook, **fields)
    with pytest.raises(TypeError):
        bridge.on_event()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        bridge.on_event("message.publish", "topic")  # type: ignore[misc]
    assert bridge.on_event("message.publish", topic="a") == 1
    assert bridge.stats().events == 1


PROPERTIES: "list[tuple[Any, str]]" = [
    ([("a", "1"), ("b", "2")], "1 2"),
    ((("b", b"2"), (b"a", "1")), "1 2"),
    ({"a": "\u20ac", "b": ""}, "\u20ac "),
    ([["a", "1"]], "1 undefined"),
    ({"a": "1"}.items(), "1 undefined"),
    ([("a", "x")] * 31 + [("b", "2")], "x 2"),
    ([("a", "x")] * 100 + [("b", "2")], "x 2"),
    ([], "undefined undefined"),
    (None, "undefined undefined"),
]


def test_user_properties_and_attributes(open_bridge: Open, way: str) -> None:
    bridge = open_bridge("{ hook: message.publish, topic: t, key: k, value: '${user.a} ${user.b} ${attr.b}' }")
    for properties, _ in PROPERTIES:
        both = {"attributes": [("b", "attr")], "user_properties": properties}
        assert bridge.on_event("message.publish", topic="a", **both) == 1
    bridge.flush(20)
    found = [m.value().decode() for m in consume(bridge.servers(), "t", len(PROPERTIES))]
    assert found == [f"{expected} attr" for _, expected in PROPERTIES]


@pytest.mark.parametrize(
    "properties, kind",
    [
        (7, TypeError),
        ([("a",)], ValueError),
        ([("a", "b", "c")], ValueError),
        ([("a", 1)], TypeError),
        ([1], TypeError),
        ([("\ud800", "a")], UnicodeEncodeError),
        ({"a": 1}, TypeError),
        ("ab", ValueError),
    ],
)
def test_wrong_user_properties(open_bridge: Open, way: str, properties: Any, kind: Any) -> None:
    bridge = open_bridge(EVERYTHING, servers=NOWHERE)
    for name in ("user_properties", "attributes"):
        with pytest.raises(kind):
            bridge.on_event("message.publish", topic="a", **{name: properties})
    assert bridge.stats().events == 0


def test_a_list_that_changes_meanwhile(open_bridge: Open, way: str) -> None:
    """What an event points at is held while the interpreter's lock is released."""
    bridge = open_bridge("{ hook: message.publish, topic: t, value: '${user.a}${user.b}' }")
    properties = [("a", "x" * 1000), ("b", "y" * 1000)]
    done = threading.Event()

    def change() -> None:
        n = 0
        while not done.is_set():
            n += 1
            properties[:] = [("a", chr(97 + n % 26) * 1000), ("b", str(n) * 300)]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(3000):
            assert bridge.on_event("message.publish", topic="a", user_properties=properties) == 1
    finally:
        done.set()
        thread.join()
    assert bridge.flush(30) == 0 and bridge.stats().failed == 0


def test_no_rule_and_wants(open_bridge: Open, way: str) -> None:
    bridge = open_bridge(EVERYTHING, servers=NOWHERE)
    assert bridge.on_event("client.connected", clientid="c") == 0
    assert bridge.wants("message.publish") and not bridge.wants("client.connected")
    assert bridge.stats().unmatched == 1
    with pytest.raises(mqkafka.ArgumentError):
        bridge.wants("message")


def test_refused_records(open_bridge: Open, way: str) -> None:
    bridge = open_bridge(
        "{ hook: message.publish, topic: '${clientid}', value: '${payload}' }",
        producer="{ buffer: { memory: 64KiB, when_full: refuse } }",
    )
    with pytest.raises(mqkafka.TopicError) as topic:
        bridge.on_event("message.publish", topic="a", clientid="not legal")
    assert (topic.value.code, topic.value.name) == (-16, "MQK_ERR_TOPIC")
    with pytest.raises(mqkafka.BufferFullError):
        for _ in range(1000):
            bridge.on_event("message.publish", topic="a", clientid="c", payload=b"x" * 60000)
    stats = bridge.stats()
    assert stats.bad_topic == 1 and stats.refused_full == 1
    (rule,) = bridge.rule_stats()
    assert (rule.name, rule.bad_topic) == ("hook[0]", 1)


def test_futures(open_bridge: Open, way: str) -> None:
    bridge = open_bridge(EVERYTHING, EVERYTHING, "{ hook: client.connected, topic: '${clientid}' }")
    assert bridge.on_event_future("message.publish", topic="a", payload="b").result(20) == 2
    assert bridge.on_event_future("client.disconnected", clientid="c").result(0) == 0
    failed = bridge.on_event_future("client.connected", clientid="no no")
    assert isinstance(failed.exception(0), mqkafka.TopicError)
    with pytest.raises(TypeError):
        bridge.on_event_future("message.publish", clintid="x")
    many = [bridge.on_event_future("message.publish", topic="a", payload=str(i)) for i in range(2000)]
    assert {future.result(30) for future in many} == {2}
    assert not many[0].cancel()
    assert bridge._tokens == {}


def test_manual_callbacks(open_bridge: Open) -> None:
    bridge = open_bridge(EVERYTHING, callbacks="manual")
    future = bridge.on_event_future("message.publish", topic="a")
    eventually(lambda: bridge.stats().delivered == 1)
    assert not future.done()
    assert select.select([bridge.fileno()], [], [], 60)[0]
    while not future.done():
        assert bridge.poll(60) > 0
    assert future.result(0) == 1
    begin = time.monotonic()
    while bridge.poll(0.2):  # a line of the log may still come
        begin = time.monotonic()
    assert time.monotonic() - begin > 0.15


def test_log_lines(open_bridge: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mqkafka"):
        bridge = open_bridge(EVERYTHING)
        eventually(lambda: any("connected to Kafka" in r.message for r in caplog.records))
    assert {r.name for r in caplog.records} == {"mqkafka"}
    assert any(r.levelno == logging.WARNING and bridge.servers() in r.message for r in caplog.records)


def test_an_exception_in_a_callback_goes_no_further(
    open_bridge: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = open_bridge(EVERYTHING, callbacks="manual")

    def fail(token: int, status: int) -> None:
        raise KeyError("mine")

    monkeypatch.setattr(bridge, "_delivered", fail)
    bridge.on_event_future("message.publish", topic="a")
    eventually(lambda: bridge.poll(0.1) >= 0 and "KeyError: 'mine'" in caplog.text)

    def interrupt(token: int, status: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bridge, "_delivered", interrupt)
    bridge.on_event_future("message.publish", topic="a")
    with pytest.raises(KeyboardInterrupt):
        bridge.flush(10)
        for _ in range(60):  # a line of the log ends a wait as well
            bridge.poll(1)


def test_ctrl_c_ends_a_wait(open_bridge: Open) -> None:
    bridge = open_bridge(EVERYTHING, callbacks="manual")
    bridge.flush(20)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        while True:  # a line of the log ends a wait as well
            bridge.poll(None)
    timer.join()
    assert bridge.on_event("message.publish", topic="a") == 1


def test_not_from_a_callback(open_bridge: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = open_bridge(EVERYTHING, callbacks="manual")
    seen: list[Any] = []

    def inside(token: int, status: int) -> None:
        seen.append(bridge.on_event("message.publish", topic="a"))
        seen.append(bridge.stats().events)
        for call in (bridge.flush, bridge.poll, bridge.close):
            try:
                call()
            except mqkafka.ArgumentError as error:
                seen.append(error.code)

    monkeypatch.setattr(bridge, "_delivered", inside)
    bridge.on_event_future("message.publish", topic="a")
    while not seen:
        bridge.poll(1)
    assert seen == [1, 2, -1, -1, -1]


def test_reload(open_bridge: Open, way: str) -> None:
    bridge = open_bridge(EVERYTHING)
    bridge.reload(config("{ hook: client.connected, topic: t }"))
    assert bridge.on_event("message.publish", topic="a") == 0
    assert bridge.on_event("client.connected", clientid="a") == 1
    with pytest.raises(mqkafka.ConfigFileError):
        bridge.reload("/nowhere/rules.yaml")
    assert bridge.on_event("client.connected", clientid="a") == 1


def test_after_close(open_bridge: Open, way: str) -> None:
    bridge = open_bridge(EVERYTHING)
    on_event = bridge.on_event
    with bridge:
        assert on_event("message.publish", topic="a") == 1
    assert bridge.closed
    calls: list[Any] = [
        lambda: bridge.on_event("message.publish", topic="a"),
        lambda: on_event("message.publish", topic="a"),
        lambda: bridge.flush(),
        lambda: bridge.poll(),
        lambda: bridge.stats(),
        lambda: bridge.health(),
        lambda: bridge.servers(),
        lambda: bridge.fileno(),
        lambda: bridge.wants("message.publish"),
        lambda: bridge.reload(config(EVERYTHING)),
    ]
    for call in calls:
        with pytest.raises(mqkafka.ClosedError, match="the bridge is closed"):
            call()
    assert isinstance(bridge.on_event_future("message.publish").exception(0), mqkafka.ClosedError)
    assert bridge.close() == 0


def test_close_counts_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    bridge = mqkafka.Bridge(config(EVERYTHING, servers="127.0.0.1:1"))
    futures = [bridge.on_event_future("message.publish", topic="a") for _ in range(3)]
    assert bridge.flush(0.2) == 3
    assert bridge.health().state != mqkafka.HealthState.OK
    assert bridge.close(timeout=0.1) == 3
    assert {type(f.exception(0)) for f in futures} == {mqkafka.ClosedError}
    assert "3 records undelivered" in caplog.text


def test_close_while_others_are_at_work(open_bridge: Open, way: str) -> None:
    for _ in range(5):
        bridge = open_bridge(EVERYTHING)
        given = [0] * 4

        def work(at: int) -> None:
            try:
                while True:
                    given[at] += bridge.on_event("message.publish", topic="a", payload="b")
            except mqkafka.ClosedError:
                pass

        threads = [threading.Thread(target=work, args=(at,)) for at in range(4)]
        threads.append(threading.Thread(target=wait, args=(bridge,)))
        for thread in threads:
            thread.start()
        eventually(lambda: all(given))
        assert bridge.close(30) == 0
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()


def wait(bridge: mqkafka.Bridge) -> None:
    try:
        while True:
            bridge.poll(None)
    except mqkafka.ClosedError:
        pass


def test_a_call_that_waits(open_bridge: Open, way: str) -> None:
    """It lets other threads run, and closing waits until it is over."""
    bridge = open_bridge(
        EVERYTHING, producer="{ produce: sync, produce_sync_timeout: 700ms }", servers=NOWHERE
    )
    result: list[Any] = []
    ends: list[float] = []

    def call() -> None:
        try:
            bridge.on_event("message.publish", topic="a")
        except mqkafka.MqkError as error:
            result.append(error)
        ends.append(time.monotonic())

    def begin() -> threading.Thread:
        calls = bridge.stats().events
        thread = threading.Thread(target=call)
        thread.start()
        eventually(lambda: bridge.stats().events > calls)
        return thread

    def had_a_turn() -> bool:
        """Well before the call was over: if none could be had, the first comes with its end."""
        thread, turn = begin(), time.monotonic()
        thread.join()
        return turn < ends[-1] - 0.3

    eventually(had_a_turn)
    thread = begin()
    bridge.close(timeout=0)
    thread.join()
    assert {type(error) for error in result} == {mqkafka.DeliveryTimeoutError}
    assert len(result) == len(ends) and isinstance(result[0], TimeoutError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_after_a_fork(open_bridge: Open, way: str) -> None:
    bridge = open_bridge(EVERYTHING)
    future = bridge.on_event_future("message.publish", topic="a")
    child = os.fork()
    if child == 0:
        wrong = 1
        try:
            calls: list[Any] = [
                lambda: bridge.on_event("message.publish", topic="a"),
                bridge.stats,
                bridge.flush,
                bridge.poll,
            ]
            for call in calls:
                try:
                    call()
                    break
                except mqkafka.ForkedError:
                    pass
            else:
                wrong = bridge.close()
        finally:
            os._exit(wrong)
    assert os.waitpid(child, 0)[1] == 0
    assert future.result(20) == 1
    assert bridge.close() == 0


def test_a_forgotten_bridge_is_closed_with_a_warning() -> None:
    before = threading.active_count()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bridge = mqkafka.Bridge(config(EVERYTHING))
        assert bridge.on_event("message.publish", topic="a") == 1
        del bridge
        gc.collect()
        eventually(lambda: any(w.category is ResourceWarning for w in caught))
    eventually(lambda: threading.active_count() == before)


def test_a_subclass_keeps_its_on_event() -> None:
    class Upper(mqkafka.Bridge):
        def on_event(self, hook: str, **fields: Any) -> int:  # type: ignore[override]
            return super().on_event(hook, **{**fields, "topic": fields["topic"].upper()})

    with Upper(config("{ hook: message.publish, filter: A, topic: t }")) as bridge:
        assert bridge.on_event("message.publish", topic="a") == 1


def test_options() -> None:
    with pytest.raises(ValueError, match="callbacks"):
        mqkafka.Bridge(config(EVERYTHING), callbacks="never")
    with pytest.raises(RuntimeError, match="event loop"):
        mqkafka.Bridge(config(EVERYTHING), callbacks="asyncio")
    with mqkafka.Bridge(config("{ hook: message.publish, topic: t, value: '${node}' }"), node="n7") as bridge:
        bridge.on_event("message.publish", topic="a")
        bridge.flush(20)
        assert [m.value() for m in consume(bridge.servers(), "t", 1)] == [b"n7"]
        with pytest.raises(mqkafka.ArgumentError):
            bridge.servers("no such cluster")
        (cluster,) = bridge.cluster_stats()
        assert (cluster.name, cluster.state, cluster.delivered) == ("default", mqkafka.HealthState.OK, 1)
        assert bridge.health().ok
