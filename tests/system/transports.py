"""The two ways in which a stream reaches its client: by its socket, or iterated."""

import pytest

from tests.system.server import WORKER_CLASS

ITERATING = "gevent"
# For the modules that tell the most: once with each, unless the run has one of its own.
both_ways = pytest.mark.parametrize(
    "worker_class",
    [WORKER_CLASS] if WORKER_CLASS else ["", ITERATING],
    ids=[WORKER_CLASS] if WORKER_CLASS else ["socket", "iterated"],
    scope="module",
)
# For what only the site's own worker does.
taken_over = pytest.mark.skipif(
    bool(WORKER_CLASS), reason=f"{WORKER_CLASS} takes no socket over"
)
