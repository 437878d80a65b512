import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications.admin import event_list, events
from notifications.inbox import recipients
from notifications.models import Control, Event, Follow, now
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.publishing import outbox
from notifications.publishing.event_relay import relay_events
from notifications.publishing.event_types import event_type
from notifications.publishing.followables import follow
from project.qa.models import Question, Topic

pytestmark = pytest.mark.django_db

EVENTS = "admin:notifications_event"
FOLLOWS = "admin:notifications_follow"


@pytest.fixture
def pending(maja):
    """An event that is not in the log yet, since its transaction is still open."""
    return outbox.record(
        event_type("new_question"),
        topics=["topic:espresso", "user:7"],
        payload={"question_id": 1, "title": "Why is it sour?", "url": "/1/"},
        actor=maja,
    )


@pytest.fixture
def relayed(pending):
    event = outbox.record(
        event_type("new_question"),
        topics=["topic:latte"],
        payload={"question_id": 2, "title": "Why is it flat?", "url": "/2/"},
    )
    relay_events(Event.objects.filter(pk=event.pk))
    event.refresh_from_db()
    return event


def listed(response):
    """Return the primary keys on an admin list."""
    return {each.pk for each in response.context["cl"].result_list}


def test_list_of_events_shows_type_actor_topics_and_state(admin_client, pending):
    page = admin_client.get(reverse(f"{EVENTS}_changelist")).content.decode()

    assert "new_question" in page
    assert "maja" in page
    assert "topic:espresso, user:7" in page
    assert "pending" in page


def test_event_that_was_set_aside_has_a_filter_and_its_reason(
    admin_client, pending, relayed
):
    Event.objects.filter(pk=pending.pk).set_aside("Integer value out of range")

    found = admin_client.get(reverse(f"{EVENTS}_changelist"), {"state": "set_aside"})
    page = admin_client.get(reverse(f"{EVENTS}_change", args=[pending.pk]))

    assert listed(found) == {pending.pk}
    assert "set aside: Integer value out of range" in found.content.decode()
    assert "Integer value out of range" in page.content.decode()
    for state in ("pending", "relayed"):
        others = admin_client.get(reverse(f"{EVENTS}_changelist"), {"state": state})
        assert pending.pk not in listed(others)


@pytest.mark.parametrize(
    "term", ["new_question", "actor", "topic:espresso", "user:7", "uid", "actor_id"]
)
def test_search_finds_events(admin_client, pending, relayed, term):
    query = {"q": f" {getattr(pending, term, term)} "}

    response = admin_client.get(reverse(f"{EVENTS}_changelist"), query)

    assert pending.pk in listed(response)


def test_search_compares_whole_values_by_index(admin_client, pending):
    with CaptureQueriesContext(connection) as queries:
        response = admin_client.get(reverse(f"{EVENTS}_changelist"), {"q": "espresso"})

    assert listed(response) == set()
    assert not [query for query in queries if "LIKE" in query["sql"]]


def test_search_for_a_number_that_is_too_large_finds_nothing(admin_client, pending):
    response = admin_client.get(reverse(f"{EVENTS}_changelist"), {"q": "9" * 30})

    assert listed(response) == set()


def test_list_is_counted_up_to_a_limit(admin_client, pending, relayed, monkeypatch):
    monkeypatch.setattr(event_list, "MAX_EVENTS", 1)

    response = admin_client.get(reverse(f"{EVENTS}_changelist"))

    assert response.context["cl"].result_count == 1


def test_search_finds_the_newest_events_of_a_topic(
    admin_client, pending, relayed, monkeypatch
):
    monkeypatch.setattr(event_list, "MAX_EVENTS", 1)
    newest = outbox.record(
        event_type("new_question"), topics=["topic:latte"], payload=relayed.payload
    )

    response = admin_client.get(reverse(f"{EVENTS}_changelist"), {"q": "topic:latte"})

    assert listed(response) == {newest.pk}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [("age", "hour", 1), ("age", "month", 2), ("age", "other", 2),
     ("type", "new_question", 2), ("type", "new_answer", 0)],
)  # fmt: skip
def test_events_are_filtered_by_age_and_type(
    admin_client, pending, relayed, name, value, found
):
    yesterday = Cursor(milliseconds(now() - timedelta(days=1)), 0).position
    Event.objects.filter(pk=relayed.pk).update(position=yesterday)

    response = admin_client.get(reverse(f"{EVENTS}_changelist"), {name: value})

    assert len(listed(response)) == found


def test_search_leaves_out_other_events(admin_client, pending, relayed):
    response = admin_client.get(reverse(f"{EVENTS}_changelist"), {"q": "topic:latte"})

    assert listed(response) == {relayed.pk}


def test_event_with_several_topics_is_listed_once(admin_client, pending):
    response = admin_client.get(
        reverse(f"{EVENTS}_changelist"), {"q": str(pending.actor)}
    )

    assert len(response.context["cl"].result_list) == 1


@pytest.mark.parametrize("state", ["pending", "relayed"])
def test_events_are_filtered_by_state(admin_client, pending, relayed, state):
    response = admin_client.get(reverse(f"{EVENTS}_changelist"), {"state": state})

    assert listed(response) == {{"pending": pending, "relayed": relayed}[state].pk}


def test_list_of_events_has_all_states_by_default(admin_client, pending, relayed):
    response = admin_client.get(reverse(f"{EVENTS}_changelist"))

    assert listed(response) == {pending.pk, relayed.pk}


def test_number_of_queries_does_not_grow_with_the_events(
    admin_client, pending, relayed, django_assert_max_num_queries
):
    with django_assert_max_num_queries(12):
        admin_client.get(reverse(f"{EVENTS}_changelist"))


def test_event_is_shown_read_only(admin_client, relayed):
    url = reverse(f"{EVENTS}_change", args=[relayed.pk])

    page = admin_client.get(url).content.decode()

    assert str(relayed.uid) in page
    assert relayed.cursor in page
    assert "Why is it flat?" in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize("action", ["change", "delete"])
def test_event_cannot_be_changed_or_deleted(admin_client, pending, action):
    url = reverse(f"{EVENTS}_{action}", args=[pending.pk])

    response = admin_client.post(url, {"type": "forged", "post": "yes"})

    assert response.status_code == 403
    assert Event.objects.get().type == "new_question"


def test_event_cannot_be_added(admin_client):
    response = admin_client.post(reverse(f"{EVENTS}_add"), {"type": "forged"})

    assert response.status_code == 403
    assert not Event.objects.exists()


def test_events_cannot_be_deleted_from_the_list(admin_client, pending):
    admin_client.post(
        reverse(f"{EVENTS}_changelist"),
        {"action": "delete_selected", "_selected_action": pending.pk, "post": "yes"},
    )

    assert Event.objects.exists()


@pytest.mark.parametrize("model", [EVENTS, FOLLOWS])
def test_user_who_is_not_staff_is_redirected_to_sign_in(client, maja, model):
    client.force_login(maja)

    response = client.get(reverse(f"{model}_changelist"))

    assert response.status_code == 302


@pytest.mark.parametrize(
    ("term", "found"), [("maja", 1), ("espresso", 1), ("latte", 0)]
)
def test_search_finds_follows(admin_client, maja, term, found):
    follow(maja, "topic:espresso")

    response = admin_client.get(reverse(f"{FOLLOWS}_changelist"), {"q": term})

    assert len(listed(response)) == found


def test_follow_added_in_the_admin_updates_open_streams(admin_client, maja):
    data = {"user": maja.pk, "topic": "topic:espresso", "level": "watch"}

    response = admin_client.post(reverse(f"{FOLLOWS}_add"), data)

    assert response.status_code == 302
    assert Follow.objects.get(user=maja).level == "watch"
    [followed] = Control.objects.all()
    assert b'"topic":"topic:espresso"' in bytes(followed.body)


def test_follow_of_an_invalid_topic_is_refused(admin_client, maja):
    data = {"user": maja.pk, "topic": "espresso", "level": "follow"}

    response = admin_client.post(reverse(f"{FOLLOWS}_add"), data)

    assert response.status_code == 200
    assert not Follow.objects.exists()
    assert not Control.objects.exists()


def test_follow_deleted_in_the_admin_updates_open_streams(admin_client, maja):
    row = follow(maja, "topic:espresso")
    Control.objects.all().delete()

    admin_client.post(reverse(f"{FOLLOWS}_delete", args=[row.pk]), {"post": "yes"})

    assert not Follow.objects.exists()
    assert b'"topic":"topic:espresso"' in bytes(Control.objects.earliest("pk").body)


@pytest.mark.django_db(transaction=True)
def test_question_added_in_the_admin_makes_one_event(admin_client, maja):
    topics = [Topic.objects.create(slug=name, name=name) for name in ("oat", "soy")]
    data = {
        "title": "Which milk?",
        "body": "Tell me.",
        "author": maja.pk,
        "created_0": "2025-11-20",
        "created_1": "10:00:00",
        "topics": [each.pk for each in topics],
        "answers-TOTAL_FORMS": 0,
        "answers-INITIAL_FORMS": 0,
    }

    response = admin_client.post(reverse("admin:qa_question_add"), data)

    assert response.status_code == 302
    (event,) = Event.objects.all()
    assert event.topics == ["topic:oat", "topic:soy", f"user:{maja.pk}"]
    assert event.payload["question_id"] == Question.objects.get().pk
    assert event.actor == maja
    assert event.relayed


def test_form_of_a_new_follow_explains_topics(admin_client, maja):
    add = admin_client.get(reverse(f"{FOLLOWS}_add")).content.decode()
    follow = Follow.objects.set_level(maja, "topic:tea", "follow")
    change = admin_client.get(reverse(f"{FOLLOWS}_change", args=[follow.pk]))

    assert "for example user:7." in add
    assert "for example user:7." not in change.content.decode()


def test_list_shows_titles_and_how_many_people_are_notified(
    admin_client, admin_user, pending, relayed
):
    Follow.objects.create(user=admin_user, topic="user:7", created=pending.created)

    page = admin_client.get(reverse(f"{EVENTS}_changelist"))

    assert [cells(page, name) for name in ("title", "notified")] == [
        ["Why is it flat?", "Why is it sour?"],
        ["0", "1"],
    ]


def test_people_who_are_notified_are_counted_up_to_a_limit(
    admin_client, admin_user, pending, monkeypatch
):
    for module in (recipients, events):
        monkeypatch.setattr(module, "COUNT_LIMIT", 1)
    Follow.objects.create(user=admin_user, topic="user:7", created=pending.created)

    page = admin_client.get(reverse(f"{EVENTS}_changelist"))

    assert cells(page, "notified") == ["1+"]


def test_event_without_a_title_is_listed_by_the_label_of_its_type(
    admin_client, pending
):
    Event.objects.create(type="unknown", payload={"title": 3})
    Event.objects.update(payload={})

    page = admin_client.get(reverse(f"{EVENTS}_changelist"))

    assert cells(page, "title") == ["unknown", "New question"]


def test_payload_is_shown_by_field(admin_client, pending):
    pending.payload |= {"title": "<b>", "tags": ["à"], "url": "javascript:x"}
    pending.save()
    url = reverse(f"{EVENTS}_change", args=[pending.pk])

    page = admin_client.get(url).content.decode()

    assert "<dt>title</dt><dd>&lt;b&gt;</dd>" in page
    assert "<dt>question_id</dt><dd>1</dd>" in page
    assert "<dt>tags</dt><dd><pre>[\n  &quot;à&quot;\n]</pre></dd>" in page
    assert 'href="javascript' not in page


def cells(response, name):
    """Return the texts in a column of the list of events."""
    pattern = rf'class="field-{name}[^"]*">(?:<a [^>]*>)?([^<]*)<'
    return re.findall(pattern, response.content.decode())
