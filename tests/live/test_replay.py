import pytest

from notifications.exceptions import LogGap, LogUnavailable
from notifications.live import replay
from notifications.live.connection import Connection
from notifications.live.replay import Replay
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor


def cursors(batches):
    return [frame.cursor for batch in batches for frame in batch.frames]


def test_older_entries_are_read_once_for_all_connections(log, append, reads):
    first, *rest = [append("topic:a") for _ in range(5)]
    buffer = Replay(log)
    buffer.begin(rest[-1])

    for _ in range(3):
        connection = Connection(requested_topics=["topic:a"])
        assert cursors(buffer.missed(connection, first, rest[-1])) == rest

    assert reads == [first]


def test_older_cursor_reads_only_the_lacking_entries(log, append, reads):
    first, second, *rest = [append("topic:a") for _ in range(5)]
    buffer = Replay(log)
    buffer.begin(rest[-1])
    connection = Connection(requested_topics=["topic:a"])
    list(buffer.missed(connection, second, rest[-1]))

    assert cursors(buffer.missed(connection, first, rest[-1])) == [second, *rest]

    assert reads == [second, first]


def test_too_many_entries_are_read_for_each_connection(log, append, reads, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 0}
    first, *rest = [append("topic:a") for _ in range(250)]
    buffer = Replay(log)
    buffer.begin(rest[-1])

    for _ in range(2):
        connection = Connection(requested_topics=["topic:a"])
        assert cursors(buffer.missed(connection, first, rest[-1])) == rest

    # The first client reads twice: once to find out that they are too many.
    assert reads == [first] * 3


def test_long_replay_comes_in_batches(log, append):
    first, *rest = [append("topic:a") for _ in range(250)]
    buffer = Replay(log)
    buffer.begin(rest[-1])

    batches = list(
        buffer.missed(Connection(requested_topics=["topic:a"]), first, rest[-1])
    )

    assert [len(batch.frames) for batch in batches] == [100, 100, 49]
    assert len(batches[0].frames) == replay.REPLAY_BATCH_FRAMES


def test_trimmed_cursor_is_a_gap(log, append):
    newest = append("topic:a")
    buffer = Replay(log)
    buffer.begin(newest)
    connection = Connection(requested_topics=["topic:a"])

    with pytest.raises(LogGap):
        list(buffer.missed(connection, Cursor(1, 0), newest))


def test_cursor_in_memory_is_found_without_redis(log, append, link):
    newest = append("topic:a")
    buffer = Replay(log)
    buffer.begin(newest)
    link.cut()

    assert buffer.find(str(newest)) == newest
    with pytest.raises(LogUnavailable):
        buffer.find("1-1")


def test_invalid_cursor_is_not_found(log, append):
    buffer = Replay(log)
    buffer.begin(append("topic:a"))

    assert buffer.find("x") is None
    assert buffer.find("1-1") is None


def test_older_control_entries_of_a_person_are_found(log, append):
    first = append("topic:a")
    entry = entries.FollowEntry(uid="1", user="7", topic="topic:a", level="follow")
    log.append_controls([(entry.uid, entries.encode(entry), "7")])
    newest = append("topic:a")
    buffer = Replay(log)
    buffer.begin(newest)

    assert [each for _, each in buffer.controls("7", first, newest)] == [entry]
    assert buffer.controls("8", first, newest) == []
