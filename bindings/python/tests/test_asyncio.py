# SPDX-License-Identifier: Apache-2.0
"""The bridge on an event loop: no thread, awaitable deliveries."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Coroutine

import pytest

import mqkafka
from conftest import EVERYTHING, config


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_deliver_without_a_thread() -> None:
    async def main() -> None:
        before = threading.active_count()
        async with mqkafka.Bridge(config(EVERYTHING), callbacks="asyncio") as bridge:
            assert threading.active_count() == before
            assert await bridge.deliver("message.publish", topic="a", payload="b") == 1
            assert await bridge.deliver("client.connected", clientid="a") == 0
            many = [bridge.deliver("message.publish", topic="a", payload=str(i)) for i in range(1000)]
            assert await asyncio.gather(*many) == [1] * 1000
            with pytest.raises(mqkafka.TooLargeError):
                await bridge.deliver("message.publish", topic="a", payload=b"x" * 2_000_000)
            assert await bridge.drain(10) == 0
        assert bridge.closed

    run(main())


def test_the_loop_is_not_held_up_while_kafka_is_away() -> None:
    async def main() -> None:
        bridge = mqkafka.Bridge(config(EVERYTHING, servers="127.0.0.1:1"), callbacks="asyncio")
        waiting = asyncio.ensure_future(bridge.deliver("message.publish", topic="a"))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticker = asyncio.ensure_future(tick())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.2)
        draining = asyncio.ensure_future(bridge.drain(40))
        ticks = 0
        while ticks < 20:
            await asyncio.sleep(0.01)
        assert not draining.done()
        draining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await draining
        assert await bridge.drain(0.3) == 1
        ticks = 0
        assert await bridge.aclose(0.3) == 1
        assert ticks > 0
        with pytest.raises(mqkafka.ClosedError):
            await waiting
        ticker.cancel()

    run(main())


@pytest.mark.parametrize("close", ["aclose", "close", "a thread"])
def test_closing_ends_a_drain(close: str) -> None:
    """Both run on one loop: the one must not wait for the other without letting it go on."""

    async def main() -> None:
        bridge = mqkafka.Bridge(config(EVERYTHING, servers="127.0.0.1:1"), callbacks="asyncio")
        bridge.on_event("message.publish", topic="a")
        draining = asyncio.ensure_future(bridge.drain())
        await asyncio.sleep(0.1)
        assert not draining.done()
        if close == "aclose":
            assert await bridge.aclose(0.3) == 1
        elif close == "close":
            assert bridge.close(0.3) == 1
        else:
            loop = asyncio.get_running_loop()
            assert await loop.run_in_executor(None, bridge.close, 0.3) == 1
        assert await draining == 1
        with pytest.raises(mqkafka.ClosedError):
            await bridge.drain()

    run(main())


def test_deliver_with_the_thread() -> None:
    async def main() -> None:
        async with mqkafka.Bridge(config(EVERYTHING)) as bridge:
            assert await bridge.deliver("message.publish", topic="a", payload="b") == 1

    run(main())


def test_closing_from_another_thread() -> None:
    async def main() -> None:
        bridge = mqkafka.Bridge(config(EVERYTHING), callbacks="asyncio")
        bridge.on_event("message.publish", topic="a")
        assert await asyncio.get_running_loop().run_in_executor(None, bridge.close) == 0
        with pytest.raises(mqkafka.ClosedError):
            bridge.on_event("message.publish", topic="a")

    run(main())


def test_several_bridges_on_one_loop() -> None:
    async def main() -> None:
        bridges = [mqkafka.Bridge(config(EVERYTHING), callbacks="asyncio") for _ in range(3)]
        events = [b.deliver("message.publish", topic="a") for b in bridges for _ in range(50)]
        assert sum(await asyncio.gather(*events)) == 150
        assert [await b.aclose() for b in bridges] == [0, 0, 0]

    run(main())
