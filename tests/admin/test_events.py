"""The admin's pages of events: sending an announcement, and who got what."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from notifications.inbox.announcements import announce
from notifications.models import Event, Follow, Preference
from notifications.protocol.topics import EVERYONE
from notifications.publishing.followables import follow
from project.qa.models import Topic

pytestmark = pytest.mark.django_db(transaction=True)

ANNOUNCE = "/admin/notifications/event/announce/"
SAID = {"title": "The site moves", "text": "On Sunday.", "url": "/news/"}
TO_ALL = {**SAID, "to": "everybody", "topic": ""}
TO_ESPRESSO = {**SAID, "to": "followers", "topic": "topic:espresso"}


@pytest.fixture
def staff():
    """A function that makes a member of staff with these permissions."""

    def staff(*permissions):
        user = User.objects.create_user("staff", is_staff=True)
        found = Permission.objects.filter(codename__in=permissions)
        user.user_permissions.set(found)
        return user

    return staff


@pytest.fixture
def sender(client, staff):
    user = staff("send_announcement", "view_event")
    client.force_login(user)
    return user


@pytest.fixture
def espresso():
    return Topic.objects.create(slug="espresso", name="Espresso")


def confirm(client, data):
    """Return the form's second step, and the data that its button sends."""
    page = client.post(ANNOUNCE, data).content.decode()
    inputs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return page, {**dict(inputs), "send": "Send it"}


def test_the_list_of_events_leads_to_the_form(client, sender):
    page = client.get(reverse("admin:notifications_event_changelist")).content.decode()

    assert f'href="{ANNOUNCE}"' in page


def test_who_may_not_send_finds_no_way(client, staff):
    client.force_login(staff("view_event"))

    page = client.get(reverse("admin:notifications_event_changelist")).content.decode()

    assert ANNOUNCE not in page
    assert client.get(ANNOUNCE).status_code == 403
    assert client.post(ANNOUNCE, {**TO_ALL, "send": "1"}).status_code == 403
    assert not Event.objects.exists()


def test_who_is_no_staff_is_led_to_sign_in(client, maja):
    client.force_login(maja)

    assert client.get(ANNOUNCE).status_code == 302


def test_a_wrong_method_is_refused(client, sender):
    assert client.put(ANNOUNCE).status_code == 405


def test_an_announcement_needs_the_token_of_the_form(sender):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(sender)

    assert strict.post(ANNOUNCE, TO_ALL).status_code == 403


def test_an_announcement_is_confirmed_before_it_is_sent(client, sender, maja):
    page, _data = confirm(client, TO_ALL)

    assert "This reaches <strong>2 people</strong>." in page
    assert "everybody who has an account" in page
    assert "On Sunday." in page
    assert not Event.objects.exists()


def test_an_announcement_is_sent_to_everybody_the_sender_among_them(
    client, sender, maja
):
    _page, data = confirm(client, {**TO_ALL, "text": "On Sunday.\r\nAt noon."})

    response = client.post(ANNOUNCE, data, follow=True)

    event = Event.objects.get()
    assert event.topics == [EVERYONE]
    assert event.payload == {**SAID, "text": "On Sunday.\nAt noon."}
    assert event.relayed
    assert [*Event.objects.inbox(maja)] == [*Event.objects.inbox(sender)] == [event]
    assert response.redirect_chain == [
        (reverse("admin:notifications_event_change", args=[event.pk]), 302)
    ]
    assert "The announcement was sent to 2 people." in response.content.decode()


def test_the_admin_notes_who_sent_it(client, sender, maja):
    client.post(ANNOUNCE, confirm(client, TO_ALL)[1])

    entry = LogEntry.objects.get()
    assert entry.user == sender
    assert entry.get_edited_object() == Event.objects.get()
    assert entry.get_change_message() == "Sent to 2 people."


def test_pressing_twice_sends_once(client, sender):
    _page, data = confirm(client, TO_ALL)
    client.post(ANNOUNCE, data)

    response = client.post(ANNOUNCE, data, follow=True)

    assert "The announcement was sent already." in response.content.decode()
    assert Event.objects.count() == LogEntry.objects.count() == 1


def test_the_same_may_be_said_again(client, sender):
    for _ in range(2):
        client.post(ANNOUNCE, confirm(client, TO_ALL)[1])

    assert Event.objects.count() == 2


def test_without_a_confirmation_nothing_is_sent(client, sender):
    response = client.post(ANNOUNCE, {**TO_ALL, "send": "Send it"})

    assert "This reaches" in response.content.decode()
    assert not Event.objects.exists()


def test_one_may_go_back_and_change_it(client, sender):
    _page, data = confirm(client, TO_ALL)
    del data["send"]

    page = client.post(ANNOUNCE, {**data, "back": "Change it"}).content.decode()

    assert 'value="The site moves"' in page
    assert "errornote" not in page
    assert not Event.objects.exists()


def test_those_who_follow_a_topic_are_told(client, sender, maja, tobias, espresso):
    follow(maja, "topic:espresso")
    page, data = confirm(client, TO_ESPRESSO)

    client.post(ANNOUNCE, data)

    assert "This reaches <strong>1 person</strong>." in page
    assert "those who follow topic:espresso (topic Espresso)" in page
    assert Event.objects.get().topics == ["topic:espresso"]
    assert not Event.objects.inbox(tobias).exists()


def test_a_topic_of_a_kind_nobody_knows_may_be_right(client, sender):
    page, _data = confirm(client, {**TO_ESPRESSO, "topic": "room:5"})

    assert "This would reach nobody just now." in page


def test_a_link_may_fill_in_the_topic(client, sender):
    page = client.get(f"{ANNOUNCE}?topic=topic:espresso").content.decode()

    assert 'value="topic:espresso"' in page
    assert re.search(r'value="followers"[^>]* checked', page)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "a" * 201}, "at most 200 characters"),
        ({"text": "a" * 2_001}, "at most 2000 characters"),
        ({"url": "example.org"}, "starts with https:// or /"),
        ({"url": "//example.org"}, "starts with https:// or /"),
        ({"to": "nobody"}, "not one of the available choices"),
        ({"topic": ""}, "Name the topic whose followers are to be told."),
        (
            {"topic": "espresso"},
            "“espresso” is no topic: write &lt;kind&gt;:&lt;key&gt;",
        ),
        (
            {"topic": "topic:espreso"},
            "“topic:espreso” stands for nothing: there is no such topic.",
        ),
        ({"title": "😀" * 200, "text": "😀" * 2_000}, "expected at most 8192"),
    ],
)
def test_what_is_wrong_is_named(client, sender, espresso, wrong, problem):
    page = client.post(ANNOUNCE, {**TO_ESPRESSO, **wrong}).content.decode()

    assert problem in page
    assert "errornote" in page


def test_who_may_not_look_at_events_is_led_to_the_index(client, staff):
    client.force_login(staff("send_announcement"))

    response = client.post(ANNOUNCE, confirm(client, TO_ALL)[1])

    assert response["Location"] == "/admin/"


# Who got this?


@pytest.fixture
def event(maja, tobias, espresso):
    """Something that maja is told of, and tobias is not."""
    follow(maja, "topic:espresso")
    return announce("A new grinder", topic="topic:espresso")


def shown(client, event, **query):
    url = reverse("admin:notifications_event_change", args=[event.pk])
    return client.get(url, query).content.decode()


def test_an_event_lists_who_is_told_and_why(admin_client, event):
    page = shown(admin_client, event)

    assert "1 person is told of this" in page
    assert '<a href="?person=maja#who-got-it">maja</a>' in page
    assert "Follows topic Espresso [topic:espresso] (since" in page
    assert "tobias" not in page


def test_an_event_of_nobody_says_so(admin_client):
    page = shown(admin_client, announce("A new grinder", topic="topic:espresso"))

    assert "Nobody is told of this." in page


@pytest.mark.parametrize("by", ["username", "pk"])
def test_it_is_explained_to_whom_one_names(admin_client, event, maja, by):
    page = shown(admin_client, event, person=getattr(maja, by))

    assert "<strong>maja</strong> is told of this, in the inbox and live." in page
    assert "Not seen yet." in page


def test_it_is_explained_who_is_not_told(admin_client, event):
    page = shown(admin_client, event, person="tobias")

    assert "<strong>tobias</strong> is not told of this." in page
    assert "Keeps it away" in page
    assert "Follows nothing that the event is addressed to." in page


def test_it_is_explained_who_is_told_quietly(admin_client, event, maja):
    Preference.objects.set(maja, "announcement", "inbox")

    page = shown(admin_client, event, person="maja")

    assert "<strong>maja</strong> is told of this, only in the inbox." in page


@pytest.mark.parametrize("name", ["<b>", "99999", "9" * 40, "\x00"])
def test_nobody_is_found_by_a_name_that_nobody_has(admin_client, event, name):
    page = shown(admin_client, event, person=name)

    assert "There is nobody with the username or id" in page
    assert "<b>" not in page


def test_a_name_comes_before_an_id(admin_client, event, maja, tobias):
    tobias.username = str(maja.pk)
    tobias.save()

    page = shown(admin_client, event, person=str(maja.pk))

    assert "is not told of this." in page


def test_only_the_first_are_listed(
    admin_client, event, maja, django_assert_max_num_queries
):
    people = User.objects.bulk_create(
        User(username=f"number-{each}") for each in range(60)
    )
    since = Follow.objects.get(user=maja).created
    Follow.objects.bulk_create(
        Follow(user=each, topic="topic:espresso", created=since) for each in people
    )

    with django_assert_max_num_queries(25):
        page = shown(admin_client, event, person="maja")

    assert "61 people are told of this" in page
    assert page.count("?person=") == 50
    assert "and 11 more" in page


def test_it_takes_the_right_to_view_events(client, staff, event):
    client.force_login(staff("send_announcement"))

    url = reverse("admin:notifications_event_change", args=[event.pk])

    assert client.get(url, {"person": "maja"}).status_code == 403


@pytest.mark.parametrize("scripted", ["<script>", "<style>", " style=", " onclick="])
def test_nothing_stands_inline(client, sender, event, scripted):
    pages = [
        client.get(ANNOUNCE).content.decode(),
        confirm(client, TO_ALL)[0],
        shown(client, event, person="maja"),
    ]

    assert [page for page in pages if scripted in page] == []
