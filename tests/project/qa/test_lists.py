"""The pages with lists: newest questions, topics, one topic, one person."""

import pytest
from django.urls import reverse

from project.qa.models import Question, Topic


@pytest.fixture
def list_urls(question, answer):
    return [
        reverse("home"),
        reverse("topics"),
        reverse("topic", args=["espresso"]),
        reverse("person", args=["maja"]),
    ]


def test_lists_are_public(client, list_urls):
    assert [client.get(url).status_code for url in list_urls] == [200] * 4


def test_lists_reject_posts(client, list_urls):
    assert [client.post(url).status_code for url in list_urls] == [405] * 4


def test_home_shows_the_newest_questions(client, many_questions):
    page = client.get("/")

    assert b"Q0</a>" in page.content
    assert b"Q19</a>" in page.content
    assert b"Q20</a>" not in page.content


def test_home_links_to_older_questions(client, many_questions):
    link = client.get("/").context["page"].older

    assert b"Q20</a>" in client.get(f"/{link}").content


def test_home_without_questions_shows_a_text(client, db):
    assert b"No questions yet" in client.get("/").content


def test_malformed_page_of_home_is_not_found(client, db):
    assert client.get("/?before=nonsense").status_code == 404


def test_summary_shows_author_time_topics_and_answer_count(client, answer):
    page = client.get("/").content.decode()

    assert (
        f'<article id="question-{answer.question_id}" class="question-summary">' in page
    )
    assert '<a href="/people/maja/">maja</a>' in page
    assert '<a class="topic" href="/topics/espresso/">Espresso</a>' in page
    assert "1 answer<" in page
    assert '<time datetime="' in page


def test_title_is_escaped(client, maja):
    Question.objects.create(title="<script>x</script>", body="b", author=maja)

    assert b"<script>x" not in client.get("/").content


def test_excerpt_is_escaped(client, maja):
    body = "<p>&lt;script&gt;x&lt;/script&gt;</p>"
    Question.objects.create(title="t", body=body, body_is_html=True, author=maja)

    assert b"<script>x" not in client.get("/").content


def test_topics_show_their_number_of_questions(client, many_questions):
    assert b"45 questions" in client.get("/topics/").content


def test_topics_can_be_searched_by_a_part_of_the_name(client, espresso):
    Topic.objects.create(slug="tea", name="Tea")

    page = client.get("/topics/", {"q": "SPRESS"}).content

    assert b"Espresso" in page
    assert b"/topics/tea/" not in page


def test_topic_search_without_results_shows_the_escaped_query(client, db):
    page = client.get("/topics/", {"q": '"><script>x'}).content

    assert b"&lt;script&gt;x" in page
    assert b"<script>x" not in page


def test_page_of_topics_after_the_last_is_the_last(client, espresso):
    assert b"Espresso" in client.get("/topics/?page=99").content


def test_topic_shows_only_its_own_questions(client, question, maja):
    Question.objects.create(title="Elsewhere", body="b", author=maja)

    page = client.get("/topics/espresso/").content

    assert b"Why is it sour?" in page
    assert b"Elsewhere" not in page


def test_topic_without_questions_shows_a_text(client, espresso):
    page = client.get("/topics/espresso/").content

    assert b"No questions about Espresso yet" in page


def test_unknown_topic_is_not_found(client, db):
    assert client.get("/topics/nothing/").status_code == 404


def test_person_shows_questions_and_answers(client, answer):
    asked = client.get("/people/maja/").content
    answered = client.get("/people/tobias/").content

    assert b"Why is it sour?" in asked
    assert b"Grind finer." in answered
    assert b"tobias hasn't asked anything yet" in answered


def test_own_page_addresses_the_user(as_maja):
    page = as_maja.get("/people/maja/").content

    assert b"You haven't asked anything yet" in page
    assert b"Change password" in page


def test_username_with_every_allowed_sign_has_a_page(client, tobias):
    tobias.username = "a.b+c@d-e_f"
    tobias.save()

    url = reverse("person", args=[tobias.username])

    assert client.get(url).status_code == 200


def test_unknown_person_is_not_found(client, db):
    assert client.get("/people/nobody/").status_code == 404


@pytest.mark.parametrize("signed_in", [False, True])
def test_number_of_queries_does_not_depend_on_the_list(
    client, maja, many_questions, django_assert_max_num_queries, signed_in
):
    if signed_in:
        client.force_login(maja)
    for url in (
        "/",
        "/topics/",
        "/topics/espresso/",
        "/people/maja/",
        "/people/tobias/",
    ):
        with django_assert_max_num_queries(10):
            client.get(url)
