# SPDX-License-Identifier: Apache-2.0
"""What the library says when something fails, as exceptions: one class for each status."""

from __future__ import annotations

from typing import Optional, Sequence

from ._types import Problem


class LayoutError(ImportError):
    """The library's structs are not the ones that this package knows."""


class MqkError(Exception):
    """A call failed.

    ``code`` is the number of the status and ``name`` its name (``"MQK_ERR_FULL"``); ``line`` and
    ``column`` count from 1 and say where in a configuration, template or filter; 0 when there is no
    place. ``problems`` has all problems of a configuration, warnings included, in their order.
    """

    def __init__(
        self,
        message: str,
        code: int = 0,
        name: str = "",
        line: int = 0,
        column: int = 0,
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.name = name
        self.line = line
        self.column = column
        self.problems = tuple(problems)


class ArgumentError(MqkError, ValueError):
    """An argument is out of range or not usable here."""


class NoMemoryError(MqkError, MemoryError):
    """Out of memory."""


class ConfigError(MqkError, ValueError):
    """A configuration is wrong."""


class ConfigFileError(ConfigError):
    """A file cannot be read."""


class ConfigSyntaxError(ConfigError):
    """The text is not well-formed."""


class UnavailableError(ConfigError):
    """A setting is not available in this version of the library."""


class TemplateError(ConfigError):
    """A template is wrong."""


class FilterError(ConfigError):
    """A topic filter is illegal."""


class BufferFullError(MqkError):
    """The buffer is full and the configuration says to refuse."""


class ClosedError(MqkError):
    """The bridge is closed, or was before the record was delivered."""


class ForkedError(MqkError):
    """The bridge was opened by another process, before a fork."""


class DeliveryTimeoutError(MqkError, TimeoutError):
    """Not finished within the time allowed. ``undelivered``: records that still wait, if known."""

    undelivered: Optional[int] = None


class KafkaError(MqkError):
    """Kafka or the connection to it failed."""


class TooLargeError(MqkError):
    """Larger than the stated limit."""


class ExpiredError(MqkError):
    """Older than ``message_ttl`` before it could be delivered."""


class TopicError(MqkError):
    """Not a legal Kafka topic name, or more topics than ``max_topics``."""


class DroppedError(MqkError):
    """Dropped from a full buffer to make room."""


class PartitionError(MqkError):
    """No number of a partition, or the topic has no such partition."""


CLASSES: dict[int, type[MqkError]] = {
    -1: ArgumentError,
    -2: NoMemoryError,
    -3: ConfigFileError,
    -4: ConfigSyntaxError,
    -5: ConfigError,
    -6: UnavailableError,
    -7: TemplateError,
    -8: FilterError,
    -9: BufferFullError,
    -10: ClosedError,
    -11: ForkedError,
    -12: DeliveryTimeoutError,
    -13: KafkaError,
    -14: TooLargeError,
    -15: ExpiredError,
    -16: TopicError,
    -17: DroppedError,
    -19: PartitionError,
}
"""The class for each status; others, of newer libraries, are plain MqkError."""


class Refuse(Exception):
    """Raised by a handler of what Kafka asks: never possible, the record goes to ``dead_letter``."""


class Later(Exception):
    """Raised by a handler of what Kafka asks: not now, offer the same record again."""
