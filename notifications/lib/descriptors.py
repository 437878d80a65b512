"""How many file descriptors a process may have, and how many of them for what."""

import resource
import sys

# Kept for the database, Redis, logs, and what Python itself opens.
FILES = 64
# One of this many of the others is kept for the sockets of requests.
REQUESTS_SHARE = 4


def descriptor_limit() -> int:
    """Return how many descriptors this process may have open: getrlimit(2)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def request_limit() -> int:
    """Return how many requests may be served at the same time; at least 1."""
    return max((descriptor_limit() - FILES) // REQUESTS_SHARE, 1)


def stream_limit() -> int:
    """Return how many streams may be open; at least 1."""
    return max(descriptor_limit() - FILES - request_limit(), 1)
