"""The site of this project: gunicorn with gunicorn.conf.py, and a Redis."""

import shutil
import sys
import uuid
from collections.abc import Sequence
from functools import cached_property

import redis

from bench import machine, processes
from bench.events import Event, body
from bench.machine import Cores
from bench.population import Population, environment_of
from bench.servers.base import Server
from notifications.log.stream import Log
from notifications.protocol.entries import EventEntry, encode
from project.redis_server import RedisServer

EVENT_TYPE = "new_question"
STREAM = "/notifications/stream/"
# All clients are on one machine, which the default limits would not allow.
LIMITS = {
    "NOTIFICATIONS_MAX_STREAMS": "20000",
    "NOTIFICATIONS_MAX_STREAMS_PER_PERSON": "1000",
    "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "100000",
}


class Ours(Server):
    """The Q&A site; signed-in users stream what they follow."""

    name = "ours"
    is_needed = True
    around = len(f"id: 1795165498123-0\nevent: {EVENT_TYPE}\ndata: \n\n")

    def __init__(
        self,
        cores: Cores,
        people: Population,
        *,
        label: str = "",
        workers: int = 1,
    ) -> None:
        super().__init__(cores, label=label)
        self.people = people
        self._workers = workers
        self.redis = RedisServer(self.folder)
        self.database = self.folder / "db.sqlite3"
        self.commits = self.folder / "commits"
        self.environment = {
            **environment_of(f"sqlite:///{self.database}"),
            **LIMITS,
            "DJANGO_SETTINGS_MODULE": "bench.site_settings",
            "REDIS_URL": self.redis.url,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(workers),
            "BENCH_COMMITS": str(self.commits),
        }

    def start(self) -> None:
        self._clean()
        shutil.copy(self.people.database, self.database)
        # Redis runs on the core of the load, like this process.
        self.redis.ensure_running(timeout=processes.STOP_SECONDS)
        self._launch(
            [sys.executable, "-m", "gunicorn", "project.wsgi"],
            environment=self.environment,
        )
        self._wait_until_listening()
        processes.wait_for(
            lambda: len(self.workers()) == self._workers, what="the workers", seconds=30
        )

    def _clean(self) -> None:
        self.redis.stop()
        for each in self.folder.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()

    def stop(self) -> None:
        super().stop()
        self.redis.stop()

    def workers(self) -> list[int]:
        assert self._process
        return machine.children(self._process.pid)

    @cached_property
    def _log(self) -> Log:
        return self.new_log()

    def new_log(self) -> Log:
        """Return the log with connections of its own, which the caller closes."""
        return Log(lambda: self.redis.url)

    def publish(self, events: Sequence[Event]) -> None:
        """Append events to the log in one pipeline, as the relay does on commit."""
        self._log.append([self._entry(event) for event in events])

    def _entry(self, event: Event) -> tuple[str, bytes]:
        uid = str(uuid.uuid4())
        content = body(event.number, around=self.around)
        entry = EventEntry(
            uid=uid, type=EVENT_TYPE, topics=(event.topic,), data=content
        )
        return uid, encode(entry)

    def redis_clients(self) -> int:
        """Return the number of the site's connections to its Redis."""
        self._log.close()
        with redis.Redis.from_url(self.redis.url) as client:
            # Without the connection of this call.
            return len(client.client_list()) - 1

    def commit_times(self) -> dict[int, int]:
        """Return when each question was committed, by CLOCK_MONOTONIC in ns."""
        rows = map(str.split, self.commits.read_text().splitlines())
        return {int(pk): int(time) for pk, time in rows}

    def lines(self, count: int) -> list[str]:
        return [f"{STREAM}\tsessionid={key}" for key in self.people.sessions(count)]
