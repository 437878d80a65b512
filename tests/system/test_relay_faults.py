"""What holds while a process dies on the way from the database to the log."""

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.databases import ON_POSTGRESQL
from tests.effort import either
from tests.system.faults import (
    PATIENT,
    ask,
    kill,
    listening,
    logged,
    pending,
    publish_last,
    recorded,
    start_shell,
    wait_for_titles,
)
from tests.system.server import wait_for

EVENTS = either(150, thorough=1_000)
PUBLISHERS = 3
NEW = "new_question"

# Records events on TOPIC one by one until it is killed; their title is its process id.
_PUBLISH = """
import os
from notifications.publishing.outbox import record
from project.qa.notifications import NEW_QUESTION
while True:
    payload = {"question_id": 1, "title": str(os.getpid()), "url": "/"}
    record(NEW_QUESTION, topics=["TOPIC"], payload=payload)
"""

# Records one event for each way in which a transaction can end.
_TRANSACTIONS = """
from django.db import transaction
from notifications.publishing.outbox import record
from project.qa.notifications import NEW_QUESTION
def record_event(title):
    payload = {"question_id": 1, "title": title, "url": "/"}
    record(NEW_QUESTION, topics=["TOPIC"], payload=payload)
def fail(title):
    with transaction.atomic():
        record_event(title)
        raise RuntimeError
def attempt(title):
    try:
        fail(title)
    except RuntimeError:
        pass
attempt("rolled back")
with transaction.atomic():
    record_event("before the savepoint")
    attempt("savepoint rolled back")
    with transaction.atomic():
        record_event("savepoint kept")
    record_event("after the savepoint")
with transaction.atomic():
    attempt("first of all")
    record_event("after one that was first of all")
try:
    with transaction.atomic():
        with transaction.atomic():
            record_event("kept in a transaction rolled back")
        raise RuntimeError
except RuntimeError:
    pass
"""
_COMMITTED = [
    "before the savepoint",
    "savepoint kept",
    "after the savepoint",
    "after one that was first of all",
]


@pytest.fixture(scope="module")
def fault_environment():
    return PATIENT


@pytest.fixture
def site(mended):
    return mended


def uids(listener):
    return [event["uid"] for event in listener.of_type(NEW)]


def by_process(uids, listener):
    """Return the uids of each publisher, in the order of `uids`."""
    titles = {event["uid"]: event["title"] for event in listener.of_type(NEW)}
    publishers = {titles[uid]: [] for uid in uids}
    for uid in uids:
        publishers[titles[uid]].append(uid)
    return publishers


def is_unmarked(site, topic):
    """Tell whether the newest event is in the log, though its row does not say so."""
    return pending(site) == 1 and logged(site, topic) == recorded(site, topic)


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


class Publishers:
    """Processes that record events, some of which are killed and followed by others."""

    def __init__(self, site, topic):
        self._site = site
        self._code = _PUBLISH.replace("TOPIC", topic)
        self._processes = [self._start() for _ in range(PUBLISHERS)]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self._processes:
            end(process)

    def replace_one(self, chance):
        """Kill one of them, and start the next."""
        number = chance.randrange(PUBLISHERS)
        end(self._processes[number])
        self._processes[number] = self._start()

    def _start(self):
        return start_shell(self._site, self._code)


def test_killed_processes_lose_no_event_and_repeat_none(site, proxy, topic):
    chance = random.Random()
    # So that most of a publisher's time is between its commits and its appends.
    proxy.delay(0.005)
    with listening(site, topic) as listeners:
        with Publishers(site, topic) as publishers:
            due = 0
            while due < EVENTS:
                due += chance.randint(20, 100)
                wait_for(
                    lambda: len(recorded(site, topic)) >= due,  # noqa: B023
                    what=f"{due} events",
                )
                publishers.replace_one(chance)
                if chance.random() < 0.3:
                    kill(chance.choice(site.workers()))
        wait_for(lambda: len(site.workers()) == 2, what="the workers")
        wait_for(lambda: not pending(site), what="an empty outbox")
        expected = recorded(site, topic)
        for listener in listeners:
            listener.wait_for(len(expected), NEW)
        received = [uids(listener) for listener in listeners]

    in_log = logged(site, topic)
    assert sorted(in_log) == sorted(expected)
    assert received == [in_log] * len(listeners)
    # Transactions that PostgreSQL commits at the same time have no order.
    assert by_process(in_log, listeners[0]) == by_process(expected, listeners[0])
    assert ON_POSTGRESQL or in_log == expected


def test_web_process_killed_between_commit_and_append_loses_no_event(
    site, proxy, people, topic
):
    [asker] = people("asker")
    with (
        listening(site, topic) as listeners,
        ThreadPoolExecutor(max_workers=1) as browser,
    ):
        # A process that has just had a fault leaves it to the sweep, and reads it late.
        ask(asker, topic, ["first"])
        wait_for_titles(listeners, ["first"])
        # What is appended now is on its way, until the process is gone.
        proxy.black_hole()
        asked = browser.submit(ask, asker, topic, ["second"])
        wait_for(lambda: pending(site), what="a commit")
        for pid in site.workers():
            kill(pid)
        proxy.cut()
        proxy.mend()
        with contextlib.suppress(httpx.HTTPError):
            asked.result()
        wait_for(lambda: not pending(site), what="an empty outbox")
        ask(asker, topic, ["third"])

        wait_for_titles(listeners, ["first", "second", "third"])


def test_process_killed_between_append_and_mark_repeats_no_event(site, proxy, topic):
    code = _PUBLISH.replace("TOPIC", topic)
    with listening(site, topic) as listeners:
        # No other process is there to mark it.
        site.stop()
        publisher = start_shell(site, code, NOTIFICATIONS_REDIS_TIMEOUT="30")
        try:
            wait_for(lambda: logged(site, topic), what="the first event")
            [link] = proxy.links(sending=topic.encode())
            link.hold_replies()
            wait_for(lambda: is_unmarked(site, topic), what="an append without a reply")
        finally:
            end(publisher)
        assert pending(site) == 1
        site.start()
        publish_last(site, topic)
        wait_for(lambda: not pending(site), what="an empty outbox")
        expected = recorded(site, topic)
        for listener in listeners:
            listener.wait_for(len(expected), NEW)

        assert [uids(listener) for listener in listeners] == [expected] * len(listeners)
    assert logged(site, topic) == expected


def test_rolled_back_event_is_never_sent(site, topic):
    with listening(site, topic) as listeners:
        site.shell_anew(_TRANSACTIONS.replace("TOPIC", topic))
        publish_last(site, topic)
        for listener in listeners:
            listener.wait_for(len(_COMMITTED) + 1, NEW)
        received = [
            [event["title"] for event in listener.of_type(NEW)]
            for listener in listeners
        ]

    assert received == [[*_COMMITTED, "The end"]] * len(listeners)
    assert len(recorded(site, topic)) == len(_COMMITTED) + 1
