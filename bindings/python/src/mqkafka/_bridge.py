# SPDX-License-Identifier: Apache-2.0
"""The bridge: a running configuration."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import itertools
import logging
import os
import threading
import time
import warnings
import weakref
from concurrent.futures import Future
from ctypes import c_uint64, c_void_p
from types import TracebackType
from typing import Any, Callable, Iterator, Optional, Union

from . import _library, _stats
from ._config import Config, Path
from ._downlink import (
    AclCleanHandler,
    Handlers,
    KickHandler,
    PublishHandler,
    RecordHandler,
)
from ._event import Event, hook_number
from ._library import DeliveredFn, LogFn, as_str, lib, structs
from ._poller import Poller
from ._structs import Str
from ._types import (
    ClusterStats,
    ConsumerStats,
    Health,
    Pairs,
    Payload,
    Properties,
    RuleStats,
    Stats,
    Text,
)
from .errors import ArgumentError, ClosedError, ForkedError, MqkError

log = logging.getLogger("mqkafka")

_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
_Host = structs["mqk_host"]

# Waits are cut into slices, so that Ctrl-C is noticed, and that closing ends them.
_SLICE_MS = 100
_open_bridges: weakref.WeakSet[Bridge] = weakref.WeakSet()


class _Wait:
    """A timeout in seconds, None: for ever, taken slice by slice."""

    def __init__(self, timeout: Optional[float]) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def slice_ms(self) -> int:
        if self._end is None:
            return _SLICE_MS
        return min(max(int((self._end - time.monotonic()) * 1000), 0), _SLICE_MS)

    def over(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end


def _closed() -> ClosedError:
    return ClosedError("the bridge is closed", -10, "MQK_ERR_CLOSED")


def _library_level(level: int) -> int:
    """The most verbose level of the library that a level of `logging` lets through."""
    return max(sum(level <= enough for enough in _LEVELS) - 1, 0)


class _Token:
    """An event whose deliveries somebody waits for."""

    __slots__ = ("future", "records", "status")

    def __init__(self) -> None:
        self.future: Future[int] = Future()
        self.future.set_running_or_notify_cancel()  # a delivery cannot be called back
        self.records: Optional[int] = None
        self.status: Optional[int] = None


class Bridge:
    """Turns events into Kafka records.

    ``callbacks`` says where deliveries, log lines and what Kafka asks are handed over:

    - ``"thread"``: on a thread of the bridge. Nothing else to do.
    - ``"asyncio"``: on the event loop that runs when the bridge is opened, as soon as there is
      something; no thread is started.
    - ``"manual"``: in :meth:`poll`, :meth:`flush` and :meth:`close`, which the program calls.

    Log lines go to the logger ``mqkafka``. ``node`` is the name of this broker node (``${node}``);
    ``publish``, ``kick``, ``acl_clean`` and ``record`` serve the consumer rules: functions, or
    coroutines where there is a ``loop``.
    """

    def __init__(
        self,
        config: Union[Config, Path],
        *,
        node: Optional[str] = None,
        callbacks: str = "thread",
        log_level: Optional[int] = None,
        close_timeout: Optional[float] = 5.0,
        loop: Optional[asyncio.AbstractEventLoop] = None,
        publish: Optional[PublishHandler] = None,
        kick: Optional[KickHandler] = None,
        acl_clean: Optional[AclCleanHandler] = None,
        record: Optional[RecordHandler] = None,
    ) -> None:
        self._state = "closed"
        if callbacks not in ("thread", "asyncio", "manual"):
            raise ValueError('callbacks must be "thread", "asyncio" or "manual"')
        if not isinstance(config, Config):
            config = Config.from_file(config)
        if callbacks == "asyncio" and loop is None:
            loop = asyncio.get_running_loop()
        self.close_timeout = close_timeout
        self._pid = os.getpid()
        self._serving = threading.Lock()  # poll, flush and close: one thread at a time
        self._server: Optional[int] = None
        self._reloading = threading.Lock()
        self._changed = threading.Condition()
        self._users = 0  # calls under way, guarded by _changed
        self._tokens: dict[int, _Token] = {}
        self._numbers = itertools.count(1)
        self._interrupt: Optional[BaseException] = None
        self._handlers = Handlers(
            {"publish": publish, "kick": kick, "acl_clean": acl_clean, "record": record}, loop
        )
        self._pointer = self._open(config, node, log_level)
        self._state = "open"
        self._attach()
        _open_bridges.add(self)
        self._poller = Poller(self, callbacks, lib.mqk_bridge_fd(self._pointer), loop)

    def _open(self, config: Config, node: Optional[str], log_level: Optional[int]) -> c_void_p:
        this = weakref.ref(self)

        def on_log(_user: Any, level: int, message: Str) -> None:
            try:
                log.log(_LEVELS[min(max(level, 0), 3)], "%s", message.text())
            except BaseException as error:
                _keep_interrupt(this(), error)

        def on_delivered(_user: Any, token: int, status: int) -> None:
            bridge = this()
            try:
                if bridge is not None:
                    bridge._delivered(token, status)
            except BaseException as error:
                log.exception("a delivery could not be told")
                _keep_interrupt(bridge, error)

        self._thunks = (LogFn(on_log), DeliveredFn(on_delivered))
        host = _Host(size=ctypes.sizeof(_Host))
        name = None if node is None else node.encode()
        host.node = as_str(name)
        host.log_level = _library_level(log.getEffectiveLevel() if log_level is None else log_level)
        host.log = ctypes.cast(self._thunks[0], c_void_p).value
        host.delivered = ctypes.cast(self._thunks[1], c_void_p).value
        for member, thunk in self._handlers.thunks.items():
            setattr(host, member, ctypes.cast(thunk, c_void_p).value)
        out, error = c_void_p(), _library.new_error()
        code = lib.mqk_bridge_open(
            config._handle.pointer, ctypes.byref(host), ctypes.byref(out), ctypes.byref(error)
        )
        _library.check(code, error)
        return out

    def _attach(self) -> None:
        """Puts the interpreter's own function in place of the method, where there is one."""
        self._fast: Optional[c_void_p] = None
        if type(self).on_event is not Bridge.on_event or os.environ.get("MQKAFKA_CTYPES"):
            return
        this = weakref.ref(self)

        def other(*args: Any, **fields: Any) -> int:
            bridge = this()
            if bridge is None:
                raise _closed()
            return Bridge.on_event(bridge, *args, **fields)

        attached = _library.attach(self._pointer, other, _library.raise_status)
        if attached is not None:
            self.__dict__["on_event"], self._fast = attached

    # ---- Calls under way ----

    def _enter(self) -> c_void_p:
        if os.getpid() != self._pid:
            raise ForkedError("the bridge was opened by another process", -11, "MQK_ERR_FORKED")
        with self._changed:
            if self._state != "open":
                raise _closed()
            self._users += 1
        return self._pointer

    def _leave(self) -> None:
        with self._changed:
            self._users -= 1
            if self._users == 0:
                self._changed.notify_all()

    @contextlib.contextmanager
    def _using(self) -> Iterator[c_void_p]:
        """The bridge, which is not closed meanwhile."""
        bridge = self._enter()
        try:
            yield bridge
        finally:
            self._leave()

    @contextlib.contextmanager
    def _callbacks(self) -> Iterator[None]:
        """The one thread that runs callbacks."""
        if self._server == threading.get_ident():
            raise ArgumentError("not from a callback of the bridge", -1, "MQK_ERR_ARGUMENT")
        with self._serving:
            self._server = threading.get_ident()
            try:
                yield
            finally:
                self._server = None
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt

    # ---- Events ----

    def on_event(
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
    ) -> int:
        """Gives the bridge an event; returns the number of records accepted (0: no rule matched).

        ``hook`` is one of ``mqkafka.HOOKS`` or ``custom.<name>``; ``fields`` are those of
        ``mqkafka.FIELDS``, and ``ack_properties`` and ``ack_user_properties``. Never waits for Kafka,
        except with ``produce: sync``. Any thread, several at once. Raises an :class:`MqkError` when
        a record was refused; those of other rules are sent all the same.
        """
        fields.update(
            topic=topic,
            payload=payload,
            clientid=clientid,
            user_properties=user_properties,
            properties=properties,
            attributes=attributes,
        )
        event = Event(hook, fields)
        bridge = self._enter()
        try:
            accepted = int(lib.mqk_on_event(bridge, event.pointer))
        finally:
            self._leave()
        return accepted if accepted >= 0 else _library.raise_status(accepted)

    def on_event_future(self, hook: str, **fields: Any) -> Future[int]:
        """The same; the future has the number of records when all of them are safe in Kafka.

        It fails with the :class:`MqkError` of the first record that is not. When no rule matched it
        has 0 at once.
        """
        number, token = next(self._numbers), _Token()
        self._tokens[number] = token
        try:
            token.records = self.on_event(hook, token=number, **fields)
        except MqkError as error:
            self._tokens.pop(number, None)
            token.future.set_exception(error)
            return token.future
        except BaseException:
            self._tokens.pop(number, None)
            raise
        if token.records == 0:
            token.status = 0
        if token.status is not None:
            self._finish(number)
        return token.future

    async def deliver(self, hook: str, **fields: Any) -> int:
        """The same, to be awaited: returns when the records are safe."""
        return await asyncio.wrap_future(self.on_event_future(hook, **fields))

    def _delivered(self, number: int, status: int) -> None:
        token = self._tokens.get(number)
        if token is not None:
            token.status = status
            # The thread that gave the event may not know yet how many records it became.
            if token.records is not None:
                self._finish(number)

    def _finish(self, number: int) -> None:
        token = self._tokens.pop(number, None)
        if token is None or token.status is None:
            return
        if token.status == 0:
            token.future.set_result(token.records or 0)
        else:
            token.future.set_exception(_library.exception_for(token.status))

    def wants(self, hook: str) -> bool:
        """Whether any rule listens to a hook. Costs little: events that nobody wants need not be made."""
        number = hook_number(hook)
        with self._using() as bridge:
            return bool(lib.mqk_bridge_wants(bridge, number))

    # ---- Life ----

    def poll(self, timeout: Optional[float] = 0) -> int:
        """Runs the callbacks that are due; waits for the first one so many seconds, None: for ever.

        Needed with ``callbacks="manual"`` only. Returns how many ran.
        """
        wait, ran = _Wait(timeout), 0
        with self._using() as bridge:
            while ran == 0:
                over = wait.over()
                with self._callbacks():
                    ran = _library.check(lib.mqk_bridge_poll(bridge, wait.slice_ms()))
                if over or self._state != "open":
                    break
        return ran

    def fileno(self) -> int:
        """A descriptor that is readable when :meth:`poll` has something to do. Do not read from it."""
        with self._using() as bridge:
            return _library.check(lib.mqk_bridge_fd(bridge))

    def flush(self, timeout: Optional[float] = None) -> int:
        """Waits until all that was accepted is delivered or has failed; runs callbacks meanwhile.

        Returns the number of records that still wait after ``timeout`` seconds (None: no limit).
        """
        with self._using() as bridge:
            return self._flush(bridge, timeout)

    def _flush(self, bridge: c_void_p, timeout: Optional[float], state: str = "open") -> int:
        wait, waiting = _Wait(timeout), c_uint64()
        while True:
            over = wait.over()
            with self._callbacks():
                code = lib.mqk_bridge_flush(bridge, wait.slice_ms(), ctypes.byref(waiting))
            if code != -12:  # MQK_ERR_TIMEOUT
                _library.check(code)
                return 0
            if over or self._state != state:
                return waiting.value

    async def drain(self, timeout: Optional[float] = None) -> int:
        """:meth:`flush` for an event loop. Ends early when the bridge is closed meanwhile."""
        # No call is under way while it sleeps: closing, on the same loop, waits for those.
        return await self._drain(lambda: self.flush(0), timeout)

    async def _drain(self, look: Callable[[], int], timeout: Optional[float]) -> int:
        wait, pause = _Wait(timeout), 0.001
        waiting = look()
        while waiting > 0 and not wait.over():
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.05)
            try:
                waiting = look()
            except ClosedError:
                break
        return waiting

    def reload(self, config: Union[Config, Path]) -> None:
        """Takes a new configuration, atomically; on an error nothing changes."""
        if not isinstance(config, Config):
            config = Config.from_file(config)
        error = _library.new_error()
        with self._using() as bridge, self._reloading:
            code = lib.mqk_bridge_reload(bridge, config._handle.pointer, ctypes.byref(error))
            _library.check(code, error)

    @property
    def closed(self) -> bool:
        return self._state != "open"

    def close(self, timeout: Union[float, None, str] = "close_timeout") -> int:
        """Flushes and closes; returns the number of records that were lost by closing.

        Waits so many seconds (None: no limit) for deliveries. Open futures fail with ClosedError.
        After a fork, in the child, it does nothing. May be called again.
        """
        seconds = self.close_timeout if isinstance(timeout, str) else timeout
        if not self._begin_close():
            return 0
        self._poller.stop()
        return self._end_close(seconds)

    async def aclose(self, timeout: Union[float, None, str] = "close_timeout") -> int:
        """:meth:`close` for an event loop."""
        seconds = self.close_timeout if isinstance(timeout, str) else timeout
        if not self._begin_close():
            return 0
        await self._drain(lambda: self._flush(self._pointer, 0, "closing"), seconds)
        self._poller.stop()
        return await asyncio.get_running_loop().run_in_executor(None, self._end_close, 0)

    def _begin_close(self) -> bool:
        """No more calls from now on, and none under way; False: already closed, or not ours."""
        if self._state == "closed":
            return False
        if os.getpid() != self._pid:
            self._state = "closed"
            lib.mqk_python_detach(self._fast)
            return False
        if self._server == threading.get_ident():
            raise ArgumentError("not from a callback of the bridge", -1, "MQK_ERR_ARGUMENT")
        with self._changed:
            if self._state != "open":
                return False
            self._state = "closing"
        while lib.mqk_python_detach(self._fast):
            time.sleep(0.0005)
        self.__dict__.pop("on_event", None)
        with self._changed:
            while self._users:
                self._changed.wait()
        return True

    def _end_close(self, timeout: Optional[float]) -> int:
        try:
            self._flush(self._pointer, timeout, "closing")
        finally:  # also after Ctrl-C
            lost = self._free()
        if lost:
            log.warning("closed with %d records undelivered", lost)
        return lost

    def _free(self) -> int:
        lost = c_uint64()
        self._handlers.closing = True
        with self._callbacks():
            code = lib.mqk_bridge_close(self._pointer, 0, ctypes.byref(lost))
        self._state = "closed"
        _open_bridges.discard(self)
        for number in list(self._tokens):
            self._tokens.pop(number).future.set_exception(_closed())
        if code != -12:  # MQK_ERR_TIMEOUT
            _library.check(code)
        return lost.value

    def __enter__(self) -> Bridge:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    async def __aenter__(self) -> Bridge:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._state == "open" and os.getpid() == self._pid:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)
            self.close()

    # ---- Watching it ----

    def servers(self, cluster: Optional[str] = None) -> str:
        """``host:port,host:port`` of a cluster: for ``embedded`` the in-process Kafka."""
        name = None if cluster is None else cluster.encode()
        size = 1024
        with self._using() as bridge:
            while True:
                buffer = ctypes.create_string_buffer(size)
                code = lib.mqk_bridge_servers(bridge, as_str(name), buffer, size)
                if code != -18:  # MQK_ERR_TOO_SMALL
                    _library.check(code)
                    return buffer.value.decode()
                size *= 4

    def stats(self) -> Stats:
        """The sums over the bridge."""
        with self._using() as bridge:
            return _stats.bridge_stats(bridge)

    def rule_stats(self) -> list[RuleStats]:
        """The counters of every rule, in their order."""
        with self._using() as bridge:
            count = _stats.bridge_stats(bridge).rules
            return [_stats.rule_stats(bridge, index) for index in range(count)]

    def cluster_stats(self) -> list[ClusterStats]:
        """The state of every cluster."""
        with self._using() as bridge:
            count = _stats.bridge_stats(bridge).clusters
            return [_stats.cluster_stats(bridge, index) for index in range(count)]

    def consumer_stats(self) -> list[ConsumerStats]:
        """The state of every consumer rule."""
        with self._using() as bridge:
            count = _stats.bridge_stats(bridge).consumers
            return [_stats.consumer_stats(bridge, index) for index in range(count)]

    def health(self) -> Health:
        """How the bridge is: the worst of its clusters."""
        with self._using() as bridge:
            return _stats.health(bridge)


def _keep_interrupt(bridge: Optional[Bridge], error: BaseException) -> None:
    """What must not cross the library and yet must not be swallowed: raised when the call is over."""
    if bridge is not None and not isinstance(error, Exception):
        bridge._interrupt = error


@atexit.register
def _close_all() -> None:
    for bridge in list(_open_bridges):
        bridge.close()
