"""The log takes a person's count only if none came after it was counted."""

import pytest

from notifications.protocol.cursor import Cursor


def bodies(log, start):
    return [record.body for record in log.read(start, until=log.position())]


def append(log, user, body, *, counted_at):
    [taken] = log.append_counts([(user, body)], counted_at=counted_at)
    return taken


def test_count_is_appended(log):
    start = log.position()

    assert append(log, "7", b"1", counted_at=start)

    assert bodies(log, start) == [b"1"]


def test_count_from_before_another_one_is_refused(log):
    start = log.position()
    append(log, "7", b"new", counted_at=start)

    assert not append(log, "7", b"old", counted_at=start)

    assert bodies(log, start) == [b"new"]


def test_count_from_after_another_one_is_appended(log):
    start = log.position()
    append(log, "7", b"1", counted_at=start)

    assert append(log, "7", b"2", counted_at=log.position())

    assert bodies(log, start) == [b"1", b"2"]


def test_counts_of_other_people_and_other_entries_do_not_matter(log):
    start = log.position()
    append(log, "7", b"1", counted_at=start)
    log.append([("uid", b"event")])

    assert append(log, "8", b"2", counted_at=start)


def test_each_count_is_taken_or_refused(log):
    start = log.position()
    append(log, "7", b"new", counted_at=start)

    taken = log.append_counts([("7", b"old"), ("8", b"1")], counted_at=start)

    assert taken == [False, True]
    assert bodies(log, start) == [b"new", b"1"]


@pytest.mark.parametrize(
    "counted_at",
    [Cursor(9, 2**64 - 1), Cursor(2**63, 0), Cursor(2**63 - 1, 2**64 - 1)],
    ids=["fewer digits", "more milliseconds", "greater sequence"],
)
def test_cursors_are_compared_as_numbers(log, counted_at):
    newest = log.position()
    append(log, "7", b"1", counted_at=newest)

    taken = append(log, "7", b"2", counted_at=counted_at)

    assert taken == (counted_at > newest)
