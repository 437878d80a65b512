from notifications.live.outlines import digests, outline
from notifications.live.segments import Segment
from notifications.protocol import entries, frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EventEntry, FollowEntry, Record, RetractEntry

FLOOR = Cursor(5, 0)


def record(number, *topics):
    entry = EventEntry(uid="u", type="tick", topics=topics, data="{}")
    return Record(Cursor(number, number), entries.encode(entry))


def found(outline, *selectors):
    return [each.milliseconds for each in outline.find(digests(selectors))]


def test_entries_are_found_by_topic_and_by_wildcard():
    several = [
        record(6, "topic:a"),
        record(7, "topic:b", "user:1"),
        record(9, "user:2"),
    ]

    outlined = outline(FLOOR, several)

    assert found(outlined, "topic:a") == [6]
    assert found(outlined, "user:*", "user:1") == [7, 9]
    assert found(outlined, "topic:*", "user:2") == [6, 7, 9]
    assert found(outlined, "topic:c", "tag:*") == []


def test_outline_has_the_extent_of_its_entries():
    several = [record(6, "topic:a"), record(9, "topic:a")]

    outlined = outline(FLOOR, several)

    assert (outlined.floor, outlined.end) == (FLOOR, Cursor(9, 9))
    assert outlined.find(digests(["topic:a"])) == [Cursor(6, 6), Cursor(9, 9)]
    assert outlined.entry_bytes == len(several[0].body)


def test_only_events_and_retractions_have_topics():
    retraction = RetractEntry(uid="u", event="e", type="tick", topics=("topic:a",))
    follow = FollowEntry(uid="u", user="7", topic="topic:a")
    encoded = [entries.encode(each) for each in (follow, retraction)]
    several = [
        Record(Cursor(number, 0), body)
        for number, body in enumerate([b"not JSON", *encoded], 6)
    ]

    assert found(outline(FLOOR, several), "topic:a") == [8]


def test_segment_has_the_outline_of_its_entries():
    several = [record(6, "topic:a", "topic:b"), record(7), record(8, "user:1")]
    segment = Segment(FLOOR)
    for each in several:
        item = frames.encode(each.decode(), each.cursor)
        segment.add(each.cursor, item, len(each.body))

    outlined = segment.outline()

    for selector in ("topic:a", "topic:*", "user:1", "user:*", "user:2"):
        assert found(outlined, selector) == found(outline(FLOOR, several), selector)
    assert outlined.end == Cursor(8, 8)
