"""Announcements: to everybody or to who follows a topic, in the inbox and live."""

from datetime import timedelta

import msgspec
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from notifications.exceptions import InvalidEventType, InvalidPayload, InvalidTopic
from notifications.inbox.announcements import ANNOUNCEMENT, announce, is_address, reach
from notifications.live.connection import Connection
from notifications.live.subscriber import Subscriber
from notifications.models import Event, Preference
from notifications.protocol.entries import EventEntry
from notifications.protocol.frames import encode
from notifications.protocol.topics import EVERYONE
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import follow
from notifications.streams.open_stream import subscriptions_of

pytestmark = pytest.mark.django_db(transaction=True)


def inbox(user):
    return list(Event.objects.inbox(user))


@pytest.fixture
def live(log):
    """A function that returns the types of what a person's stream gets."""
    start = log.position()

    def live(user):
        records = log.read(start, until=log.position())
        entries = [(each.decode(), each.cursor) for each in records]
        frames = [encode(*each) for each in entries if isinstance(each[0], EventEntry)]
        connection = Connection(
            Subscriber(str(user.pk)), subscriptions=subscriptions_of(user)
        )
        return [frame.type for frame in connection.missed(frames).frames]

    return live


def test_everybody_is_told_by_default(live, maja, tobias):
    event = announce("The site moves", "On Sunday.", "/news/")

    assert event.topics == [EVERYONE]
    assert event.payload == {
        "title": "The site moves",
        "text": "On Sunday.",
        "url": "/news/",
    }
    assert inbox(maja) == inbox(tobias) == [event]
    assert Event.objects.count_unseen(maja) == 1
    assert live(maja) == ["announcement"]


def test_who_made_an_account_later_is_not_told(maja):
    announce("The site moves")

    later = timezone.now() + timedelta(seconds=1)
    assert inbox(User.objects.create_user("later", date_joined=later)) == []


def test_only_those_who_follow_the_topic_are_told(maja, tobias):
    follow(maja, "topic:espresso")

    event = announce("A new grinder", topic="topic:espresso")

    assert inbox(maja) == [event]
    assert inbox(tobias) == []


def test_the_actor_is_not_told(maja, tobias):
    event = announce("The site moves", actor=maja)

    assert inbox(maja) == []
    assert inbox(tobias) == [event]


def test_each_stands_alone_in_the_inbox():
    first, second = announce("The site moves"), announce("The site moves")

    assert first.group != second.group


@pytest.mark.parametrize(("delivery", "told"), [("inbox", 1), ("off", 0)])
def test_preferences_hold_for_announcements(live, maja, delivery, told):
    Preference.objects.set(maja, "announcement", delivery)

    announce("The site moves")

    assert len(inbox(maja)) == told
    assert Event.objects.count_unseen(maja) == 0
    assert live(maja) == []


def test_an_announcement_has_its_longest(maja):
    event = announce("é" * 200, "ü" * 2_000, "https://example.org/" + "a" * 100)

    assert inbox(maja) == [event]


@pytest.mark.parametrize(
    "said",
    [
        {"title": ""},
        {"title": " "},
        {"title": "a" * 201},
        {"title": "a", "text": "a" * 2_001},
        {"title": "a", "url": "javascript:alert(1)"},
        {"title": "a", "url": "//example.org"},
    ],
)
def test_what_is_no_announcement_is_refused(said):
    with pytest.raises(InvalidPayload):
        announce(**said)

    assert not Event.objects.exists()


def test_what_is_no_topic_is_refused():
    with pytest.raises(InvalidTopic):
        announce("The site moves", topic="everybody")

    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("url", "can_be"),
    [
        ("", True),
        ("/", True),
        ("/news/?a=1#b", True),
        ("https://example.org/", True),
        ("http://example.org", True),
        ("//example.org", False),
        ("/\\example.org", False),
        ("/\t/example.org", False),
        ("/news\n", False),
        ("https://", False),
        ("news/", False),
        ("mailto:a@example.org", False),
    ],
)
def test_addresses(url, can_be):
    assert is_address(url) is can_be


def test_reach_counts_whom_an_announcement_would_reach(maja, tobias):
    follow(maja, "topic:espresso")
    User.objects.create_user("gone", is_active=False)
    deaf = User.objects.create_user("deaf")
    follow(deaf, "topic:espresso")
    Preference.objects.set(deaf, "announcement", "off")

    assert reach() == 2
    assert reach("topic:espresso") == 1
    assert reach("topic:tea") == 0


def test_a_site_cannot_take_the_name(monkeypatch):
    monkeypatch.setattr(EventType, "registry", {})
    payload = msgspec.defstruct("Announcement", [("title", str)])

    with pytest.raises(
        InvalidEventType, match=r"notifications\.inbox\.announcements uses"
    ):
        EventType("announcement", payload)

    assert EventType.registry == {}


def test_the_app_registers_it():
    assert EventType.registry["announcement"] is ANNOUNCEMENT


def test_the_inbox_shows_title_text_and_link(client, maja):
    client.force_login(maja)
    announce("We <move>", "On Sunday.\nAt noon.", "/news/")

    page = client.get("/notifications/").content.decode()

    assert '<a class="inbox-link" href="/news/">We &lt;move&gt;</a>' in page
    assert "On Sunday.<br>At noon." in page
    assert "Everybody is told of this." in page


def test_the_inbox_shows_one_without_a_link(client, maja):
    client.force_login(maja)
    announce("We move")

    page = client.get("/notifications/").content.decode()

    assert "<strong>We move</strong>" in page
