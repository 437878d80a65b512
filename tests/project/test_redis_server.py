"""The embedded Redis: each test starts a real one in a folder of its own."""

import contextlib
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import redis

from project import redis_server
from project.redis_binary import RedisUnavailable
from project.redis_server import RedisServer
from tests.sites import DEADLINE, ORIGIN
from tests.system.server import wait_for
from tests.watchdog import watch_redis

START = """
import sys
from pathlib import Path
from project.redis_server import RedisServer
server = RedisServer(Path(sys.argv[1]))
print(server.ensure_running(timeout=20), server.pid, flush=True)
"""
START_UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent
import sys
from pathlib import Path
from project.redis_server import RedisServer
server = RedisServer(Path(sys.argv[1]))
tasks = [gevent.spawn(server.ensure_running, timeout=20) for _ in range(5)]
gevent.joinall(tasks, raise_error=True)
print(sorted(task.value for task in tasks))
"""


@pytest.fixture
def server(tmp_path):
    server = RedisServer(tmp_path / "var")
    watch_redis(server.directory)
    yield server
    server.stop()


def start(server):
    return server.ensure_running(timeout=DEADLINE)


def python(script, server):
    return subprocess.Popen(
        [sys.executable, "-c", script, server.directory],
        cwd=ORIGIN,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def client(server):
    return contextlib.closing(redis.Redis.from_url(server.url, decode_responses=True))


def kill(server):
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not server.is_alive(), what="the end of Redis")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_second_call_finds_the_running_redis(server):
    assert start(server) is True
    pid = server.pid

    assert start(RedisServer(server.directory)) is False
    assert server.pid == pid


def test_eight_concurrent_processes_start_one_redis(server):
    starters = [python(START, server) for _ in range(8)]

    replies = [starter.communicate(timeout=DEADLINE)[0].split() for starter in starters]

    assert sorted(started for started, _ in replies) == ["False"] * 7 + ["True"]
    assert {pid for _, pid in replies} == {str(server.pid)}


@pytest.mark.parametrize("end", [kill, RedisServer.stop])
def test_stopped_redis_is_started_again_with_its_data(server, end):
    start(server)
    with client(server) as connection:
        connection.set("kept", "yes")
    end(server)

    assert start(server) is True
    with client(server) as connection:
        assert connection.get("kept") == "yes"


def test_redis_survives_a_kill_of_its_starter(server):
    with python(f"{START}\ninput()", server) as starter:
        pid = int(starter.stdout.readline().split()[1])
        starter.kill()
    assert starter.returncode == -signal.SIGKILL

    assert server.is_ready()
    assert server.pid == pid
    assert start(server) is False


def test_redis_is_not_a_child_and_in_another_session(server):
    start(server)

    parent = subprocess.check_output(["ps", "-o", "ppid=", "-p", str(server.pid)])

    assert int(parent) != os.getpid()
    assert os.getsid(server.pid) != os.getsid(0)


def test_redis_does_not_inherit_listening_sockets(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        address = listener.getsockname()
        start(server)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=DEADLINE)


def test_other_users_have_no_access(server):
    start(server)

    assert mode(server.socket) == 0o700
    assert mode(server.directory) == 0o700
    assert mode(server.data) == 0o700


def test_redis_has_no_tcp_port_and_an_append_only_file(server):
    start(server)

    with client(server) as connection:
        assert connection.config_get("port") == {"port": "0"}
        assert connection.config_get("appendonly") == {"appendonly": "yes"}


def test_folder_can_have_spaces_and_accents(tmp_path):
    server = RedisServer(tmp_path / "dé ja %20 vu?")
    start(server)

    with client(server) as connection:
        assert connection.ping()
    server.stop()


@pytest.fixture
def temp_folder(monkeypatch):
    """The folder for temporary files; its path is short, unlike `tmp_path`'s."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_long_path_puts_the_socket_in_a_private_temp_folder(tmp_path, temp_folder):
    server = RedisServer(tmp_path / ("long" * 25) / "var")

    start(server)

    assert server.socket.parent.parent == temp_folder
    assert mode(server.socket.parent) == 0o700
    assert RedisServer(server.directory).socket == server.socket
    server.stop()


def test_temp_folder_of_another_mode_is_rejected(tmp_path, temp_folder):
    server = RedisServer(tmp_path / ("long" * 25) / "var")
    server.socket.parent.mkdir(mode=0o755)

    with pytest.raises(RedisUnavailable, match="mode 0700"):
        start(server)


def test_temp_folder_that_is_a_link_is_rejected(tmp_path, temp_folder):
    server = RedisServer(tmp_path / ("long" * 25) / "var")
    (temp_folder / "other").mkdir(mode=0o700)
    server.socket.parent.symlink_to(temp_folder / "other")

    with pytest.raises(RedisUnavailable, match="must be a folder of this user"):
        start(server)


def test_error_for_a_long_socket_path_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 25)))

    with pytest.raises(RedisUnavailable, match="set TMPDIR"):
        RedisServer(tmp_path / ("long" * 25))


def test_stale_files_are_ignored(server):
    start(server)
    kill(server)
    server.pid_file.write_text(str(os.getpid()))
    server.socket.touch()

    assert start(server) is True
    assert server.pid != os.getpid()


def test_call_waits_while_redis_loads_its_data(server):
    server.directory.mkdir()
    replies = [b"-LOADING Redis is loading\r\n", b"-LOADING\r\n", b"+PONG\r\n"]

    with server.lock.open("w") as lock, socket.socket(socket.AF_UNIX) as listener:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listener.bind(str(server.socket))
        listener.listen()
        thread = threading.Thread(target=answer, args=(listener, replies))
        thread.start()
        assert start(server) is False
        thread.join(DEADLINE)


def answer(listener, replies):
    for reply in replies:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(reply)


def test_hanging_redis_is_an_error_and_is_not_started_twice(server, monkeypatch):
    monkeypatch.setattr(redis_server, "REPLY_TIMEOUT", 0.05)
    start(server)
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)

    with pytest.raises(RedisUnavailable, match=r"not ready after 0\.1 s"):
        server.ensure_running(timeout=0.1)

    assert server.pid == pid
    os.kill(pid, signal.SIGCONT)


def test_redis_that_does_not_stop_is_killed(server, monkeypatch):
    monkeypatch.setattr(redis_server, "REPLY_TIMEOUT", 0.05)
    monkeypatch.setattr(redis_server, "STOP_TIMEOUT", 0.1)
    start(server)
    os.kill(server.pid, signal.SIGSTOP)

    server.stop()

    wait_for(lambda: not server.is_alive(), what="the end of Redis")


def test_stop_is_idempotent(server):
    server.stop()

    assert server.pid is None
    assert not server.directory.exists()


def test_error_has_the_output_of_redis(server):
    server.log.mkdir(parents=True)

    with pytest.raises(RedisUnavailable, match=r"redis-server failed: .*log"):
        start(server)


def test_error_has_the_last_line_of_the_log(server):
    server.socket.mkdir(parents=True)

    with pytest.raises(RedisUnavailable, match=r"ended at once: .*redis\.log"):
        start(server)


def test_folder_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(RedisUnavailable, match="cannot be started in"):
        start(RedisServer(tmp_path / "file" / "var"))


def test_it_works_under_gevent(server):
    replies, _ = python(START_UNDER_GEVENT, server).communicate(timeout=DEADLINE)

    assert replies.strip() == "[False, False, False, False, True]"
    assert server.is_ready()
