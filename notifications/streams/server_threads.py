"""Servers on which a stream holds a thread: how many streams leave one for pages."""

import threading
from collections.abc import Mapping
from typing import Any

# By the name that a server gives itself: how the names of its threads begin.
THREAD_NAMES = {"waitress": "waitress-"}


def most_streams(environ: Mapping[str, Any]) -> int | None:
    """Return how many streams a process of a WSGI server can have at a time.

    The last thread is for other requests. None means that this is not known, or that
    the server has as many threads as it needs. A server without a name is a test.
    """
    server = environ.get("SERVER_SOFTWARE")
    if not server:
        return None
    if not environ.get("wsgi.multithread", True):
        return 0
    if start := THREAD_NAMES.get(server):
        threads = sum(each.name.startswith(start) for each in threading.enumerate())
        return max(threads - 1, 0) if threads else None
    return None
