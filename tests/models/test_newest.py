"""The newest rows of many keys, against sorting all rows in memory."""

import itertools
import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.models import Event, EventTopic
from notifications.models.newest import NewestRows, Range
from notifications.protocol.cursor import LARGEST_POSITION

pytestmark = pytest.mark.django_db

NEWEST = NewestRows(EventTopic, key="topic", value="event_id")


@pytest.fixture
def rows():
    """Topics of very different size, whose rows are spread over the positions."""
    random.seed(7)
    event = Event.objects.create(type="tick")
    sizes = {"topic:busy": 300, "topic:some": 40, "topic:old": 30, "topic:rare": 1}
    positions = itertools.count(1)
    found = [
        EventTopic(topic=topic, position=random.randrange(1_000) * 1_000)
        for topic, size in sizes.items()
        for _ in range(size)
    ]
    for row in found:
        # Each position is there once.
        row.position += next(positions)
        if row.topic == "topic:old":
            row.position //= 1_000
        row.event = Event(type="tick", position=row.position)
    Event.objects.bulk_create(row.event for row in found)
    EventTopic.objects.bulk_create(found)
    event.delete()
    return found


def newest(rows, ranges, limit):
    """Return the positions of the newest rows in these ranges, as `of_all` has to."""
    wanted = [
        row.position
        for row in rows
        if row.topic in ranges
        and ranges[row.topic].after < row.position < ranges[row.topic].before
    ]
    return sorted(wanted, reverse=True)[:limit]


@pytest.mark.parametrize("limit", [1, 7, 50, 350, 1_000])
@pytest.mark.parametrize(
    "topics",
    [
        ["topic:busy"],
        ["topic:rare", "topic:none"],
        ["topic:busy", "topic:some", "topic:old", "topic:rare"],
    ],
)
def test_newest_rows_of_all_keys_are_complete_and_sorted(rows, topics, limit):
    ranges = {topic: Range(0, LARGEST_POSITION) for topic in topics}

    found = NEWEST.of_all(ranges, limit=limit)

    expected = newest(rows, ranges, limit)
    assert [each.position for each in found][: len(expected)] == expected
    assert {each.key for each in found} <= {*topics}


def test_bounds_are_exclusive(rows):
    positions = sorted(row.position for row in rows if row.topic == "topic:some")
    ranges = {"topic:some": Range(positions[3], positions[-3])}

    found = NEWEST.of_all(ranges, limit=100)

    assert [each.position for each in found] == positions[4:-3][::-1]


def test_condition_leaves_rows_out(rows):
    EventTopic.objects.filter(topic="topic:some").update(already_told=timezone.now())
    topics = NewestRows(
        EventTopic, key="topic", value="event_id", condition="told IS NULL"
    )
    ranges = dict.fromkeys(["topic:some", "topic:rare"], Range(0, LARGEST_POSITION))

    assert {each.key for each in topics.of_all(ranges, limit=9)} == {"topic:rare"}


def test_no_keys_need_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert NEWEST.of_all({}, limit=5) == []
        assert NEWEST.of_each({}, limit=5) == []


def test_busy_key_is_not_read_whole(rows, django_assert_max_num_queries):
    ranges = dict.fromkeys(["topic:busy", "topic:rare"], Range(0, LARGEST_POSITION))

    with django_assert_max_num_queries(2):
        found = NEWEST.of_all(ranges, limit=10)

    assert len(found) < 20


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a plan of SQLite")
def test_statistics_do_not_make_sqlite_read_the_table_for_each_key(rows):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as captured:
            NEWEST.of_each({"topic:busy": Range(0, LARGEST_POSITION)}, limit=5)
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        plan = [step for *_, step in cursor.fetchall()]

    # The keys are read first, and each is searched for in the index.
    assert plan[0].startswith("SCAN k "), plan
