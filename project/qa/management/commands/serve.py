"""Prepare everything that the site needs and serve it: what `make run` runs."""

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
MOST_WORKERS = 256
# Reading a large log takes Redis some time; nobody waits for a page yet.
REDIS_PATIENCE = 60.0  # seconds
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Command(BaseCommand):
    """Check first, then prepare, then become the web server."""

    help = "Prepares database, Redis and static files, and serves the site."
    # Run in handle(), after the checks that put it in one line.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        for number in STOP_SIGNALS:
            signal.signal(number, _leave)
        port = preflight.number("PORT", default=DEFAULT_PORT, largest=65535)
        preflight.number(
            "WEB_CONCURRENCY", default=DEFAULT_WORKERS, largest=MOST_WORKERS
        )
        preflight.check_hosts(debug=settings.DEBUG, allowed=settings.ALLOWED_HOSTS)
        with preflight.listen(port) as listener:
            preflight.check_database()
            address = settings.NOTIFICATIONS["REDIS_URL"]
            if address is redis_server.url:
                self._serve_with_embedded_redis(port, listener)
            preflight.check_redis(str(address))
            self._serve(port, listener, stop_redis=False)

    def _serve_with_embedded_redis(
        self, port: int, listener: socket.socket
    ) -> NoReturn:
        redis = redis_server.embedded()
        ours = not redis.is_alive()
        try:
            redis.ensure_running(patience=REDIS_PATIENCE)
            self._serve(port, listener, stop_redis=ours)
        except BaseException as error:
            if ours:
                redis.stop()
            if isinstance(error, RedisUnavailable):
                raise CommandError(preflight.one_line(error)) from error
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
                f"The database cannot be prepared: {preflight.one_line(error)}"
            ) from error
        call_command("collectstatic", verbosity=0, interactive=False)
        os.environ["STATIC_FILES_COLLECTED"] = "1"

    def _announce(self, port: int) -> None:
        self.stdout.write(f"Open http://{preflight.HOST}:{port} (Ctrl-C stops it).")
        if settings.DEBUG:
            names = ", ".join(demo.ACCOUNTS)
            self.stdout.write(f"Sign in as {names}; the password is {demo.PASSWORD!r}.")
        self.stdout.flush()


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


def _become_gunicorn(listener: socket.socket, *, stop_redis: bool) -> NoReturn:
    """Replace this process, so that signals and the exit status need no relaying."""
    connections.close_all()
    listener.set_inheritable(True)
    if stop_redis:
        os.environ["STOP_REDIS_ON_EXIT"] = "1"
    # A signal that comes before gunicorn can handle it would leave Redis running:
    # it is held back until gunicorn.conf.py lets it through.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    gunicorn = [sys.executable, "-m", "gunicorn", "--log-level", "warning"]
    config = settings.BASE_DIR / "gunicorn.conf.py"
    bind = f"fd://{listener.fileno()}"
    arguments = [*gunicorn, "--config", str(config), "--bind", bind, "project.wsgi"]
    os.execv(sys.executable, arguments)  # noqa: S606
