from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from notifications.api import permissions_changed
from notifications.lib.digests import login_digest, session_digest
from notifications.models import Control, Follow
from notifications.protocol.entries import EndEntry, FollowEntry
from notifications.publishing import outbox
from notifications.streams.open_stream import subscriber_of
from project.qa.notifications import NEW_QUESTION
from tests.inboxes import inbox_of
from tests.staff.models import FollowProxy, Librarian, Reader
from tests.users import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def maja():
    return User.objects.create_user("maja", password="correct horse")


@pytest.fixture
def ends(log, maja):
    """A function that returns the end entries since the start of the test."""
    start = log.position()

    def ends():
        entries = [record.decode() for record in log.read(start, until=log.position())]
        return [entry for entry in entries if isinstance(entry, EndEntry)]

    return ends


def test_logout_ends_the_streams_of_the_session(client, maja, ends):
    client.force_login(maja)
    session = session_digest(client.session.session_key)

    client.post("/logout/")

    [end] = ends()
    assert (end.user, end.reason) == (str(maja.pk), "signed_out")
    assert (end.session, end.login) == (session, "")


def test_logout_ends_streams_of_sessions_outside_the_database(
    client, maja, ends, settings
):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    client.force_login(maja)
    session = session_digest(client.session.session_key)

    client.post("/logout/")

    assert [(end.user, end.session) for end in ends()] == [(str(maja.pk), session)]


def test_login_ends_no_streams(client, maja, ends):
    assert client.login(username="maja", password="correct horse")

    assert ends() == []


def test_deactivation_ends_all_streams(maja, ends):
    maja.is_active = False
    maja.save()

    [end] = ends()
    assert (end.reason, end.session, end.login) == ("deactivated", "", "")


def test_deletion_ends_all_streams(maja, ends):
    pk = str(maja.pk)
    maja.delete()

    assert [(end.user, end.reason) for end in ends()] == [(pk, "deleted")]


def test_new_password_ends_the_streams_of_older_logins(maja, ends):
    before = login_digest(maja)
    maja.set_password("battery staple")
    maja.save()

    [end] = ends()
    assert end.reason == "password_changed"
    assert end.login == login_digest(maja) != before


@pytest.fixture(params=["proxy", "child"])
def same(request, maja):
    """A function that returns the same user as an object of another class."""
    if request.param == "proxy":
        return lambda: Reader.objects.get(pk=maja.pk)
    librarian = Librarian(**{Librarian._meta.pk.attname: maja.pk}, desk="Left")
    librarian.save_base(raw=True)
    return lambda: Librarian.objects.get(pk=maja.pk)


def test_deactivation_by_another_class_ends_all_streams(maja, same, ends):
    user = same()
    user.is_active = False
    user.save()

    assert [(end.user, end.reason) for end in ends()] == [(str(maja.pk), "deactivated")]


def test_deletion_by_another_class_ends_all_streams(maja, same, ends):
    pk = str(maja.pk)
    same().delete()

    assert [(end.user, end.reason) for end in ends()] == [(pk, "deleted")]


def test_deletion_of_the_child_alone_ends_no_streams(maja, ends):
    Librarian.objects.create_user("librarian").delete(keep_parents=True)

    assert "deleted" not in [end.reason for end in ends()]


def test_new_password_by_another_class_ends_streams(maja, same, ends):
    user = same()
    user.set_password("battery staple")
    user.save()

    [end] = ends()
    assert (end.user, end.reason) == (str(maja.pk), "password_changed")
    assert end.login == login_digest(same())


def test_deactivation_by_a_new_child_ends_all_streams(maja, ends):
    values = {each.attname: getattr(maja, each.attname) for each in maja._meta.fields}
    values |= {Librarian._meta.pk.attname: maja.pk, "is_active": False}
    librarian = Librarian(**values)
    # Django would insert another user with a key that has a default.
    librarian._state.adding = False
    librarian.save()

    assert [(end.user, end.reason) for end in ends()] == [(str(maja.pk), "deactivated")]


def test_new_user_of_another_class_ends_no_streams(ends):
    Reader.objects.create_user("reader", password="correct horse")

    assert ends() == []


def test_follow_by_a_proxy_takes_effect(maja, log):
    start = log.position()
    FollowProxy.objects.create(user=maja, topic="topic:milk")
    FollowProxy.objects.get().delete()

    entries = [each.decode() for each in log.read(start, until=log.position())]
    follows = [each for each in entries if isinstance(each, FollowEntry)]
    assert [each.level for each in follows] == ["follow", ""]


def test_save_of_other_fields_ends_no_streams(maja, ends):
    maja.is_staff = True
    maja.save(update_fields=["is_staff"])

    assert ends() == []


def test_rolled_back_change_ends_no_streams(maja, ends):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        maja.is_active = False
        maja.save()
        raise ZeroDivisionError

    assert ends() == []
    assert not Control.objects.exists()


def test_changed_permissions_end_the_streams_and_delete_follows(maja, ends, settings):
    Follow.objects.set_level(maja, "topic:open", "follow")
    Follow.objects.set_level(maja, "topic:closed", "follow")
    payload = {"question_id": 1, "title": "Why?", "url": "/"}
    outbox.record(NEW_QUESTION, topics=["topic:closed"], payload=payload)
    assert inbox_of(maja)
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: topic != "topic:closed",
    }

    permissions_changed(maja)

    assert [follow.topic for follow in Follow.objects.all()] == ["topic:open"]
    assert inbox_of(maja) == []
    assert [end.reason for end in ends()] == ["permissions_changed"]


def test_subscriber_lasts_no_longer_than_the_session(client, maja):
    client.force_login(maja)
    session = client.session
    session.set_expiry(60)
    session.save()

    assert 0 < subscriber_of(maja, session).seconds <= 60
    assert subscriber_of(maja, None).seconds > 60
    assert subscriber_of(maja, None).session == ""
    assert subscriber_of(None, None).user == ""


def test_session_expires_at_its_time_in_the_database(client, maja):
    client.force_login(maja)
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=30))

    assert 0 < subscriber_of(maja, client.session).seconds <= 30


def test_deleted_session_has_no_time_left(client, maja):
    client.force_login(maja)
    session = client.session
    Session.objects.all().delete()

    assert subscriber_of(maja, session).seconds == 0


def test_session_outside_the_database_has_its_own_lifetime(client, maja, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    client.force_login(maja)
    session = client.session
    session.set_expiry(60)

    assert 0 < subscriber_of(maja, session).seconds <= 60


def test_digest_does_not_contain_the_session_key(client, maja):
    client.force_login(maja)
    key = client.session.session_key

    assert key not in session_digest(key)
    assert session_digest(None) == ""


def test_user_without_a_password_has_no_login_digest():
    class Visitor:
        pk = 7

    assert login_digest(Visitor()) == ""
    assert get_user_model() is User
