"""Mutes for a time: what inboxes and streams leave out, and what muting again does."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from notifications.live.connection import Connection
from notifications.live.routing import RoutingTable
from notifications.live.subscriber import Subscriber
from notifications.models import Follow, follows, level_of
from notifications.models.followed import FollowRow
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import FollowEntry
from notifications.protocol.frames import Frame
from notifications.protocol.subscriptions import Subscriptions

MILK = "topic:milk"
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch):
    """The clock of follows: a list with the current time."""
    times = [follows.now()]
    monkeypatch.setattr(follows, "now", lambda: times[0])
    return times


def mute(user, end):
    return Follow.objects.set_level(user, MILK, "mute", until=end)


def test_open_stream_leaves_out_what_is_sent_during_a_mute():
    connection = Connection(
        Subscriber(user="1"), subscriptions=Subscriptions.of([(MILK, "follow", 0)])
    )
    routing = RoutingTable()
    routing.add(connection)
    entry = FollowEntry(
        uid="1", user="1", topic=MILK, level="follow", muted_from=5, muted_until=9
    )
    frames = [Frame(Cursor(at, 0), b"%d" % at, (MILK,)) for at in (4, 5, 8, 9)]

    routing.change(connection, entry, Cursor(5, 0))

    [(batch, _)] = routing.fan_outs(frames)
    assert [frame.cursor.milliseconds for frame in batch.frames] == [4, 9]


def test_mute_of_what_is_not_followed_leaves_nothing(maja):
    follow = mute(maja, follows.now() + HOUR)
    assert level_of(FollowRow.of(follow)) == "mute"

    follow.muted_until = follows.now()

    assert level_of(FollowRow.of(follow)) == "none"


def test_muting_again_keeps_what_was_followed_before(maja, clock):
    followed = Follow.objects.set_level(maja, MILK, "follow")
    first = mute(maja, clock[0] + HOUR)
    clock[0] += 3 * HOUR

    second = mute(maja, clock[0] + HOUR)

    assert first.muted_until < second.muted_from
    assert second.created == followed.created
    assert (second.muted_from, second.muted_until) == (clock[0], clock[0] + HOUR)


def test_mute_is_made_longer_from_its_beginning_on(maja, clock):
    first = mute(maja, clock[0] + HOUR)
    clock[0] += HOUR / 2

    second = mute(maja, clock[0] + 24 * HOUR)

    assert second.muted_from == first.muted_from
    assert second.muted_until == clock[0] + 24 * HOUR


def test_following_ends_a_mute_at_once(maja, clock):
    Follow.objects.set_level(maja, MILK, "watch")
    mute(maja, clock[0] + HOUR)
    clock[0] += HOUR / 2

    follow = Follow.objects.set_level(maja, MILK, "watch")

    assert (follow.level, follow.muted_until) == ("watch", clock[0])


def test_automatic_follow_replaces_a_mute_that_has_ended(maja, clock):
    mute(maja, clock[0] + HOUR)
    kept = Follow.objects.set_level(maja, MILK, "follow", keep=True)
    assert kept.level == "mute"
    clock[0] += 2 * HOUR

    follow = Follow.objects.set_level(maja, MILK, "follow", keep=True)

    assert (follow.level, follow.created) == ("follow", clock[0])


@pytest.mark.parametrize(("level", "hours"), [("mute", -1), ("follow", 1)])
def test_invalid_end_is_refused(maja, level, hours):
    end = timezone.now() + hours * HOUR

    with pytest.raises(ValidationError):
        Follow.objects.set_level(maja, MILK, level, until=end)

    assert not Follow.objects.exists()
