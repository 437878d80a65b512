"""What holds while the sweep relays a backlog."""

import re
from pathlib import Path

import pytest

from tests.effort import either
from tests.system.faults import (
    LOCK_KEY,
    PATIENT,
    kill,
    listening,
    logged,
    new_topic,
    pending,
    publish_last,
    recorded,
)
from tests.system.server import wait_for

BACKLOG = either(20_000, thorough=100_000)
# How much more memory a process may use for a sweep of any length. It was 46,000 to
# 67,000 in several runs, with 20,000 and with 100,000 events.
SWEEP_KILOBYTES = 90_000

# Writes an event and copies of it, which is faster than the ORM.
_BACKLOG = """
from django.db import connection, transaction
from notifications.models import Event
on_postgresql = connection.vendor == "postgresql"
uid = "gen_random_uuid()" if on_postgresql else "lower(hex(randomblob(16)))"
new = {'"uid"': uid, '"group"': f"CAST({uid} AS text)"}
columns = [f'"{field.column}"' for field in Event._meta.concrete_fields[1:]]
payload = {"question_id": 1, "title": "T", "url": "/"}
with transaction.atomic(), connection.cursor() as cursor:
    event = Event(type="new_question", payload=payload)
    Event.objects.bulk_create([event])
    cursor.execute(f'''
        WITH RECURSIVE numbers(n) AS
            (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < COUNT)
        INSERT INTO notifications_event ({", ".join(columns)})
        SELECT {", ".join(new.get(each, each) for each in columns)}
        FROM numbers JOIN notifications_event ON id = {event.pk}
    ''')
    cursor.execute(f'''
        INSERT INTO notifications_eventtopic (event_id, topic)
        SELECT id, 'TOPIC' FROM notifications_event WHERE id >= {event.pk}
    ''')
"""


@pytest.fixture(scope="module")
def fault_environment():
    return PATIENT


@pytest.fixture
def site(mended):
    return mended


def memory(pid, field):
    """Return a figure of a process's memory in kilobytes, as the kernel names it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)[1])


def make_backlog(site, topic, count):
    site.shell(_BACKLOG.replace("TOPIC", topic).replace("COUNT", str(count)))


def test_another_process_takes_over_the_sweep_of_a_killed_one(
    site, proxy, client, topic
):
    proxy.cut()
    make_backlog(site, topic, 1_000)
    proxy.mend()
    # Long enough to be killed in the middle, short enough for no time-out.
    proxy.delay(0.05)
    wait_for(lambda: client.exists(LOCK_KEY), what="a sweep")
    for pid in site.workers():
        kill(pid)
    proxy.mend()

    wait_for(lambda: not pending(site), what="an empty outbox")
    assert logged(site, topic) == recorded(site, topic)


def test_sweep_that_loses_its_lock_repeats_no_event(site, proxy, client, topic):
    proxy.cut()
    make_backlog(site, topic, 5_000)
    proxy.mend()

    def lose_the_lock():
        client.delete(LOCK_KEY)
        return not pending(site)

    wait_for(lose_the_lock, what="an empty outbox")

    assert logged(site, topic) == recorded(site, topic)


# The machine that this runs on may be slow, and busy with other things.
@pytest.mark.timeout(300)
def test_sweep_of_a_long_outage_is_ordered_bounded_and_lets_new_events_through(
    site, proxy, topic
):
    proxy.cut()
    make_backlog(site, topic, BACKLOG)
    before = {pid: memory(pid, "VmRSS") for pid in site.workers()}
    proxy.mend()
    fresh = new_topic()
    with listening(site, fresh) as listeners:
        wait_for(lambda: pending(site) < BACKLOG, what="the sweep")
        publish_last(site, fresh)
        for listener in listeners:
            listener.wait_for(1, "new_question")
        left = pending(site)
    wait_for(lambda: not pending(site), what="an empty outbox", seconds=200)

    grown = {pid: memory(pid, "VmHWM") - before[pid] for pid in before}
    assert left > 0
    assert max(grown.values()) < SWEEP_KILOBYTES
    assert logged(site, topic) == recorded(site, topic)
    assert set(site.workers()) == set(before)
