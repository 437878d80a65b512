"""The newest part of the log in memory, compared with a list of all of it."""

from hypothesis import given
from hypothesis import strategies as st

from notifications.live.history import Decoded, History
from notifications.live.outlines import digests
from notifications.live.segments import ENTRY_BYTES, SEGMENT_ENTRIES
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import FollowEntry
from notifications.protocol.frames import Frame
from notifications.protocol.topics import wildcard
from tests.properties.effort import examples, patient

pytestmark = patient

TOPICS = ["topic:a", "topic:b", "user:1", "question:9"]
SELECTORS = [*TOPICS, "topic:*", "user:*", "tag:*"]
USERS = ["1", "2"]
LARGE = 20_000

gaps = st.integers(1, 3)
events = st.builds(lambda *topics: topics, *[st.sampled_from(TOPICS)] * 2)
# An event's topics, the person of a control entry, or an entry for nobody.
items = events | st.sampled_from(USERS) | st.none()
entries = st.tuples(gaps, items, st.sampled_from([0, 100, LARGE]))


@st.composite
def logs(draw):
    """Draw a log: some entries, repeated so often that there are several segments."""
    some = draw(st.lists(entries, min_size=1, max_size=12))
    times = draw(st.integers(1, 4 * SEGMENT_ENTRIES // len(some) + 1))
    log, number = [], 100
    for gap, item, size in some * times:
        number += gap
        log.append((Cursor(number, 0), made(item, number), size))
    return log


def made(item, number):
    if isinstance(item, str):
        return FollowEntry(uid=str(number), user=item, topic="topic:a")
    return item and Frame(Cursor(number, 0), b"", item)


limits = st.tuples(
    st.sampled_from([0, 100 * ENTRY_BYTES, LARGE * 100, 10**9]),
    st.sampled_from([0, 100, 250, 10_000]),
)


def finds(selectors, frame):
    topics = {*frame.topics, *map(wildcard, frame.topics)}
    return not topics.isdisjoint(selectors)


def assert_like(history, log, *, after, until, selectors):
    """Check that a history holds what it claims to hold of a log."""
    expected = [item for cursor, item, _ in log if after < cursor <= until]
    frames = [item for item in expected if isinstance(item, Frame)]
    found = history.frames_for(selectors, after, until)
    assert found == [frame for frame in frames if finds(selectors, frame)]
    for user in USERS:
        controls = [entry for _, entry in history.controls(user, after, until)]
        assert controls == [
            item
            for item in expected
            if isinstance(item, FollowEntry) and item.user == user
        ]


selections = st.sets(st.sampled_from(SELECTORS))
places = st.floats(0, 1)


def place(cursors, share):
    return cursors[round(share * (len(cursors) - 1))]


def prepend_all(history, log, cursor):
    """Extend a history back to a cursor, in the way of `Replay`."""
    while history.outline_floor > cursor and history.may_extend():
        floor = history.outline_floor
        *_, start = [cursor, *(each[0] for each in log if cursor < each[0] <= floor)][
            : -SEGMENT_ENTRIES or None
        ] or [cursor]
        history.prepend(
            start, [Decoded(*each) for each in log if start < each[0] <= floor]
        )


def assert_outlined(history, log, selectors):
    """Check that the outlines of a history have what it has dropped."""
    floor, end = history.outline_floor, history.floor
    outlines = history.outlines_from(floor)
    found = [cursor for each in outlines for cursor in each.find(digests(selectors))]
    assert found == [
        cursor
        for cursor, item, _ in log
        if floor < cursor <= end and isinstance(item, Frame) and finds(selectors, item)
    ]


@examples(150)
@given(log=logs(), limits=limits, selectors=selections, first=places, last=places)
def test_history_has_no_gap(log, limits, selectors, first, last):
    start = Cursor(100, 0)
    history = History(start, limit_bytes=limits[0], limit_entries=limits[1])

    for cursor, item, size in log:
        history.add(cursor, item, size)

    cursors = [start, *(cursor for cursor, *_ in log)]
    known = [cursor for cursor in cursors if history.has(cursor)]
    assert known == [cursor for cursor in cursors if cursor >= history.floor]
    assert history.floor in cursors
    assert len(known) <= limits[1] + SEGMENT_ENTRIES + 1
    after, until = sorted([place(known, first), place(known, last)])
    assert_like(history, log, after=after, until=until, selectors=selectors)
    assert_outlined(history, log, selectors)


@examples(150)
@given(
    log=logs(),
    limits=limits,
    selectors=selections,
    begun=places,
    reached=places,
    more=st.integers(0, 3 * SEGMENT_ENTRIES),
)
def test_backfilled_history_has_no_gap(log, limits, selectors, begun, reached, more):
    bounds = {"limit_bytes": limits[0], "limit_entries": limits[1]}
    cursors = [Cursor(100, 0), *(cursor for cursor, *_ in log)]
    floor = place(cursors, begun)
    cursor = min(place(cursors, reached), floor)
    history = History(floor, **bounds)
    later = [entry for entry in log if entry[0] > floor]
    for entry in later[:more]:
        history.add(*entry)

    # Then the log grows.
    prepend_all(history, log, cursor)
    assert history.outline_floor <= cursor or not history.may_extend()
    for entry in later[more:]:
        history.add(*entry)

    known = [cursor for cursor in cursors if history.has(cursor)]
    assert known == [cursor for cursor in cursors if cursor >= history.floor]
    assert_like(history, log, after=known[0], until=cursors[-1], selectors=selectors)
    assert_outlined(history, log, selectors)


@examples(150)
@given(log=logs(), selectors=selections, begun=places, retracted=places)
def test_retracted_frames_are_not_found(log, selectors, begun, retracted):
    cursors = [cursor for cursor, *_ in log]
    gone = place(cursors, retracted)
    end = Cursor(cursors[-1].milliseconds + 1, 0)
    log.append((end, Frame(end, b"", ("topic:a",), retracts=gone), 1))
    floor = place([Cursor(100, 0), *cursors], begun)
    bounds = {"limit_bytes": 10**9, "limit_entries": 10_000}
    history = History(floor, **bounds)

    for cursor, item, size in log:
        if cursor > floor:
            history.add(cursor, item, size)
    prepend_all(history, log, Cursor(100, 0))

    left = [each for each in log if each[0] != gone or isinstance(each[1], FollowEntry)]
    assert_like(history, left, after=Cursor(100, 0), until=end, selectors=selectors)
    assert history.has(gone)
