"""The site in the language of the user."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone, translation
from pytest_django.asserts import assertRedirects

from project.qa.models import Topic
from project.qa.templatetags.qa import when


@pytest.fixture(autouse=True)
def reset_language():
    """The language of a request stays active in its thread."""
    yield
    translation.deactivate()


@pytest.fixture
def german(client):
    client.cookies["django_language"] = "de"
    return client


def test_language_is_taken_from_the_browser(client, db):
    response = client.get("/", headers={"accept-language": "fr, de;q=0.8, en;q=0.5"})

    page = response.content.decode()
    assert '<html lang="de" dir="ltr">' in page
    assert "Neueste Fragen" in page
    assert response["Content-Language"] == "de"
    assert "Accept-Language" in response["Vary"]


@pytest.mark.parametrize("wanted", ["", "fr", "tlh", "en-GB"])
def test_default_language_is_english(client, db, wanted):
    page = client.get("/", headers={"accept-language": wanted}).content.decode()

    assert '<html lang="en" dir="ltr">' in page
    assert "Newest questions" in page


def test_chosen_language_is_kept_and_returns_to_the_page(client, db):
    data = {"language": "de", "next": "/topics/?q=tea"}

    assertRedirects(client.post("/language/", data), "/topics/?q=tea")

    page = client.get("/topics/?q=tea").content.decode()
    assert "Kein Thema passt zu „tea“" in page
    assert client.cookies["django_language"]["max-age"] > 0


def test_chosen_language_overrides_the_browser(german, db):
    page = german.get("/", headers={"accept-language": "en"}).content.decode()

    assert "Neueste Fragen" in page


def test_choosing_a_language_never_redirects_to_another_site(client, db):
    data = {"language": "de", "next": "https://evil.example/"}

    assert client.post("/language/", data)["location"] == "/"


@pytest.mark.parametrize("path", ["/", "/login/?next=/ask/", "/nowhere/"])
def test_every_page_lists_the_languages_by_their_own_names(client, db, path):
    page = client.get(path).content.decode()

    assert 'value="en" lang="en" dir="ltr" aria-current="true">English</button>' in page
    assert 'value="de" lang="de" dir="ltr">Deutsch</button>' in page
    assert f'name="next" value="{path}"' in page


def test_right_to_left_language_sets_the_direction(client, db, settings):
    settings.LANGUAGES = [("en", "English"), ("ar", "Arabic")]

    page = client.get("/", headers={"accept-language": "ar"}).content.decode()

    assert '<html lang="ar" dir="rtl">' in page


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "1 Antwort"),
        ("/topics/", "1 Frage<"),
        ("/people/maja/", "Dabei seit"),
        ("/login/", "Du brauchst nur einen Namen und ein Passwort."),
        ("/signup/", "Benutzername"),
        ("/nowhere/", "Seite nicht gefunden"),
    ],
)
def test_pages_are_in_german(german, answer, path, words):
    assert words in german.get(path).content.decode()


def test_forms_and_their_errors_are_in_german(german, maja):
    german.force_login(maja)

    page = german.post("/ask/", {"topics": "a,b,c,d,e,f"}).content.decode()

    assert "Gib höchstens 5 Themen an." in page
    assert "Dieses Feld ist zwingend erforderlich." in page
    assert "Noch nicht gesendet" in page
    assert "Eines bis 5." in page


def test_messages_are_in_german(german, maja, question):
    german.force_login(maja)

    page = german.post(question.get_absolute_url(), {"body": "So."}, follow=True)

    assert "Deine Antwort ist veröffentlicht." in page.content.decode()


def test_error_page_is_in_german(german, db, monkeypatch):
    monkeypatch.setattr("project.qa.views.paginate", None)
    german.raise_request_exception = False

    page = german.get("/").content.decode()

    assert '<html lang="de" dir="ltr">' in page
    assert "Bei uns ist etwas schiefgegangen" in page


def test_admin_is_in_german(german, admin_user, answer):
    german.force_login(admin_user)

    page = german.get("/admin/qa/answer/").content.decode()

    assert "Fragen und Antworten" in page
    assert "Verfasst von" in page


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        ("en", 1, "1 question"),
        ("en", 1234, "1,234 questions"),
        ("de", 1, "1 Frage"),
        ("de", 0, "0 Fragen"),
        ("de", 1234, "1.234 Fragen"),
    ],
)
def test_numbers_follow_the_language(language, count, text):
    template = Template('{% include "qa/_question_count.html" %}')

    with translation.override(language):
        assert template.render(Context({"n": count})) == text


def test_times_follow_the_language():
    with translation.override("de"):
        recent = when(timezone.now() - timedelta(hours=3))
        old = when(datetime(2020, 3, 9, 14, 5, 7, tzinfo=UTC))

    assert re.search(r">vor 3\sStunden</time>", recent)
    assert 'title="9. März 2020 14:05 UTC">9. März 2020</time>' in old


def test_names_of_topics_are_not_translated(german, db):
    Topic.objects.create(slug="questions", name="Questions")

    assert ">Questions</a>" in german.get("/topics/").content.decode()
