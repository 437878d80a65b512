"""How gunicorn serves the site; `manage.py serve` hands it a socket that listens."""

import contextlib
import os
import resource
import signal
from pathlib import Path
from typing import Any

import environ

chdir = str(Path(__file__).resolve().parent)
# Before anything is read from it below; the environment wins over the file.
environ.Env.read_env(Path(chdir) / ".env")

# Its own machine only: what faces the network is a proxy, or says so by --bind.
bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "notifications.worker.EventStreamWorker"
# Requests, and streams that could not be taken over.
worker_connections = 20_000
# Seconds, most of which go into ending the streams bit by bit.
graceful_timeout = 5
# Its path is the same for every server of a user, so that two would share it.
control_socket_disable = True

# More descriptors than this need more memory than they are worth.
MOST_DESCRIPTORS = 1 << 20


def _raise_descriptor_limit() -> None:
    """Allow as many sockets as the system lets us; the usual soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    soft = MOST_DESCRIPTORS if unlimited else min(hard, MOST_DESCRIPTORS)
    # macOS has a further limit that getrlimit does not tell.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_raise_descriptor_limit()


def when_ready(server: Any) -> None:
    """Let the signals through that `serve` held back until we can handle them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def post_worker_init(worker: Any) -> None:
    """Leave Ctrl-C to the master.

    It reaches every process of the terminal, and the master stops its workers: those
    that are told twice stop with a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def on_exit(server: Any) -> None:
    """Stop Redis when the last worker is gone, if `serve` started it for this run."""
    if os.environ.get("STOP_REDIS_ON_EXIT"):
        from project import redis_server

        redis_server.embedded().stop()
