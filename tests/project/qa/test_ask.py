import pytest
from django.db import DatabaseError
from pytest_django.asserts import assertRedirects

from project.qa.models import Question, Topic


def ask(client, **changed):
    data = {"title": "Why?", "body": "Because.", "topics": ["Espresso"], **changed}
    return client.post("/ask/", data)


def test_form_is_shown(as_maja, espresso):
    page = as_maja.get("/ask/").content.decode()

    assert page.count('name="topics"') == 5
    assert '<option value="Espresso">' in page


def test_topic_in_the_url_is_filled_in(as_maja, espresso):
    page = as_maja.get("/ask/?topic=espresso").content.decode()

    assert 'value="Espresso" maxlength' in page


def test_unknown_topic_in_the_url_is_ignored(as_maja):
    assert as_maja.get("/ask/?topic=nothing").status_code == 200


def test_question_can_be_posted_with_topics(as_maja, maja, espresso):
    response = ask(as_maja, topics=["espresso", "Milk foam", ""])

    question = Question.objects.get()
    assertRedirects(response, f"/questions/{question.pk}/")
    assert (question.title, question.body) == ("Why?", "Because.")
    assert question.author == maja
    assert {topic.slug for topic in question.topics.all()} == {"espresso", "milk-foam"}


def test_posted_question_is_confirmed(as_maja, espresso):
    page = as_maja.get(ask(as_maja).url).content

    assert b"Your question is posted." in page


def test_one_input_can_have_several_topics_with_commas(as_maja, espresso):
    ask(as_maja, topics="ESPRESSO, French  press,, espresso")

    names = Question.objects.get().topics.values_list("name", flat=True)
    assert set(names) == {"Espresso", "French press"}


def test_name_with_the_slug_of_a_topic_is_that_topic(as_maja, espresso):
    ask(as_maja, topics="Espresso-")

    assert Question.objects.get().topics.get() == espresso


def test_topic_with_another_slug_is_found_by_its_name(as_maja):
    cold_brew = Topic.objects.create(slug="coldbrew", name="Cold brew")

    ask(as_maja, topics="cold brew")

    assert Question.objects.get().topics.get() == cold_brew


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"title": " "}, "This field is required."),
        ({"title": "x" * 201}, "at most 200 characters"),
        ({"body": ""}, "This field is required."),
        ({"body": "nul\0"}, "Null characters are not allowed."),
        ({"topics": []}, "Add at least one topic."),
        ({"topics": "a,b,c,d,e,f"}, "Add at most 5 topics."),
        ({"topics": "<b>"}, "“&lt;b&gt;”"),
        ({"topics": "___"}, "at least one letter"),
        ({"topics": "日本"}, "at least one letter"),
        ({"topics": "x" * 61}, "is too long"),
    ],
)
def test_invalid_question_is_rejected_with_an_error(as_maja, changed, problem):
    response = ask(as_maja, **changed)

    assert problem in response.content.decode()
    assert not Question.objects.exists()
    assert not Topic.objects.exists()


def test_rejected_question_keeps_its_text_in_the_form(as_maja):
    page = ask(
        as_maja, title="", body="Kept <b>", topics=["Milk", "Tea"]
    ).content.decode()

    assert "Kept &lt;b&gt;" in page
    assert 'value="Milk"' in page
    assert 'value="Tea"' in page
    assert page.count('name="topics"') == 5


def test_error_of_the_topics_describes_their_inputs(as_maja):
    page = ask(as_maja, topics=[]).content.decode()

    assert 'id="id_topics_error"' in page
    assert 'aria-invalid="true" aria-describedby="id_topics_error"' in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_anonymous_user_is_redirected_to_sign_in(client, db, method):
    response = getattr(client, method)("/ask/")

    assertRedirects(response, "/login/?next=/ask/")


def test_ask_page_rejects_other_methods(as_maja):
    assert as_maja.delete("/ask/").status_code == 405


def test_failure_of_the_topics_rolls_the_question_back(as_maja, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr("project.qa.models.questions.TopicQuerySet.get_or_create", fail)

    with pytest.raises(DatabaseError):
        ask(as_maja)
    assert not Question.objects.exists()
