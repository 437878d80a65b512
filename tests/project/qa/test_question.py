import re

import pytest
from pytest_django.asserts import assertRedirects

from project.qa.models import Answer, Comment, Mention


def test_question_shows_its_answers(client, question, answer):
    page = client.get(question.get_absolute_url()).content.decode()

    assert "<h1>Why is it sour?</h1>" in page
    assert "<p>It runs</p>" in page
    assert re.search(rf'<live-answers [^>]*"question:{question.pk}"', page)
    assert f'<article id="answer-{answer.pk}" class="answer">' in page
    assert "Grind finer." in page


def test_question_without_answers_shows_a_text(client, question):
    assert b"No answers yet" in client.get(question.get_absolute_url()).content


def test_anonymous_user_gets_a_sign_in_link_that_leads_back(client, question):
    page = client.get(question.get_absolute_url()).content.decode()

    assert f'href="/login/?next=/questions/{question.pk}/"' in page
    assert "<textarea" not in page


@pytest.mark.parametrize("pk", [0, 12345, 10**30])
def test_unknown_question_is_not_found(client, db, pk):
    assert client.get(f"/questions/{pk}/").status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_question_rejects_other_methods(client, question, method):
    response = getattr(client, method)(question.get_absolute_url())

    assert response.status_code == 405


def test_answer_can_be_posted(as_maja, question, maja):
    response = as_maja.post(question.get_absolute_url(), {"body": " Less water. "})

    answer = Answer.objects.get()
    assert (answer.question, answer.author) == (question, maja)
    assert answer.body == "Less water."
    assert not answer.body_is_html
    assertRedirects(response, f"/questions/{question.pk}/#answer-{answer.pk}")


def test_posted_answer_is_confirmed(as_maja, question):
    url = question.get_absolute_url()

    page = as_maja.post(url, {"body": "Less water."}, follow=True).content

    assert b"Your answer is posted." in page


def test_confirmation_is_not_used_up_by_a_script_that_fetches_the_page(
    as_maja, question, maja
):
    url = question.get_absolute_url()
    as_maja.post(url, {"body": "Less water."})

    as_maja.get(url, headers={"Notifications-User": str(maja.pk)})

    assert b"Your answer is posted." in as_maja.get(url).content
    assert b"Your answer is posted." not in as_maja.get(url).content


def test_anonymous_answer_is_not_saved(client, question):
    url = question.get_absolute_url()

    response = client.post(url, {"body": "Less water."})

    assertRedirects(response, f"/login/?next={url}")
    assert not Answer.objects.exists()


def test_empty_answer_is_rejected_with_an_error(as_maja, question):
    page = as_maja.post(question.get_absolute_url(), {"body": "  "}).content.decode()

    assert "This field is required." in page
    assert 'aria-invalid="true"' in page
    assert "id_body_error" in page.partition('aria-describedby="')[2].partition('"')[0]
    assert not Answer.objects.exists()


def test_rejected_answer_keeps_its_text_in_the_form(as_maja, question):
    typed = "verbose " * 5_000

    page = as_maja.post(question.get_absolute_url(), {"body": typed}).content.decode()

    assert typed.strip() in page
    assert not Answer.objects.exists()


def test_posted_answer_cannot_be_html(as_maja, question):
    data = {"body": "<script>x</script>", "body_is_html": "on"}

    page = as_maja.post(question.get_absolute_url(), data, follow=True).content

    assert b"&lt;script&gt;x" in page
    assert b"<script>x" not in page


def test_imported_bodies_are_sanitized(client, question, answer):
    for post in (question, answer):
        post.body = "<h1>Big</h1><p>fine<script>x</script></p>"
        post.body_is_html = True
        post.save()

    page = client.get(question.get_absolute_url()).content.decode()

    assert page.count("<h1") == 1
    assert page.count("<p>fine</p>") == 2
    assert "<script>x" not in page


def test_number_of_queries_does_not_depend_on_the_answers_and_comments(
    as_maja, question, maja, tobias, django_assert_max_num_queries
):
    answers = Answer.objects.bulk_create(
        Answer(question=question, author=tobias, body=f"a{n}") for n in range(30)
    )
    comments = Comment.objects.bulk_create(
        Comment(question=question, answer=answer, author=tobias, body="Ask @maja")
        for answer in [None, *answers]
    )
    Mention.objects.bulk_create(
        Mention(comment=comment, person=maja) for comment in comments
    )

    with django_assert_max_num_queries(10):
        as_maja.get(question.get_absolute_url())
