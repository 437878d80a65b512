"""Deleted sessions end their streams, and expired ones are deleted without reading."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.lib.digests import session_digest
from notifications.protocol.entries import EndEntry
from notifications.publishing.sessions import SessionQuerySet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make_session(maja):
    """A function that makes a session of Maja's that expires in some days."""

    def make_session(days=1):
        store = SessionStore()
        store["_auth_user_id"] = str(maja.pk)
        store.save()
        expires = timezone.now() + timedelta(days=days)
        Session.objects.filter(pk=store.session_key).update(expire_date=expires)
        return Session.objects.get(pk=store.session_key)

    return make_session


@pytest.fixture
def ended(start, appended):
    """A function that returns the sessions whose streams ended since the start."""

    def ended():
        entries = [entry for entry in appended() if isinstance(entry, EndEntry)]
        return [entry.session for entry in entries]

    return ended


@pytest.mark.parametrize(
    "delete",
    [
        lambda session: session.delete(),
        lambda session: Session.objects.filter(pk=session.pk).delete(),
        lambda session: Session.objects.all().delete(),
        lambda session: Session.objects.order_by("expire_date").distinct().delete(),
        lambda session: Session._base_manager.all().delete(),
        lambda session: SessionStore(session.pk).delete(),
        lambda session: SessionStore(session.pk).flush(),
    ],
    ids=["row", "by key", "all", "ordered", "base", "store", "flush"],
)
def test_deleting_a_live_session_ends_its_streams(make_session, ended, delete):
    expired, session = make_session(days=-1), make_session()

    key = session.pk

    delete(session)

    assert not Session.objects.filter(pk=key).exists()
    assert ended() == [session_digest(key)]
    assert expired.pk != key


def test_clearing_expired_sessions_reads_none_of_them(make_session, ended):
    for _ in range(3):
        make_session(days=-1)
    live = make_session()

    with CaptureQueriesContext(connection) as queries:
        call_command("clearsessions")

    assert [*Session.objects.all()] == [live]
    assert ended() == []
    statements = [query["sql"] for query in queries]
    # The rows that are read are live ones.
    [read] = [sql for sql in statements if sql.startswith("SELECT")]
    assert '"expire_date" > ' in read
    assert len([sql for sql in statements if sql.startswith("DELETE")]) == 1


def test_number_of_deleted_sessions_includes_both_kinds(make_session):
    for days in (-2, -1, 1):
        make_session(days=days)

    assert Session.objects.all().delete() == (3, {"sessions.Session": 3})
    assert Session.objects.all().delete() == (0, {})


def test_receivers_of_the_site_are_called_for_expired_sessions(make_session):
    received = []

    def receive(instance, **signal):
        received.append(instance)

    expired = make_session(days=-1)
    post_delete.connect(receive, sender=Session)
    try:
        SessionStore.clear_expired()
    finally:
        post_delete.disconnect(receive, sender=Session)

    assert [each.session_data for each in received] == [expired.session_data]


def test_queries_that_django_does_not_delete_are_refused():
    with pytest.raises(TypeError, match="limit"):
        Session.objects.all()[:1].delete()
    with pytest.raises(TypeError, match="values"):
        Session.objects.values("pk").delete()


def test_models_of_other_sessions_are_deleted_as_usual(maja):
    # A site's own model of sessions may have the manager of Django's.
    people = SessionQuerySet(model=get_user_model())

    people.delete()

    assert not get_user_model().objects.exists()
