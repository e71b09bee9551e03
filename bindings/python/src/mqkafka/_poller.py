# SPDX-License-Identifier: Apache-2.0
"""Runs a bridge's callbacks: on a thread of its own, or on an event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
import weakref
from typing import TYPE_CHECKING, Optional

from .errors import ClosedError

if TYPE_CHECKING:
    from ._bridge import Bridge

log = logging.getLogger("mqkafka")


class Poller:
    """What waits for a bridge's descriptor. It does not keep the bridge alive."""

    def __init__(
        self,
        bridge: Bridge,
        how: str,
        fd: int,
        loop: Optional[asyncio.AbstractEventLoop],
    ) -> None:
        self._fd = fd
        self._loop = loop if how == "asyncio" else None
        self._thread: Optional[threading.Thread] = None
        self._wake: Optional[int] = None
        this = weakref.ref(bridge)
        if self._loop is not None:
            self._loop.add_reader(fd, _poll, this)
        elif how == "thread":
            woken, self._wake = os.pipe()
            self._thread = threading.Thread(
                target=_serve, args=(this, fd, woken), name="mqkafka-poll", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Ends it; the callbacks under way are over when this returns."""
        if self._wake is not None:
            os.close(self._wake)
            self._wake = None
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        if self._loop is not None and not self._loop.is_closed():
            self._remove_reader(self._loop)
        self._loop = None

    def _remove_reader(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            here = asyncio.get_running_loop() is loop
        except RuntimeError:
            here = False
        if here or not loop.is_running():
            loop.remove_reader(self._fd)
            return
        done = threading.Event()

        def remove() -> None:
            loop.remove_reader(self._fd)
            done.set()

        loop.call_soon_threadsafe(remove)
        done.wait(5)


def _poll(this: weakref.ref[Bridge]) -> bool:
    """Once; False: there is nothing to serve any more."""
    bridge = this()
    if bridge is None:
        return False
    try:
        bridge.poll(0)
    except ClosedError:
        return False
    except Exception:
        log.exception("the callbacks of the bridge could not be run")
    return True


def _serve(this: weakref.ref[Bridge], fd: int, woken: int) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(woken, select.POLLIN)
    try:
        while True:
            ready = {number for number, _ in poll.poll()}
            if woken in ready or not _poll(this):
                return
    finally:
        os.close(woken)
