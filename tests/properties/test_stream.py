"""The whole path: database, Redis, hub, connection, client."""

import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.live.transports import QueueTransport
from notifications.protocol.cursor import Cursor
from notifications.publishing import outbox
from notifications.streams.writes import join
from project.qa.models import Topic
from project.qa.notifications import NEW_QUESTION
from tests.properties import texts
from tests.properties.conftest import LARGEST
from tests.properties.effort import examples, patient, shared_fixtures
from tests.properties.parsers import read
from tests.system.server import wait_for
from tests.users import User, json_key, shown_name

pytestmark = [patient, pytest.mark.django_db(transaction=True)]

STREAM = "/notifications/stream/"
MILK = "topic:milk"


def record(title, *, topics=(MILK,), **options):
    payload = {"question_id": 1, "title": title, "url": "/questions/1/"}
    event = outbox.record(NEW_QUESTION, topics=topics, payload=payload, **options)
    event.refresh_from_db()
    return event


@pytest.fixture
def connection(log):
    """A stream of all topics, open through all examples."""
    hub = shared_hub()
    hub.ensure_started()
    # Room for all events of an example, however large.
    connection = Connection(
        Subscriber(user="reader"),
        QueueTransport(buffer_bytes=3 * LARGEST),
        requested_topics=[MILK],
    )
    list(hub.attach(connection, after=None, as_of=hub.position))
    return connection


def taken(connection, cursor):
    """Return what a connection sends up to this cursor, joined as it is written."""
    frames = []
    wait_for(
        lambda: (
            frames.extend(connection.transport.take(seconds=1))
            or (frames and str(frames[-1].cursor) == cursor)
        ),
        what=f"the event at {cursor}",
    )
    return b"".join(join(frames))


# Small enough for a payload.
large = texts.long.filter(lambda text: len(text.encode()) < LARGEST / 2)


@shared_fixtures(300)
@given(
    titles=st.lists(texts.fitting | large, min_size=1, max_size=3),
    topics=st.lists(texts.topics, max_size=3),
    username=texts.fitting,
    sizes=texts.sizes,
)
@example(["\r\n\n\u2028data: x\n\nevent: reset"], [], "\r\nid: 1-1", [1])
def test_recorded_events_arrive_unchanged(
    maja, connection, titles, topics, username, sizes
):
    User.objects.filter(pk=maja.pk).update(**{User.USERNAME_FIELD: username})
    maja.refresh_from_db()

    events = [record(title, topics=[MILK, *topics], actor=maja) for title in titles]

    found = read(taken(connection, events[-1].cursor), sizes=sizes)
    assert [each.id for each in found] == [event.cursor for event in events]
    assert [json.loads(each.data) for each in found] == [
        {
            "uid": str(event.uid),
            "type": "new_question",
            "topics": list(dict.fromkeys([MILK, *topics])),
            "actor": {"id": json_key(maja), "name": shown_name(maja)},
            "created": event.created.isoformat(timespec="milliseconds"),
            "question_id": 1,
            "title": title,
            "url": "/questions/1/",
        }
        for event, title in zip(events, titles, strict=True)
    ]


@pytest.fixture
def events(log):
    """Events that are in the log, oldest first."""
    Topic.objects.create(slug="milk", name="Milk")
    return [record(f"number {number}") for number in range(4)]


def opening(client, path, **headers):
    """Return the events of a stream up to its first heartbeat."""
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    chunks = iter(response)
    stream = next(chunks) + next(chunks)
    response.close()
    *found, last = read(stream, sizes=[1_000])
    assert last.name == "heartbeat"
    return found


def expected(text, events):
    """Return the ids after a cursor; None if the log does not have it."""
    ids = [event.cursor for event in events]
    return ids[ids.index(text) + 1 :] if text in ids else None


def near(cursor):
    """Return texts that are nearly a cursor that the log has."""
    first, second = cursor.split("-")
    return [
        cursor,
        f" {cursor}",
        f"{cursor}\n",
        f"0{cursor}",
        f"+{cursor}",
        f"{first}-0{second}",
        f"{first}",
        f"{first}-",
        f"{first}-{int(second) + 1}",
        f"{first}.0-{second}",
        f"{cursor}\0",
        f"{first}\u2010{second}",
    ]


cursors = st.one_of(
    texts.anything,
    texts.long,
    st.builds("{}-{}".format, st.integers(), st.integers()),
    # Which event of the log, and which of the texts near its cursor.
    st.tuples(st.integers(0, 3), st.integers(0, 11)),
)


def written(cursor, events):
    if isinstance(cursor, str):
        return cursor
    return near(events[cursor[0]].cursor)[cursor[1]]


def assert_resumed(found, cursors, events):
    """Check that a stream resumed after one of these cursors, or was reset."""
    ids = next(filter(None, (expected(each, events) for each in cursors)), None)
    if any(expected(each, events) is not None for each in cursors):
        assert [each.id for each in found] == (ids or [])
    else:
        assert [each.name for each in found] == ["reset"]


@shared_fixtures(200)
@given(cursor=cursors)
def test_any_cursor_in_the_header_gets_a_replay_or_a_reset(client, events, cursor):
    text = written(cursor, events)

    found = opening(client, f"{STREAM}?topic={MILK}", **{"Last-Event-ID": text})

    assert_resumed(found, [text], events)


@shared_fixtures(200)
@given(cursor=cursors | st.binary(max_size=30))
def test_any_cursor_in_the_query_gets_a_replay_or_a_reset(client, events, cursor):
    raw = cursor if isinstance(cursor, bytes) else None
    if raw is None:
        raw = written(cursor, events).encode(errors="surrogatepass")

    found = opening(client, f"{STREAM}?topic={MILK}&last_event_id={quote(raw)}")

    assert_resumed(found, [raw.decode(errors="replace")], events)


numbers = st.integers(0, 20) | st.integers(0, 2**64 - 1)
pairs = st.tuples(numbers, numbers)


@examples(500)
@given(st.lists(pairs, unique=True))
def test_cursors_are_ordered_as_two_integers(several):
    cursors = [Cursor.parse(f"{first}-{second}") for first, second in several]

    assert [str(each) for each in sorted(cursors)] == [
        f"{first}-{second}" for first, second in sorted(several)
    ]
