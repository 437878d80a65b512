import uuid

import pytest

from notifications.exceptions import LogGap, LogUnavailable
from notifications.live import replay
from notifications.live.connection import Connection
from notifications.live.replay import Replay
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor


@pytest.fixture
def append(log):
    """A function that appends an event to the topics and returns its cursor."""

    def append(*topics):
        entry = entries.EventEntry(
            uid=uuid.uuid4().hex, type="tick", topics=topics, data="{}"
        )
        return log.append([(entry.uid, entries.encode(entry))])[0]

    return append


@pytest.fixture
def reads(log, monkeypatch):
    """From which cursors the log was read."""
    read, found = log.read, []

    def noting(after, *, until):
        found.append(after)
        return read(after, until=until)

    monkeypatch.setattr(log, "read", noting)
    return found


def cursors(batches):
    return [frame.cursor for batch in batches for frame in batch.frames]


def test_what_stands_before_is_read_once_for_all(log, append, reads):
    first, *rest = [append("topic:a") for _ in range(5)]
    found = Replay(log)
    found.begin(rest[-1])

    for _ in range(3):
        connection = Connection(requested_topics=["topic:a"])
        assert cursors(found.missed(connection, first, rest[-1])) == rest

    assert reads == [first]


def test_who_comes_back_from_further_back_has_the_rest_read(log, append, reads):
    first, second, *rest = [append("topic:a") for _ in range(5)]
    found = Replay(log)
    found.begin(rest[-1])
    connection = Connection(requested_topics=["topic:a"])
    list(found.missed(connection, second, rest[-1]))

    assert cursors(found.missed(connection, first, rest[-1])) == [second, *rest]

    assert reads == [second, first]


def test_what_is_too_much_to_hold_is_read_for_each(log, append, reads, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 0}
    first, *rest = [append("topic:a") for _ in range(250)]
    found = Replay(log)
    found.begin(rest[-1])

    for _ in range(2):
        connection = Connection(requested_topics=["topic:a"])
        assert cursors(found.missed(connection, first, rest[-1])) == rest

    # Once to find that out.
    assert reads == [first] * 3


def test_a_long_past_comes_in_pieces(log, append):
    first, *rest = [append("topic:a") for _ in range(250)]
    found = Replay(log)
    found.begin(rest[-1])

    pieces = list(
        found.missed(Connection(requested_topics=["topic:a"]), first, rest[-1])
    )

    assert [len(batch.frames) for batch in pieces] == [100, 100, 49]
    assert len(pieces[0].frames) == replay.REPLAY_BATCH_FRAMES


def test_a_place_that_the_log_has_lost_is_a_gap(log, append):
    newest = append("topic:a")
    found = Replay(log)
    found.begin(newest)

    with pytest.raises(LogGap):
        list(
            found.missed(Connection(requested_topics=["topic:a"]), Cursor(1, 0), newest)
        )


def test_a_cursor_is_found_in_memory_without_redis(log, append, link):
    newest = append("topic:a")
    found = Replay(log)
    found.begin(newest)
    link.cut()

    assert found.find(str(newest)) == newest
    with pytest.raises(LogUnavailable):
        found.find("1-1")


def test_what_is_no_cursor_is_not_found(log, append):
    found = Replay(log)
    found.begin(append("topic:a"))

    assert found.find("x") is None
    assert found.find("1-1") is None


def test_changes_of_a_person_are_found_further_back_too(log, append):
    first = append("topic:a")
    entry = entries.FollowEntry(uid="1", user="7", topic="topic:a", level="follow")
    log.append_controls([(entry.uid, entries.encode(entry), "7")])
    newest = append("topic:a")
    found = Replay(log)
    found.begin(newest)

    assert [each for _, each in found.controls("7", first, newest)] == [entry]
    assert found.controls("8", first, newest) == []
