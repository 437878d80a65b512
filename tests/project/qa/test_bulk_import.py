from datetime import UTC, datetime

import pytest
from django.db.models.signals import m2m_changed, post_save

from notifications.models import Event
from project.qa import bulk_import
from project.qa.bulk_import import (
    MAX_PROBLEMS_SHOWN,
    BulkImport,
    ImportStats,
    SiteNames,
    get_or_create_topics,
    get_or_create_users,
    only_posts,
)
from project.qa.models import Answer, Question, Topic
from project.qa.stackexchange import AnswerRow, BrokenRow, OtherRow, QuestionRow
from tests.users import User

WRITTEN = datetime(2015, 1, 27, 20, 9, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def question_row(post_id=1, **changes):
    valid = {
        "created": WRITTEN,
        "body": "<p>How cold?</p>",
        "owner": 4,
        "title": "How should I store beans?",
        "tags": ("storage", "c++"),
    }
    return QuestionRow(id=post_id, **valid | changes)


def answer_row(post_id=2, **changes):
    valid = {"created": WRITTEN, "body": "<p>Not at all.</p>", "owner": 8}
    return AnswerRow(id=post_id, **valid | {"question": 1} | changes)


def load(*rows, site="coffee"):
    stats = ImportStats()
    bulk = BulkImport(SiteNames(site), stats)
    bulk.add_questions(row for row in rows if isinstance(row, QuestionRow))
    bulk.add_answers(row for row in rows if isinstance(row, AnswerRow))
    return stats


def contents():
    models = (Question, Answer, Topic, User, Question.topics.through)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_question_has_the_fields_of_its_row():
    load(question_row())

    question = Question.objects.get()
    assert question.external_id == "coffee:1"
    assert question.title == "How should I store beans?"
    assert question.body == "<p>How cold?</p>"
    assert question.body_is_html
    assert question.created == WRITTEN
    assert question.author.get_username() == "coffee-4"
    assert {topic.slug for topic in question.topics.all()} == {"storage", "c-plus-plus"}


def test_answer_belongs_to_its_question():
    load(question_row(), answer_row())

    answer = Answer.objects.get()
    assert answer.question == Question.objects.get()
    assert answer.author.get_username() == "coffee-8"
    assert answer.body_is_html
    assert answer.created == WRITTEN


def test_answer_to_a_question_of_an_earlier_import_is_written():
    load(question_row())

    stats = load(answer_row())

    assert stats.answers == 1
    assert Answer.objects.get().question.external_id == "coffee:1"


def test_answer_without_a_question_is_skipped_and_reported():
    stats = load(question_row(), answer_row(2), answer_row(9, question=77))

    assert (stats.answers, stats.skipped) == (1, 1)
    assert stats.problems == ["Post 9: it answers 77, a question that was not imported"]
    assert not Answer.objects.filter(external_id="coffee:9").exists()


def test_second_import_changes_nothing():
    load(question_row(), answer_row())
    before = contents()

    stats = load(question_row(title="Changed?"), answer_row(body="<p>Changed.</p>"))

    assert contents() == before
    assert (stats.questions, stats.answers, stats.existing) == (0, 0, 2)


def test_duplicate_post_in_a_dump_is_written_once():
    stats = load(question_row(), question_row(), answer_row(), answer_row())

    assert Question.objects.count() == Answer.objects.count() == 1
    assert stats.existing == 2


def test_posts_of_a_concurrent_import_are_not_written_twice(monkeypatch):
    load(question_row(), answer_row())
    before = contents()
    monkeypatch.setattr(BulkImport, "_without_existing", lambda self, model, rows: rows)

    load(question_row(), answer_row())

    assert contents() == before


def test_sites_do_not_share_posts_or_users():
    load(question_row(), site="coffee")
    load(question_row(), site="tea")

    assert Question.objects.count() == 2
    assert set(User.objects.values_list("username", flat=True)) == {"coffee-4", "tea-4"}


def test_sites_share_topics():
    load(question_row(), site="coffee")
    load(question_row(), site="tea")

    assert Topic.objects.get(slug="storage").questions.count() == 2


def test_existing_topic_keeps_its_name():
    Topic.objects.create(slug="storage", name="Keeping things")

    load(question_row())

    assert Topic.objects.get(slug="storage").name == "Keeping things"


def test_bulk_import_sends_no_signals_and_records_no_events():
    sent = []

    def receive(sender, **kwargs):
        sent.append(sender)

    post_save.connect(receive)
    m2m_changed.connect(receive)
    try:
        load(question_row(), answer_row())
    finally:
        post_save.disconnect(receive)
        m2m_changed.disconnect(receive)

    assert sent == []
    assert not Event.objects.exists()


def test_all_batches_are_written(monkeypatch):
    monkeypatch.setattr(bulk_import, "BATCH_POSTS", 3)

    stats = load(*map(question_row, range(1, 9)), *map(answer_row, range(11, 18)))

    assert (Question.objects.count(), Answer.objects.count()) == (8, 7)
    assert (stats.questions, stats.answers) == (8, 7)


def test_number_of_queries_does_not_depend_on_the_batch_size(
    django_assert_max_num_queries,
):
    rows = [question_row(n, owner=n, tags=(f"tag-{n}",)) for n in range(1, 200)]

    with django_assert_max_num_queries(20):
        load(*rows)


def test_imported_users_have_no_usable_password():
    load(question_row())

    assert not User.objects.get(username="coffee-4").has_usable_password()


def test_deleted_owner_and_community_user_have_usernames():
    names = SiteNames("coffee")

    assert names.username(question_row(owner=None)) == "coffee-deleted"
    assert names.username(question_row(owner=-1)) == "coffee-community"


def test_usernames_are_valid():
    for owner in (4, -1, None, 10**17):
        name = SiteNames("s" * 60).username(question_row(owner=owner))
        User(username=name, password="!").full_clean()


def test_existing_users_are_found():
    first = get_or_create_users({"coffee-1", "coffee-2"})

    second = get_or_create_users({"coffee-2", "coffee-3"})

    assert second["coffee-2"] == first["coffee-2"]
    assert User.objects.count() == 3


def test_question_without_tags_has_no_topics():
    load(question_row(tags=()))

    assert not Question.objects.get().topics.exists()


def test_tags_with_the_same_slug_become_one_topic():
    load(question_row(tags=("c++", "c-plus-plus")))

    assert Question.objects.get().topics.count() == 1
    assert get_or_create_topics([]) == {}


def test_rows_that_are_not_posts_are_counted_and_left_out():
    stats = ImportStats()
    rows = [
        question_row(),
        OtherRow(),
        BrokenRow("Post 3", "it has no Body"),
        OtherRow(),
    ]

    posts = list(only_posts(rows, stats))

    assert posts == [question_row()]
    assert (stats.other_rows, stats.skipped) == (2, 1)
    assert list(stats.problem_lines()) == ["Post 3: it has no Body"]


def test_only_the_first_problems_are_shown():
    stats = ImportStats()

    for number in range(MAX_PROBLEMS_SHOWN + 5):
        stats.skip(f"Post {number}: no")

    lines = list(stats.problem_lines())
    assert lines[-2:] == ["Post 19: no", "and 5 more"]
    assert len(lines) == MAX_PROBLEMS_SHOWN + 1


def test_stats_are_shown_as_one_phrase():
    stats = load(question_row(), answer_row(), answer_row(3))

    assert str(stats) == (
        "1 question and 2 answers by 2 people under 2 topics"
        " (0 already there, 0 skipped)"
    )
