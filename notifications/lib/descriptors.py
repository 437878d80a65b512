"""How many file descriptors a process may have, and how many of them for what."""

import resource
import sys

# Kept for the database, Redis, logs, and what Python itself opens.
FILES = 64
# Of the others, one of this many is kept for requests, but not more than the maximum.
REQUESTS_SHARE = 4
MAX_REQUESTS = 1_000


def descriptor_limit() -> int:
    """Return how many descriptors this process may have open: getrlimit(2)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def socket_limit() -> int:
    """Return how many clients may be connected; at least 2."""
    return max(descriptor_limit() - FILES, 2)


def stream_limit() -> int:
    """Return how many streams may be open, so that others can connect; at least 1."""
    return socket_limit() - _reserved()


def request_limit() -> int:
    """Return how many clients may be connected that have no stream; at least 1.

    Few descriptors are divided, so that streams always leave some. Of many, half may be
    requests: thousands of clients may reconnect at once, and have no stream yet.
    """
    reserved = _reserved()
    return reserved if reserved < MAX_REQUESTS else socket_limit() // 2


def _reserved() -> int:
    return max(1, min(socket_limit() // REQUESTS_SHARE, MAX_REQUESTS))
