"""Threads that are known to have started."""

import threading
from collections.abc import Callable


def started_thread(run: Callable[[], None], *, name: str) -> threading.Thread:
    """Return a daemon thread that runs a function; it has started.

    Raises RuntimeError if the process may not have another thread. Its owner, who
    stores what is returned, tries again then.
    """
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
