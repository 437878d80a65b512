import json

import pytest
from django.core import serializers
from django.db import transaction

from notifications.models import Event, Follow
from notifications.publishing.watched import Watched
from notifications.publishing.watched_saves import SaveWatcher
from project.qa.models import Answer, Question, Topic
from project.qa.notifications import NEW_QUESTION

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = ("topics", "payload", "actor", "actor_follows", "when")


@pytest.fixture
def tamping():
    return Topic.objects.create(slug="tamping", name="Tamping")


@pytest.fixture
def milk():
    return Topic.objects.create(slug="milk", name="Milk")


def ask(author, *topics):
    with transaction.atomic():
        question = Question.objects.create(title="Why?", body="Tell.", author=author)
        question.topics.set(topics)
    return question


def relayed():
    """Return the type and the topics of each relayed event."""
    events = Event.objects.exclude(relayed=None).order_by("pk")
    return [(event.type, event.topics) for event in events]


def test_question_with_several_topics_is_one_event(maja, milk, tamping):
    ask(maja, milk, tamping)

    assert relayed() == [
        ("new_question", ["topic:milk", "topic:tamping", f"user:{maja.pk}"])
    ]


def test_links_from_the_other_side_are_part_of_the_event(maja, milk):
    with transaction.atomic():
        question = Question.objects.create(title="Why?", body="Tell.", author=maja)
        milk.questions.add(question)

    assert relayed() == [("new_question", ["topic:milk", f"user:{maja.pk}"])]


def test_topic_removed_in_the_same_transaction_is_left_out(maja, milk, tamping):
    with transaction.atomic():
        question = Question.objects.create(title="Why?", body="Tell.", author=maja)
        question.topics.set([milk, tamping])
        question.topics.set([tamping])

    assert relayed() == [("new_question", ["topic:tamping", f"user:{maja.pk}"])]


def test_editing_records_nothing(maja, milk):
    question = ask(maja, milk)

    question.title = "Why, though?"
    question.save()

    assert Event.objects.count() == 1


def test_event_has_the_title_at_the_commit(maja, milk):
    with transaction.atomic():
        question = Question.objects.create(title="Wy?", body="Tell.", author=maja)
        question.title = "Why?"
        question.save()
        question.topics.add(milk)

    assert Event.objects.get().payload["title"] == "Why?"


def test_answer_is_addressed_to_question_topics_and_author(maja, tobias, milk):
    question = ask(maja, milk)

    answer = Answer.objects.create(question=question, body="So.", author=tobias)

    event = Event.objects.last()
    assert event.type == "new_answer"
    assert event.topics == [
        f"question:{question.pk}",
        "topic:milk",
        f"user:{tobias.pk}",
    ]
    assert event.payload == {
        "answer_id": answer.pk,
        "question_id": question.pk,
        "title": "Why?",
        "url": answer.get_absolute_url(),
        "excerpt": "So.",
    }
    assert event.actor == tobias


def test_asking_and_answering_follow_the_question(maja, tobias, milk):
    question = ask(maja, milk)
    Answer.objects.create(question=question, body="So.", author=tobias)

    follows = Follow.objects.filter(topic=f"question:{question.pk}")
    assert {follow.user for follow in follows} == {maja, tobias}


def test_answering_a_muted_question_keeps_the_mute(maja, tobias, milk):
    question = ask(maja, milk)
    Follow.objects.set_level(tobias, f"question:{question.pk}", "mute")

    Answer.objects.create(question=question, body="So.", author=tobias)

    assert Follow.objects.get(user=tobias).level == "mute"


def test_loading_data_records_nothing(maja, milk):
    rows = serializers.serialize("json", [Question(pk=7, title="Why?", author=maja)])
    rows = json.loads(rows)
    rows[0]["fields"]["topics"] = [milk.pk]

    for row in serializers.deserialize("json", json.dumps(rows)):
        row.save()

    assert Question.objects.get().topics.get() == milk
    assert not Event.objects.exists()
    assert not Follow.objects.exists()


def test_rolled_back_question_has_no_event(maja, milk):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Question.objects.create(title="Never", body="Tell.", author=maja)
        raise ZeroDivisionError
    ask(maja, milk)

    assert Event.objects.get().payload["title"] == "Why?"


def test_question_of_a_rolled_back_savepoint_has_no_event(maja, milk):
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            lost = Question.objects.create(title="Never", body="Tell.", author=maja)
            lost.topics.add(milk)
            raise ZeroDivisionError
        question = Question.objects.create(title="Why?", body="Tell.", author=maja)
        question.topics.add(milk)

    assert relayed() == [("new_question", ["topic:milk", f"user:{maja.pk}"])]


def test_deleting_a_person_deletes_their_follows(maja, milk):
    Follow.objects.set_level(maja, "topic:milk", "follow")

    maja.delete()

    assert not Follow.objects.exists()


def test_key_reused_after_a_rollback_belongs_to_the_new_object(maja, tobias, milk):
    question = ask(maja, milk)

    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Question.objects.create(title="Never", body="Tell.", author=maja)
            raise ZeroDivisionError
        Answer.objects.create(question=question, body="So.", author=tobias)
        Question.objects.create(title="Now", body="Tell.", author=maja).topics.add(milk)

    types = [event.type for event in Event.objects.order_by("pk")]
    assert types == ["new_question", "new_answer", "new_question"]
    assert Event.objects.last().topics == ["topic:milk", f"user:{maja.pk}"]


def test_event_without_an_actor_adds_no_follow(maja, milk):
    watched = Watched(
        Question,
        NEW_QUESTION,
        topics=lambda question: ["topic:milk"],
        payload=lambda question: {"question_id": 1, "title": "Why?", "url": "/"},
        actor=lambda question: None,
        actor_follows=lambda question: "topic:milk",
        on_topic_added=False,
        when=None,
    )
    question = Question(pk=7, title="Why?", author=maja)

    signal = {"raw": False, "using": "default", "update_fields": None}
    SaveWatcher(watched).saved(instance=question, created=True, **signal)

    assert Event.objects.get().actor is None
    assert not Follow.objects.exists()


def test_sources_fit_into_their_column_however_long_the_keys_are():
    watched = Watched(
        Question, NEW_QUESTION, **dict.fromkeys(OPTIONS), on_topic_added=False
    )
    keys = ["k" * length for length in (1, 200, 255, 1_000)]

    sources = [watched.source(key) for key in keys]

    assert max(map(len, sources)) <= Event._meta.get_field("source").max_length
    assert len({*sources}) == len(keys)
    assert all(each.startswith(watched.source("")) for each in sources)
