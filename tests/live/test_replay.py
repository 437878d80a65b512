import pytest

from notifications.exceptions import LogGap, LogUnavailable, ReplayTooLong
from notifications.live import older_entries, replay
from notifications.live.connection import Connection
from notifications.live.older_entries import PAGE_BYTES, OlderEntries
from notifications.live.replay import Replay
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor
from tests.live.helpers import append_many


@pytest.fixture
def no_memory(settings):
    """Keep hardly any entries in memory."""
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 0}


def begun(log, position):
    """Return a replay that begins at a position, and a connection that needs it."""
    buffer = Replay(log)
    buffer.begin(position)
    return buffer, Connection(requested_topics=["topic:a"])


def cursors(batches):
    return [frame.cursor for batch in batches for frame in batch.frames]


def test_older_entries_are_read_once_for_all_connections(log, append, reads):
    first, *rest = [append("topic:a") for _ in range(5)]
    buffer = Replay(log)
    buffer.begin(rest[-1])

    for _ in range(3):
        connection = Connection(requested_topics=["topic:a"])
        assert cursors(buffer.missed(connection, first, rest[-1])) == rest

    assert reads == [rest[-1]]


def test_older_cursor_reads_only_the_lacking_entries(log, reads):
    several = append_many(log, 350, "topic:a")
    buffer = Replay(log)
    buffer.begin(several[-1])
    connection = Connection(requested_topics=["topic:a"])
    list(buffer.missed(connection, several[200], several[-1]))

    missed = buffer.missed(connection, several[99], several[-1])

    assert cursors(missed) == several[100:]
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

    assert cursors(buffer.missed(connection, first, rest[-1])) == rest

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


# Beyond memory: entries are found in the log by their topics.


def test_entries_beyond_memory_are_replayed_in_order(log, no_memory, reads):
    first, *rest = append_many(log, 250, "topic:a")
    buffer, connection = begun(log, rest[-1])

    found = [cursors(buffer.missed(connection, first, rest[-1])) for _ in range(3)]

    assert found == [rest] * 3
    # One page for memory, and the others are outlined once for all clients.
    assert reads == [rest[-1], rest[-101]]


def test_only_wanted_entries_beyond_memory_are_read(log, no_memory, read_entries):
    first, *_ = append_many(log, 150, "topic:b")
    wanted = append_many(log, 1, "topic:a", "topic:c")
    *_, last = append_many(log, 150, "topic:b")
    buffer, connection = begun(log, last)

    assert cursors(buffer.missed(connection, first, last)) == wanted

    assert read_entries == [wanted]


def test_replay_beyond_memory_continues_in_memory(log, no_memory, append):
    first, *rest = append_many(log, 250, "topic:a")
    buffer, connection = begun(log, rest[0])
    for record in log.read(rest[0], until=rest[-1]):
        buffer.add(record, buffer.decode(record))

    assert cursors(buffer.missed(connection, first, rest[-1])) == rest
    assert cursors(buffer.missed(connection, rest[9], rest[-9])) == rest[10:-8]


def test_entry_that_was_retracted_beyond_memory_is_not_replayed(
    log, no_memory, append, retract
):
    first, gone, *rest = append_many(log, 150, "topic:a")
    retraction = retract(gone, "topic:a")
    buffer, connection = begun(log, retraction)

    missed = buffer.missed(connection, first, retraction)

    assert cursors(missed) == [*rest, retraction]


def test_wanted_entry_that_is_trimmed_during_the_replay_is_a_gap(
    log, no_memory, redis_client, settings
):
    first, *rest = append_many(log, 250, "topic:a")
    buffer, connection = begun(log, rest[-1])
    missed = buffer.missed(connection, first, rest[-1])
    next(missed)
    prefix = settings.NOTIFICATIONS["KEY_PREFIX"]
    redis_client.xdel(f"{{{prefix}}}:log", *map(str, rest[100:150]))

    with pytest.raises(LogGap):
        list(missed)


@pytest.mark.parametrize("memory", [0, 1_000_000])
def test_no_replay_passes_a_declared_gap(log, append, settings, memory):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": memory}
    first, *_ = append_many(log, 150, "topic:a")
    log.recovery().declare_gap("another")
    later, *rest = append_many(log, 150, "topic:a")
    buffer, connection = begun(log, rest[-1])

    assert cursors(buffer.missed(connection, later, rest[-1])) == rest
    with pytest.raises(LogGap):
        list(buffer.missed(connection, first, rest[-1]))


def test_replay_of_too_many_entries_is_refused_before_it_begins(
    log, no_memory, read_entries, monkeypatch
):
    monkeypatch.setattr(older_entries, "MAX_REPLAY_ENTRIES", 100)
    first, *rest = append_many(log, 250, "topic:a")
    buffer, connection = begun(log, rest[-1])

    with pytest.raises(ReplayTooLong):
        next(buffer.missed(connection, first, rest[-1]))

    assert read_entries == []


def test_entries_beyond_the_maximum_of_the_log_are_not_outlined(
    log, no_memory, settings
):
    first, *rest = append_many(log, 600, "topic:a")
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "LOG_MAX_ENTRIES": 100}
    buffer, connection = begun(log, rest[-1])

    with pytest.raises(ReplayTooLong):
        next(buffer.missed(connection, first, rest[-1]))


def test_outlines_that_are_dropped_meanwhile_are_replayed(log, no_memory, settings):
    first, *rest = append_many(log, 150, "topic:a")
    later = list(log.read(rest[-1], until=append_many(log, 250, "topic:b")[-1]))
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "LOG_MAX_ENTRIES": 100}
    buffer, connection = begun(log, rest[-1])

    class Lock:
        """A lock after which the hub reads on, once older entries are outlined."""

        def __enter__(self):
            self.outlined = buffer._history.outline_floor <= first

        def __exit__(self, *error):
            if self.outlined:
                while later:
                    record = later.pop(0)
                    buffer._history.add(record.cursor, buffer.decode(record), 1)

    buffer._lock = Lock()

    assert cursors(buffer.missed(connection, first, rest[-1])) == rest
    assert later == []
    assert buffer._history.outline_floor > first


def test_replay_stops_when_the_client_leaves(log, no_memory, read_entries, monkeypatch):
    first, *rest = append_many(log, 450, "topic:a")
    buffer, connection = begun(log, rest[-1])
    missed = buffer.missed(connection, first, rest[-1])
    next(missed)
    monkeypatch.setattr(type(connection.transport), "is_gone", lambda transport: True)

    with pytest.raises(LogUnavailable):
        next(missed)

    assert len(read_entries) == 1


def test_append_does_not_wait_for_a_replay(log, no_memory, append):
    first = append("topic:a")

    # As a read of the log that takes forever.
    with log.replays.command():
        assert append("topic:a") > first


def test_page_of_large_entries_is_small(log, append):
    large = "x" * 8_000
    first, *rest = [append("topic:a", data=f'"{large}"') for _ in range(20)]
    buffer, connection = begun(log, rest[-1])

    batches = list(buffer.missed(connection, first, rest[-1]))

    assert cursors(batches) == rest
    assert max(len(each.body) for each in batches) < PAGE_BYTES + 10_000


def test_page_of_large_entries_beyond_memory_is_small(log, no_memory):
    first, *rest = append_many(log, 150, "topic:a", data=f'"{"x" * 8_000}"')
    buffer, connection = begun(log, rest[-1])

    batches = list(buffer.missed(connection, first, rest[-1]))

    assert cursors(batches) == rest
    assert max(len(each.body) for each in batches) < PAGE_BYTES + 10_000
