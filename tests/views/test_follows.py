"""Following topics over HTTP."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from notifications.models import Follow
from notifications.publishing.presence import is_hidden
from project.qa.models import Topic

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "/notifications/follows/topic:milk/"


def test_topic_is_followed_and_unfollowed(as_maja, maja, milk):
    put = as_maja.put(MILK, "level=watch")
    assert put.json().items() >= {"topic": "topic:milk", "level": "watch"}.items()
    assert Follow.objects.get(user=maja).level == "watch"

    delete = as_maja.delete(MILK).json()
    assert delete.items() >= {"topic": "topic:milk", "level": "none"}.items()
    assert not Follow.objects.exists()


def test_follow_accepts_json(as_maja, milk):
    as_maja.put(MILK, '{"level": "mute"}', content_type="application/json")

    assert Follow.objects.get().level == "mute"


def test_put_without_a_body_follows(as_maja, milk):
    assert as_maja.put(MILK).status_code == 200

    assert Follow.objects.get().level == "follow"


def test_following_by_a_form_redirects_to_the_page(as_maja, milk):
    response = as_maja.post(MILK, {"level": "follow", "next": "/topics/milk/"})
    assert response["Location"] == "/topics/milk/"
    assert Follow.objects.get().topic == "topic:milk"

    as_maja.post(MILK, {"level": "none"})

    assert not Follow.objects.exists()


def test_form_does_not_redirect_to_another_site(as_maja, milk):
    response = as_maja.post(MILK, {"level": "follow", "next": "https://evil.example/"})

    address = response["Location"].partition("?")[0]
    assert address == reverse("notifications:inbox")


@pytest.mark.parametrize("topic", ["topic:none", "room:7", "milk", "topic:*", "user:x"])
def test_topic_that_cannot_be_followed_is_not_found(as_maja, topic):
    response = as_maja.put(f"/notifications/follows/{topic}/")

    assert response.status_code == 404
    assert not Follow.objects.exists()


@pytest.mark.parametrize("body", ["level=loud", '{"level": 5}', "[]", "{"])
def test_invalid_level_is_refused(as_maja, milk, body):
    kind = (
        "application/json" if body[0] in "[{" else "application/x-www-form-urlencoded"
    )

    response = as_maja.put(MILK, body, content_type=kind)

    assert response.status_code == 400
    assert b"expected" in response.content
    assert not Follow.objects.exists()


@pytest.mark.parametrize(
    ("level", "hours"),
    [
        ("mute", "0"),
        ("mute", "soon"),
        ("mute", "9000"),
        ("mute", "1" * 5_000),
        ("watch", "1"),
    ],
)
def test_invalid_end_of_a_mute_is_refused(as_maja, milk, level, hours):
    response = as_maja.put(MILK, f"level={level}&hours={hours}")

    assert response.status_code == 400
    assert b"expected" in response.content
    assert not Follow.objects.exists()


def test_mute_for_a_time_keeps_the_level_of_the_follow(as_maja, milk):
    as_maja.put(MILK, "level=watch")

    reply = as_maja.put(MILK, "level=mute&hours=24").json()

    follow = Follow.objects.get()
    assert (reply["level"], reply["state"][:12]) == ("mute", "Muted until ")
    assert parse_datetime(reply["until"]) == follow.muted_until
    assert follow.level == "watch"
    day = timedelta(hours=24)
    assert abs(follow.muted_until - follow.muted_from - day) < timedelta(hours=1)


@pytest.mark.parametrize("change", ["level=none", "level=mute", "level=mute&hours=1"])
@pytest.mark.parametrize("before", [None, "level=watch", "level=mute&hours=168"])
def test_undo_restores_exactly_what_was_before(as_maja, milk, before, change):
    if before:
        as_maja.put(MILK, before)
        Follow.objects.update(created=datetime(2020, 2, 2, tzinfo=UTC))
    [*rows] = Follow.objects.values()
    undo = as_maja.put(MILK, change).json()["undo"]

    if undo:
        as_maja.put(MILK, f"undo={undo}")

    restored = Follow.objects.values()
    assert [{**each, "id": 0} for each in restored] == [
        {**each, "id": 0} for each in rows
    ]


def test_undo_does_nothing_if_the_follow_was_changed_since(as_maja, milk):
    as_maja.put(MILK, "level=watch")
    undo = as_maja.put(MILK, "level=mute").json()["undo"]
    as_maja.put(MILK, "level=follow")

    as_maja.put(MILK, f"undo={undo}")

    assert Follow.objects.get().level == "follow"


def test_undo_restores_no_follow_that_is_not_allowed_any_more(as_maja, milk, settings):
    as_maja.put(MILK, "level=watch")
    undo = as_maja.delete(MILK).json()["undo"]
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: False,
    }

    assert as_maja.put(MILK, f"undo={undo}").status_code == 404
    assert not Follow.objects.exists()


@pytest.mark.parametrize("topic", ["topic:milk", "topic:tea"])
def test_undo_token_is_for_one_person_and_one_topic(as_maja, milk, tobias, topic):
    Topic.objects.create(slug="tea", name="Tea")
    undo = as_maja.put(MILK).json()["undo"]
    if topic == "topic:milk":
        as_maja.force_login(tobias)

    response = as_maja.put(f"/notifications/follows/{topic}/", f"undo={undo}")

    assert response.status_code == 400
    assert Follow.objects.count() == 1


@pytest.mark.parametrize("page", ["inbox", "preferences"])
def test_notice_without_scripts_names_what_was_muted_and_offers_undo(
    as_maja, milk, page
):
    here = reverse(f"notifications:{page}")
    as_maja.post(MILK, {"level": "watch"})

    response = as_maja.post(
        f"{MILK}?hours=1", {"level": "mute", "next": here}, follow=True
    )

    shown = response.content.decode()
    assert "Muted topic Milk until " in shown
    button = rf'name="undo" value="(.+?)" formaction="{re.escape(MILK)}"'
    undo = re.search(button, shown)[1]
    as_maja.post(MILK, {"undo": undo, "next": here})
    follow = Follow.objects.get()
    assert (follow.level, follow.muted_until) == ("watch", None)


@pytest.mark.parametrize("end", ["none", "mute"])
def test_button_offers_the_level_that_was_ended(as_maja, milk, end):
    as_maja.put(MILK, "level=watch")
    as_maja.put(MILK, f"level={end}")

    page = as_maja.get("/topics/milk/").content.decode()

    assert f'name="level" value="watch" data-level="{end}"' in page


def test_anonymous_client_cannot_follow(client, milk):
    assert client.put(MILK).status_code == 403
    response = client.post(MILK, {"level": "follow", "next": "/topics/milk/"})

    assert response["Location"] == "/login/?next=/topics/milk/"
    assert not Follow.objects.exists()


def test_changes_require_a_csrf_token(maja, milk):
    client = Client(enforce_csrf_checks=True)
    client.force_login(maja)

    assert client.put(MILK).status_code == 403
    assert client.delete(MILK).status_code == 403
    assert client.post(MILK).status_code == 403
    assert client.post("/notifications/read/").status_code == 403
    assert not Follow.objects.exists()


def test_topic_that_is_no_longer_allowed_can_be_unfollowed(as_maja, maja):
    Follow.objects.set_level(maja, "topic:gone", "follow")

    assert as_maja.delete("/notifications/follows/topic:gone/").status_code == 200

    assert not Follow.objects.exists()


def test_preferences_are_not_cached(as_maja):
    response = as_maja.get(reverse("notifications:preferences"))

    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("level", ["follow", "mute"])
def test_follows_are_shown_without_the_name_of_what_is_not_allowed(
    as_maja, maja, settings, milk, level
):
    Follow.objects.set_level(maja, "topic:milk", level)
    url = reverse("notifications:preferences")
    assert "topic Milk" in as_maja.get(url).content.decode()

    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: False,
    }

    page = as_maja.get(url).content.decode()
    assert "topic:milk" in page
    assert "topic Milk" not in page


def test_person_can_hide_from_those_who_are_present(as_maja, maja):
    url = reverse("notifications:preferences")
    as_json = {"headers": {"accept": "application/json"}}
    assert as_maja.get(url, **as_json).json()["presence"] == "shown"

    hidden = as_maja.post(url, {"presence": "hidden"}, **as_json)

    assert hidden.json()["presence"] == "hidden"
    assert is_hidden(maja)
    assert 'value="hidden" checked' in as_maja.get(url).content.decode()
    as_maja.post(url, {"new_answer": "off"})
    assert is_hidden(maja)
    as_maja.post(url, {"presence": "shown"})
    assert not is_hidden(maja)


def test_unknown_choice_of_presence_is_refused(as_maja):
    response = as_maja.post(
        reverse("notifications:preferences"), {"presence": "perhaps"}
    )

    assert response.status_code == 400
    assert "shown or hidden" in response.content.decode()
