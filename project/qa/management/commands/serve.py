"""Prepares the site and serves it; `make run` runs this."""

import os
import signal
import socket
import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, connections

from project import preflight, redis_server
from project.qa import demo
from project.redis_binary import RedisUnavailable

DEFAULT_PORT = 8000
DEFAULT_WORKERS = 2
MAX_WORKERS = 256
# Long enough to load a large log; no request waits for it yet.
REDIS_START_TIMEOUT = 60.0  # seconds
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Command(BaseCommand):
    """Check, prepare, and then become the web server."""

    help = "Prepare the database, Redis and the static files, and serve the site."
    # They run in handle(), after the checks that fail with one line.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        for number in STOP_SIGNALS:
            signal.signal(number, _exit)
        port = preflight.positive_int("PORT", default=DEFAULT_PORT, largest=65535)
        preflight.positive_int(
            "WEB_CONCURRENCY", default=DEFAULT_WORKERS, largest=MAX_WORKERS
        )
        preflight.check_hosts(debug=settings.DEBUG, allowed=settings.ALLOWED_HOSTS)
        with preflight.listening_socket(port) as listener:
            preflight.check_database()
            if settings.NOTIFICATIONS["REDIS_URL"] is redis_server.url:
                self._serve_with_embedded_redis(port, listener)
            preflight.check_redis()
            self._serve(port, listener, stop_redis=False)

    def _serve_with_embedded_redis(
        self, port: int, listener: socket.socket
    ) -> NoReturn:
        redis = redis_server.embedded()
        started_here = not redis.is_alive()
        try:
            redis.ensure_running(timeout=REDIS_START_TIMEOUT)
            self._serve(port, listener, stop_redis=started_here)
        except BaseException as error:
            if started_here:
                redis.stop()
            if isinstance(error, RedisUnavailable):
                raise CommandError(preflight.single_line(error)) from error
            raise

    def _serve(
        self, port: int, listener: socket.socket, *, stop_redis: bool
    ) -> NoReturn:
        self.check()
        self._prepare()
        self._announce(port)
        _become_gunicorn(listener, stop_redis=stop_redis)

    def _prepare(self) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
            if settings.DEBUG:
                call_command("seed_demo", verbosity=0)
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be prepared: {preflight.single_line(error)}"
            ) from error
        call_command("collectstatic", verbosity=0, interactive=False)
        os.environ["STATIC_FILES_COLLECTED"] = "1"

    def _announce(self, port: int) -> None:
        address = f"http://{preflight.HOST}:{port}"
        if settings.USE_HTTPS:
            self.stdout.write(
                f"Serving {address} to a proxy that serves HTTPS; USE_HTTPS=0 is for "
                "plain HTTP (Ctrl-C stops it)."
            )
        else:
            self.stdout.write(f"Open {address} (Ctrl-C stops it).")
        if settings.DEBUG:
            names = ", ".join(demo.ACCOUNTS)
            self.stdout.write(f"Sign in as {names}; the password is {demo.PASSWORD!r}.")
        self.stdout.flush()


def _exit(*_: object) -> NoReturn:
    sys.exit(0)


def _become_gunicorn(listener: socket.socket, *, stop_redis: bool) -> NoReturn:
    """Replace this process, so that gunicorn gets the signals and sets the status."""
    connections.close_all()
    listener.set_inheritable(True)
    if stop_redis:
        os.environ["STOP_REDIS_ON_EXIT"] = "1"
    # A signal before gunicorn has its handlers would leave Redis running. So signals
    # are blocked until gunicorn.conf.py unblocks them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    gunicorn = [sys.executable, "-m", "gunicorn", "--log-level", "warning"]
    config = settings.BASE_DIR / "gunicorn.conf.py"
    bind = f"fd://{listener.fileno()}"
    arguments = [*gunicorn, "--config", str(config), "--bind", bind, "project.wsgi"]
    os.execv(sys.executable, arguments)  # noqa: S606
