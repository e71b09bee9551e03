# SPDX-License-Identifier: Apache-2.0
"""Finds libmqkafka, compares its structs with ours, and declares its functions."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from ctypes import POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any, Callable, Optional, Sequence

from . import _structs, errors
from ._structs import Str
from ._types import Problem

SONAME = "libmqkafka.so.1"

LogFn = ctypes.CFUNCTYPE(None, c_void_p, c_int, Str)
DeliveredFn = ctypes.CFUNCTYPE(None, c_void_p, c_uint64, c_int)
AnswerFn = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
ProblemFn = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_void_p)
SeenFn = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)


def candidates() -> list[str]:
    """Where the library may be, the best place first."""
    named = os.environ.get("MQKAFKA_LIBRARY")
    if named:
        return [named]
    here = os.path.dirname(os.path.abspath(__file__))
    bundled = [os.path.join(here, name) for name in (SONAME, "libmqkafka.so")]
    found = ctypes.util.find_library("mqkafka")
    return [path for path in bundled if os.path.exists(path)] + [SONAME] + ([found] if found else [])


def open_library() -> ctypes.CDLL:
    """The shared library. Raises ImportError that says where it was looked for, and why not."""
    reasons = []
    for path in candidates():
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            reasons.append(str(error))
    raise ImportError(
        "libmqkafka was not found: install it, or name the file in MQKAFKA_LIBRARY ("
        + "; ".join(dict.fromkeys(reasons))
        + ")"
    )


def read_layouts(library: ctypes.CDLL) -> dict[str, type[Any]]:
    """Our structs, as this library has them."""
    try:
        layouts = library.mqk_layouts
    except AttributeError:
        raise errors.LayoutError(
            f"{library._name}: the library is too old for this package: it has no mqk_layouts"
        ) from None
    layouts.restype, layouts.argtypes = c_void_p, [POINTER(c_size_t)]
    count = c_size_t()
    return _structs.build_all(_structs.read_rows(layouts(ctypes.byref(count)), count.value))


_FUNCTIONS: dict[str, tuple[Any, Sequence[Any]]] = {
    "mqk_version": (c_char_p, []),
    "mqk_status_name": (c_char_p, [c_int]),
    "mqk_status_text": (c_char_p, [c_int]),
    "mqk_topic_matches": (c_bool, [Str, Str]),
    "mqk_topic_filter_check": (c_int, [Str, c_void_p]),
    "mqk_event_init": (None, [c_void_p, c_size_t, c_int]),
    "mqk_hook_name": (c_char_p, [c_int]),
    "mqk_hook_by_name": (c_int, [Str, POINTER(c_int)]),
    "mqk_template_compile": (c_int, [Str, c_int, POINTER(c_void_p), c_void_p]),
    "mqk_template_render": (c_int, [c_void_p, c_void_p, c_void_p, c_size_t, POINTER(Str)]),
    "mqk_template_free": (None, [c_void_p]),
    "mqk_config_load": (
        c_int,
        [c_void_p, c_size_t, ProblemFn, c_void_p, POINTER(c_void_p), c_void_p],
    ),
    "mqk_config_free": (None, [c_void_p]),
    "mqk_ruleset_compile": (c_int, [c_void_p, POINTER(c_void_p), c_void_p]),
    "mqk_ruleset_evaluate": (c_int, [c_void_p, c_void_p, SeenFn, c_void_p]),
    "mqk_ruleset_explain": (c_int, [c_void_p, c_void_p, SeenFn, c_void_p]),
    "mqk_ruleset_size": (c_size_t, [c_void_p]),
    "mqk_ruleset_free": (None, [c_void_p]),
    "mqk_bridge_open": (c_int, [c_void_p, c_void_p, POINTER(c_void_p), c_void_p]),
    "mqk_on_event": (c_int, [c_void_p, c_void_p]),
    "mqk_bridge_wants": (c_bool, [c_void_p, c_int]),
    "mqk_bridge_poll": (c_int, [c_void_p, c_int]),
    "mqk_bridge_fd": (c_int, [c_void_p]),
    "mqk_bridge_flush": (c_int, [c_void_p, c_int, POINTER(c_uint64)]),
    "mqk_bridge_reload": (c_int, [c_void_p, c_void_p, c_void_p]),
    "mqk_bridge_close": (c_int, [c_void_p, c_int, POINTER(c_uint64)]),
    "mqk_bridge_servers": (c_int, [c_void_p, Str, c_char_p, c_size_t]),
    "mqk_bridge_stats": (c_int, [c_void_p, c_void_p]),
    "mqk_bridge_rule_stats": (c_int, [c_void_p, c_size_t, c_void_p]),
    "mqk_bridge_cluster_stats": (c_int, [c_void_p, c_size_t, c_void_p]),
    "mqk_bridge_health": (c_int, [c_void_p, c_void_p]),
    "mqk_python_detach": (c_uint, [c_void_p]),
}

# What an older library does not have.
_LATER_FUNCTIONS: dict[str, tuple[Any, Sequence[Any]]] = {
    "mqk_config_explain_record": (c_int, [c_void_p, c_void_p, c_void_p, SeenFn, c_void_p]),
    "mqk_bridge_consumer_stats": (c_int, [c_void_p, c_size_t, c_void_p]),
    "mqk_consumer_state_name": (c_char_p, [c_int]),
}


def declare(library: ctypes.CDLL) -> None:
    """Tells ctypes the functions' types. Raises ImportError when one is missing."""
    for name, (result, arguments) in {**_FUNCTIONS, **_LATER_FUNCTIONS}.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            if name in _LATER_FUNCTIONS:
                continue
            raise ImportError(
                f"{library._name}: the library is too old for this package: it has no {name}"
            ) from None
        function.restype = result
        function.argtypes = list(arguments)


lib = open_library()
structs = read_layouts(lib)
declare(lib)


def attach(bridge: c_void_p, other: Callable[..., Any], failed: Callable[..., Any]) -> Any:
    """on_event as a function of the interpreter, and its handle; None where that cannot be."""
    try:
        function = ctypes.PyDLL(lib._name, handle=lib._handle).mqk_python_attach
    except AttributeError:
        return None
    handle = c_void_p()
    # Not py_object: a NULL without an exception would be an error for ctypes.
    function.restype = c_void_p
    function.argtypes = [c_void_p, ctypes.py_object, ctypes.py_object, POINTER(c_void_p)]
    made = function(bridge, other, failed, ctypes.byref(handle))
    if not made:
        return None
    method = ctypes.cast(made, ctypes.py_object).value
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(method))  # the reference that attach gave us
    return method, handle


def version() -> str:
    """Version of the library in use, e.g. ``"0.9.0"``."""
    return str(lib.mqk_version().decode())


def status_name(code: int) -> str:
    """Name of a status, e.g. ``"MQK_ERR_FULL"``."""
    return str(lib.mqk_status_name(code).decode())


def new_error() -> Any:
    return structs["mqk_error"]()


def exception_for(
    code: int, error: Optional[Any] = None, problems: Sequence[Problem] = ()
) -> errors.MqkError:
    """The exception for a status; with the place and sentence that the library gave, if it did."""
    kind = errors.CLASSES.get(code, errors.MqkError)
    name = status_name(code)
    if error is not None and error.message:
        message = error.message.decode(errors="replace")
        return kind(message, code, name, error.line, error.column, problems)
    return kind(f"{lib.mqk_status_text(code).decode()} ({name})", code, name, problems=problems)


def check(code: int, error: Optional[Any] = None) -> int:
    """The number that a function returned; raises when it is an error."""
    if code < 0:
        raise exception_for(code, error)
    return code


def raise_status(code: int) -> int:
    raise exception_for(code)


def as_str(value: Optional[bytes]) -> Str:
    """An mqk_str of bytes, which must outlive it."""
    if value is None:
        return Str(None, 0)
    return Str(ctypes.cast(c_char_p(value), c_void_p).value, len(value))


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT topic filter matches a topic name; what is illegal matches nothing."""
    one, other = topic_filter.encode(), topic.encode()
    return bool(lib.mqk_topic_matches(as_str(one), as_str(other)))


def check_topic_filter(topic_filter: str) -> None:
    """Raises FilterError, with what is wrong and where, when a topic filter is illegal."""
    error, text = new_error(), topic_filter.encode()
    check(lib.mqk_topic_filter_check(as_str(text), ctypes.byref(error)), error)
