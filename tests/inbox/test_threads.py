"""Rows of the inbox that stand for events of several types about one object."""

import pytest
from django.db import transaction
from django.utils.translation import ngettext_lazy, override

from notifications.api import EventType, follow, topic_of
from notifications.exceptions import InvalidEventType
from notifications.inbox import read_state
from notifications.inbox.rows import inbox_page
from notifications.models import Inbox
from project.qa.models import Answer, Question, Topic
from project.qa.notifications import NewAnswer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def question(maja, tobias):
    """A question of Tobias under a topic that Maja follows."""
    milk = Topic.objects.create(slug="milk", name="Milk")
    follow(maja, topic_of(milk))
    with transaction.atomic():
        question = Question.objects.create(title="Why?", body="?", author=tobias)
        question.topics.add(milk)
    return question


def answer(question):
    return Answer.objects.create(question=question, author=question.author, body="!")


def only_row(user):
    [row] = inbox_page(Inbox(user)).rows
    return row


def test_events_about_one_object_are_one_row(maja, question):
    assert only_row(maja).event.type == "new_question"

    answer(question)
    answer(question)

    row = only_row(maja)
    assert row.event.type == "new_answer"
    assert (row.type_count, row.unread, row.total) == (2, 3, 3)
    assert row.others == ("New question",)
    assert Inbox(maja).count_unread_rows() == (1, False)


def test_row_leads_to_its_first_unread_event(maja, question):
    read_state.read_group(maja, only_row(maja).event)
    first, newest = answer(question), answer(question)

    assert only_row(maja).url == first.get_absolute_url()

    read_state.read_group(maja, only_row(maja).event)
    assert only_row(maja).url == newest.get_absolute_url()


def test_reasons_are_short(maja, tobias, question):
    follow(maja, topic_of(question), level="watch")
    follow(maja, topic_of(tobias))
    answer(question)

    assert {each.topic: each.text for each in only_row(maja).reasons} == {
        topic_of(question): "You watch this question",
        "topic:milk": "You follow the topic “Milk”",
        topic_of(tobias): "You follow tobias",
    }


@pytest.mark.parametrize("wrong", [{"thread": "post"}, {"thread": "A post"}])
def test_thread_needs_a_name_and_a_group(wrong):
    with pytest.raises(InvalidEventType):
        EventType("new_thing", NewAnswer, **wrong)


@pytest.mark.parametrize(
    ("language", "text"), [("en", "3 comments"), ("de", "3 Kommentare")]
)
def test_several_events_have_a_text(monkeypatch, language, text):
    monkeypatch.setattr(EventType, "registry", {})
    counted = ngettext_lazy("%d comment", "%d comments")
    known = EventType("new_thing", NewAnswer, label="New thing", counted=counted)

    with override(language):
        assert known.count_text(3) == text
    assert known.count_text(1) == "New thing"
