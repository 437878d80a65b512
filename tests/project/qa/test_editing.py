"""The pages to edit and delete questions and answers."""

import pytest
from django.urls import reverse
from pytest_django.asserts import assertRedirects

from notifications.testing import recorded_events
from project.qa.models import Answer, Question, Topic

CHANGED = {"title": "Why so sour?", "body": "It runs.", "topics": "Espresso, Milk"}


@pytest.fixture
def as_tobias(client, tobias):
    client.force_login(tobias)
    return client


def test_question_can_be_edited_by_its_author(as_maja, question):
    url = reverse("edit_question", args=[question.pk])
    shown = as_maja.get(url).content.decode()

    response = as_maja.post(url, CHANGED)

    assert 'value="Why is it sour?"' in shown
    assert 'value="Espresso"' in shown
    assertRedirects(response, question.get_absolute_url())
    question.refresh_from_db()
    assert (question.title, question.body) == ("Why so sour?", "It runs.")
    assert [str(topic) for topic in question.topics.all()] == ["Espresso", "Milk"]


def test_edited_post_says_so(as_maja, question):
    url = reverse("edit_question", args=[question.pk])

    page = as_maja.post(url, CHANGED, follow=True).content

    assert b"<span>edited <time" in page


def test_edited_question_notifies_nobody_again(as_maja, question):
    Topic.objects.create(slug="milk", name="Milk")

    with recorded_events() as events:
        as_maja.post(reverse("edit_question", args=[question.pk]), CHANGED)

    assert events == []


def test_invalid_edit_of_a_question_is_shown_again(as_maja, question):
    url = reverse("edit_question", args=[question.pk])

    page = as_maja.post(url, {**CHANGED, "title": ""}).content.decode()

    assert "This field is required." in page
    assert "It runs.</textarea>" in page
    assert Question.objects.get().title == "Why is it sour?"


def test_answer_can_be_edited_by_its_author(as_tobias, answer):
    url = reverse("edit_answer", args=[answer.pk])
    assert b"Grind finer.</textarea>" in as_tobias.get(url).content

    response = as_tobias.post(url, {"body": "Grind much finer."})

    assertRedirects(response, answer.get_absolute_url())
    answer.refresh_from_db()
    assert answer.body == "Grind much finer."
    assert answer.edited


def test_invalid_edit_of_an_answer_is_shown_again(as_tobias, answer):
    page = as_tobias.post(reverse("edit_answer", args=[answer.pk]), {"body": " "})

    assert b"This field is required." in page.content
    assert Answer.objects.get().body == "Grind finer."


@pytest.mark.parametrize("name", ["edit_question", "delete_question"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_question_of_another_person_cannot_be_changed(
    as_tobias, question, name, method
):
    url = reverse(name, args=[question.pk])

    assert getattr(as_tobias, method)(url, CHANGED).status_code == 403
    assert Question.objects.get().title == "Why is it sour?"


@pytest.mark.parametrize("name", ["edit_answer", "delete_answer"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_answer_of_another_person_cannot_be_changed(as_maja, answer, name, method):
    url = reverse(name, args=[answer.pk])

    assert getattr(as_maja, method)(url, {"body": "No."}).status_code == 403
    assert Answer.objects.get().body == "Grind finer."


@pytest.mark.parametrize(
    "name", ["edit_question", "delete_question", "edit_answer", "delete_answer"]
)
def test_anonymous_user_has_to_sign_in_to_change_something(client, answer, name):
    url = reverse(name, args=[answer.pk if "answer" in name else answer.question_id])

    assertRedirects(client.post(url), f"/login/?next={url}")


@pytest.mark.parametrize(
    "name",
    [
        *("edit_question", "delete_question", "edit_answer", "delete_answer"),
        *("comment_question", "comment_answer", "delete_comment"),
    ],
)
def test_unknown_post_is_not_found(as_maja, name):
    assert as_maja.get(reverse(name, args=[12345])).status_code == 404


def test_author_confirms_before_a_question_is_deleted(as_maja, answer):
    url = reverse("delete_question", args=[answer.question_id])
    page = as_maja.get(url).content
    assert Question.objects.exists()

    response = as_maja.post(url, follow=True)

    assert b"Delete your question?" in page
    assert b"Its 1 answer is deleted, too." in page
    assert b"Your question is deleted." in response.content
    assert not Question.objects.exists()


def test_author_confirms_before_an_answer_is_deleted(as_tobias, answer):
    url = reverse("delete_answer", args=[answer.pk])
    assert b"Grind finer." in as_tobias.get(url).content
    assert Answer.objects.exists()

    response = as_tobias.post(url)

    assertRedirects(response, answer.question.get_absolute_url())
    assert not Answer.objects.exists()


@pytest.mark.parametrize("kind", ["question", "answer"])
def test_deleted_post_is_retracted(client, answer, inbox_of, kind):
    post = answer.question if kind == "question" else answer
    client.force_login(post.author)

    client.post(reverse(f"delete_{kind}", args=[post.pk]))

    assert inbox_of("maja") == []


def test_links_to_change_a_post_are_for_its_author(client, answer, maja):
    url = answer.question.get_absolute_url()
    links = [
        f"/questions/{answer.question_id}/edit/",
        f"/questions/{answer.question_id}/delete/",
        f"/answers/{answer.pk}/edit/",
        f"/answers/{answer.pk}/delete/",
    ]

    def shown():
        page = client.get(url).content.decode()
        return [f'href="{link}"' in page for link in links]

    assert shown() == [False] * 4
    client.force_login(maja)
    assert shown() == [True, True, False, False]
    client.force_login(answer.author)
    assert shown() == [False, False, True, True]
