# SPDX-License-Identifier: Apache-2.0
"""Many events, and many threads on one bridge: nothing is lost, nothing doubled, order is kept."""

from __future__ import annotations

import threading
from collections import defaultdict

from conftest import QUICK, Open, consume

TINY = "{ hook: message.publish, topic: t, key: '${clientid}', value: '${payload}' }"
ROOM = "{ linger: 5ms, buffer: { memory: 512MB, when_full: refuse } }"
THREADS = 8


def hammer(open_bridge: Open, each: int, with_tokens: bool = False) -> "tuple[str, int]":
    bridge = open_bridge(TINY, producer=ROOM)
    accepted = [0] * THREADS
    futures: list[list[object]] = [[] for _ in range(THREADS)]

    def work(at: int) -> None:
        name, on_event = f"c{at}", bridge.on_event
        for n in range(each):
            if with_tokens:
                future = bridge.on_event_future("message.publish", topic="a", payload=str(n), clientid=name)
                futures[at].append(future)
                accepted[at] += 1
            else:
                accepted[at] += on_event("message.publish", topic="a", payload=str(n), clientid=name)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accepted == [each] * THREADS
    assert bridge.flush(120) == 0
    for future in (f for own in futures for f in own):
        assert future.result(30) == 1  # type: ignore[attr-defined]
    stats = bridge.stats()
    assert (stats.events, stats.accepted, stats.delivered) == (each * THREADS,) * 3
    assert stats.failed == stats.queued == stats.dropped_full == 0
    return bridge.servers(), each * THREADS


def test_eight_threads_and_a_real_consumer(open_bridge: Open, way: str) -> None:
    servers, count = hammer(open_bridge, 2500)
    seen = defaultdict(list)
    for message in consume(servers, "t", count):
        seen[message.key().decode()].append(int(message.value()))
    assert seen == {f"c{at}": list(range(2500)) for at in range(THREADS)}


def test_eight_threads_with_tokens(open_bridge: Open, way: str) -> None:
    hammer(open_bridge, 1000, with_tokens=True)


def test_a_million_events_from_eight_threads(open_bridge: Open) -> None:
    hammer(open_bridge, 25_000 if QUICK else 125_000)


def test_a_million_events(open_bridge: Open) -> None:
    count = 100_000 if QUICK else 1_000_000
    bridge = open_bridge(TINY, producer=ROOM)
    on_event = bridge.on_event
    accepted = 0
    for n in range(count):
        accepted += on_event("message.publish", topic="a", payload=b"%d" % n, clientid="c")
    assert bridge.flush(120) == 0
    stats = bridge.stats()
    assert (accepted, stats.events, stats.delivered) == (count,) * 3
    assert stats.failed == stats.queued == stats.dropped_full == 0
