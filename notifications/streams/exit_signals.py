"""The end of an ASGI server: its signals also end the streams of the process.

Such servers wait for the streams to end, and tell the application afterwards.
"""

import asyncio
import signal
import threading
from functools import partial
from types import FrameType
from typing import Any
from weakref import WeakSet

from notifications.conf import conf
from notifications.streams.admission import shared_admission
from notifications.streams.drain import drain

EXIT_SIGNALS = (signal.SIGINT, signal.SIGTERM)


# The event loops that are told of the signals.
_told: "WeakSet[asyncio.AbstractEventLoop]" = WeakSet()


def drain_on_exit() -> None:
    """Drain the streams when the process is told to stop; call it in its event loop.

    The server's own handlers run as before. In another thread than the main one, where
    Python allows no handlers, it does nothing; nor when called again.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    if loop in _told:
        return
    _told.add(loop)
    for number in EXIT_SIGNALS:
        previous = signal.getsignal(number)
        # Without a handler the signal ends the process, or is ignored.
        if callable(previous):
            signal.signal(number, partial(_handle, loop, previous))


def _handle(
    loop: asyncio.AbstractEventLoop, previous: Any, number: int, frame: FrameType | None
) -> None:
    # The main thread may hold any lock now, so that this does nothing itself.
    if not loop.is_closed():
        loop.call_soon_threadsafe(_start)
    previous(number, frame)


def _start() -> None:
    threading.Thread(target=_drain, name="notifications-drain", daemon=True).start()


def _drain() -> None:
    drain(shared_admission().connections, seconds=conf.DRAIN_TIMEOUT)
