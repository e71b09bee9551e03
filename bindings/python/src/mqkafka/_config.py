# SPDX-License-Identifier: Apache-2.0
"""Configurations, rulesets and templates: everything that needs no Kafka."""

from __future__ import annotations

import ctypes
import os
import weakref
from ctypes import c_void_p
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from . import _library
from ._event import Event
from ._library import ProblemFn, SeenFn, as_str, lib, structs
from ._structs import Str
from ._types import Pairs, Payload, Problem, Properties, Record, Text, Value, Verdict

_Source = structs["mqk_config_source"]
_Error = structs["mqk_error"]
_Pair = structs["mqk_pair"]
_Record = structs["mqk_record"]
_Verdict = structs["mqk_verdict"]


@dataclass(frozen=True)
class Source:
    """Configuration text in memory, for :meth:`Config.merged`; ``name`` is used in messages."""

    text: str
    name: str = "(memory)"


Path = Union[str, "os.PathLike[str]"]


class Handle:
    """Owns something of the library and frees it with the object."""

    def __init__(self, pointer: c_void_p, free: Callable[[c_void_p], None]) -> None:
        self.pointer = pointer
        self._finalizer = weakref.finalize(self, free, pointer)
        self._finalizer.atexit = False


class Config:
    """Parsed and checked settings and rules. Immutable; may be used by several bridges and threads.

    Raises a :class:`ConfigError` with line and column of the first mistake; its ``problems`` has all.
    """

    def __init__(self, *sources: Union[Path, Source]) -> None:
        if not sources:
            raise ValueError("a configuration needs at least one source")
        array = (_Source * len(sources))()
        keep: list[bytes] = []
        for entry, source in zip(array, sources):
            entry.size = ctypes.sizeof(_Source)
            name = source.name if isinstance(source, Source) else os.fspath(source)
            keep.append(os.fsencode(name))
            entry.path = keep[-1]
            if isinstance(source, Source):
                keep.append(source.text.encode())
                entry.text = as_str(keep[-1])
        problems: list[Problem] = []

        def on_problem(_user: Any, severity: int, address: int) -> None:
            e = _Error.from_address(address)
            message = e.message.decode(errors="replace")
            problems.append(Problem(message, e.line, e.column, e.code, severity != 0))

        out, error = c_void_p(), _library.new_error()
        code = lib.mqk_config_load(
            ctypes.byref(array),
            len(sources),
            ProblemFn(on_problem),
            None,
            ctypes.byref(out),
            ctypes.byref(error),
        )
        if code < 0:
            raise _library.exception_for(code, error, problems)
        self._handle = Handle(out, lib.mqk_config_free)
        self.warnings: tuple[Problem, ...] = tuple(problems)

    @classmethod
    def from_file(cls, path: Path) -> Config:
        """From one YAML file."""
        return cls(path)

    @classmethod
    def from_text(cls, text: str, name: str = "(memory)") -> Config:
        """From YAML text; ``name`` is used in messages."""
        return cls(Source(text, name))

    @classmethod
    def merged(cls, *sources: Union[Path, Source]) -> Config:
        """From several sources in order: later settings replace earlier ones, rules are appended."""
        return cls(*sources)


def record_from(address: int) -> Record:
    """A Record of an mqk_record."""
    r = _Record.from_address(address)
    return Record(
        topic=r.topic.text(),
        key=r.key.bytes(),
        value=r.value.bytes(),
        headers=headers_from(r.headers, r.header_count),
        timestamp_ms=r.timestamp_ms,
        partition=None if r.partition < 0 else r.partition,
        rule=r.rule_name.text(),
        cluster=r.cluster.text(),
        rule_index=r.rule,
        partitioner=r.partitioner.text(),
        status=_library.status_name(r.status),
    )


def headers_from(address: Optional[int], count: int) -> tuple[tuple[str, Optional[bytes]], ...]:
    if not count or address is None:
        return ()
    array = (_Pair * count).from_address(address)
    return tuple((pair.name.text(), pair.value.bytes()) for pair in array)


class Ruleset:
    """Compiled rules, usable without any Kafka. Immutable, usable from any thread at once."""

    def __init__(self, config: Config) -> None:
        out, error = c_void_p(), _library.new_error()
        code = lib.mqk_ruleset_compile(
            config._handle.pointer, ctypes.byref(out), ctypes.byref(error)
        )
        _library.check(code, error)
        self._handle = Handle(out, lib.mqk_ruleset_free)

    @classmethod
    def from_file(cls, path: Path) -> Ruleset:
        """The rules of one YAML file."""
        return cls(Config.from_file(path))

    @classmethod
    def from_text(cls, text: str, name: str = "(memory)") -> Ruleset:
        """The rules of YAML text."""
        return cls(Config.from_text(text, name))

    def __len__(self) -> int:
        return int(lib.mqk_ruleset_size(self._handle.pointer))

    def evaluate(
        self,
        hook: str,
        *,
        topic: Optional[Text] = None,
        payload: Optional[Payload] = None,
        clientid: Optional[Text] = None,
        user_properties: Optional[Pairs] = None,
        properties: Optional[Properties] = None,
        attributes: Optional[Pairs] = None,
        **fields: Any,
    ) -> list[Record]:
        """The records that an event would produce, in the rules' order. Nothing is sent."""
        fields.update(
            topic=topic,
            payload=payload,
            clientid=clientid,
            user_properties=user_properties,
            properties=properties,
            attributes=attributes,
        )
        return self._see(lib.mqk_ruleset_evaluate, hook, fields, record_from)

    def explain(
        self,
        hook: str,
        *,
        topic: Optional[Text] = None,
        payload: Optional[Payload] = None,
        clientid: Optional[Text] = None,
        user_properties: Optional[Pairs] = None,
        properties: Optional[Properties] = None,
        attributes: Optional[Pairs] = None,
        **fields: Any,
    ) -> list[Verdict]:
        """What every rule says to an event, matching or not, with the reason."""
        fields.update(
            topic=topic,
            payload=payload,
            clientid=clientid,
            user_properties=user_properties,
            properties=properties,
            attributes=attributes,
        )
        return self._see(lib.mqk_ruleset_explain, hook, fields, verdict_from)

    def _see(
        self, function: Any, hook: str, fields: dict[str, Any], make: Callable[[int], Any]
    ) -> list[Any]:
        event = Event(hook, fields)
        seen: list[Any] = []
        wrong: list[BaseException] = []

        def on_seen(_user: Any, address: int) -> None:
            try:
                seen.append(make(address))
            except BaseException as error:  # must not cross the library
                wrong.append(error)

        _library.check(function(self._handle.pointer, event.pointer, SeenFn(on_seen), None))
        if wrong:
            raise wrong[0]
        return seen


def verdict_from(address: int) -> Verdict:
    v = _Verdict.from_address(address)
    return Verdict(v.rule_name.text(), v.rule, bool(v.matched), v.reason.text())


class Template:
    """A compiled template. ``value_format`` is ``auto``, ``text`` or ``json``, as in the rules."""

    _FORMATS = {"auto": 0, "text": 1, "json": 2}

    def __init__(self, text: str, value_format: str = "auto") -> None:
        out, error, source = c_void_p(), _library.new_error(), text.encode()
        number = self._FORMATS[value_format]
        code = lib.mqk_template_compile(
            as_str(source), number, ctypes.byref(out), ctypes.byref(error)
        )
        _library.check(code, error)
        self._handle = Handle(out, lib.mqk_template_free)

    def render(self, hook: str, **fields: Union[Value, Payload, Pairs, Properties]) -> Optional[bytes]:
        """The text for an event; None: the template is one placeholder, and its field is missing."""
        event, capacity, out = Event(hook, fields), 4096, Str()
        while True:
            buffer = ctypes.create_string_buffer(capacity)
            code = lib.mqk_template_render(
                self._handle.pointer, event.pointer, buffer, capacity, ctypes.byref(out)
            )
            if code != -18:  # MQK_ERR_TOO_SMALL
                _library.check(code)
                return out.bytes()
            capacity = out.len
