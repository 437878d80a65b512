"""Retractions in the history that a process keeps in memory."""

from notifications.live.history import Decoded, History
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Frame

TEA = "topic:tea"


def frame(number, *topics, retracts=None):
    return Frame(Cursor(number, 0), b"x", topics, type="tick", retracts=retracts)


def test_memory_forgets_a_retracted_frame_but_not_its_cursor():
    history = History(Cursor(0, 0))
    for number in range(1, 4):
        history.add(Cursor(number, 0), frame(number, TEA), 1)

    retraction = frame(4, TEA, retracts=Cursor(2, 0))
    history.add(Cursor(4, 0), retraction, 1)

    found = history.frames_for([TEA], Cursor(0, 0), Cursor(9, 0))
    assert [each.cursor.milliseconds for each in found] == [1, 3, 4]
    assert history.has(Cursor(2, 0))


def test_memory_ignores_the_retraction_of_what_it_does_not_have():
    history = History(Cursor(5, 0))
    history.add(Cursor(6, 0), frame(6, TEA), 1)

    for retracts in (1, 5, 7, 9):
        history.add(
            Cursor(7 + retracts, 0),
            frame(7 + retracts, TEA, retracts=Cursor(retracts, 0)),
            1,
        )

    assert len(history.frames_for([TEA], Cursor(5, 0), Cursor(99, 0))) == 5


def test_older_entries_in_memory_are_retracted_by_newer_ones():
    history = History(Cursor(3, 0), limit_bytes=10_000, limit_entries=100)
    history.add(Cursor(4, 0), frame(4, TEA, retracts=Cursor(2, 0)), 1)

    history.prepend(
        Cursor(0, 0),
        [Decoded(Cursor(number, 0), frame(number, TEA), 1) for number in range(1, 4)],
    )

    found = history.frames_for([TEA], Cursor(0, 0), Cursor(9, 0))
    assert [each.cursor.milliseconds for each in found] == [1, 3, 4]
