"""Announcements to everyone or to the followers of a topic, in the inbox and live."""

from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone

from notifications.exceptions import InvalidEventType, InvalidPayload, InvalidTopic
from notifications.inbox.announcements import (
    ANNOUNCEMENT,
    announce,
    count_recipients,
    is_valid_url,
)
from notifications.live.connection import Connection
from notifications.live.subscriber import Subscriber
from notifications.models import Event, Inbox, Preference
from notifications.protocol.entries import EventEntry
from notifications.protocol.frames import encode
from notifications.protocol.topics import EVERYONE
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import follow
from notifications.publishing.unseen import unseen_rows
from notifications.streams.open_stream import subscriptions_of
from tests.inboxes import inbox_of
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)


def inbox(user):
    return inbox_of(user)


@pytest.fixture
def live(log):
    """A function that returns the types of the events on a person's stream."""
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


def test_announcement_notifies_everyone_by_default(live, maja, tobias):
    event = announce("The site moves", "On Sunday.", "/news/")

    assert event.topics == [EVERYONE]
    assert event.payload == {
        "title": "The site moves",
        "text": "On Sunday.",
        "url": "/news/",
    }
    assert inbox(maja) == inbox(tobias) == [event]
    assert len(unseen_rows(Inbox(maja), up_to=None)) == 1
    assert live(maja) == ["announcement"]


def test_announcement_leaves_out_accounts_created_later(maja):
    announce("The site moves")

    later = timezone.now() + timedelta(seconds=1)
    assert inbox(User.objects.create_user("later", date_joined=later)) == []


def test_announcement_to_a_topic_notifies_its_followers_only(maja, tobias):
    follow(maja, "topic:espresso")

    event = announce("A new grinder", topic="topic:espresso")

    assert inbox(maja) == [event]
    assert inbox(tobias) == []


def test_announcement_does_not_notify_its_actor(maja, tobias):
    event = announce("The site moves", actor=maja)

    assert inbox(maja) == []
    assert inbox(tobias) == [event]


def test_each_announcement_has_its_own_row():
    first, second = announce("The site moves"), announce("The site moves")

    assert first.group != second.group


@pytest.mark.parametrize(("delivery", "rows"), [("inbox", 1), ("off", 0)])
def test_preferences_apply_to_announcements(live, maja, delivery, rows):
    Preference.objects.set(maja, "announcement", delivery)

    announce("The site moves")

    assert len(inbox(maja)) == rows
    assert len(unseen_rows(Inbox(maja), up_to=None)) == 0
    assert live(maja) == []


def test_longest_announcement_fits_into_a_payload(maja):
    event = announce("é" * 200, "ü" * 2_000, "https://example.org/" + "a" * 100)

    assert inbox(maja) == [event]


@pytest.mark.parametrize(
    "invalid",
    [
        {"title": ""},
        {"title": " "},
        {"title": "a" * 201},
        {"title": "a", "text": "a" * 2_001},
        {"title": "a", "url": "javascript:alert(1)"},
        {"title": "a", "url": "//example.org"},
    ],
)
def test_invalid_announcement_is_refused(invalid):
    with pytest.raises(InvalidPayload):
        announce(**invalid)

    assert not Event.objects.exists()


def test_announcement_to_an_invalid_topic_is_refused():
    with pytest.raises(InvalidTopic):
        announce("The site moves", topic="everybody")

    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("url", "valid"),
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
def test_urls_of_announcements(url, valid):
    assert is_valid_url(url) is valid


def test_count_recipients_leaves_out_inactive_users_and_turned_off_types(maja, tobias):
    follow(maja, "topic:espresso")
    User.objects.create_user("gone", is_active=False)
    opted_out = User.objects.create_user("opted-out")
    follow(opted_out, "topic:espresso")
    Preference.objects.set(opted_out, "announcement", "off")

    assert count_recipients() == 2
    assert count_recipients("topic:espresso") == 1
    assert count_recipients("topic:tea") == 0


def test_site_cannot_register_the_name_announcement(monkeypatch):
    monkeypatch.setattr(EventType, "registry", {})
    payload = msgspec.defstruct("Announcement", [("title", str)])

    with pytest.raises(
        InvalidEventType, match=r"notifications\.inbox\.announcements uses"
    ):
        EventType("announcement", payload)

    assert EventType.registry == {}


def test_app_registers_the_announcement_type():
    assert EventType.registry["announcement"] is ANNOUNCEMENT


def test_inbox_shows_title_text_and_link(client, maja):
    client.force_login(maja)
    announce("We <move>", "On Sunday.\nAt noon.", "/news/")

    page = client.get("/notifications/").content.decode()

    assert (
        '<a class="notifications-inbox-link" href="/news/">We &lt;move&gt;</a>' in page
    )
    assert "On Sunday.<br>At noon." in page
    assert "Sent to everyone" in page


def test_inbox_shows_an_announcement_without_a_link(client, maja):
    client.force_login(maja)
    announce("We move")

    page = client.get("/notifications/").content.decode()

    assert "<strong>We move</strong>" in page
