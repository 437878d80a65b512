import pytest

from notifications.exceptions import LogGap, LogUnavailable
from notifications.live import replay, shared_pages
from notifications.live.connection import Connection
from notifications.live.older_entries import OlderEntries
from notifications.live.replay import Replay
from notifications.live.subscriber import Subscriber
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor
from tests.live.helpers import append_many, begun, replayed_cursors


def test_older_entries_are_read_once_for_all_connections(log, append, reads):
    first, *rest = [append("topic:a") for _ in range(5)]
    buffer = Replay(log)
    buffer.begin(rest[-1])

    for _ in range(3):
        connection = Connection(requested_topics=["topic:a"])
        assert replayed_cursors(buffer.missed(connection, first, rest[-1])) == rest

    assert reads == [rest[-1]]


def test_older_cursor_reads_only_the_lacking_entries(log, reads):
    several = append_many(log, 350, "topic:a")
    buffer = Replay(log)
    buffer.begin(several[-1])
    connection = Connection(requested_topics=["topic:a"])
    list(buffer.missed(connection, several[200], several[-1]))

    missed = buffer.missed(connection, several[99], several[-1])

    assert replayed_cursors(missed) == several[100:]
    assert reads == [several[349], several[249], several[149]]


def test_long_replay_comes_in_batches(log, append):
    first, *rest = [append("topic:a") for _ in range(250)]
    buffer = Replay(log)
    buffer.begin(rest[-1])

    batches = list(
        buffer.missed(Connection(requested_topics=["topic:a"]), first, rest[-1])
    )

    assert [len(batch.frames) for batch in batches] == [100, 100, 49]
    assert len(batches[0].frames) == replay.REPLAY_BATCH_FRAMES


def test_anonymous_clients_share_the_pages_of_what_they_request(log):
    first, *rest = append_many(log, 5, "topic:a", "topic:b")
    buffer, connection = begun(log, rest[-1])
    others = [
        Connection(requested_topics=["topic:a"]),
        Connection(requested_topics=["topic:b"]),
        Connection(Subscriber(user="7"), requested_topics=["topic:a"]),
    ]

    [page] = buffer.missed(connection, first, rest[-1])
    pages = [page for each in others for page in buffer.missed(each, first, rest[-1])]

    assert [each is page for each in pages] == [True, False, False]
    assert [replayed_cursors([each]) for each in pages] == [rest] * 3


def test_later_retraction_is_not_in_a_shared_page(log, append, retract):
    first, gone, last = [append("topic:a") for _ in range(3)]
    buffer, connection = begun(log, last)
    assert replayed_cursors(buffer.missed(connection, first, last)) == [gone, last]
    retraction = retract(gone, "topic:a")
    [record] = log.read(last, until=retraction)
    buffer.add(record, buffer.decode(record))

    missed = buffer.missed(connection, first, retraction)

    assert replayed_cursors(missed) == [last, retraction]


def test_only_so_many_pages_are_shared(log, monkeypatch):
    monkeypatch.setattr(shared_pages, "MAX_PAGES", 2)
    several = append_many(log, 6, "topic:a")
    buffer, connection = begun(log, several[-1])

    for after in several[:-1]:
        list(buffer.missed(connection, after, several[-1]))

    assert len(buffer._shared_pages._pages) <= 2


@pytest.mark.parametrize(("free", "turns"), [(3, 0), (2, 1), (1, 2)])
def test_pages_from_memory_take_turns_after_the_first(
    log, append, monkeypatch, free, turns
):
    monkeypatch.setattr(replay, "FREE_PAGES", free)
    taken, turn = [], OlderEntries.turn
    monkeypatch.setattr(
        OlderEntries, "turn", lambda *arguments: taken.append(1) or turn(*arguments)
    )
    first, *rest = append_many(log, 250, "topic:a")
    buffer, connection = begun(log, rest[-1])

    assert replayed_cursors(buffer.missed(connection, first, rest[-1])) == rest

    assert len(taken) == turns


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
