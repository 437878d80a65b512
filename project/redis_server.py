"""The embedded Redis: the first process that needs it starts it, and all share it.

It outlives the process that started it. This module never imports redis or Django.
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

# The size of sun_path in bytes, without the NUL at its end: unix(7).
MAX_SOCKET_PATH = 107 if sys.platform == "linux" else 103

# All in seconds. `START_TIMEOUT` is short because requests wait for `url()`. A Redis
# that takes longer to load its data continues, and a later call finds it ready.
START_TIMEOUT = 2.0
REPLY_TIMEOUT = 1.0
LAUNCH_TIMEOUT = 5.0
STOP_TIMEOUT = 10.0
POLL_INTERVAL = 0.01


class RedisServer:
    """A Redis with its files in one folder, on a Unix socket only.

    The process that starts Redis locks `redis.lock`, and Redis inherits the descriptor.
    So the kernel releases the lock when Redis ends, even after a crash. Two processes
    never write the same data, and a stale pid file or socket does no harm.
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
        """The URL for Redis clients."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def pid(self) -> int | None:
        """The process id; None while Redis does not run."""
        if not self.is_alive():
            return None
        with contextlib.suppress(OSError, ValueError):
            return int(self.pid_file.read_text())
        return None

    def is_ready(self) -> bool:
        """Return whether Redis replies and has loaded its data."""
        return self._send("PING") == "+PONG"

    def is_listening(self) -> bool:
        """Return whether Redis accepts connections, ready to reply or not."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.setblocking(False)
            try:
                connection.connect(str(self.socket))
            except BlockingIOError:
                # It is there, but has not accepted those that connected before.
                return True
            except OSError:
                return False
        return True

    def is_alive(self) -> bool:
        """Return whether Redis runs or is being started."""
        if not self.lock.exists():
            return False
        with self._try_lock() as descriptor:
            return descriptor is None

    def ensure_running(self, *, timeout: float = START_TIMEOUT) -> bool:
        """Return once Redis is ready: True if this call started it.

        `timeout` is in seconds. Raises RedisUnavailable.
        """
        if self.is_ready():
            return False
        try:
            self._make_folders()
            return self._start_or_wait(timeout)
        except RedisUnavailable:
            raise
        except (OSError, subprocess.SubprocessError) as error:
            raise RedisUnavailable(
                f"Redis cannot be started in {self.directory}: {error}"
            ) from error

    def stop(self) -> None:
        """Save the data and shut down; kill Redis after `STOP_TIMEOUT`."""
        deadline = time.monotonic() + STOP_TIMEOUT
        while self.is_alive():
            if time.monotonic() > deadline:
                self._kill()
                return
            self._send("SHUTDOWN")
            time.sleep(POLL_INTERVAL)

    def _kill(self) -> None:
        # An old pid file is removed under the lock. So while the lock is held, the file
        # has the id of the process that holds it.
        if pid := self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _start_or_wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        started = False
        while not self.is_ready():
            with self._try_lock() as descriptor:
                if descriptor is not None:
                    if started:
                        raise RedisUnavailable(
                            f"Redis ended at once: {self._last_log_line()}"
                        )
                    self._launch(descriptor)
                    started = True
            if time.monotonic() > deadline:
                raise RedisUnavailable(
                    f"Redis is not ready after {timeout:g} s: {self._last_log_line()}"
                )
            time.sleep(POLL_INTERVAL)
        return started

    def _launch(self, lock: int) -> None:
        self.pid_file.unlink(missing_ok=True)
        # Redis daemonizes itself: in a session of its own, Ctrl-C and the end of the
        # terminal do not reach it, and it is not a child that has to be reaped.
        result = subprocess.run(  # noqa: S603
            [redis_binary.find(), *self._options()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            # Redis does not start in a locale that is not installed.
            env={**os.environ, "LC_ALL": "C"},
            pass_fds=(lock,),
            start_new_session=True,
            timeout=LAUNCH_TIMEOUT,
        )
        if result.returncode:
            output = (result.stderr or result.stdout).strip().rpartition("\n")[2]
            reason = output or self._last_log_line()
            raise RedisUnavailable(f"redis-server failed: {reason}")

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
        make_own_private(self.directory)
        self.data.mkdir(mode=0o700, exist_ok=True)
        if self.socket.parent != self.directory:
            make_private(self.socket.parent)

    @contextlib.contextmanager
    def _try_lock(self) -> Iterator[int | None]:
        """Yield the locked descriptor; None when another process holds the lock."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor if _locked(descriptor) else None
        finally:
            os.close(descriptor)

    def _send(self, command: str) -> str:
        """Return the first line of the reply to a command; empty without a reply."""
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX) as connection,
        ):
            connection.settimeout(REPLY_TIMEOUT)
            connection.connect(str(self.socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(512).partition(b"\r\n")[0].decode(errors="replace")
        return ""

    def _last_log_line(self) -> str:
        lines: list[str] = []
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
        last = lines[-1] if lines else "its log is empty"
        return f"{last!r} (see {self.log})"


def socket_path(directory: Path) -> Path:
    """Return the path of the Unix socket of the Redis in `directory`.

    The socket is in the folder itself. If that path is too long for the system, it is
    in a private temporary folder, whose name is derived from that of `directory`.
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
        f"{path} is too long for a Unix socket (at most {MAX_SOCKET_PATH} bytes): "
        "set TMPDIR to a shorter folder, or set REDIS_URL."
    )


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MAX_SOCKET_PATH


def make_own_private(folder: Path) -> None:
    """Create a folder that only this user can enter, or make one of this user so."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def make_private(folder: Path) -> None:
    """Create a folder that only this user can enter.

    Raises RedisUnavailable if another user has created it before, as anybody can in
    the temporary folder.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not mine or stat.S_IMODE(found.st_mode) & 0o077:
        raise RedisUnavailable(
            f"{folder} must be a folder of this user with the mode 0700."
        )


def embedded() -> RedisServer:
    """Return the site's embedded Redis, which may not run yet."""
    return RedisServer(BASE_DIR / "var")


def url() -> str:
    """Start the site's embedded Redis if needed; return its URL.

    A Redis that runs and does not reply is left to the clients, whose timeouts are
    shorter. Raises RedisUnavailable, which is a ConnectionError.
    """
    server = embedded()
    if not server.is_listening():
        server.ensure_running(timeout=START_TIMEOUT)
    return server.url


if __name__ == "__main__" and sys.argv[1:] == ["stop"]:
    embedded().stop()
