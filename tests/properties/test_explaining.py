"""The rule about which people an event notifies: all its implementations agree."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.inbox.explain import explain, explain_all
from notifications.inbox.recipients import count_recipients_of, recipients_of
from notifications.live.connection import Connection
from notifications.live.routing import RoutingTable
from notifications.live.subscriber import Subscriber
from notifications.models import (
    Delivery,
    Event,
    EventTopic,
    Follow,
    Inbox,
    Level,
    Preference,
)
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.protocol.entries import Record
from notifications.protocol.frames import encode
from notifications.protocol.topics import EVERYONE
from notifications.publishing.event_entries import encode_event
from notifications.streams.open_stream import subscriptions_of
from tests.properties.effort import patient, shared_fixtures
from tests.users import User

pytestmark = [patient, pytest.mark.django_db]

# Few of each, so that equal ones are drawn often. Hours count from START.
TOPICS = ["topic:a", "topic:b", "topic:c"]
TYPES = ["new_question", "new_answer"]
START = datetime(2020, 2, 2, tzinfo=UTC)

hours = st.integers(0, 6)
topics = st.sampled_from([*TOPICS, EVERYONE])
levels = st.sampled_from(Level.values)
people = st.fixed_dictionaries(
    {
        "joined": hours,
        "follows": st.dictionaries(topics, st.tuples(levels, hours)),
        # By topic: from when until when it is muted, if it is followed.
        "muted": st.dictionaries(topics, st.tuples(st.none() | hours, hours)),
        "wants": st.dictionaries(
            st.sampled_from(TYPES), st.sampled_from(Delivery.values)
        ),
    }
)
events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(TYPES),
        "created": hours,
        # Hours later; None while it is pending.
        "relayed": st.none() | st.integers(0, 3),
        "actor": st.none() | st.integers(0, 1),
        # By topic: when an earlier event notified its followers; None if none did.
        "topics": st.dictionaries(topics, st.none() | hours),
    }
)
relayed_events = events.filter(lambda each: each["relayed"] is not None)


@pytest.fixture
def users(maja, tobias):
    return [maja, tobias]


# Which people, by number, may not see which topics.
refusals = st.sets(st.tuples(st.integers(0, 1), st.sampled_from(TOPICS)), max_size=3)


@pytest.fixture(autouse=True)
def refused(settings):
    """Pairs of a user's key and a topic that they may not see; an example sets them."""
    refused = set()
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: (user.pk, topic) not in refused,
    }
    return refused


def refuse(refused, users, drawn):
    refused.clear()
    refused.update((users[number].pk, topic) for number, topic in drawn)


def at(hour):
    return START + timedelta(hours=hour)


def make_person(user, drawn):
    """Save a person's follows and preferences; open streams are not updated."""
    User.objects.filter(pk=user.pk).update(date_joined=at(drawn["joined"]))
    user.date_joined = at(drawn["joined"])
    Follow.objects.bulk_create(
        Follow(
            user=user,
            topic=topic,
            level=level,
            created=at(hour),
            **muted(*drawn["muted"].get(topic, (None, None))),
        )
        for topic, (level, hour) in drawn["follows"].items()
    )
    Preference.objects.bulk_create(
        Preference(user=user, type=name, delivery=delivery)
        for name, delivery in drawn["wants"].items()
    )


def muted(start, end):
    return {
        "muted_from": None if start is None else at(start),
        "muted_until": None if end is None else at(end),
    }


def make_event(users, drawn, number):
    event = Event(type=drawn["type"], created=at(drawn["created"]))
    if drawn["actor"] is not None:
        event.actor = users[drawn["actor"]]
    if drawn["relayed"] is not None:
        moment = at(drawn["created"] + drawn["relayed"])
        event.mark_relayed(Cursor(milliseconds(moment), number))
    else:
        moment = milliseconds(event.created)
        event.position = Cursor(moment, number).position
    event.save()
    EventTopic.objects.bulk_create(
        EventTopic(
            event=event,
            topic=topic,
            already_told=None if hour is None else at(hour),
            position=event.position,
        )
        for topic, hour in drawn["topics"].items()
    )
    return event


@shared_fixtures(60)
@example(
    people=(
        {
            "joined": 0,
            "follows": {"topic:b": ("watch", 0)},
            "muted": {"topic:b": (None, 1)},
            "wants": {},
        },
        {"joined": 0, "follows": {}, "muted": {}, "wants": {}},
    ),
    events=[
        {
            "type": "new_question",
            "created": 0,
            "relayed": None,
            "actor": None,
            "topics": {"topic:b": None, EVERYONE: None},
        }
    ],
    refusals={(0, "topic:b")},
)
@given(
    people=st.tuples(people, people),
    events=st.lists(events, min_size=1, max_size=4),
    refusals=refusals,
)
def test_explanations_agree_with_the_inbox(users, refused, people, events, refusals):
    refuse(refused, users, refusals)
    with transaction.atomic():
        for user, drawn in zip(users, people, strict=True):
            make_person(user, drawn)
        made = [make_event(users, drawn, number) for number, drawn in enumerate(events)]

        for user in users:
            mine = Inbox(user)
            inbox = keys(mine.events())
            live = keys(mine.events(live=True))
            unread = keys(mine.unread(mine.events()))
            unseen = keys(mine.unseen())
            for event in made:
                found = explain(event, user)
                assert found.in_inbox == (event.pk in inbox)
                assert found.live == (event.pk in live)
                assert (found.in_inbox and not found.read) == (event.pk in unread)
                assert (found.live and not found.seen) == (event.pk in unseen)
                # The database cannot ask AUTHORIZE.
                if not refused:
                    assert found.in_inbox == (user in recipients_of(event))
        for event in made:
            in_inbox = [each.in_inbox for each in explain_all(event, users)]
            assert in_inbox == [explain(event, user).in_inbox for user in users]
        numbers = {event.pk: recipients_of(event).count() for event in made}
        assert count_recipients_of(made) == numbers
        transaction.set_rollback(True)


@shared_fixtures(60)
@given(people, st.lists(relayed_events, min_size=1, max_size=4), refusals)
def test_streams_send_what_the_database_counts_as_live(
    users, refused, person, events, refusals
):
    refuse(refused, users, refusals)
    user = users[0]
    with transaction.atomic():
        # Streams do not check when an account was created: it is older than the events.
        make_person(user, {**person, "joined": 0})
        made = [make_event(users, drawn, number) for number, drawn in enumerate(events)]
        frames = [frame_of(event) for event in made]
        connection = Connection(
            Subscriber(str(user.pk)), subscriptions=subscriptions_of(user)
        )
        expected = {
            str(Cursor.from_position(each.position))
            for each in Inbox(user).events(live=True)
        }

        replayed = connection.missed(frames).frames
        assert cursors(replayed) == expected
        assert all(map(connection.counts_as_unseen, replayed))

        routing = RoutingTable()
        routing.add(connection)
        sent = [each for batch, _ in routing.fan_outs(frames) for each in batch.frames]
        # Events that are later than the person's follows, as live events are.
        since = max((hour for _, hour in person["follows"].values()), default=0)
        live = {each.cursor for each in made if each.relayed >= at(since)}
        assert cursors(sent) & live == expected & live
        transaction.set_rollback(True)


def frame_of(event):
    """Return the frame of an event, as it is read from the log."""
    cursor = Cursor.parse(event.cursor)
    entry = Record(cursor, encode_event(event)).decode()
    return encode(entry, cursor)


def cursors(frames):
    return {str(each.cursor) for each in frames}


def keys(found):
    """Return the keys of events of an inbox."""
    return {each.pk for each in found}
