from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone

from notifications.models import Event, Follow
from project.qa import demo
from project.qa.models import Answer, Question, Topic
from project.qa.text import name_to_slug
from tests.users import User

pytestmark = pytest.mark.django_db


def seed(**options):
    out = StringIO()
    call_command("seed_demo", stdout=out, **options)
    return out.getvalue()


def contents():
    models = (User, Topic, Question, Answer, Follow)
    return [list(model.objects.order_by("pk").values()) for model in models]


def follows(name):
    return set(
        Follow.objects.filter(user__username=name).values_list("topic", flat=True)
    )


@pytest.fixture
def debug(settings):
    settings.DEBUG = True


def test_without_debug_nothing_is_created(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="only with DEBUG=1"):
        seed()

    assert not User.objects.exists()
    assert not Question.objects.exists()


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize("name", demo.ACCOUNTS)
def test_accounts_can_sign_in(name):
    seed()

    assert authenticate(username=name, password=demo.PASSWORD)


@pytest.mark.usefixtures("debug")
def test_only_admin_is_staff():
    seed()

    admin = User.objects.get(is_superuser=True)
    assert admin.get_username() == "admin"
    assert list(User.objects.filter(is_staff=True)) == [admin]


@pytest.mark.usefixtures("debug")
def test_posts_are_spread_over_the_last_days():
    seed()

    created = [q.created for q in Question.objects.all()]
    assert len(created) == 12
    assert max(created) < timezone.now()
    assert (max(created) - min(created)).days >= 5
    for answer in Answer.objects.select_related("question"):
        assert answer.question.created < answer.created < timezone.now()


@pytest.mark.usefixtures("debug")
def test_one_question_has_an_accepted_answer_votes_and_comments():
    seed()

    question = Question.objects.get(title__startswith="Why does my espresso")
    accepted, other = question.answers.all()
    assert (accepted.accepted, other.accepted) == (True, False)
    assert accepted.voters.count() == 2
    assert question.comments.filter(answer=None).count() == 2
    assert [c.answer for c in question.comments.exclude(answer=None)] == [accepted]


@pytest.mark.usefixtures("debug")
def test_every_topic_has_questions():
    seed()

    assert Topic.objects.count() == len(demo.TOPICS) == 8
    assert not Topic.objects.filter(questions=None).exists()


@pytest.mark.usefixtures("debug")
def test_reader_follows_topics_and_asker():
    seed()

    asker = User.objects.get(username="asker")
    assert {"topic:espresso", f"user:{asker.pk}"} <= follows("reader")
    assert f"user:{asker.pk}" not in follows("asker")


@pytest.mark.usefixtures("debug")
def test_users_follow_the_questions_of_their_posts():
    seed()

    for question in Question.objects.all():
        assert f"question:{question.pk}" in follows(question.author.get_username())
    for answer in Answer.objects.select_related("author"):
        assert f"question:{answer.question_id}" in follows(answer.author.get_username())


@pytest.mark.usefixtures("debug")
def test_posts_record_no_events():
    seed()

    assert not Event.objects.exists()


@pytest.mark.usefixtures("debug")
def test_second_run_changes_nothing_and_reports_that():
    first = seed()
    before = contents()

    second = seed()

    assert "admin, asker, answerer, reader" in first
    assert "32 posts" in first
    assert second == "The demo exists already.\n"
    assert contents() == before


@pytest.mark.usefixtures("debug")
def test_second_run_hashes_no_password_and_needs_few_queries(
    monkeypatch, django_assert_max_num_queries
):
    seed()
    monkeypatch.setattr(User, "set_password", None)

    with django_assert_max_num_queries(6):
        seed()


@pytest.mark.usefixtures("debug")
def test_verbosity_0_writes_nothing():
    assert seed(verbosity=0) == ""


@pytest.mark.usefixtures("debug")
def test_existing_account_keeps_its_password():
    User.objects.create_user("admin", password="correct horse")

    seed()

    assert authenticate(username="admin", password="correct horse")
    assert not User.objects.get(username="admin").is_superuser


@pytest.mark.usefixtures("debug")
def test_deleted_posts_and_follows_are_not_created_again():
    seed()
    Question.objects.first().delete()
    Follow.objects.filter(user__username="reader").delete()
    before = contents()

    seed()

    assert contents() == before


@pytest.mark.usefixtures("debug")
def test_existing_topic_is_kept():
    Topic.objects.create(slug="tea", name="All about tea")

    seed()

    assert Topic.objects.get(slug="tea").name == "All about tea"
    assert Topic.objects.get(slug="tea").questions.exists()


def test_slugs_are_made_from_the_names():
    for slug, name in demo.TOPICS.items():
        assert name_to_slug(name, chars=60) == slug


def test_posts_and_follows_refer_to_the_accounts_and_topics_of_the_demo():
    for question in demo.read_questions():
        assert question.author in demo.ACCOUNTS
        assert set(question.topics) <= demo.TOPICS.keys()
        for answer in question.answers:
            assert answer.author in demo.ACCOUNTS
            assert answer.author != question.author
            assert 0 < answer.hours_later < question.hours_ago
    for followed in demo.FOLLOWED_TOPICS.values():
        assert set(followed) <= demo.TOPICS.keys()
