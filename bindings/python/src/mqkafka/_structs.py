# SPDX-License-Identifier: Apache-2.0
"""The library's structs, laid out as the library says.

Each struct is declared here by the members that this package uses. The library exports where every
member lies (``mqk_layouts``), and the ctypes structs are built of that: members that a newer library
adds do no harm, ones that an older library lacks are left out if we can do without them, and a
member that is missing or has another size is an error that names it.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from typing import Any, Iterable, Mapping, NamedTuple, Optional

from .errors import LayoutError

UNKNOWN = -(2**63)


class Str(ctypes.Structure):
    """mqk_str"""

    _fields_ = [("data", c_void_p), ("len", c_size_t)]
    data: Optional[int]
    len: int

    def bytes(self) -> Optional[bytes]:
        return None if self.data is None else ctypes.string_at(self.data, self.len)

    def text(self) -> str:
        return (self.bytes() or b"").decode(errors="replace")

    def optional_text(self) -> Optional[str]:
        return None if self.data is None else self.text()


class Layout(ctypes.Structure):
    """mqk_layout, which never changes"""

    _fields_ = [
        ("structure", ctypes.c_char_p),
        ("member", ctypes.c_char_p),
        ("offset", c_size_t),
        ("size", c_size_t),
    ]


class Row(NamedTuple):
    """One row of the library's table; without a member, the struct itself."""

    structure: str
    member: Optional[str]
    offset: int
    size: int


class _Declaration(NamedTuple):
    members: Mapping[str, Any]
    optional: frozenset[str] = frozenset()
    fixed: bool = False  # without a `size` of its own, so it must not grow


def _same(kind: Any, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


_SIZE = {"size": c_size_t}
_PAIRS = {"user_props": c_void_p, "user_props_count": c_size_t}
_WHOM = {"record": c_void_p, "clientid": Str, "username": Str}
_CALLBACKS = "publish kick acl_clean record"

_DECLARATIONS: dict[str, _Declaration] = {
    "mqk_str": _Declaration({"data": c_void_p, "len": c_size_t}, fixed=True),
    "mqk_error": _Declaration(
        {"code": c_int, "line": c_uint32, "column": c_uint32, "message": c_char * 1000}, fixed=True
    ),
    "mqk_pair": _Declaration({"name": Str, "value": Str}, fixed=True),
    "mqk_property": _Declaration({"name": Str, "text": Str, "number": c_int64}, fixed=True),
    "mqk_event": _Declaration(
        {
            **_SIZE,
            "hook": c_int,
            "hook_name": Str,
            "token": c_uint64,
            "props": c_void_p,
            "props_count": c_size_t,
            **_PAIRS,
            "ack_props": c_void_p,
            "ack_props_count": c_size_t,
            "ack_user_props": c_void_p,
            "ack_user_props_count": c_size_t,
            "attrs": c_void_p,
            "attrs_count": c_size_t,
            **_same(Str, "clientid username topic payload"),
            **_same(c_int64, "timestamp qos retain"),
        }
    ),
    "mqk_config_source": _Declaration({**_SIZE, "path": ctypes.c_char_p, "text": Str}),
    "mqk_record": _Declaration(
        {
            **_SIZE,
            "rule": c_size_t,
            **_same(Str, "rule_name cluster topic key value partitioner"),
            "headers": c_void_p,
            "header_count": c_size_t,
            "timestamp_ms": c_int64,
            "partition": c_int32,
            "status": c_int,
        },
    ),
    "mqk_verdict": _Declaration(
        {**_SIZE, "rule": c_size_t, "rule_name": Str, "matched": ctypes.c_bool, "reason": Str}
    ),
    "mqk_host": _Declaration(
        {
            **_SIZE,
            "user": c_void_p,
            "node": Str,
            "flags": c_uint32,
            "log_level": c_int,
            **_same(c_void_p, f"log delivered {_CALLBACKS}"),
        },
        optional=frozenset(_CALLBACKS.split()),
    ),
    "mqk_rule_stats": _Declaration({**_SIZE, "name": Str}),
    "mqk_cluster_stats": _Declaration({**_SIZE, "name": Str, "state": c_int}),
    "mqk_stats": _Declaration({**_SIZE, **_same(c_uint64, "events queued")}),
    "mqk_health": _Declaration({**_SIZE, "state": c_int, "message": c_char * 256}),
}

# Those of the way back, which an older library does not have.
_LATER_DECLARATIONS: dict[str, _Declaration] = {
    "mqk_kafka_record": _Declaration(
        {
            **_SIZE,
            **_same(Str, "rule_name cluster topic key value"),
            "partition": c_int32,
            "ts_type": c_int,
            **_same(c_int64, "offset timestamp_ms"),
            "headers": c_void_p,
            "header_count": c_size_t,
        }
    ),
    "mqk_publish": _Declaration(
        {
            **_SIZE,
            "record": c_void_p,
            **_same(Str, "topic payload"),
            "qos": c_uint8,
            "retain": ctypes.c_bool,
            "props": c_void_p,
            "props_count": c_size_t,
            **_PAIRS,
        }
    ),
    "mqk_kick": _Declaration({**_SIZE, **_WHOM, "reason": Str}),
    "mqk_acl_clean": _Declaration({**_SIZE, **_WHOM}),
    "mqk_consumer_stats": _Declaration(
        {**_SIZE, "name": Str, "state": c_int, "partitions": c_uint32, "lag": c_int64}
    ),
}

# What a member is that is not declared: counters of structs with statistics, fields of events.
_BY_SIZE: dict[str, dict[int, Any]] = {
    "mqk_event": {8: c_int64, 16: Str},
    "mqk_rule_stats": {8: c_uint64},
    "mqk_cluster_stats": {8: c_uint64},
    "mqk_consumer_stats": {8: c_uint64},
    "mqk_stats": {8: c_uint64},
}


def read_rows(first: Any, count: int) -> list[Row]:
    """The library's table as rows."""
    table = ctypes.cast(first, ctypes.POINTER(Layout))
    if count < 1 or table[0].size != ctypes.sizeof(Layout):
        raise LayoutError("libmqkafka: mqk_layout is not the struct that this package knows")
    return [
        Row(
            table[i].structure.decode(),
            table[i].member.decode() if table[i].member is not None else None,
            table[i].offset,
            table[i].size,
        )
        for i in range(count)
    ]


def _check(name: str, declaration: _Declaration, members: Mapping[str, Row], size: int) -> None:
    for member, kind in declaration.members.items():
        row = members.get(member)
        if row is None:
            if member in declaration.optional:
                continue
            raise LayoutError(f"libmqkafka: {name}.{member} is not there: the library is too old")
        if row.size != ctypes.sizeof(kind):
            raise LayoutError(
                f"libmqkafka: {name}.{member} has {row.size} bytes, "
                f"this package knows it with {ctypes.sizeof(kind)}"
            )
    declared = {member for member in members if member in declaration.members}
    if declaration.fixed and declared != set(members):
        more = ", ".join(sorted(set(members) - declared))
        raise LayoutError(f"libmqkafka: {name} has members that this package does not know: {more}")
    for row in members.values():
        if row.offset + row.size > size:
            raise LayoutError(f"libmqkafka: {name}.{row.member} lies outside of its {size} bytes")


def build(name: str, declaration: _Declaration, rows: Iterable[Row]) -> Optional[type[Any]]:
    """The ctypes struct, with every member where the library has it; None: it has no such struct."""
    own = [row for row in rows if row.structure == name]
    if not own:
        return None
    size = next((row.size for row in own if row.member is None), 0)
    members = {row.member: row for row in own if row.member is not None}
    _check(name, declaration, members, size)
    fields: list[tuple[str, Any]] = []
    end = 0
    for row in sorted(members.values(), key=lambda row: row.offset):
        if row.offset < end:
            raise LayoutError(f"libmqkafka: {name}.{row.member} overlaps the member before it")
        if row.offset > end:
            fields.append((f"_gap{end}", c_char * (row.offset - end)))
        guess = _BY_SIZE.get(name, {}).get(row.size, c_char * row.size)
        fields.append((str(row.member), declaration.members.get(str(row.member), guess)))
        end = row.offset + row.size
    if size > end:
        fields.append((f"_gap{end}", c_char * (size - end)))
    struct = type(name, (ctypes.Structure,), {"_pack_": 1, "_layout_": "ms", "_fields_": fields})
    for row in members.values():
        if getattr(struct, str(row.member)).offset != row.offset:
            raise LayoutError(f"libmqkafka: {name}.{row.member} cannot be placed at {row.offset}")
    if ctypes.sizeof(struct) != size:
        raise LayoutError(f"libmqkafka: {name} has {size} bytes, not {ctypes.sizeof(struct)}")
    return struct


def build_all(rows: list[Row]) -> dict[str, type[Any]]:
    """All structs of this package. Raises LayoutError for the first that does not fit."""
    structs: dict[str, type[Any]] = {}
    for name, declaration in _DECLARATIONS.items():
        struct = build(name, declaration, rows)
        if struct is None:
            raise LayoutError(f"libmqkafka: {name} is not there: the library is too old")
        structs[name] = struct
    for name, declaration in _LATER_DECLARATIONS.items():
        struct = build(name, declaration, rows)
        if struct is not None:
            structs[name] = struct
    return structs
