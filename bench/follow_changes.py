"""People of the bench who change what they follow, while streams are measured."""

import random
import time
import uuid

from bench.servers import Ours
from bench.steadily import Steadily
from notifications.protocol.entries import FollowEntry, encode

# A topic of its own, so that each stream still gets the same events.
TOPIC = "topic:held"


class FollowChanges:
    """Changes the follows of random people while its `with` block runs.

    `rate` is how many changes there are per second; `count` is how many there were.
    """

    def __init__(self, server: Ours, *, rate: float) -> None:
        self._people = server.people
        self._log = server.new_log()
        self._changing = Steadily(self._change, interval=1 / rate)
        self.count = 0

    def __enter__(self) -> "FollowChanges":
        self._changing.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._changing.__exit__()
        self._log.close()

    def _change(self, due: float) -> None:
        user = self._people.random_user()
        entry = FollowEntry(
            uid=str(uuid.uuid4()),
            user=user,
            topic=TOPIC,
            level=random.choice(["follow", ""]),
            since=int(time.time() * 1000),
        )
        self._log.append_controls([(entry.uid, encode(entry), user)])
        self.count += 1
