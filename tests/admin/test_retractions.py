"""Retracting events in the admin: the action, the page, and who may."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from notifications.admin import retractions
from notifications.models import Event
from notifications.publishing import outbox
from project.qa.models import Question
from project.qa.notifications import NEW_QUESTION

pytestmark = pytest.mark.django_db

LIST = reverse("admin:notifications_event_changelist")


def address(event):
    return reverse("admin:notifications_event_retract", args=[event.pk])


@pytest.fixture
def events():
    payload = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}
    return [
        outbox.record(
            NEW_QUESTION, topics=[f"topic:t{number}", "topic:tea"], payload=payload
        )
        for number in range(3)
    ]


@pytest.fixture
def moderator(client, make_staff):
    """A member of staff who may view and retract events, signed in."""
    user = make_staff("view_event", "retract_event")
    client.force_login(user)
    return user


def choose(client, *events, **more):
    """Send the form of the list with these events and our action."""
    data = {
        "action": "retract_selected",
        "_selected_action": [str(each.pk) for each in events],
        **more,
    }
    return client.post(LIST, data, follow=True)


def test_action_asks_first(client, moderator, events):
    page = choose(client, *events[:2])

    text = page.content.decode()
    assert "2 events will be removed for everyone" in text
    assert "topic:t0" in text
    assert "topic:t2" not in text
    assert Event.objects.count() == 3


def test_confirmed_action_retracts_the_selected_events(client, moderator, events):
    page = choose(client, *events[:2], retract="Retract")

    assert [*Event.objects.all()] == [events[2]]
    assert "2 events were retracted." in page.content.decode()


def test_confirmation_repeats_the_selection(client, moderator, events):
    found = choose(client, *events[:2]).context

    assert found["action"] == "retract_selected"
    assert {*found["keys"]} == {events[0].pk, events[1].pk}


def test_history_says_who_retracted_what(client, moderator, events):
    choose(client, events[0], retract="Retract")

    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (moderator, str(events[0]))
    assert entry.is_deletion()


def test_search_result_is_retracted_by_one_topic_of_several(client, moderator, events):
    query = f"{LIST}?q=topic%3Atea"
    data = {"action": "retract_selected", "select_across": "1", "retract": "Retract"}

    client.post(query, {**data, "_selected_action": [str(events[0].pk)]})

    assert not Event.objects.exists()


def test_too_many_events_are_refused(client, moderator, events, monkeypatch):
    monkeypatch.setattr(retractions, "MAX_EVENTS", 2)

    page = choose(client, *events, retract="Retract")

    assert "Select at most 2 events to retract." in page.content.decode()
    assert Event.objects.count() == 3


def test_long_confirmation_lists_the_newest(client, moderator, events, monkeypatch):
    monkeypatch.setattr(retractions, "SHOWN_EVENTS", 2)

    page = choose(client, *events).content.decode()

    assert "topic:t2" in page
    assert "topic:t0" not in page
    assert "and 1 more." in page


def test_event_has_a_page_that_retracts_it(client, moderator, events):
    shown = client.get(reverse("admin:notifications_event_change", args=[events[0].pk]))
    assert address(events[0]) in shown.content.decode()
    asked = client.get(address(events[0])).content.decode()
    assert "1 event will be removed for everyone" in asked
    assert Event.objects.count() == 3

    page = client.post(address(events[0]), follow=True)

    assert "1 event was retracted." in page.content.decode()
    assert not Event.objects.filter(pk=events[0].pk).exists()
    assert Event.objects.count() == 2


def test_event_that_does_not_exist_is_404(client, moderator):
    assert client.get(f"{LIST}77/retract/").status_code == 404


def test_event_that_was_just_retracted_is_no_error(client, moderator, events):
    client.post(address(events[0]))

    page = client.post(address(events[0]), follow=True)

    assert "0 events were retracted." in page.content.decode()


def test_key_that_no_database_has_is_no_error(client, moderator):
    page = client.post(f"{LIST}{10**30}/retract/", follow=True)

    assert "0 events were retracted." in page.content.decode()


@pytest.mark.parametrize("permissions", [["view_event"], ["retract_event"], []])
def test_others_may_not_retract(client, make_staff, events, permissions):
    client.force_login(make_staff(*permissions))

    statuses = {
        client.get(address(events[0])).status_code,
        client.post(address(events[0])).status_code,
    }
    choose(client, *events, retract="Retract")

    assert statuses == {403}
    assert Event.objects.count() == 3


def test_action_and_link_are_hidden_without_the_permission(client, make_staff, events):
    client.force_login(make_staff("view_event"))

    pages = [
        client.get(LIST).content.decode(),
        client.get(
            reverse("admin:notifications_event_change", args=[events[0].pk])
        ).content.decode(),
    ]

    assert "retract" not in "".join(pages).lower()


def test_django_deletes_no_events(admin_client, events):
    page = admin_client.get(LIST).content.decode()

    assert 'value="retract_selected"' in page
    assert 'value="delete_selected"' not in page


@pytest.mark.django_db(transaction=True)
def test_question_deleted_in_the_admin_retracts_its_event(admin_client, maja):
    question = Question.objects.create(title="Why?", body="So.", author=maja)
    assert Event.objects.exists()

    admin_client.post(
        reverse("admin:qa_question_delete", args=[question.pk]), {"post": "yes"}
    )

    assert not Question.objects.exists()
    assert not Event.objects.exists()
