"""People who ask questions all the time, by the pages of the site."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from tests.system.members import Member, Members
from tests.system.server import DEADLINE_SECONDS

INTERVAL_SECONDS = 0.4
# Then a person gives up, and asks another question.
PATIENCE_SECONDS = 5.0
NO_ANSWER = 0


@contextmanager
def asking(
    members: Members, askers: Sequence[Member], topics: Sequence[str]
) -> Iterator[list[int]]:
    """Let each of them ask under one topic after the other while the block runs.

    Gives the statuses of the replies so far, NO_ANSWER for those that did not come.
    """
    statuses: list[int] = []
    stopping = threading.Event()

    def ask(asker: Member) -> None:
        for topic in itertools.cycle(topics):
            if stopping.wait(INTERVAL_SECONDS):
                return
            statuses.append(_ask(members, asker, topic))

    threads = [threading.Thread(target=ask, args=(each,)) for each in askers]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stopping.set()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)


def _ask(members: Members, asker: Member, topic: str) -> int:
    form = {"title": "?", "body": "?", "topics": topic.partition(":")[2]}
    try:
        return members.ask(
            "POST", "/ask/", asker, data=form, timeout=PATIENCE_SECONDS
        ).status_code
    except httpx.HTTPError:
        return NO_ANSWER
