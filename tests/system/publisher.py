"""A process of the site that publishes on demand or at a rate; what was published."""

import itertools
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple

from tests.databases import Database
from tests.system.crowd import Stream
from tests.system.server import DEADLINE_SECONDS, ROOT, Site, wait_for

MAX_PENDING = 10  # events of `steadily` that are not published yet

# Reads a request from each line, and answers with the uid of the event.
_PUBLISH = """
import json, sys
from notifications.publishing import outbox
from notifications.publishing.event_types import event_type
new_question = event_type("new_question")
for line in sys.stdin:
    order = json.loads(line)
    payload = {"question_id": order["number"], "title": order["title"], "url": "/"}
    event = outbox.record(new_question, topics=order["topics"], payload=payload)
    print(event.uid, flush=True)
"""

_PUBLISHED = """
SELECT event.uid, event.cursor, topic.topic
FROM notifications_event event JOIN notifications_eventtopic topic
ON topic.event_id = event.id ORDER BY event.id
"""


class Publisher:
    """Publishes events in the order of the requests."""

    def __init__(self, site: Site) -> None:
        self._site = site
        # Guarded by the lock: the number of requests.
        self._lock = threading.Lock()
        self._asked = 0
        # The uids of the committed events, in order.
        self.uids: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Publisher":
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", _PUBLISH],
            cwd=ROOT,
            env=self._site.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self.uids.extend(line.strip() for line in self._process.stdout)

    def ask(self, *topics: str, title: str = "") -> None:
        """Request an event, without waiting for it."""
        assert self._process is not None
        assert self._process.stdin is not None
        with self._lock:
            self._asked += 1
            order = {"number": self._asked, "title": title, "topics": topics}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until all requested events are published."""
        asked = self._asked
        wait_for(
            lambda: len(self.uids) >= asked,
            what=f"event {asked}, published so far: {len(self.uids)}",
        )

    def publish(self, *topics: str, title: str = "") -> str:
        """Publish an event; return its uid once it is published."""
        self.ask(*topics, title=title)
        self.wait()
        return self.uids[-1]

    @contextmanager
    def steadily(
        self, rate: float, topics: Callable[[int], Iterable[str]], *, title: str = ""
    ) -> Iterator[None]:
        """Publish `rate` events a second while the block runs.

        A slow machine publishes fewer: orders that pile up would delay the events that
        a test publishes meanwhile. `topics` takes the number of an event and returns
        its topics.
        """
        stopping = threading.Event()

        def run() -> None:
            start = time.monotonic()
            for number in itertools.count():
                if stopping.wait(max(0, start + number / rate - time.monotonic())):
                    return
                while self._asked - len(self.uids) >= MAX_PENDING:
                    if stopping.wait(1 / rate):
                        return
                self.ask(*topics(number), title=title)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(DEADLINE_SECONDS)
            self.wait()


class Published(NamedTuple):
    """An event as the database has it."""

    uid: str
    topics: set[str]
    cursor: tuple[int, ...]


def published(database: Database) -> list[Published]:
    """Return every event, in the order of publishing."""
    rows = database.rows(_PUBLISHED)
    return [
        Published(_dashed(uid), {topic for *_, topic in group}, as_numbers(cursor))
        for (uid, cursor), group in itertools.groupby(rows, key=lambda row: row[:2])
    ]


def due(
    events: Iterable[Published], topics: set[str], *, after: str = "0"
) -> list[str]:
    """Return the uids of the events to one of the topics that come after a cursor."""
    start = as_numbers(after)
    return [each.uid for each in events if each.topics & topics and each.cursor > start]


def as_numbers(cursor: str) -> tuple[int, ...]:
    """Return a cursor as integers, to compare it."""
    return tuple(map(int, filter(None, cursor.split("-"))))


def wait_for_event(streams: Iterable[Stream], uid: str) -> None:
    """Wait until all these streams received an event."""
    streams = list(streams)

    def missing() -> list[Stream]:
        return [
            stream
            for stream in streams
            if not any(uid in event.data for event in reversed(stream.events))
        ]

    wait_for(lambda: not missing(), what=f"{uid} at {len(streams)} streams")


def _dashed(uid: object) -> str:
    """Return a uid in the form of the wire; SQLite stores only the digits."""
    return str(uuid.UUID(str(uid)))
