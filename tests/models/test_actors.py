"""How the user who caused an event is shown to others: the setting ACTOR."""

import json

import pytest
from django.db import DatabaseError, transaction
from django.utils import translation
from django.utils.translation import gettext_lazy

from notifications.api import Actor, publish
from notifications.models import Event, load_actors
from notifications.models.actors import actors_of, default_actors
from notifications.publishing import outbox
from notifications.publishing.event_entries import encode_event
from project.qa.notifications import NEW_QUESTION
from tests.users import User

pytestmark = pytest.mark.django_db

PAYLOAD = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}


def ask(actor=None):
    return publish(
        NEW_QUESTION, topics=["topic:espresso"], payload=PAYLOAD, actor=actor
    )


class Unsaved:
    """A user of a model that has only what Django asks of all of them."""

    pk = 7

    def __init__(self, username, **names):
        self._username = username
        for name, value in names.items():
            setattr(self, f"get_{name}_name", lambda value=value: value)

    def get_username(self):
        return self._username


def shown(user):
    return default_actors([user])[user.pk].name


@pytest.fixture
def actor_setting(settings):
    """A function that sets ACTOR to a callable, and returns its calls."""

    def set_actor(function):
        calls = []

        def recorded(users):
            calls.append([user.pk for user in users])
            return function(users)

        settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "ACTOR": recorded}
        return calls

    return set_actor


def described(users):
    return {
        user.pk: Actor(f"<{user.pk}>", url=f"/p/{user.pk}/", avatar="/a.png")
        for user in users
    }


def test_username_is_shown():
    assert shown(Unsaved("maja", full="Maja Meier")) == "maja"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"short": "Maja", "full": "Maja Meier"}, "Maja"),
        ({"short": "", "full": "Maja Meier"}, "Maja Meier"),
        ({"short": "maja@example.org", "full": "Maja Meier"}, "Maja Meier"),
        ({"short": None, "full": " "}, "Someone"),
        ({"short": "maja@example.org", "full": "m@example.org"}, "Someone"),
        ({}, "Someone"),
    ],
)
def test_address_is_not_shown(names, expected):
    assert shown(Unsaved("maja@example.org", **names)) == expected


def test_field_of_addresses_is_not_shown_whatever_it_contains(monkeypatch, maja):
    monkeypatch.setattr(User, "USERNAME_FIELD", "email")
    monkeypatch.setattr(User, "get_short_name", lambda user: "")
    maja.email = "internal-name"

    assert shown(maja) == "Someone"


def test_event_on_the_wire_has_no_address(maja, monkeypatch):
    monkeypatch.setattr(User, "get_username", lambda user: "maja@example.org")
    monkeypatch.setattr(User, "get_short_name", lambda user: "")
    monkeypatch.setattr(User, "get_full_name", lambda user: "", raising=False)

    wire = ask(maja).wire()

    assert wire["actor"] == {"id": maja.pk, "name": "Someone"}


def test_event_without_an_actor_has_none_on_the_wire():
    assert ask().wire()["actor"] is None


def test_url_and_avatar_are_on_the_wire(maja, actor_setting):
    actor_setting(described)

    assert ask(maja).wire()["actor"] == {
        "id": maja.pk,
        "name": f"<{maja.pk}>",
        "url": f"/p/{maja.pk}/",
        "avatar": "/a.png",
    }


def test_setting_is_called_once_for_many_events(maja, tobias, actor_setting):
    calls = actor_setting(described)
    events = [ask(user) for user in (maja, tobias, maja, None)]

    load_actors(events)

    assert [event.shown_actor and event.shown_actor.name for event in events] == [
        f"<{maja.pk}>",
        f"<{tobias.pk}>",
        f"<{maja.pk}>",
        None,
    ]
    assert calls == [[maja.pk, tobias.pk]]


def test_setting_is_not_called_without_actors(actor_setting):
    calls = actor_setting(described)

    load_actors([ask()])

    assert calls == []


@pytest.mark.django_db(transaction=True)
def test_relay_calls_the_setting_once_for_its_batch(
    maja, tobias, actor_setting, log, django_assert_max_num_queries
):
    calls = actor_setting(described)
    start = log.position()

    with transaction.atomic():
        for user in (maja, tobias, maja, tobias):
            ask(user)

    sent = [each.decode() for each in log.read(start, until=log.position())]
    assert [json.loads(each.data)["actor"]["name"] for each in sent] == [
        f"<{user.pk}>" for user in (maja, tobias, maja, tobias)
    ]
    assert [sorted(each, key=str) for each in calls] == [
        sorted([maja.pk, tobias.pk], key=str)
    ]


@pytest.mark.django_db(transaction=True)
def test_relay_shows_actors_in_the_language_of_the_site(maja, actor_setting, log):
    actor_setting(lambda users: {})
    start = log.position()

    with translation.override("de"):
        event = ask(maja)
        assert actors_of([maja])[maja.pk].name == "Jemand"

    [sent] = [each.decode() for each in log.read(start, until=log.position())]
    assert json.loads(sent.data)["actor"]["name"] == "Someone"
    assert Event.objects.get() == event


def test_user_whom_the_setting_leaves_out_is_someone(maja, tobias, actor_setting):
    actor_setting(lambda users: described(users[:1]))

    found = actors_of([maja, tobias])

    assert found[maja.pk].name == f"<{maja.pk}>"
    assert found[tobias.pk] == Actor("Someone")


@pytest.mark.parametrize("found", [{"name": "maja"}, Actor(None), Actor("m", url=1)])
def test_invalid_value_is_logged_and_shown_as_someone(
    maja, actor_setting, caplog, found
):
    actor_setting(lambda users: {user.pk: found for user in users})

    assert actors_of([maja]) == {maja.pk: Actor("Someone")}
    assert "actor=invalid" in caplog.text


def test_translated_name_is_text(maja, actor_setting):
    actor_setting(
        lambda users: {user.pk: Actor(gettext_lazy("user")) for user in users}
    )

    with translation.override("de"):
        found = actors_of([maja])[maja.pk]

    assert found.name == "Benutzer"
    assert type(found.name) is str


def test_encoded_entry_has_the_shown_actor(maja, actor_setting):
    actor_setting(described)

    entry = encode_event(ask(maja))

    assert b"/a.png" in entry


@pytest.mark.django_db(transaction=True)
def test_actor_whom_the_setting_fails_for_delays_no_event(
    maja, tobias, actor_setting, log, caplog
):
    def fail_for_maja(users):
        if maja in users:
            raise ZeroDivisionError
        return described(users)

    actor_setting(fail_for_maja)
    start = log.position()

    with transaction.atomic():
        ask(maja)
        ask(tobias)

    sent = [each.decode() for each in log.read(start, until=log.position())]
    assert [json.loads(each.data)["actor"]["name"] for each in sent] == [
        "Someone",
        f"<{tobias.pk}>",
    ]
    assert "actor=failed" in caplog.text


@pytest.mark.parametrize("found", [None, [Actor("Maja")]])
def test_setting_that_returns_no_dict_shows_someone(maja, actor_setting, found):
    actor_setting(lambda users: found)

    assert actors_of([maja]) == {maja.pk: Actor("Someone")}


@pytest.mark.django_db(transaction=True)
def test_event_waits_while_the_setting_finds_no_database(maja, actor_setting):
    def fail(users):
        raise DatabaseError

    actor_setting(fail)

    event = ask(maja)

    event.refresh_from_db()
    assert event.relayed is None
    actor_setting(described)
    assert outbox.sweep() > 0
    event.refresh_from_db()
    assert event.relayed is not None
