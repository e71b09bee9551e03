# SPDX-License-Identifier: Apache-2.0
"""A real MQTT broker written in Python (amqtt), with our plugin, real MQTT clients, and Kafka.

MQK_KAFKA_SERVERS names a real Kafka; without it the in-process one is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from conftest import QUICK, REPO, consume, eventually

amqtt_broker = pytest.importorskip("amqtt.broker", reason="amqtt is missing")
amqtt_client = pytest.importorskip("amqtt.client")
EXAMPLES = REPO / "examples" / "python"

CLIENTS, EACH = 8, 50 if QUICK else 1000


@pytest.fixture(autouse=True)
def quiet() -> None:
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def free_port() -> int:
    """Below the ports that the system chooses: nobody is given it before the broker listens."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, low) if low > 12000 else random.randrange(10000, 65536)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def settings(port: int, rules: Path) -> dict[str, Any]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
            "amqtt_broker.KafkaPlugin": {"rules": str(rules), "node": "n1"},
        },
    }


async def client(port: int, name: str) -> Any:
    one = amqtt_client.MQTTClient(client_id=name, config={"auto_reconnect": False})
    await one.connect(f"mqtt://127.0.0.1:{port}/")
    return one


async def publish_all(port: int, name: str) -> None:
    one = await client(port, name)
    for n in range(EACH):
        await one.publish(f"factory/berlin/{name}", b'{"temp":%d}' % n, qos=1)
    await one.disconnect()


def test_every_message_becomes_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import amqtt_broker as example

    real = os.environ.get("MQK_KAFKA_SERVERS")
    unique = uuid.uuid4().hex[:8]
    text = (EXAMPLES / "broker.yaml").read_text()
    text = re.sub(r"topic: (\w+)", rf"topic: \1-{unique}", text)
    rules = tmp_path / "rules.yaml"
    rules.write_text(text.replace('"embedded"', f'"{real or "embedded"}"'))

    servers = ""
    found: dict[str, list[Any]] = {}

    def read(topic: str, count: int) -> list[Any]:
        return consume(servers, f"{topic}-{unique}", count)

    async def main() -> None:
        nonlocal servers
        port = free_port()
        broker = amqtt_broker.Broker(settings(port, rules))
        await broker.start()
        (plugin,) = [p for p in broker.plugins_manager._plugins if isinstance(p, example.KafkaPlugin)]
        watcher = await client(port, "watcher")
        await watcher.subscribe([("notes/#", 1)])
        await asyncio.gather(*(publish_all(port, f"c{n}") for n in range(CLIENTS)))
        await watcher.publish("notes/today", b"\xff\x00 not text", qos=0)
        await watcher.disconnect()
        await asyncio.sleep(0.5)  # the broker tells of a disconnection in its own time
        assert await plugin.bridge.drain(60) == 0
        stats = plugin.bridge.stats()
        assert stats.failed == 0 and stats.delivered == stats.accepted
        servers = plugin.bridge.servers()
        found.update(
            telemetry=await asyncio.to_thread(read, "telemetry", CLIENTS * EACH),
            mqtt=await asyncio.to_thread(read, "mqtt", 1),
            presence=await asyncio.to_thread(read, "presence", 2 * (CLIENTS + 1) + 1),
        )
        await broker.shutdown()
        assert plugin.bridge.closed

    asyncio.run(asyncio.wait_for(main(), 240))

    temperatures: dict[str, list[int]] = defaultdict(list)
    for message in found["telemetry"]:
        value = json.loads(message.value())
        assert (value["plant"], value["qos"], value["device"].encode()) == ("berlin", 1, message.key())
        temperatures[value["device"]].append(value["temp"])
    assert temperatures == {f"c{n}": list(range(EACH)) for n in range(CLIENTS)}
    assert [(m.key(), m.value()) for m in found["mqtt"]] == [(b"notes/today", b"\xff\x00 not text")]
    presence = [json.loads(m.value()) for m in found["presence"]]
    names = {"watcher", *(f"c{n}" for n in range(CLIENTS))}
    assert {p["client"] for p in presence if p["event"] == "client.connected"} == names
    assert {p["client"] for p in presence if p["event"] == "client.disconnected"} == names
    assert [p["filter"] for p in presence if p["event"] == "session.subscribed"] == ["notes/#"]
    assert {p["node"] for p in presence} == {"n1"}


def test_the_program(tmp_path: Path) -> None:
    port = free_port()
    broker = subprocess.Popen(
        [sys.executable, "-u", str(EXAMPLES / "amqtt_broker.py"), str(EXAMPLES / "broker.yaml"), str(port)],
        stdout=subprocess.PIPE,
        stderr=open(tmp_path / "log", "wb"),
        text=True,
    )
    try:
        assert broker.stdout is not None and broker.stdout.readline() == "ready\n"
        told = "embedded Kafka at ([\\d.:]+),"
        eventually(lambda: re.search(told, (tmp_path / "log").read_text()) is not None)
        (address,) = re.findall(told, (tmp_path / "log").read_text())

        async def publish() -> None:
            one = await client(port, "oven-3")
            await one.publish("factory/berlin/line/3", b'{"temp":31.50}', qos=1)
            await one.disconnect()

        asyncio.run(asyncio.wait_for(publish(), 60))
        (message,) = consume(address, "telemetry", 1)
        assert message.value() == b'{"plant":"berlin","device":"oven-3","temp":31.50,"qos":1}'
        broker.send_signal(signal.SIGTERM)
        assert broker.wait(30) == 0
    finally:
        broker.kill()
        broker.wait()
        if broker.stdout is not None:
            broker.stdout.close()
