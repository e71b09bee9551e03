# SPDX-License-Identifier: Apache-2.0
"""The library's structs of statistics as dataclasses."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import Any, Callable, Optional

from . import _structs
from ._library import check, lib, structs
from .errors import UnavailableError
from ._types import (
    ClusterStats,
    ConsumerStats,
    Health,
    HealthState,
    RuleStats,
    Stats,
)


def _read(name: str, call: Callable[[int], int]) -> Any:
    struct = structs[name]()
    struct.size = ctypes.sizeof(struct)
    check(call(ctypes.addressof(struct)))
    return struct


def _known(struct: Any, target: Any, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    """The counters that the dataclass has, and what else the struct counts as `more`."""
    own = {f.name for f in dataclasses.fields(target)}
    values: dict[str, Any] = {"more": {}}
    for entry in struct._fields_:
        name, kind = entry[0], entry[1]
        if name in ("size", "reserved", *leave) or not issubclass(kind, ctypes._SimpleCData):
            continue
        value = int(getattr(struct, name))
        if name in own:
            values[name] = value
        else:
            values["more"][name] = value
    return values


def bridge_stats(bridge: Any) -> Stats:
    struct = _read("mqk_stats", lambda to: int(lib.mqk_bridge_stats(bridge, to)))
    return Stats(**_known(struct, Stats))


def rule_stats(bridge: Any, index: int) -> RuleStats:
    struct = _read("mqk_rule_stats", lambda to: int(lib.mqk_bridge_rule_stats(bridge, index, to)))
    return RuleStats(name=struct.name.text(), **_known(struct, RuleStats))


def cluster_stats(bridge: Any, index: int) -> ClusterStats:
    struct = _read(
        "mqk_cluster_stats", lambda to: int(lib.mqk_bridge_cluster_stats(bridge, index, to))
    )
    state = HealthState(struct.state)
    return ClusterStats(
        name=struct.name.text(), state=state, **_known(struct, ClusterStats, ("state",))
    )


def consumer_stats(bridge: Any, index: int) -> ConsumerStats:
    if "mqk_consumer_stats" not in structs:
        raise UnavailableError("this version of the library does not read from Kafka")
    struct = _read(
        "mqk_consumer_stats", lambda to: int(lib.mqk_bridge_consumer_stats(bridge, index, to))
    )
    lag: Optional[int] = None if struct.lag == _structs.UNKNOWN else struct.lag
    return ConsumerStats(
        name=struct.name.text(),
        state=lib.mqk_consumer_state_name(struct.state).decode(),
        lag=lag,
        **_known(struct, ConsumerStats, ("state", "lag")),
    )


def health(bridge: Any) -> Health:
    struct = _read("mqk_health", lambda to: int(lib.mqk_bridge_health(bridge, to)))
    return Health(HealthState(struct.state), struct.message.decode(errors="replace"))
