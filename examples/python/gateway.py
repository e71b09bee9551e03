#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway that knows no MQTT: Modbus registers and CoAP requests become Kafka records.

Events of your own are called custom.<name>; what the fields of MQTT do not cover goes into
attributes, which rules read as ${attr.name}.

  gateway.py [RULES.yaml]
"""

from __future__ import annotations

import asyncio
import struct
import sys
from pathlib import Path
from typing import AsyncIterator, NamedTuple

import mqkafka


class Registers(NamedTuple):
    """What a Modbus device answered to a read of holding registers."""

    device: str
    unit: int
    address: int
    words: tuple[int, ...]


class Request(NamedTuple):
    """A CoAP request."""

    peer: str
    method: str
    path: str
    payload: bytes


async def field_bus() -> AsyncIterator[Registers | Request]:
    """Stands for the drivers of a real gateway."""
    yield Registers("plc-1", 17, 40001, struct.unpack(">2H", struct.pack(">f", 21.5)))
    yield Request("192.0.2.7:5683", "PUT", "/sensors/door/3", b'{"open":true}')
    yield Registers("plc-1", 17, 40010, (0, 7))
    yield Request("192.0.2.8:5683", "GET", "/.well-known/core", b"")


async def give(bridge: mqkafka.Bridge, event: Registers | Request) -> int:
    """Returns when the records of the event are safe in Kafka."""
    if isinstance(event, Registers):
        raw = struct.pack(f">{len(event.words)}H", *event.words)
        return await bridge.deliver(
            "custom.modbus",
            clientid=event.device,
            payload=raw,
            attributes={
                "unit": str(event.unit),
                "register": str(event.address),
                "float": repr(struct.unpack(">f", raw)[0]),
            },
        )
    return await bridge.deliver(
        "custom.coap",
        peerhost=event.peer.rpartition(":")[0],
        action=event.method,
        topic=event.path.lstrip("/"),
        payload=event.payload,
    )


async def main(rules: str) -> None:
    async with mqkafka.Bridge(rules, node="gateway-1", callbacks="asyncio") as bridge:
        async for event in field_bus():
            print(type(event).__name__, "->", await give(bridge, event), "record(s)", flush=True)
        stats = bridge.stats()
        print(f"{stats.events} events, {stats.delivered} records delivered")


if __name__ == "__main__":
    default = str(Path(__file__).with_name("gateway.yaml"))
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else default))
