# SPDX-License-Identifier: Apache-2.0
"""What crosses the interface, as Python sees it."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Optional, Tuple, Union

Text = Union[str, bytes]
"""Text of an event: a str is encoded as UTF-8, bytes are taken as they are."""

Payload = Union[str, bytes, bytearray, memoryview]
Value = Union[str, bytes, int, None]
"""Value of a field. None is absent, which differs from an empty text."""

Pairs = Union[Mapping[str, Text], Iterable[Tuple[Text, Text]]]
"""Names and values in order; as pairs, names may repeat."""

Properties = Union[Mapping[str, Union[Text, int]], Iterable[Tuple[Text, Union[Text, int]]]]
"""MQTT 5 properties by their names, e.g. ``{"Content-Type": "text/plain"}``."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a configuration; a warning does not keep it from being used."""

    message: str
    line: int
    column: int
    code: int
    warning: bool = False


@dataclass(frozen=True)
class Record:
    """A Kafka record that a rule makes of an event, or one that was read from Kafka."""

    topic: str
    key: Optional[bytes]
    """None: a record without key."""
    value: Optional[bytes]
    """None: a record without value (a tombstone)."""
    headers: tuple[tuple[str, Optional[bytes]], ...]
    timestamp_ms: int
    partition: Optional[int]
    """The one that the rule chose; None: the partitioner chooses."""
    rule: str
    """The rule's name, or ``hook[2]`` when it has none."""
    cluster: str
    rule_index: int = 0
    partitioner: str = ""
    status: str = "MQK_OK"
    """Why it cannot be sent (``MQK_ERR_TOPIC``, …), else ``MQK_OK``."""
    offset: Optional[int] = None
    """Of a record that was read from Kafka: its place in the partition."""

    @property
    def text(self) -> str:
        """The value as text."""
        return (self.value or b"").decode()

    @property
    def json(self) -> Any:
        """The value, parsed as JSON."""
        return json.loads(self.value or b"null")


@dataclass(frozen=True)
class Verdict:
    """What one rule said to an event, or a consumer rule to a record."""

    rule: str
    rule_index: int
    matched: bool
    reason: str


class Answer(enum.IntEnum):
    """What a handler says to something that Kafka asks; returning None accepts."""

    ACCEPT = 0
    REFUSE = 1
    LATER = 2


@dataclass(frozen=True)
class Publish:
    """A message to publish. The topic is a legal MQTT topic name."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: dict[str, Union[bytes, int]]
    user_properties: tuple[tuple[str, str], ...]
    record: Record


@dataclass(frozen=True)
class Kick:
    """Clients to disconnect: the one with ``clientid``, or all of ``username``."""

    clientid: Optional[str]
    username: Optional[str]
    reason: Optional[str]
    record: Record


@dataclass(frozen=True)
class AclClean:
    """Cached permissions to forget: of ``clientid``, or of all clients of ``username``."""

    clientid: Optional[str]
    username: Optional[str]
    record: Record


class HealthState(enum.IntEnum):
    """State of the connection to Kafka."""

    OK = 0
    STARTING = 1
    DEGRADED = 2
    DOWN = 3


@dataclass(frozen=True)
class Health:
    """How the bridge is: the worst of its clusters. ``message`` is empty when nothing is wrong."""

    state: HealthState
    message: str

    @property
    def ok(self) -> bool:
        return self.state == HealthState.OK


@dataclass(frozen=True)
class Counters:
    """Counters of a rule, or the sums of the bridge. They only grow."""

    matched: int = 0
    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    expired: int = 0
    dropped_full: int = 0
    refused_full: int = 0
    bad_topic: int = 0
    too_large: int = 0
    lost_on_close: int = 0
    utf8_replaced: int = 0
    regex_limit: int = 0
    more: dict[str, int] = field(default_factory=dict)
    """What a newer library counts besides."""


@dataclass(frozen=True)
class RuleStats(Counters):
    """Counters of one rule."""

    name: str = ""


@dataclass(frozen=True)
class Stats(Counters):
    """Sums over the bridge."""

    events: int = 0
    """Calls of on_event."""
    unmatched: int = 0
    """Events that no rule matched."""
    queued: int = 0
    """Records waiting or in flight."""
    queued_bytes: int = 0
    log_dropped: int = 0
    rules: int = 0
    clusters: int = 0
    consumers: int = 0


@dataclass(frozen=True)
class ClusterStats:
    """State of one cluster."""

    name: str
    state: HealthState
    queued: int = 0
    queued_bytes: int = 0
    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    more: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsumerStats:
    """State of one consumer rule."""

    name: str
    state: str
    """``starting``, ``running``, ``idle``, ``waiting`` or ``down``."""
    lag: Optional[int] = None
    partitions: int = 0
    in_flight: int = 0
    consumed: int = 0
    delivered: int = 0
    refused: int = 0
    retried: int = 0
    skipped: int = 0
    unusable: int = 0
    dead_lettered: int = 0
    lost: int = 0
    more: dict[str, int] = field(default_factory=dict)
