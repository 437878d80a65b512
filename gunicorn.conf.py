"""gunicorn's settings; `manage.py serve` passes it a listening socket."""

import contextlib
import os
import resource
import signal
from pathlib import Path
from typing import Any

import environ

chdir = str(Path(__file__).resolve().parent)
# Read before the variables below are used; the environment wins over the file.
environ.Env.read_env(Path(chdir) / ".env")

# Local only: a proxy faces the network, or --bind overrides this.
bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "notifications.worker.EventStreamWorker"
# The limit of requests, and of streams whose socket could not be hijacked.
worker_connections = 20_000
# With PostgreSQL, how many requests of a process are in the database at a time. The
# others wait. All processes together must stay below the server's `max_connections`.
os.environ.setdefault("DATABASE_POOL_SIZE", "10")
# Clients on this machine may not set SCRIPT_NAME or PATH_INFO by a header.
forwarder_headers = ""
# In seconds; most of it is used to end the streams gradually.
graceful_timeout = 5
# Two servers of the same user would share its path.
control_socket_disable = True

# More descriptors than this cost more memory than they are worth.
MAX_DESCRIPTORS = 1 << 20


def _raise_descriptor_limit() -> None:
    """Allow as many sockets as the system does; the usual soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    soft = MAX_DESCRIPTORS if unlimited else min(hard, MAX_DESCRIPTORS)
    # macOS has a lower limit that getrlimit does not report.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_raise_descriptor_limit()


def when_ready(server: Any) -> None:
    """Unblock the signals that `serve` blocked until gunicorn can handle them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def post_worker_init(worker: Any) -> None:
    """Leave Ctrl-C to the master.

    The terminal sends it to every process, and the master stops its workers too. A
    worker that is stopped twice ends with a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def on_exit(server: Any) -> None:
    """Stop Redis after the last worker, if `serve` started it for this run."""
    if os.environ.get("STOP_REDIS_ON_EXIT"):
        from project import redis_server

        redis_server.embedded().stop()
