"""The embedded Redis: started by whoever needs it first, shared by all who come later.

It outlives the process that started it. Never imports redis, and never Django.
"""

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from project import redis_binary
from project.redis_binary import RedisUnavailable

BASE_DIR = Path(__file__).resolve().parent.parent

# What fits into sun_path, in bytes, without the NUL at its end.
LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103

# All in seconds. `PATIENCE` is short because requests wait for `url()`: a Redis that
# reads a large file for longer goes on doing so, and is found by a later call.
PATIENCE = 2.0
REPLY_TIMEOUT = 1.0
LAUNCH_TIMEOUT = 5.0
STOP_TIMEOUT = 10.0
POLL_INTERVAL = 0.01


class RedisServer:
    """One Redis with its files in one folder, reached by a Unix socket alone.

    Whoever starts it, and then the Redis itself, holds a lock on `redis.lock`: the
    descriptor is inherited, so the kernel drops the lock when Redis ends, however
    that happens. So two never write the same data, and no stale file is believed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "redis"
        self.log = directory / "redis.log"
        self.lock = directory / "redis.lock"
        self.pid_file = directory / "redis.pid"
        self.socket = socket_path(directory)

    @property
    def url(self) -> str:
        """The address that a Redis client understands."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        if not self.is_alive():
            return None
        with contextlib.suppress(OSError, ValueError):
            return int(self.pid_file.read_text())
        return None

    def is_ready(self) -> bool:
        """Tell whether it answers, and has read its data."""
        return self._ask("PING") == "+PONG"

    def is_alive(self) -> bool:
        """Tell whether it runs, or is being started."""
        if not self.lock.exists():
            return False
        with self._try_lock() as descriptor:
            return descriptor is None

    def ensure_running(self, *, patience: float = PATIENCE) -> bool:
        """Return once it is ready; True if this call started it.

        `patience` is in seconds. Raises RedisUnavailable.
        """
        if self.is_ready():
            return False
        try:
            self._make_folders()
            return self._start_or_wait(patience)
        except RedisUnavailable:
            raise
        except (OSError, subprocess.SubprocessError) as error:
            raise RedisUnavailable(
                f"Redis cannot be started in {self.directory}: {error}"
            ) from error

    def stop(self) -> None:
        """Shut it down with its data written; kill it after `STOP_TIMEOUT`."""
        deadline = time.monotonic() + STOP_TIMEOUT
        while self.is_alive():
            if time.monotonic() > deadline:
                self._kill()
                return
            self._ask("SHUTDOWN")
            time.sleep(POLL_INTERVAL)

    def _kill(self) -> None:
        # The starter removes an old pid file under the lock, so that while the lock
        # is held the file names the process that holds it.
        if pid := self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _start_or_wait(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        started = False
        while not self.is_ready():
            with self._try_lock() as descriptor:
                if descriptor is not None:
                    if started:
                        raise RedisUnavailable(f"Redis ended at once: {self._hint()}")
                    self._launch(descriptor)
                    started = True
            if time.monotonic() > deadline:
                raise RedisUnavailable(
                    f"Redis is not ready after {patience:g} s: {self._hint()}"
                )
            time.sleep(POLL_INTERVAL)
        return started

    def _launch(self, lock: int) -> None:
        self.pid_file.unlink(missing_ok=True)
        # It becomes a daemon by its own means: in a session of its own, so that Ctrl-C
        # and the end of the terminal pass it by, and no zombie of ours when it ends.
        result = subprocess.run(  # noqa: S603
            [redis_binary.find(), *self._options()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            # Redis refuses to start in a locale that the machine does not have.
            env={**os.environ, "LC_ALL": "C"},
            pass_fds=(lock,),
            start_new_session=True,
            timeout=LAUNCH_TIMEOUT,
        )
        if result.returncode:
            said = (result.stderr or result.stdout).strip().rpartition("\n")[2]
            raise RedisUnavailable(f"redis-server failed: {said or self._hint()}")

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "save": "",
            "logfile": str(self.log),
            "pidfile": str(self.pid_file),
            "daemonize": "yes",
        }
        return [
            word for name, value in options.items() for word in (f"--{name}", value)
        ]

    def _make_folders(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if stat.S_IMODE(self.directory.stat().st_mode) != 0o700:
            self.directory.chmod(0o700)
        self.data.mkdir(mode=0o700, exist_ok=True)
        if self.socket.parent != self.directory:
            make_private(self.socket.parent)

    @contextlib.contextmanager
    def _try_lock(self) -> Iterator[int | None]:
        """Give the descriptor that holds the lock; None when another holds it."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor if _locked(descriptor) else None
        finally:
            os.close(descriptor)

    def _ask(self, command: str) -> str:
        """Return the first line that Redis replies, "" when there is none in time."""
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX) as connection,
        ):
            connection.settimeout(REPLY_TIMEOUT)
            connection.connect(str(self.socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(512).partition(b"\r\n")[0].decode(errors="replace")
        return ""

    def _hint(self) -> str:
        lines: list[str] = []
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
        last = lines[-1] if lines else "it wrote nothing"
        return f"{last!r} (more in {self.log})"


def socket_path(directory: Path) -> Path:
    """Return where the Unix socket of the Redis in `directory` is.

    That is in the folder itself, or where this is too long for the system, in a
    private one in the temp folder that every process finds by the same name.
    """
    path = directory / "redis.sock"
    if _fits(path):
        return path
    digest = hashlib.sha256(os.fsencode(directory.absolute())).hexdigest()[:16]
    folder = f"redis-{os.geteuid()}-{digest}"
    path = Path(tempfile.gettempdir()) / folder / "redis.sock"
    if _fits(path):
        return path
    raise RedisUnavailable(
        f"{path} is too long for a Unix socket ({LONGEST_SOCKET_PATH} bytes at most): "
        "set TMPDIR to a shorter folder, or REDIS_URL to a Redis that runs."
    )


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH


def make_private(folder: Path) -> None:
    """Make a folder for this user alone; raise RedisUnavailable if it is not so.

    In the temp folder anybody may have made it first.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not mine or stat.S_IMODE(found.st_mode) & 0o077:
        raise RedisUnavailable(f"{folder} must be a folder of this user, of mode 0700.")


def embedded() -> RedisServer:
    """Return the site's own Redis, which may not run yet."""
    return RedisServer(BASE_DIR / "var")


def url() -> str:
    """Return the address of the site's own Redis, which runs from now on.

    Raises RedisUnavailable, which is a ConnectionError.
    """
    server = embedded()
    server.ensure_running(patience=PATIENCE)
    return server.url


if __name__ == "__main__" and sys.argv[1:] == ["stop"]:
    embedded().stop()
