"""Comments on questions and answers."""

import pytest
from django.urls import reverse
from pytest_django.asserts import assertRedirects

from notifications.api import follow
from project.qa.models import Comment
from tests.users import User


@pytest.fixture
def comment(question, maja):
    return Comment.objects.create(question=question, author=maja, body="Which grinder?")


@pytest.fixture
def lena(db):
    return User.objects.create_user("lena")


def test_comment_on_a_question_is_shown_below_it(as_maja, question):
    url = reverse("comment_question", args=[question.pk])
    assert b"Why is it sour?" in as_maja.get(url).content

    response = as_maja.post(url, {"body": "Same <b>here</b>."})

    comment = Comment.objects.get()
    assert (comment.question, comment.answer) == (question, None)
    assertRedirects(response, f"/questions/{question.pk}/#comment-{comment.pk}")
    page = as_maja.get(question.get_absolute_url()).content.decode()
    assert "Same &lt;b&gt;here&lt;/b&gt;." in page
    assert page.index("Same &lt;b&gt;") < page.index("<live-answers")


def test_comment_on_an_answer_is_shown_in_it(as_maja, answer):
    as_maja.post(reverse("comment_answer", args=[answer.pk]), {"body": "Thank you!"})

    page = as_maja.get(answer.question.get_absolute_url()).content.decode()
    assert "Thank you!" in page.partition("<live-answers")[2]
    assert Comment.objects.get().answer == answer


@pytest.mark.parametrize("body", [" ", "long " * 200])
def test_invalid_comment_is_rejected_and_kept_in_the_form(as_maja, question, body):
    url = reverse("comment_question", args=[question.pk])

    page = as_maja.post(url, {"body": body}).content.decode()

    assert 'role="alert"' in page
    assert 'aria-invalid="true"' in page
    assert body.strip() in page
    assert not Comment.objects.exists()


def test_anonymous_user_has_to_sign_in_to_comment(client, question):
    url = reverse("comment_question", args=[question.pk])

    assertRedirects(client.post(url, {"body": "b"}), f"/login/?next={url}")
    assert not Comment.objects.exists()


def test_followers_of_the_question_are_notified(question, lena, tobias, inbox_of):
    follow(lena, f"question:{question.pk}")
    follow(tobias, "topic:espresso")

    Comment.objects.create(question=question, author=question.author, body="More")

    assert inbox_of("lena") == ["comment"]
    assert "comment" not in inbox_of("tobias")
    assert inbox_of("maja") == []


def test_commenter_follows_the_question(question, lena, tobias, inbox_of):
    Comment.objects.create(question=question, author=lena, body="First")

    Comment.objects.create(question=question, author=tobias, body="Second")

    assert inbox_of("lena") == ["comment"]


def test_comment_can_be_deleted_by_its_author(as_maja, comment, tobias, inbox_of):
    follow(tobias, f"question:{comment.question_id}")
    url = reverse("delete_comment", args=[comment.pk])
    assert b"Which grinder?" in as_maja.get(url).content

    response = as_maja.post(url)

    assertRedirects(response, comment.question.get_absolute_url())
    assert not Comment.objects.exists()
    assert "comment" not in inbox_of("tobias")


def test_comment_of_another_person_cannot_be_deleted(client, comment, tobias):
    client.force_login(tobias)

    response = client.post(reverse("delete_comment", args=[comment.pk]))

    assert response.status_code == 403
    assert Comment.objects.exists()
