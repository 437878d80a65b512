"""People of the bench who change what they follow, while streams are measured."""

import random
import threading
import time
import uuid

from bench.servers import Ours
from notifications.protocol.entries import FollowEntry, encode

# A topic of its own, so that each stream still gets the same events.
TOPIC = "topic:held"


class FollowChanges:
    """Changes the follows of random people while its `with` block runs.

    `rate` is how many changes there are per second; `count` is how many there were.
    """

    def __init__(self, server: Ours, *, rate: float) -> None:
        self._server = server
        self._interval = 1 / rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def __enter__(self) -> "FollowChanges":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        log = self._server.new_log()
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            user = self._server.people.random_user()
            entry = FollowEntry(
                uid=str(uuid.uuid4()),
                user=user,
                topic=TOPIC,
                level=random.choice(["follow", ""]),
                since=int(time.time() * 1000),
            )
            log.append_controls([(entry.uid, encode(entry), user)])
            self.count += 1
            due += self._interval
        log.close()
