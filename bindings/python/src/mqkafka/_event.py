# SPDX-License-Identifier: Apache-2.0
"""Keywords become an mqk_event."""

from __future__ import annotations

import ctypes
import difflib
import operator
from typing import Any, Callable, Iterable, Mapping, Optional

from ._library import as_str, lib, structs
from ._structs import Str
from .errors import ArgumentError

_Event = structs["mqk_event"]
_Pair = structs["mqk_pair"]
_Property = structs["mqk_property"]

# The members between `attrs_count` and the end are the fields: text or number.
_MEMBERS: list[tuple[str, Any]] = [(field[0], field[1]) for field in _Event._fields_]
_FIRST = [name for name, _ in _MEMBERS].index("attrs_count") + 1
TEXTS = frozenset(name for name, kind in _MEMBERS[_FIRST:] if kind is Str)
NUMBERS = frozenset(name for name, kind in _MEMBERS[_FIRST:] if kind is ctypes.c_int64)
FIELDS: tuple[str, ...] = tuple(name for name, _ in _MEMBERS[_FIRST:] if name in TEXTS | NUMBERS)
"""Names of the fields that an event may have, from the library."""



def _writable() -> type[Any]:
    """mqk_event with every text as pointer and length: setting those costs least in ctypes."""
    fields: list[tuple[str, Any]] = []
    for name, kind in _MEMBERS:
        if kind is Str:
            fields += [(name, ctypes.c_char_p), (name + "_len", ctypes.c_size_t)]
        else:
            fields.append((name, kind))
    return type("mqk_event", (ctypes.Structure,), {"_pack_": 1, "_layout_": "ms", "_fields_": fields})


_Writable = _writable()
_blank = _Event()
lib.mqk_event_init(ctypes.addressof(_blank), ctypes.sizeof(_Event), 0)
_BLANK = bytes(_blank)

_MIN, _MAX = -(2**63) + 1, 2**63 - 1


def _hooks() -> Iterable[str]:
    number = 0
    name = lib.mqk_hook_name(number)
    while name is not None:
        yield name.decode()
        number += 1
        name = lib.mqk_hook_name(number)


HOOKS: tuple[str, ...] = tuple(name for name in _hooks() if name != "custom")
"""Names of the hook points; beside them ``custom.<name>`` is a hook of yours."""


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), 1)
    return f', did you mean "{near[0]}"?' if near else ""


def hook_number(hook: Any) -> int:
    """The number of a hook point. Raises ArgumentError for one that is none."""
    if isinstance(hook, str):
        hook = hook.encode()
    if not isinstance(hook, bytes):
        raise TypeError(f"hook must be str, not {type(hook).__name__}")
    number = ctypes.c_int()
    code = lib.mqk_hook_by_name(as_str(hook), ctypes.byref(number))
    if code < 0:
        name = hook.decode(errors="replace")
        raise ArgumentError(f'there is no hook "{name}"{_near(name, HOOKS)}', code, "MQK_ERR_ARGUMENT")
    return number.value


_NUMBERS: dict[str, int] = {name: hook_number(name) for name in HOOKS}


def to_bytes(name: str, value: Any) -> Optional[bytes]:
    """The bytes of a text or payload. Raises TypeError for what is neither."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"{name} must be str or bytes, not {type(value).__name__}")


def _number(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None
    if not _MIN <= number <= _MAX:
        raise OverflowError(f"{name} does not fit into 64 bits")
    return number


class Event:
    """An mqk_event and everything that it points at."""

    __slots__ = ("struct", "pointer", "_keep")

    def __init__(self, hook: Any, keywords: Mapping[str, Any]) -> None:
        self._keep: list[Any] = []
        self.struct = _Writable.from_buffer_copy(_BLANK)
        self.pointer = ctypes.addressof(self.struct)
        number = _NUMBERS.get(hook) if isinstance(hook, str) else None
        self.struct.hook = number = hook_number(hook) if number is None else number
        if number == 0:
            self._set_text("hook_name", "hook", hook)
        for name, value in keywords.items():
            if value is None:
                continue
            if name in TEXTS:
                self._set_text(name, name, value)
            elif name in NUMBERS:
                setattr(self.struct, name, _number(name, value))
            else:
                self._set_other(name, value)

    def _text(self, name: str, value: Any) -> Str:
        data = to_bytes(name, value)
        self._keep.append(data)
        return as_str(data)

    def _set_text(self, member: str, name: str, value: Any) -> None:
        data = to_bytes(name, value)
        if data is not None:
            setattr(self.struct, member, data)  # which also keeps it alive
            setattr(self.struct, member + "_len", len(data))

    def _set_other(self, name: str, value: Any) -> None:
        if name == "token":
            self.struct.token = _number(name, value)
            return
        try:
            member, make = _LISTS[name]
        except KeyError:
            known = {*FIELDS, *_LISTS}
            raise TypeError(
                f"an event has no field {name!r}{_near(name, known)}"
            ) from None
        pairs = list(value.items() if isinstance(value, Mapping) else value)
        array = make(self, name, pairs)
        self._keep.append(array)
        setattr(self.struct, member, ctypes.addressof(array))
        setattr(self.struct, member + "_count", len(pairs))

    def _pairs(self, name: str, pairs: list[Any]) -> Any:
        array = (_Pair * max(len(pairs), 1))()
        for entry, (key, value) in zip(array, pairs):
            entry.name = self._text(name, key)
            entry.value = self._text(name, value)
        return array

    def _properties(self, name: str, pairs: list[Any]) -> Any:
        array = (_Property * max(len(pairs), 1))()
        for entry, (key, value) in zip(array, pairs):
            entry.name = self._text(name, key)
            if isinstance(value, (str, bytes, bytearray, memoryview)):
                entry.text = self._text(name, value)
            else:
                entry.number = _number(name, value)
        return array


_LISTS: dict[str, tuple[str, Callable[[Event, str, list[Any]], Any]]] = {
    "user_properties": ("user_props", Event._pairs),
    "ack_user_properties": ("ack_user_props", Event._pairs),
    "attributes": ("attrs", Event._pairs),
    "properties": ("props", Event._properties),
    "ack_properties": ("ack_props", Event._properties),
}
