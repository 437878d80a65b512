"""Invalid entries in the log are skipped, counted and logged, and stop nothing."""

import json
import pickle
import time
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.lib.log_throttle import LINES_PER_WINDOW
from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor
from notifications.publishing import outbox
from project.qa.notifications import NEW_QUESTION
from tests.properties import texts
from tests.properties.effort import patient, shared_fixtures
from tests.properties.parsers import read
from tests.properties.poison import (
    DEEP,
    HUGE,
    Bomb,
    assert_logged_briefly,
    bodies,
)
from tests.system.server import wait_for

pytestmark = patient

OWN_NAMES = ("heartbeat", "reset", "server_closed")


def event(**changed):
    """Return an event's entry as JSON, with some fields changed."""
    fields = {
        "entry": "event",
        "uid": uuid.uuid4().hex,
        "type": "tick",
        "topics": ["topic:a"],
        "data": "{}",
    }
    return json.dumps(fields | changed).encode()


# Invalid entries, each as the fields of the stream's entry.
POISON = {
    "another field": {"x": b"1"},
    "an empty field": {"e": b""},
    "binary": {"e": bytes(range(256))},
    "a pickle": {"e": pickle.dumps(Bomb())},
    "not JSON": {"e": b"hello\nentry=forged"},
    "another type": {"e": b'["event"]'},
    "deep": {"e": DEEP},
    "deep in a field": {"e": b'{"entry":"start","uid":"u","x":' + DEEP + b"}"},
    "half a surrogate": {"e": event(data="\ud800")},
    "a type with a line end": {"e": event(type="tick\n")},
    "a type with a field": {"e": event(type="tick\ndata: forged\n\n")},
    "a type of the server's own": {"e": event(type="server_closed")},
    "a type that is long": {"e": event(type="t" * 64)},
    "a type that is empty": {"e": event(type="")},
    "huge numbers": {"e": event(told={"b:b": 1}).replace(b" 1}", HUGE + b"}")},
    "numbers that are none": {"e": event(told={"topic:b": float("inf")})},
    "a time as text": {"e": event(told={"topic:b": "1"})},
    "topics as text": {"e": event(topics="topic:a")},
    "a tag with line ends": {"e": event(entry="a\r\nb\u2028entry=forged")},
    "fields of another": {"e": event(entry="follow")},
}  # fmt: skip

fields = st.dictionaries(st.just(b"e") | st.binary(), bodies, min_size=1, max_size=3)


@pytest.fixture
def hub(log):
    hub = shared_hub()
    hub.ensure_started()
    return hub


@pytest.fixture
def poison(redis_client, settings):
    """A function that writes fields into the log, as another program might."""
    stream = f"{{{settings.NOTIFICATIONS['KEY_PREFIX']}}}:log"
    return lambda fields, **options: redis_client.xadd(stream, fields, **options)


@pytest.fixture
def good(log):
    """A function that appends a valid event and returns its cursor."""

    def good():
        entry = entries.EventEntry(
            uid=uuid.uuid4().hex, type="good", topics=("topic:a",), data="{}"
        )
        [cursor] = log.append([(entry.uid, entries.encode(entry))])
        return cursor

    return good


def attach(hub, connection, *, after=None):
    after = None if after is None else str(after)
    batches = hub.attach(connection, after=after, as_of=hub.position)
    return [frame for batch in batches for frame in batch.frames]


def up_to(connection, cursor):
    """Return the bytes that a connection sends up to this cursor."""
    frames = []
    wait_for(
        lambda: (
            frames.extend(connection.transport.take(seconds=0.1))
            or (frames and frames[-1].cursor == cursor)
        ),
        what=f"the event at {cursor}",
    )
    return b"".join(frame.body for frame in frames)


@pytest.mark.parametrize("fields", POISON.values(), ids=POISON.keys())
def test_poison_is_skipped_and_counted(hub, poison, good, fields):
    connection = Connection(requested_topics=["topic:a"])
    attach(hub, connection)

    poison(fields)
    cursor = good()

    assert [each.name for each in read(up_to(connection, cursor), sizes=[100])] == [
        "good"
    ]
    assert hub.unreadable == 1


@pytest.mark.parametrize("fields", POISON.values(), ids=POISON.keys())
def test_poison_in_a_replay_is_skipped(hub, poison, good, fields):
    seen = good()
    poison(fields)
    cursor = good()
    wait_for(lambda: hub.delivered_up_to == cursor, what="the hub")

    missed = attach(hub, Connection(requested_topics=["topic:a"]), after=seen)

    stream = b"".join(frame.body for frame in missed)
    assert [each.name for each in read(stream, sizes=[100])] == ["good", "heartbeat"]


def test_much_poison_is_logged_on_a_few_lines(hub, poison, good, caplog):
    began = time.monotonic()
    connection = Connection(requested_topics=["topic:a"])
    attach(hub, connection)

    for _ in range(20):
        for each in POISON.values():
            poison(each)
    up_to(connection, good())

    assert hub.unreadable == 20 * len(POISON)
    assert len(caplog.messages) >= LINES_PER_WINDOW
    assert_logged_briefly(caplog, began=began)


@shared_fixtures(200)
@given(several=st.lists(fields, min_size=1, max_size=3), sizes=texts.sizes)
@example(several=[{b"e": event(type="tick\n")}], sizes=[1])
@example(several=[{b"e": event(type="reset")}], sizes=[1])
def test_valid_event_arrives_after_any_entry_in_the_log(
    hub, poison, good, caplog, several, sizes
):
    began = time.monotonic()
    caplog.clear()
    connection = Connection(Subscriber(user="7"), requested_topics=["topic:a"])
    attach(hub, connection)
    seen = good()

    for each in several:
        poison(each)
    cursor = good()

    live = read(up_to(connection, cursor), sizes=sizes)
    assert [live[0].id, live[-1].id] == [str(seen), str(cursor)]
    assert not {each.name for each in live} & {*OWN_NAMES}
    assert len(live) <= 2 + len(several)
    missed = attach(hub, Connection(requested_topics=["topic:a"]), after=seen)
    *replayed, last = read(b"".join(frame.body for frame in missed), sizes=sizes)
    assert replayed == live[1:]
    assert last.name == "heartbeat"
    hub.detach(connection)
    assert_logged_briefly(caplog, began=began)


@pytest.mark.django_db(transaction=True)
def test_entry_far_in_the_future_does_not_block_the_relay(hub, poison):
    poison({"e": b""}, id=f"{2**63}-0")
    payload = {"question_id": 1, "title": "Why?", "url": "/"}

    event = outbox.record(NEW_QUESTION, topics=["topic:a"], payload=payload)

    event.refresh_from_db()
    assert event.relayed is not None
    assert Cursor.parse(event.cursor) > Cursor(2**63, 0)


def test_hub_reads_on_after_poison_among_the_probes(hub, good, redis_client, settings):
    connection = Connection(requested_topics=["topic:a"])
    attach(hub, connection)
    probes = f"{{{settings.NOTIFICATIONS['KEY_PREFIX']}}}:probes"

    redis_client.xadd(probes, {b"\xff": b"\xff"})
    redis_client.xadd(probes, {"origin": b"\xff\n"}, id=f"{2**64 - 1}-0")

    assert up_to(connection, good())
