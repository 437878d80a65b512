"""Users with UUID keys and e-mail addresses, in rows, in the log and on pages."""

import json

import pytest
from django.urls import reverse

from notifications.api import explain, follow, publish
from notifications.models import Event, Follow, Inbox, SelectedRows, Selection
from notifications.protocol.entries import COUNT_LIMIT, CountEntry, EventEntry
from notifications.streams.open_stream import subscriber_of
from project.qa.notifications import NEW_ANSWER
from tests.custom_user.models import DOMAIN

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "topic:espresso"
PAYLOAD = {
    "answer_id": 1, "question_id": 1, "title": "Why?", "url": "/1/", "excerpt": "So.",
}  # fmt: skip


def answer(actor):
    return publish(NEW_ANSWER, topics=[TOPIC], payload=PAYLOAD, actor=actor)


@pytest.fixture
def news(maja, tobias):
    """An event of tobias that maja is notified about."""
    follow(maja, TOPIC)
    return answer(tobias)


def test_own_events_of_a_group_do_not_hide_those_of_others(maja, tobias, news):
    own = [answer(maja) for _ in range(3)]
    Event.objects.bulk_create(
        Event(type="new_answer", group=news.group, actor=maja, position=number)
        for number in range(own[-1].position, own[-1].position + COUNT_LIMIT)
    )

    found = SelectedRows(Inbox(maja), Selection()).of_groups([news.group])

    assert [each.pk for each in found[news.group]] == [news.pk]


def test_log_has_keys_as_text(log, maja, tobias):
    start = log.position()
    follow(maja, TOPIC)
    answer(tobias)

    entries = [each.decode() for each in log.read(start, until=log.position())]

    events = [each for each in entries if isinstance(each, EventEntry)]
    assert [each.actor for each in events] == [str(tobias.pk)]
    assert json.loads(events[0].data)["actor"] == {
        "id": str(tobias.pk),
        "name": "tobias",
    }
    others = [each for each in entries if not isinstance(each, EventEntry)]
    assert any(isinstance(each, CountEntry) for each in others)
    assert {each.user for each in others} == {str(maja.pk)}


def test_subscriber_has_the_key_as_text(maja):
    assert subscriber_of(maja, None).user == str(maja.pk)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_inbox_shows_no_address_of_another_person(client, maja, tobias, news, accept):
    follow(maja, f"user:{tobias.pk}")
    publish(NEW_ANSWER, topics=[f"user:{tobias.pk}"], payload=PAYLOAD, actor=tobias)
    client.force_login(maja)

    page = client.get(reverse("notifications:inbox"), HTTP_ACCEPT=accept)

    shown = page.content.decode()
    assert "Why?" in shown
    assert "member tobias" in shown
    # The site's own pages have the addresses of people in their links.
    assert tobias.email not in shown.replace(f"/people/{tobias.email}/", "")


def test_explanation_shows_no_address(maja, news):
    found = explain(news, maja)

    assert found.shown_user.name == "maja"
    assert DOMAIN not in " ".join(reason.text for reason in found.reasons)


def test_follow_is_found_by_the_address_in_the_admin(admin_client, maja):
    follow(maja, TOPIC)

    response = admin_client.get(
        reverse("admin:notifications_follow_changelist"), {"q": maja.email}
    )

    assert [*response.context["cl"].result_list] == [Follow.objects.get()]
