"""The ways in which a stream reaches its client: by its socket, or iterated."""

import pytest

from tests.system.server import WORKER_CLASS

ITERATING = "gevent"
# Not a worker of gunicorn: uvicorn iterates in an event loop.
ASGI = "asgi"
# Runs a module with both transports, or with the one of LIVE_WORKER_CLASS.
both_ways = pytest.mark.parametrize(
    "worker_class",
    [WORKER_CLASS] if WORKER_CLASS else ["", ITERATING],
    ids=[WORKER_CLASS] if WORKER_CLASS else ["socket", "iterated"],
    scope="module",
)
# The same, and under ASGI.
every_way = pytest.mark.parametrize(
    "worker_class",
    [WORKER_CLASS] if WORKER_CLASS else ["", ITERATING, ASGI],
    ids=[WORKER_CLASS] if WORKER_CLASS else ["socket", "iterated", "asgi"],
    scope="module",
)
# For tests of the site's own worker.
hijacked = pytest.mark.skipif(
    bool(WORKER_CLASS), reason=f"{WORKER_CLASS} does not hijack sockets"
)
