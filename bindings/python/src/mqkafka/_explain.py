# SPDX-License-Identifier: Apache-2.0
"""What consumer rules make of a record, without any Kafka."""

from __future__ import annotations

import ctypes
from ctypes import c_void_p
from typing import Any, Callable, Mapping, NamedTuple, Optional, Union

from . import _library, _structs
from ._config import Config, verdict_from
from ._downlink import READERS
from ._event import to_bytes
from ._library import AnswerFn, SeenFn, as_str, lib, structs
from ._types import AclClean, Kick, Pairs, Payload, Publish, Record, Text, Verdict
from .errors import UnavailableError

Command = Union[Publish, Kick, AclClean, Record]
"""What a consumer rule asks of the host; a Record: ``action: callback``."""


class Explanation(NamedTuple):
    """What every consumer rule says, and what those that match ask for, in the rules' order."""

    verdicts: list[Verdict]
    commands: list[Command]


def explain_record(
    config: Config,
    topic: Text,
    *,
    key: Optional[Payload] = None,
    value: Optional[Payload] = None,
    headers: Pairs = (),
    partition: int = 0,
    offset: int = 0,
    timestamp_ms: Optional[int] = None,
    cluster: Optional[Text] = None,
    node: Optional[Text] = None,
) -> Explanation:
    """What the consumer rules of a configuration make of a record from Kafka. Nothing is read.

    ``cluster`` None: every rule's own; ``node`` is the broker node that reads it.
    """
    if not hasattr(lib, "mqk_config_explain_record") or "mqk_kafka_record" not in structs:
        raise UnavailableError("this version of the library does not explain records")
    keep: list[Any] = []

    def text(name: str, given: Any) -> _structs.Str:
        keep.append(to_bytes(name, given))
        return as_str(keep[-1])

    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    array = (structs["mqk_pair"] * max(len(pairs), 1))()
    for entry, (name, header) in zip(array, pairs):
        entry.name, entry.value = text("headers", name), text("headers", header)
    record = structs["mqk_kafka_record"]()
    record.size = ctypes.sizeof(record)
    for member, given in (("topic", topic), ("key", key), ("value", value), ("cluster", cluster)):
        setattr(record, member, text(member, given))
    record.partition, record.offset = partition, offset
    record.ts_type = 0 if timestamp_ms is None else 1
    record.timestamp_ms = _structs.UNKNOWN if timestamp_ms is None else timestamp_ms
    record.headers = ctypes.addressof(array)
    record.header_count = len(pairs)
    host = structs["mqk_host"]()
    host.size = ctypes.sizeof(host)
    host.node = text("node", node)

    said = Explanation([], [])
    wrong: list[BaseException] = []

    def into(seen: list[Any], read: Callable[[int], Any]) -> Callable[[Any, int], int]:
        def thunk(_user: Any, address: int) -> int:
            try:
                seen.append(read(address))
            except BaseException as error:  # must not cross the library
                wrong.append(error)
            return 0

        return thunk

    thunks = {name: AnswerFn(into(said.commands, read)) for name, (_, read) in READERS.items()}
    for name, thunk in thunks.items():
        setattr(host, name, ctypes.cast(thunk, c_void_p).value)
    _library.check(
        lib.mqk_config_explain_record(
            config._handle.pointer,
            ctypes.byref(record),
            ctypes.byref(host),
            SeenFn(into(said.verdicts, verdict_from)),
            None,
        )
    )
    if wrong:
        raise wrong[0]
    return said
