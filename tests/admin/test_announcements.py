"""The admin's page that sends announcements."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from notifications.models import Event
from notifications.protocol.topics import EVERYONE
from notifications.publishing.followables import follow
from tests.inboxes import inbox_of

pytestmark = pytest.mark.django_db(transaction=True)

ANNOUNCE = "/admin/notifications/event/announce/"
PAYLOAD = {"title": "The site moves", "text": "On Sunday.", "url": "/news/"}
TO_ALL = {**PAYLOAD, "to": "everyone", "topic": ""}
TO_ESPRESSO = {**PAYLOAD, "to": "followers", "topic": "topic:espresso"}


def confirm(client, data):
    """Return the confirmation page, and the data that its button sends."""
    page = client.post(ANNOUNCE, data).content.decode()
    inputs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return page, {**dict(inputs), "send": "Send"}


def test_list_of_events_links_to_the_form(client, sender):
    page = client.get(reverse("admin:notifications_event_changelist")).content.decode()

    assert f'href="{ANNOUNCE}"' in page


def test_staff_without_the_permission_cannot_send(client, make_staff):
    client.force_login(make_staff("view_event"))

    page = client.get(reverse("admin:notifications_event_changelist")).content.decode()

    assert ANNOUNCE not in page
    assert client.get(ANNOUNCE).status_code == 403
    assert client.post(ANNOUNCE, {**TO_ALL, "send": "1"}).status_code == 403
    assert not Event.objects.exists()


def test_user_who_is_not_staff_is_redirected_to_sign_in(client, maja):
    client.force_login(maja)

    assert client.get(ANNOUNCE).status_code == 302


def test_wrong_method_is_refused(client, sender):
    assert client.put(ANNOUNCE).status_code == 405


def test_form_needs_a_csrf_token(sender):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(sender)

    assert strict.post(ANNOUNCE, TO_ALL).status_code == 403


def test_announcement_is_confirmed_before_it_is_sent(client, sender, maja):
    page, _data = confirm(client, TO_ALL)

    assert "This will notify <strong>2 people</strong>." in page
    assert "everyone with an account" in page
    assert "On Sunday." in page
    assert not Event.objects.exists()


def test_announcement_is_sent_to_everyone_and_the_sender(client, sender, maja):
    _page, data = confirm(client, {**TO_ALL, "text": "On Sunday.\r\nAt noon."})

    response = client.post(ANNOUNCE, data, follow=True)

    event = Event.objects.get()
    assert event.topics == [EVERYONE]
    assert event.payload == {**PAYLOAD, "text": "On Sunday.\nAt noon."}
    assert event.relayed
    assert inbox_of(maja) == inbox_of(sender) == [event]
    assert response.redirect_chain == [
        (reverse("admin:notifications_event_change", args=[event.pk]), 302)
    ]
    assert "The announcement was sent to 2 people." in response.content.decode()


def test_admin_history_has_the_sender(client, sender, maja):
    client.post(ANNOUNCE, confirm(client, TO_ALL)[1])

    entry = LogEntry.objects.get()
    assert entry.user == sender
    assert entry.get_edited_object() == Event.objects.get()
    assert entry.get_change_message() == "Sent to 2 people."


def test_confirming_twice_sends_once(client, sender):
    _page, data = confirm(client, TO_ALL)
    client.post(ANNOUNCE, data)

    response = client.post(ANNOUNCE, data, follow=True)

    assert "The announcement was already sent." in response.content.decode()
    assert Event.objects.count() == LogEntry.objects.count() == 1


def test_same_announcement_can_be_sent_again(client, sender):
    for _ in range(2):
        client.post(ANNOUNCE, confirm(client, TO_ALL)[1])

    assert Event.objects.count() == 2


def test_nothing_is_sent_without_a_confirmation(client, sender):
    response = client.post(ANNOUNCE, {**TO_ALL, "send": "Send"})

    assert "This will notify" in response.content.decode()
    assert not Event.objects.exists()


def test_confirmation_leads_back_to_the_form(client, sender):
    _page, data = confirm(client, TO_ALL)
    del data["send"]

    page = client.post(ANNOUNCE, {**data, "back": "Edit"}).content.decode()

    assert 'value="The site moves"' in page
    assert "errornote" not in page
    assert not Event.objects.exists()


def test_announcement_to_a_topic_notifies_its_followers(
    client, sender, maja, tobias, espresso
):
    follow(maja, "topic:espresso")
    page, data = confirm(client, TO_ESPRESSO)

    client.post(ANNOUNCE, data)

    assert "This will notify <strong>1 person</strong>." in page
    assert "people who follow topic:espresso (topic Espresso)" in page
    assert Event.objects.get().topics == ["topic:espresso"]
    assert inbox_of(tobias) == []


def test_topic_of_an_unknown_kind_is_accepted(client, sender):
    page, _data = confirm(client, {**TO_ESPRESSO, "topic": "secret:5"})

    assert "No one would be notified right now." in page


def test_link_fills_in_the_topic(client, sender):
    page = client.get(f"{ANNOUNCE}?topic=topic:espresso").content.decode()

    assert 'value="topic:espresso"' in page
    assert re.search(r'value="followers"[^>]* checked', page)


@pytest.mark.parametrize(
    ("invalid", "problem"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "a" * 201}, "at most 200 characters"),
        ({"text": "a" * 2_001}, "at most 2000 characters"),
        ({"url": "example.org"}, "starts with https:// or /"),
        ({"url": "//example.org"}, "starts with https:// or /"),
        ({"to": "nobody"}, "not one of the available choices"),
        ({"topic": ""}, "Enter the topic whose followers will be notified."),
        (
            {"topic": "espresso"},
            "“espresso” is not a topic. Write &lt;kind&gt;:&lt;key&gt;",
        ),
        (
            {"topic": "topic:espreso"},
            "“topic:espreso” does not exist: there is no such topic.",
        ),
        ({"title": "😀" * 200, "text": "😀" * 2_000}, "expected at most 8192"),
    ],
)
def test_invalid_field_is_shown_with_its_problem(
    client, sender, espresso, invalid, problem
):
    page = client.post(ANNOUNCE, {**TO_ESPRESSO, **invalid}).content.decode()

    assert problem in page
    assert "errornote" in page


def test_sender_who_may_not_view_events_is_redirected_to_the_index(client, make_staff):
    client.force_login(make_staff("send_announcement"))

    response = client.post(ANNOUNCE, confirm(client, TO_ALL)[1])

    assert response["Location"] == "/admin/"


@pytest.mark.parametrize("inline", ["<script>", "<style>", " style=", " onclick="])
def test_pages_have_no_inline_script_or_style(client, sender, inline):
    pages = [client.get(ANNOUNCE).content.decode(), confirm(client, TO_ALL)[0]]

    assert [page for page in pages if inline in page] == []
