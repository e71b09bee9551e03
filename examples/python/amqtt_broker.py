#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An MQTT broker written in Python (amqtt) whose events become Kafka records.

  pip install amqtt mqkafka
  amqtt_broker.py [RULES.yaml [PORT]]

The plugin is all that another amqtt broker needs: name it under `plugins` of its configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import BaseContext
from amqtt.plugins.base import BasePlugin

import mqkafka


class KafkaPlugin(BasePlugin[BaseContext]):
    """Hands the broker's events to a bridge, on the broker's own event loop."""

    @dataclass
    class Config:
        rules: str = "rules.yaml"
        node: str = "amqtt"

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self.bridge = mqkafka.Bridge(self.config.rules, node=self.config.node, callbacks="asyncio")
        self.users: dict[str, str | None] = {}

    async def close(self) -> None:
        await self.bridge.aclose()

    def give(self, hook: str, client_id: str, **fields: Any) -> None:
        """An event that is refused must not disturb the broker; the bridge counts it."""
        try:
            username = self.users.get(client_id)
            self.bridge.on_event(hook, clientid=client_id, username=username, **fields)
        except mqkafka.MqkError as error:
            logging.getLogger("mqkafka").warning("%s of %s: %s", hook, client_id, error)

    async def on_broker_client_connected(self, *, client_id: str, client_session: Any) -> None:
        self.users[client_id] = client_session.username
        self.give(
            "client.connected",
            client_id,
            peerhost=client_session.remote_address,
            keepalive=client_session.keep_alive,
            clean_start=client_session.clean_session,
            proto_name="MQTT",
            proto_ver=4,
        )

    async def on_broker_client_disconnected(self, *, client_id: str, client_session: Any) -> None:
        self.give("client.disconnected", client_id)
        self.users.pop(client_id, None)

    async def on_broker_client_subscribed(self, *, client_id: str, topic: str, qos: int) -> None:
        self.give("session.subscribed", client_id, topic=topic, qos=qos)

    async def on_broker_client_unsubscribed(self, *, client_id: str, topic: str) -> None:
        self.give("session.unsubscribed", client_id, topic=topic)

    async def on_broker_message_broadcast(self, *, client_id: str, message: Any) -> None:
        packet = message.publish_packet
        self.give(
            "message.publish",
            client_id,
            topic=message.topic,
            payload=bytes(message.data),
            qos=message.qos,
            retain=bool(packet and packet.retain_flag),
            dup=bool(packet and packet.dup_flag),
        )


async def main(rules: str, port: int) -> None:
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
            f"{KafkaPlugin.__module__}.KafkaPlugin": {"rules": rules},
        },
    }
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = Broker(settings)
    await broker.start()
    print("ready", flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    sys.modules["amqtt_broker"] = sys.modules["__main__"]  # where the broker looks for the plugin
    KafkaPlugin.__module__ = "amqtt_broker"
    logging.basicConfig(level=logging.WARNING)
    rules_file = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).with_name("broker.yaml"))
    asyncio.run(main(rules_file, int(sys.argv[2]) if len(sys.argv) > 2 else 1883))
