"""The real site for tests: gunicorn with several workers, a Redis, a database."""

import contextlib
import functools
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import ROOT
from tests.databases import new_database
from tests.own_redis import OwnRedis
from tests.system.console import Console
from tests.watchdog import watch_group, watch_redis

# Long enough for a loaded machine: tests wait for conditions, which end sooner.
DEADLINE_SECONDS = 30
# Below the ports of outgoing connections: `ip(7)`. Each worker of
# pytest-xdist has PORTS_EACH of them.
PORTS = range(20_000, 32_000)
PORTS_EACH = 500
# The gunicorn worker of all sites, if not the site's own: `LIVE_WORKER_CLASS`.
WORKER_CLASS = os.environ.get("LIVE_WORKER_CLASS", "")
# With gthread each stream holds a thread, whose malloc arena would look like a leak.
OPTIONS = {"gthread": "--threads=2000"}
# In place of the tests' settings, which pytest-django puts into the environment.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "project.settings",
    "DEBUG": "1",
    "SECRET_KEY": "live",
}
MALLOC = {"MALLOC_ARENA_MAX": "1", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


class Server:
    """The processes of a gunicorn, with an environment and an output of their own.

    `worker_class` is the gunicorn worker, if not the site's own.
    """

    def __init__(
        self, output: Path, environment: dict[str, str], *, worker_class: str = ""
    ) -> None:
        self.worker_class = worker_class or WORKER_CLASS
        self.environment = {
            **os.environ,
            **SETTINGS,
            **(MALLOC if self.worker_class == "gthread" else {}),
            **environment,
        }
        self.port = int(environment["PORT"])
        self.process: subprocess.Popen[bytes] | None = None
        self.output = output
        # Sockets for gunicorn to listen on, instead of its port.
        self.listeners: list[socket.socket] = []

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env={**self.environment, "GUNICORN_CMD_ARGS": self._arguments()},
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[each.fileno() for each in self.listeners],
                start_new_session=True,
            )
        watch_group(self.process.pid)
        wait_for(self._answers, what=f"the site: {self.output.read_text()}")

    def command(self) -> list[str]:
        """Return the command that starts the server."""
        return [sys.executable, "-m", "gunicorn", "project.wsgi"]

    def _arguments(self) -> str:
        """Return gunicorn's arguments from the environment, and ours."""
        arguments = [self.environment.get("GUNICORN_CMD_ARGS", "")]
        arguments += [f"--bind=fd://{each.fileno()}" for each in self.listeners]
        if self.worker_class:
            arguments.append(f"--worker-class={self.worker_class}")
            arguments.append(OPTIONS.get(self.worker_class, ""))
        return " ".join(filter(None, arguments))

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to gunicorn and all its workers, and wait for the end."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait(DEADLINE_SECONDS)
        self.process = None

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(each) for each in children.split()]

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended: {self.output.read_text()}")
        with contextlib.suppress(OSError):
            self._connect()
            return len(self.workers()) == int(self.environment["WEB_CONCURRENCY"])
        return False

    def _connect(self) -> None:
        """Open a connection and close it; raises OSError."""
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()


class Site(Server):
    """A server with a Redis and a database of its own, in a temporary folder.

    `worker_class` is the gunicorn worker, if not the site's own.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        environment: dict[str, str] | None = None,
        worker_class: str = "",
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="site-"))
        self.redis = OwnRedis(self.folder / "var")
        self.database = new_database(self.folder)
        own = {
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.redis.site_url,
            "PORT": str(free_port()),
            "WEB_CONCURRENCY": str(workers),
        }
        super().__init__(
            self.folder / "server.log",
            {**own, **(environment or {})},
            worker_class=worker_class,
        )
        self.url = f"http://127.0.0.1:{self.port}"
        self._console: Console | None = None

    def __enter__(self) -> "Site":
        try:
            watch_redis(self.redis.directory)
            self.redis.ensure_running(timeout=DEADLINE_SECONDS)
            self.database.create()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        if self._console:
            self._console.close()
        self.redis.stop()
        self.database.drop()
        shutil.rmtree(self.folder)

    def manage(self, *arguments: str, given: str = "", check: bool = True) -> str:
        """Run a management command; return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS * 4,
        )
        if check and done.returncode:
            raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python code in the site's console; return what it printed."""
        if self._console is None:
            self._console = Console(self.environment)
        return self._console.run(code)

    def shell_anew(self, code: str) -> str:
        """Run Python code in a new process of the site; return what it printed."""
        return self.manage("shell", "--verbosity=0", "--command", code)


@functools.cache
def _ports() -> Iterator[int]:
    """Return the ports of this process in an endless cycle with a random start."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = worker * PORTS_EACH % len(PORTS)
    own = PORTS[first : first + PORTS_EACH]
    start = secrets.randbelow(PORTS_EACH)
    return itertools.cycle([*own[start:], *own[:start]])


def free_port() -> int:
    """Return a free TCP port, which the system gives to no outgoing connection."""
    for port in _ports():
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports come again")


def wait_for(
    condition: Callable[[], object],
    *,
    what: str,
    seconds: float = DEADLINE_SECONDS,
) -> None:
    """Return once `condition` is true; fail, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {seconds} s: {what}")
        time.sleep(0.02)
