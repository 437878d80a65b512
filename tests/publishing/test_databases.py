"""Sites with more than one database: each event is in that of its save."""

import io

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction

from notifications import checks, databases
from notifications.api import publish, retract
from notifications.exceptions import WrongDatabase
from notifications.models import Event, Follow
from notifications.monitoring.outbox_backlog import outbox_backlog
from notifications.protocol.entries import EventEntry
from notifications.publishing import sweeper
from notifications.signals import event_recorded
from notifications.streams.open_stream import look_up
from project.qa.models import Question, Topic
from project.qa.notifications import NEW_QUESTION
from tests.publishing.recording import PAYLOAD
from tests.two_databases import WRITE_ROUTER
from tests.users import unsaved_user

pytestmark = pytest.mark.django_db(transaction=True)

ROUTERS = "tests.two_databases"


@pytest.fixture
def author(other):
    author = unsaved_user("author")
    author.save(using=other)
    return author


def ask(author):
    return Question.objects.using(author._state.db).create(
        title="Why?", body="?", author=author
    )


def events(entries):
    return [entry for entry in entries if isinstance(entry, EventEntry)]


def test_event_is_recorded_and_relayed_in_the_database_of_the_save(
    author, other, appended
):
    question = ask(author)

    event = Event.objects.using(other).get()
    assert event.relayed
    assert event.payload["question_id"] == question.pk
    assert [entry.uid for entry in events(appended())] == [str(event.uid)]
    assert Follow.objects.using(other).get().user_id == author.pk
    assert not Event.objects.using("default").exists()


def test_event_of_a_rolled_back_save_in_another_database_is_not_relayed(
    author, other, appended
):
    with pytest.raises(RuntimeError):
        with transaction.atomic(using=other):
            ask(author)
            raise RuntimeError

    assert appended() == []
    assert not Event.objects.using(other).exists()


def test_event_waits_for_the_commit_of_its_own_database(author, other, appended):
    with transaction.atomic(using=other):
        ask(author)
        with transaction.atomic(using="default"):
            pass
        before = events(appended())

    assert before == []
    assert len(events(appended())) == 1


def test_links_of_another_database_belong_to_its_event(author, other, appended):
    with transaction.atomic(using=other):
        moss = Topic.objects.using(other).create(slug="moss", name="Moss")
        ask(author).topics.add(moss)

    [event] = events(appended())
    assert event.topics == ("topic:moss", f"user:{author.pk}")


def test_deleted_object_retracts_the_event_of_its_own_database(maja, author, other):
    Question.objects.create(title="Why?", body="?", author=maja)
    question = ask(author)
    Question.objects.using(other).filter(pk=question.pk).get().delete()

    assert not Event.objects.using(other).exists()
    assert Event.objects.using("default").count() == 1


def test_event_is_published_in_the_database_of_its_transaction(other, appended):
    with transaction.atomic(using=other):
        publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD, using=other)
        before = events(appended())

    assert before == []
    assert len(events(appended())) == 1
    assert Event.objects.using(other).get().relayed


def test_event_cannot_be_published_in_a_database_without_the_tables(other, settings):
    settings.DATABASE_ROUTERS = [WRITE_ROUTER, f"{ROUTERS}.OwnTablesRouter"]

    with pytest.raises(WrongDatabase):
        publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD, using=other)


def test_backlog_is_that_of_all_databases(author, other, no_redis):
    ask(author)
    publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD)
    of_other = Event.objects.using(other).pending().count()

    backlog = outbox_backlog()

    # Two events, and the control entry of the author's follow of the question.
    assert of_other == 1
    assert backlog.count == 3
    assert backlog.oldest == Event.objects.using(other).get().created


def test_event_is_retracted_in_its_own_database(author, other):
    ask(author)

    assert retract(Event.objects.using(other).get())

    assert not Event.objects.using(other).exists()


def test_event_is_retracted_by_its_uid_in_any_database(author, other):
    ask(author)

    assert retract(Event.objects.using(other).get().uid)

    assert not Event.objects.using(other).exists()


def test_each_database_is_pruned(author, other):
    ask(author)
    publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD)
    for alias in ("default", other):
        Event.objects.using(alias).update(position=1)

    out = io.StringIO()
    call_command("sse_prune", "--older-than", "1d", stdout=out)

    assert out.getvalue() == "Events deleted: 2. Read marks: 0.\n"
    for alias in ("default", other):
        assert not Event.objects.using(alias).exists()


def test_each_database_is_swept(author, other, link, appended):
    link.cut()
    ask(author)
    publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD)
    link.mend()

    sweeper.sweep()

    assert len(events(appended())) == 2
    for alias in ("default", other):
        assert not Event.objects.using(alias).pending().exists()


def test_database_that_fails_does_not_stop_the_sweep_of_another(
    author, other, link, appended, monkeypatch
):
    link.cut()
    ask(author)
    link.mend()
    fails = {"default": True}
    sweep = sweeper.outbox.sweep

    def sweep_or_fail():
        if fails.pop(databases.write_alias(), False):
            raise DatabaseError
        return sweep()

    monkeypatch.setattr(sweeper.outbox, "sweep", sweep_or_fail)
    sweeper.sweep()

    assert fails == {}
    assert len(events(appended())) == 1


def test_unreachable_database_does_not_stop_the_sweep_of_another(
    maja, other, link, appended, monkeypatch, caplog
):
    link.cut()
    publish(NEW_QUESTION, topics=["topic:a"], payload=PAYLOAD)
    link.mend()

    def fail():
        raise DatabaseError("unreachable")

    monkeypatch.setattr(connections[other], "connect", fail)
    connections[other].close()
    sweeper.sweep()

    assert len(events(appended())) == 1
    assert f"reason='unreachable' database={other}" in caplog.text


def test_receiver_of_an_event_may_save_in_another_database(
    maja, author, other, appended
):
    def ask_in_the_usual_one(event, **signal):
        if event._state.db == other:
            ask(maja)

    event_recorded.connect(ask_in_the_usual_one)
    try:
        ask(author)
    finally:
        event_recorded.disconnect(ask_in_the_usual_one)

    assert len(events(appended())) == 2
    for alias in ("default", other):
        assert Event.objects.using(alias).count() == 1


def test_database_without_the_tables_is_not_swept(other):
    with connections[other].cursor() as cursor:
        cursor.execute("ALTER TABLE notifications_event RENAME TO old_event")

    assert databases.recorded_aliases() == ["default"]


@pytest.mark.parametrize(
    "routers", [[], [WRITE_ROUTER, f"{ROUTERS}.OwnTablesRouter"]], ids=len
)
def test_object_is_not_saved_where_its_events_cannot_be(
    author, other, settings, appended, routers
):
    settings.DATABASE_ROUTERS = routers

    with pytest.raises(
        WrongDatabase, match="Question cannot be saved in the database 'other'"
    ):
        ask(author)

    assert not Question.objects.using(other).exists()
    assert appended() == []


def test_watched_model_in_a_database_without_the_tables_is_an_error(other, settings):
    settings.DATABASE_ROUTERS = [WRITE_ROUTER, f"{ROUTERS}.QuestionsRouter"]

    [message] = checks.check_watched_models()

    assert message.id == "notifications.E007"
    assert "qa.Question is saved in the database 'other'" in message.msg


def test_models_in_the_database_of_the_tables_are_no_error(replica):
    assert list(checks.check_watched_models()) == []


def test_stream_ends_with_a_session_in_another_database(other, maja, settings):
    settings.DATABASE_ROUTERS = [WRITE_ROUTER, f"{ROUTERS}.SessionsRouter"]
    Follow.objects.set_level(maja, "topic:milk", "follow")
    session = SessionStore()
    session.set_expiry(60)
    session.save()

    subscriber, subscriptions = look_up(maja, session)

    assert 59 < subscriber.seconds <= 60
    assert list(subscriptions.followed_since) == ["topic:milk"]


@pytest.mark.parametrize(
    ("routers", "count"),
    [
        ([], 0),
        ([WRITE_ROUTER, f"{ROUTERS}.ReplicaRouter"], 0),
        ([f"{ROUTERS}.ReplicaRouter"], 1),
        ([f"{ROUTERS}.ReplicaRouter", WRITE_ROUTER], 1),
    ],
)
def test_write_router_must_be_the_first(settings, routers, count):
    settings.DATABASE_ROUTERS = routers

    messages = checks.check_router()

    assert [each.id for each in messages] == ["notifications.E006"] * count
