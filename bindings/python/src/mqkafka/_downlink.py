# SPDX-License-Identifier: Apache-2.0
"""What Kafka asks of the host, handed to functions and coroutines of the program."""

from __future__ import annotations

import asyncio
import inspect
import logging
from concurrent.futures import Future
from typing import Any, Awaitable, Callable, Mapping, Optional, Union

from . import _structs
from ._config import headers_from
from ._library import AnswerFn, structs
from ._types import AclClean, Answer, Kick, Publish, Record
from .errors import Later, Refuse, UnavailableError

Reply = Union[Answer, None]
PublishHandler = Callable[[Publish], Union[Reply, Awaitable[Reply]]]
KickHandler = Callable[[Kick], Union[Reply, Awaitable[Reply]]]
AclCleanHandler = Callable[[AclClean], Union[Reply, Awaitable[Reply]]]
RecordHandler = Callable[[Record], Union[Reply, Awaitable[Reply]]]

ATTEMPTS = 10
"""So often is a record offered to a handler that raises, before it is refused."""

_MAX_UNDER_WAY = 10_000

log = logging.getLogger("mqkafka")


def _record(address: int) -> Record:
    r = structs["mqk_kafka_record"].from_address(address)
    return Record(
        topic=r.topic.text(),
        key=r.key.bytes(),
        value=r.value.bytes(),
        headers=headers_from(r.headers, r.header_count),
        timestamp_ms=0 if r.timestamp_ms == _structs.UNKNOWN else r.timestamp_ms,
        partition=r.partition,
        rule=r.rule_name.text(),
        cluster=r.cluster.text(),
        offset=r.offset,
    )


def _publish(address: int) -> Publish:
    p = structs["mqk_publish"].from_address(address)
    properties: dict[str, Union[bytes, int]] = {}
    if p.props_count:
        for entry in (structs["mqk_property"] * p.props_count).from_address(p.props):
            text = entry.text.bytes()
            properties[entry.name.text()] = entry.number if text is None else text
    pairs = headers_from(p.user_props, p.user_props_count)
    return Publish(
        topic=p.topic.text(),
        payload=p.payload.bytes() or b"",
        qos=p.qos,
        retain=bool(p.retain),
        properties=properties,
        user_properties=tuple((name, (text or b"").decode(errors="replace")) for name, text in pairs),
        record=_record(p.record),
    )


def _kick(address: int) -> Kick:
    k = structs["mqk_kick"].from_address(address)
    return Kick(
        k.clientid.optional_text(),
        k.username.optional_text(),
        k.reason.optional_text(),
        _record(k.record),
    )


def _acl_clean(address: int) -> AclClean:
    a = structs["mqk_acl_clean"].from_address(address)
    return AclClean(a.clientid.optional_text(), a.username.optional_text(), _record(a.record))


READERS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "publish": ("mqk_publish", _publish),
    "kick": ("mqk_kick", _kick),
    "acl_clean": ("mqk_acl_clean", _acl_clean),
    "record": ("mqk_kafka_record", _record),
}

_Place = tuple[str, str, str, Optional[int], Optional[int]]


def _place(request: Any) -> _Place:
    r = request if isinstance(request, Record) else request.record
    return r.rule, r.cluster, r.topic, r.partition, r.offset


class Handlers:
    """The handlers of one bridge. Called on the thread that polls, never at the same time."""

    def __init__(
        self, handlers: Mapping[str, Any], loop: Optional[asyncio.AbstractEventLoop]
    ) -> None:
        self.thunks: dict[str, Any] = {}
        self.closing = False
        self._loop = loop
        self._under_way: dict[_Place, Future[Any]] = {}
        self._attempts: dict[_Place, int] = {}
        for name, handler in handlers.items():
            if handler is None:
                continue
            struct, read = READERS[name]
            if struct not in structs or not hasattr(structs["mqk_host"], name):
                raise UnavailableError("this version of the library does not read from Kafka")
            self.thunks[name] = AnswerFn(self._thunk(name, handler, read))

    def _thunk(
        self, name: str, handler: Callable[[Any], Any], read: Callable[[int], Any]
    ) -> Callable[[Any, int], int]:
        def thunk(_user: Any, address: int) -> int:
            try:
                return int(self.answer(name, handler, read(address)))
            except BaseException:  # must not cross the library
                log.exception("the %s handler failed", name)
                return int(Answer.LATER)

        return thunk

    def answer(self, name: str, handler: Callable[[Any], Any], request: Any) -> Answer:
        """What the handler makes of a request."""
        if self.closing:
            return Answer.LATER
        place = _place(request)
        try:
            reply = self._reply(place, handler, request)
        except Refuse as why:
            log.warning("%s refused at %s: %s", name, place, why)
            reply = Answer.REFUSE
        except Later:
            return Answer.LATER
        except Exception:
            return self._failed(name, place)
        if reply is None:
            reply = Answer.ACCEPT
        if not isinstance(reply, Answer):
            log.error("the %s handler returned %r, not an Answer or None", name, reply)
            return Answer.REFUSE
        if reply is not Answer.LATER:
            self._attempts.pop(place, None)
        return reply

    def _reply(self, place: _Place, handler: Callable[[Any], Any], request: Any) -> Any:
        running = self._under_way.get(place)
        if running is None:
            result = handler(request)
            if not inspect.isawaitable(result):
                return result
            running = self._start(result)
            self._forget_finished()
            self._under_way[place] = running
        if not running.done():
            return Answer.LATER
        del self._under_way[place]
        return running.result()

    def _start(self, awaitable: Awaitable[Any]) -> Future[Any]:
        if self._loop is None:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise RuntimeError("a coroutine as handler needs a bridge with a loop")

        async def run() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop)

    def _forget_finished(self) -> None:
        # Of records that went to another node of the group and are not offered here again.
        if len(self._under_way) >= _MAX_UNDER_WAY:
            for place in [p for p, running in self._under_way.items() if running.done()]:
                del self._under_way[place]

    def _failed(self, name: str, place: _Place) -> Answer:
        attempt = self._attempts.pop(place, 0) + 1
        log.exception("the %s handler failed at %s, attempt %d", name, place, attempt)
        if attempt >= ATTEMPTS:
            return Answer.REFUSE
        if len(self._attempts) >= _MAX_UNDER_WAY:
            self._attempts.clear()
        self._attempts[place] = attempt
        return Answer.LATER
