"""Unseen counts after a retraction: what is taken off, and when they are unknown."""

import json

from notifications.live.connection import Connection
from notifications.live.missed_counts import count_from
from notifications.live.subscriber import Subscriber
from notifications.protocol import entries, sse
from notifications.protocol.subscriptions import Subscriptions
from tests.live.helpers import append_entry, attach, taken, unseen

TEA = "topic:tea"
FOLLOWS_TEA = Subscriptions.of([(TEA, "follow", 0)])


def bell(hub, count, **options):
    connection, opening = attach(
        hub,
        user="7",
        subscriptions=FOLLOWS_TEA,
        unseen_count=count,
        **{"after": hub.position, **options},
    )
    return connection, [sse.decode(each.body) for each in opening]


def test_event_that_the_hub_counted_is_taken_off(hub, append, retract, settled):
    settled()
    connection, _ = bell(hub, 3)
    event = append(TEA)

    cursor = retract(event, TEA)

    settled()
    found = taken(connection)
    assert unseen(found) == [4, 3]
    assert found[-1].event_id == str(cursor)


def data_of(frames):
    return [json.loads(each.data) for each in frames if each.event == sse.COUNT]


def test_counts_name_the_rows_that_come_and_go(hub, append, retract, settled):
    settled()
    connection, _ = bell(hub, 3)
    event = append(TEA, row="a")
    append(TEA, row="b")

    retract(event, TEA, row="a")

    settled()
    *added, last = data_of(taken(connection))
    assert [row for each in added for row in each["more"]] == ["a", "b"]
    assert last == {"unseen": 4, "less": ["a"]}


def test_missed_events_are_counted_with_their_rows(hub, append, settled):
    start = append(TEA, row="a")
    append(TEA, row="b")
    append(TEA, row="b")
    settled()

    _, opening = bell(hub, 1, after=start)

    assert data_of(opening) == [{"unseen": 3, "more": ["b", "b"]}]


def test_new_count_has_the_rows_of_all_events(hub, log, append, settled):
    settled()
    connection, _ = bell(hub, 5)
    as_of = append(TEA, row="a")
    append(TEA, row="c")
    append_entry(
        log,
        entries.CountEntry(
            uid="c", user="7", unseen_count=2, as_of=str(as_of), rows=("a", "b")
        ),
    )

    settled()
    assert data_of(taken(connection))[-1] == {"unseen": 3, "rows": ["c", "a", "b"]}


def test_new_count_includes_what_a_client_ahead_of_the_hub_has(hub, append, settled):
    as_of = append(TEA)
    event = append(TEA, row="a")
    settled()
    connection = Connection(
        Subscriber(user="7"), subscriptions=FOLLOWS_TEA, unseen_count=1
    )
    connection.skip_until = event
    entry = entries.CountEntry(uid="c", user="7", unseen_count=0, as_of=str(as_of))

    count = count_from(entry, hub._replay, connection, hub.position)

    assert (count.unseen, count.rows) == (1, ("a",))


def test_event_that_the_page_may_have_counted_makes_the_count_unknown(
    hub, append, retract, settled
):
    event = append(TEA)
    settled()
    connection, _ = bell(hub, 3)

    retract(event, TEA)
    append(TEA)

    settled()
    found = taken(connection)
    assert [each.event for each in found] == ["retracted", "count", "tick"]
    assert unseen(found) == [None]


def test_count_of_zero_stays(hub, append, retract, settled):
    event = append(TEA)
    settled()
    connection, _ = bell(hub, 0)

    retract(event, TEA)
    append(TEA)

    settled()
    assert unseen(taken(connection)) == [1]


def test_count_at_its_limit_is_unknown(hub, append, retract, settled):
    settled()
    connection, _ = bell(hub, 99)
    event = append(TEA)

    retract(event, TEA)

    settled()
    assert unseen(taken(connection)) == [100, None]


def test_requested_topic_does_not_change_the_count(hub, append, retract, settled):
    settled()
    connection, _ = attach(
        hub, user="7", requested_topics=[TEA], unseen_count=3, after=hub.position
    )
    event = append(TEA)

    retract(event, TEA)

    settled()
    found = taken(connection)
    assert [each.event for each in found] == ["tick", "retracted"]


def test_new_count_is_the_base_for_later_retractions(
    hub, log, append, retract, settled
):
    settled()
    connection, _ = bell(hub, 3)
    event, other = append(TEA), append(TEA)
    append_entry(
        log,
        entries.CountEntry(uid="c", user="7", unseen_count=1, as_of=str(other)),
    )
    later = append(TEA)

    retract(later, TEA)
    retract(event, TEA)

    settled()
    assert unseen(taken(connection))[-4:] == [1, 2, 1, None]


def test_count_of_the_missed_events_leaves_out_retracted_ones(
    hub, append, retract, settled
):
    start = append(TEA)
    append(TEA)
    event = append(TEA)
    retract(event, TEA)
    settled()

    connection, opening = bell(hub, 2, after=start)

    assert unseen(opening) == [3]
    assert connection.unseen_count == 3


def test_count_is_unknown_after_a_missed_retraction_of_an_older_event(
    hub, append, retract, settled
):
    event = append(TEA)
    start = append(TEA)
    retract(event, TEA)
    settled()

    _, opening = bell(hub, 2, after=start)

    assert unseen(opening) == [None]


def test_new_count_leaves_out_events_that_were_retracted_meanwhile(
    hub, log, append, retract, settled
):
    settled()
    connection, _ = bell(hub, 0)
    as_of = append(TEA)
    event = append(TEA)
    retract(event, TEA)

    append_entry(
        log, entries.CountEntry(uid="c", user="7", unseen_count=1, as_of=str(as_of))
    )

    settled()
    assert unseen(taken(connection))[-1] == 1
