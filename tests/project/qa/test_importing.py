from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db.models.signals import m2m_changed, post_save

from notifications.models import Event
from project.qa import importing
from project.qa.importing import (
    MAX_PROBLEMS_NAMED,
    BulkImport,
    Names,
    Tally,
    people,
    posts_of,
    topics_of,
)
from project.qa.models import Answer, Question, Topic
from project.qa.stackexchange import AnswerRow, BrokenRow, OtherRow, QuestionRow

WRITTEN = datetime(2015, 1, 27, 20, 9, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def asked(post_id=1, **changes):
    sound = {
        "created": WRITTEN,
        "body": "<p>How cold?</p>",
        "owner": 4,
        "title": "How should I store beans?",
        "tags": ("storage", "c++"),
    }
    return QuestionRow(id=post_id, **sound | changes)


def replied(post_id=2, **changes):
    sound = {"created": WRITTEN, "body": "<p>Not at all.</p>", "owner": 8}
    return AnswerRow(id=post_id, **sound | {"question": 1} | changes)


def load(*rows, site="coffee"):
    tally = Tally()
    bulk = BulkImport(Names(site), tally)
    bulk.add_questions(row for row in rows if isinstance(row, QuestionRow))
    bulk.add_answers(row for row in rows if isinstance(row, AnswerRow))
    return tally


def contents():
    models = (Question, Answer, Topic, User, Question.topics.through)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_question_is_written_as_it_was_in_the_dump():
    load(asked())

    question = Question.objects.get()
    assert question.external_id == "coffee:1"
    assert question.title == "How should I store beans?"
    assert question.body == "<p>How cold?</p>"
    assert question.body_is_html
    assert question.created == WRITTEN
    assert question.author.username == "coffee-4"
    assert {topic.slug for topic in question.topics.all()} == {"storage", "c-plus-plus"}


def test_answer_is_written_to_its_question():
    load(asked(), replied())

    answer = Answer.objects.get()
    assert answer.question == Question.objects.get()
    assert answer.author.username == "coffee-8"
    assert answer.body_is_html
    assert answer.created == WRITTEN


def test_answer_to_a_question_of_an_earlier_import_is_written():
    load(asked())

    tally = load(replied())

    assert tally.answers == 1
    assert Answer.objects.get().question.external_id == "coffee:1"


def test_answer_to_nothing_is_named_and_skipped():
    tally = load(asked(), replied(2), replied(9, question=77))

    assert (tally.answers, tally.skipped) == (1, 1)
    assert tally.problems == ["Post 9: it answers 77, a question that was not imported"]
    assert not Answer.objects.filter(external_id="coffee:9").exists()


def test_second_import_changes_nothing():
    load(asked(), replied())
    before = contents()

    tally = load(asked(title="Changed?"), replied(body="<p>Changed.</p>"))

    assert contents() == before
    assert (tally.questions, tally.answers, tally.there) == (0, 0, 2)


def test_post_that_is_in_the_dump_twice_is_written_once():
    tally = load(asked(), asked(), replied(), replied())

    assert Question.objects.count() == Answer.objects.count() == 1
    assert tally.there == 2


def test_posts_that_another_import_wrote_meanwhile_are_not_written_twice(monkeypatch):
    load(asked(), replied())
    before = contents()
    monkeypatch.setattr(BulkImport, "_without_known", lambda self, model, rows: rows)

    load(asked(), replied())

    assert contents() == before


def test_sites_do_not_share_posts_or_people():
    load(asked(), site="coffee")
    load(asked(), site="tea")

    assert Question.objects.count() == 2
    assert set(User.objects.values_list("username", flat=True)) == {"coffee-4", "tea-4"}


def test_sites_share_topics():
    load(asked(), site="coffee")
    load(asked(), site="tea")

    assert Topic.objects.get(slug="storage").questions.count() == 2


def test_topic_that_is_there_keeps_its_name():
    Topic.objects.create(slug="storage", name="Keeping things")

    load(asked())

    assert Topic.objects.get(slug="storage").name == "Keeping things"


def test_bulk_import_sends_no_signal_and_makes_no_event():
    heard = []

    def hear(sender, **kwargs):
        heard.append(sender)

    post_save.connect(hear)
    m2m_changed.connect(hear)
    try:
        load(asked(), replied())
    finally:
        post_save.disconnect(hear)
        m2m_changed.disconnect(hear)

    assert heard == []
    assert not Event.objects.exists()


def test_more_posts_than_a_batch_are_all_written(monkeypatch):
    monkeypatch.setattr(importing, "BATCH_POSTS", 3)

    tally = load(*map(asked, range(1, 9)), *map(replied, range(11, 18)))

    assert (Question.objects.count(), Answer.objects.count()) == (8, 7)
    assert (tally.questions, tally.answers) == (8, 7)


def test_number_of_queries_does_not_grow_with_the_batch(django_assert_max_num_queries):
    rows = [asked(n, owner=n, tags=(f"tag-{n}",)) for n in range(1, 200)]

    with django_assert_max_num_queries(20):
        load(*rows)


def test_nobody_can_sign_in_as_somebody_imported():
    load(asked())

    assert not User.objects.get(username="coffee-4").has_usable_password()


def test_deleted_owner_and_community_have_names():
    names = Names("coffee")

    assert names.author(asked(owner=None)) == "coffee-deleted"
    assert names.author(asked(owner=-1)) == "coffee-community"


def test_usernames_are_valid():
    for owner in (4, -1, None, 10**17):
        name = Names("s" * 60).author(asked(owner=owner))
        User(username=name, password="!").full_clean()


def test_people_who_are_there_are_found_again():
    first = people({"coffee-1", "coffee-2"})

    second = people({"coffee-2", "coffee-3"})

    assert second["coffee-2"] == first["coffee-2"]
    assert User.objects.count() == 3


def test_question_without_tags_has_no_topics():
    load(asked(tags=()))

    assert not Question.objects.get().topics.exists()


def test_tags_with_one_slug_are_one_topic():
    load(asked(tags=("c++", "c-plus-plus")))

    assert Question.objects.get().topics.count() == 1
    assert topics_of([]) == {}


def test_rows_that_are_no_posts_are_counted_and_left_out():
    tally = Tally()
    rows = [asked(), OtherRow(), BrokenRow("Post 3", "it has no Body"), OtherRow()]

    posts = list(posts_of(rows, tally))

    assert posts == [asked()]
    assert (tally.others, tally.skipped) == (2, 1)
    assert list(tally.problem_lines()) == ["Post 3: it has no Body"]


def test_only_the_first_problems_are_named():
    tally = Tally()

    for number in range(MAX_PROBLEMS_NAMED + 5):
        tally.skip(f"Post {number}: no")

    lines = list(tally.problem_lines())
    assert lines[-2:] == ["Post 19: no", "and 5 more"]
    assert len(lines) == MAX_PROBLEMS_NAMED + 1


def test_tally_reads_like_a_sentence():
    tally = load(asked(), replied(), replied(3))

    assert str(tally) == (
        "1 question and 2 answers by 2 people under 2 topics"
        " (0 already there, 0 skipped)"
    )
