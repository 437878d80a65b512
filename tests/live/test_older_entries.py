"""Replays of what memory does not have: found in the log by topic."""

import pytest

from notifications.exceptions import LogGap, LogUnavailable, ReplayTooLong
from notifications.live import older_entries
from notifications.live.older_entries import PAGE_BYTES
from tests.live.helpers import append_many, begun, replayed_cursors


@pytest.fixture
def no_memory(settings):
    """Keep hardly any entries in memory."""
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REPLAY_BUFFER_BYTES": 0}


def test_entries_beyond_memory_are_replayed_in_order(log, no_memory, reads):
    first, *rest = append_many(log, 250, "topic:a")
    buffer, connection = begun(log, rest[-1])

    found = [
        replayed_cursors(buffer.missed(connection, first, rest[-1])) for _ in range(3)
    ]

    assert found == [rest] * 3
    # One page for memory, and the others are outlined once for all clients.
    assert reads == [rest[-1], rest[-101]]


def test_only_wanted_entries_beyond_memory_are_read(log, no_memory, read_entries):
    first, *_ = append_many(log, 150, "topic:b")
    wanted = append_many(log, 1, "topic:a", "topic:c")
    *_, last = append_many(log, 150, "topic:b")
    buffer, connection = begun(log, last)

    assert replayed_cursors(buffer.missed(connection, first, last)) == wanted

    assert read_entries == [wanted]


def test_replay_beyond_memory_continues_in_memory(log, no_memory, append):
    first, *rest = append_many(log, 250, "topic:a")
    buffer, connection = begun(log, rest[0])
    for record in log.read(rest[0], until=rest[-1]):
        buffer.add(record, buffer.decode(record))

    assert replayed_cursors(buffer.missed(connection, first, rest[-1])) == rest
    assert replayed_cursors(buffer.missed(connection, rest[9], rest[-9])) == rest[10:-8]


def test_entry_that_was_retracted_beyond_memory_is_not_replayed(
    log, no_memory, append, retract
):
    first, gone, *rest = append_many(log, 150, "topic:a")
    retraction = retract(gone, "topic:a")
    buffer, connection = begun(log, retraction)

    missed = buffer.missed(connection, first, retraction)

    assert replayed_cursors(missed) == [*rest, retraction]


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

    assert replayed_cursors(buffer.missed(connection, later, rest[-1])) == rest
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

    assert replayed_cursors(buffer.missed(connection, first, rest[-1])) == rest
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

    assert replayed_cursors(batches) == rest
    assert max(len(each.body) for each in batches) < PAGE_BYTES + 10_000


def test_page_of_large_entries_beyond_memory_is_small(log, no_memory):
    first, *rest = append_many(log, 150, "topic:a", data=f'"{"x" * 8_000}"')
    buffer, connection = begun(log, rest[-1])

    batches = list(buffer.missed(connection, first, rest[-1]))

    assert replayed_cursors(batches) == rest
    assert max(len(each.body) for each in batches) < PAGE_BYTES + 10_000
