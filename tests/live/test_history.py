import pytest

from notifications.live.history import Decoded, History
from notifications.live.outlines import digests
from notifications.live.segments import ENTRY_BYTES, SEGMENT_ENTRIES, Segment
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EndEntry, FollowEntry
from notifications.protocol.frames import Frame

START = Cursor(100, 0)
LIMITS = {"limit_bytes": 10**9, "limit_entries": 10_000}


def at(number):
    """Return the cursor of the entry with this number, which is at least 1."""
    return Cursor(100 + number, 0)


def event(number, *topics):
    return Frame(at(number), b"x", topics or ("topic:a",))


def numbers(frames):
    return [frame.cursor.milliseconds - 100 for frame in frames]


def fill(history, entries, *, size=10):
    """Add an event for each number; return the history."""
    for number in entries:
        history.add(at(number), event(number), size)
    return history


@pytest.fixture
def history():
    return History(START, **LIMITS)


# One segment.


def test_segment_has_its_entries_and_no_others():
    segment = Segment(START)
    segment.add(at(1), event(1), 10)
    segment.add(at(3), None, 10)

    assert [segment.has(at(number)) for number in range(5)] == [
        False, True, False, True, False,
    ]  # fmt: skip


def test_segment_adds_a_constant_to_the_size_of_each_entry():
    segment = Segment(START)

    segment.add(at(1), event(1), 10)
    segment.add(at(2), None, 20)

    assert segment.bytes == 30 + 2 * ENTRY_BYTES


# Which entries it has.


def test_new_history_has_only_its_floor(history):
    assert history.floor == START
    assert history.has(START)
    assert not history.has(at(1))
    assert not history.has(Cursor(99, 0))


def test_history_has_each_entry_of_each_segment(history):
    count = 3 * SEGMENT_ENTRIES + 5

    fill(history, range(2, 2 * count, 2))

    assert all(history.has(at(number)) for number in range(2, 2 * count, 2))
    assert not any(history.has(at(number)) for number in range(1, 2 * count, 2))


# The frames for selectors.


def test_event_is_found_by_its_topic_and_by_the_wildcard(history):
    history.add(at(1), event(1, "topic:a"), 10)
    history.add(at(2), event(2, "topic:b"), 10)
    history.add(at(3), event(3, "user:a"), 10)

    assert numbers(history.frames_for(["topic:a"], START, at(3))) == [1]
    assert numbers(history.frames_for(["topic:*"], START, at(3))) == [1, 2]
    assert numbers(history.frames_for(["topic:a", "user:*"], START, at(3))) == [1, 3]
    assert history.frames_for(["topic:c", "question:*"], START, at(3)) == []
    assert history.frames_for([], START, at(3)) == []


def test_event_that_several_selectors_match_is_returned_once_and_in_order(history):
    history.add(at(1), event(1, "topic:b", "topic:a"), 10)
    history.add(at(2), event(2, "topic:a"), 10)
    history.add(at(3), event(3, "topic:a", "topic:b"), 10)

    found = history.frames_for(["topic:b", "topic:*", "topic:a"], START, at(3))

    assert numbers(found) == [1, 2, 3]


def test_frames_after_one_cursor_and_up_to_another_are_returned(history):
    fill(history, range(1, 3 * SEGMENT_ENTRIES))
    last = 2 * SEGMENT_ENTRIES + 3

    found = history.frames_for(["topic:a"], at(SEGMENT_ENTRIES - 2), at(last))

    assert numbers(found) == list(range(SEGMENT_ENTRIES - 1, last + 1))


@pytest.mark.parametrize("edge", [0, SEGMENT_ENTRIES, 2 * SEGMENT_ENTRIES])
def test_no_frame_lies_between_a_cursor_and_itself(history, edge):
    fill(history, range(1, 3 * SEGMENT_ENTRIES))

    assert history.frames_for(["topic:a"], at(edge), at(edge)) == []


def test_entries_that_are_not_events_are_skipped(history):
    history.add(at(1), event(1), 10)
    history.add(at(2), None, 10)
    history.add(at(3), FollowEntry(uid="3", user="7", topic="topic:a"), 10)
    history.add(at(4), event(4), 10)

    assert numbers(history.frames_for(["topic:a"], START, at(4))) == [1, 4]
    assert numbers(history.frames_for(["topic:a"], at(3), at(4))) == [4]


# The control entries of a person.


def test_control_entries_are_found_by_person_in_order(history):
    follow = FollowEntry(uid="1", user="7", topic="topic:a", level="follow")
    other = FollowEntry(uid="2", user="8", topic="topic:a", level="follow")
    end = EndEntry(uid="3", user="7", reason="signed_out")
    history.add(at(1), follow, 10)
    history.add(at(2), other, 10)
    fill(history, range(3, 2 * SEGMENT_ENTRIES))
    history.add(at(2 * SEGMENT_ENTRIES), end, 10)
    newest = at(2 * SEGMENT_ENTRIES)

    assert history.controls("7", START, newest) == [(at(1), follow), (newest, end)]
    assert history.controls("8", START, newest) == [(at(2), other)]
    assert history.controls("9", START, newest) == []


def test_control_entries_after_one_cursor_and_up_to_another_are_returned(history):
    for number in range(1, 6):
        entry = FollowEntry(uid=str(number), user="7", topic="topic:a")
        history.add(at(number), entry, 10)

    found = history.controls("7", at(2), at(4))

    assert [entry.uid for _, entry in found] == ["3", "4"]


# Dropping the oldest segments.


def test_oldest_entries_are_dropped_when_there_are_too_many():
    history = History(START, limit_bytes=10**9, limit_entries=2 * SEGMENT_ENTRIES)

    fill(history, range(1, 10 * SEGMENT_ENTRIES + 1))

    kept = [n for n in range(1, 10 * SEGMENT_ENTRIES + 1) if history.has(at(n))]
    assert 2 * SEGMENT_ENTRIES <= len(kept) <= 3 * SEGMENT_ENTRIES + 1
    assert kept[-1] == 10 * SEGMENT_ENTRIES


def test_oldest_entries_are_dropped_when_they_are_too_large():
    size = 10_000
    limit = 5 * SEGMENT_ENTRIES * size
    history = History(START, limit_bytes=limit, limit_entries=10_000)

    fill(history, range(1, 2_001), size=size)

    kept = [n for n in range(1, 2_001) if history.has(at(n))]
    assert 3 * SEGMENT_ENTRIES <= len(kept) <= 5 * SEGMENT_ENTRIES
    assert kept[-1] == 2_000


def test_entries_are_dropped_by_whole_segments():
    history = History(START, limit_bytes=0, limit_entries=0)

    fill(history, range(1, 2 * SEGMENT_ENTRIES + 2))

    floor = history.floor
    assert floor == at(2 * SEGMENT_ENTRIES)
    assert not history.has(START)
    assert numbers(history.frames_for(["topic:a"], floor, at(10_000))) == [
        2 * SEGMENT_ENTRIES + 1
    ]


# Prepending older entries.


def older(entries, *, size=10):
    """Return entries with these numbers, as `prepend` takes them."""
    return [Decoded(at(number), event(number), size) for number in entries]


def outlined(history, *selectors, after=START):
    """Return the numbers of the entries that outlines have for these selectors."""
    outlines = history.outlines_from(after)
    found = [each.find(digests(selectors)) for each in outlines]
    return [cursor.milliseconds - 100 for cursors in found for cursor in cursors]


def test_prepended_entries_are_found():
    history = fill(History(at(250), **LIMITS), range(251, 260))

    history.prepend(at(150), older(range(151, 251)))
    history.prepend(at(50), older(range(51, 151)))

    assert history.floor == history.outline_floor == at(50)
    assert all(history.has(at(number)) for number in range(50, 260))
    found = history.frames_for(["topic:a"], at(50), at(300))
    assert numbers(found) == list(range(51, 260))
    assert not history.is_full()


def test_older_entries_that_do_not_fit_are_outlined():
    history = History(at(250), limit_bytes=10**9, limit_entries=100)
    fill(history, [251])

    history.prepend(at(150), older(range(151, 251)))
    history.prepend(at(50), older(range(51, 151)))

    assert history.is_full()
    assert history.floor == at(150)
    assert history.outline_floor == at(50)
    assert not history.has(at(100))
    assert outlined(history, "topic:a") == list(range(51, 151))
    assert outlined(history, "topic:b") == []


def test_entries_that_are_dropped_are_outlined():
    history = History(START, limit_bytes=0, limit_entries=10_000)

    fill(history, range(1, 3 * SEGMENT_ENTRIES + 2))

    assert history.floor == at(3 * SEGMENT_ENTRIES)
    assert history.outline_floor == START
    everything = list(range(1, 3 * SEGMENT_ENTRIES + 1))
    assert outlined(history, "topic:a") == everything
    assert outlined(history, "topic:*", after=at(SEGMENT_ENTRIES)) == everything[100:]


def test_outlines_are_dropped_like_the_entries_of_the_log():
    history = History(START, limit_bytes=0, limit_entries=2 * SEGMENT_ENTRIES)
    assert history.may_extend()

    fill(history, range(1, 20 * SEGMENT_ENTRIES + 1))

    covered = (history.floor.milliseconds - history.outline_floor.milliseconds) // 100
    assert 2 <= covered <= 4
    assert history.floor == at(19 * SEGMENT_ENTRIES)


def test_history_that_covers_the_whole_log_is_not_extended():
    history = History(at(1_000), limit_bytes=0, limit_entries=100)
    start = 1_000
    while history.may_extend():
        history.prepend(at(start - 100), older(range(start - 99, start + 1)))
        start -= 100

    assert history.outline_floor == at(start)
    assert start == 600


def test_prepended_entries_are_dropped_first():
    history = History(at(250), limit_bytes=10**9, limit_entries=300)
    history.prepend(at(200), older(range(201, 251)))

    fill(history, range(251, 800))

    assert history.floor > at(250)
    assert history.has(at(799))
    assert outlined(history, "topic:a")[0] >= 201
