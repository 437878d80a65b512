"""The strict policy holds on every page; `errors` finds what the browser refused."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scripts import call
from tests.browser.strict import StrictSite

STREAM = re.compile("/notifications/stream/")
STREAM_PAGE = "/notifications/stream/?topic=topic:*"


@pytest.fixture(scope="module")
def site() -> Iterator[StrictSite]:
    with StrictSite() as site:
        yield site


@pytest.fixture
def question(maja, tobias) -> str:
    """The address of a question of Maja, which Tobias answered."""
    question = maja.ask("Allowed?", topics="Ivy, Oak")
    tobias.answer(question, "It is: https://example.org/")
    return question


def policy_of(page: Page) -> str:
    response = page.goto(page.url)
    assert response
    return response.headers["content-security-policy"]


def test_policy_is_strict(visit):
    policy = policy_of(visit("/"))

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/topics/ivy/", "question"])
def test_anonymous_pages_are_live(visit, question, path):
    page = visit("/login/")

    with page.expect_request(STREAM):
        page.goto(question if path == "question" else path)

    expect(page.locator("h1")).to_be_visible()


PERSONAL = ["/", "/topics/", "/ask/", "/password/", "/notifications/", STREAM_PAGE]


@pytest.mark.parametrize("path", [*PERSONAL, "question", "person"])
def test_signed_in_pages_are_live(visit, maja, question, path):
    page = visit("/login/")
    page.context.add_cookies(maja.cookies())
    own = {"question": question, "person": f"/people/{maja.name}/"}

    with page.expect_request(STREAM):
        page.goto(own.get(path, path))

    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("path", ["/login/", "/signup/", "/topics/"])
def test_anonymous_pages_that_are_not_live(visit, path):
    expect(visit(path).get_by_role("button").first).to_be_visible()


def test_live_parts_work(visit, maja, tobias, question):
    other = maja.ask("Not looked at?")
    page = visit("/login/", maja)
    with page.expect_response(STREAM):
        page.goto(question)

    tobias.answer(question, "Once more.")
    tobias.answer(other, "Rings.")

    expect(page.locator("live-answers .answer")).to_have_count(2)
    expect(page.locator(".notifications-bell-count")).to_be_visible()
    page.get_by_role("button", name=re.compile("Allowed")).click()


ERROR_PAGES = [("/nowhere/", 404), ("/refuses/", 403), ("/fails/", 500)]


@pytest.mark.parametrize(("path", "status"), ERROR_PAGES)
def test_error_pages_are_styled(visit, maja, errors, path, status):
    page = visit(path, maja)

    expect(page.get_by_role("link", name="See the newest")).to_be_visible()
    assert is_styled(page)
    assert_only_the_status(errors, status)


def test_csrf_error_page_is_styled(visit, maja, errors):
    page = visit("/ask/", maja)
    page.context.clear_cookies(name="csrftoken")

    page.locator("textarea").fill("Because.")
    page.locator("#id_title").fill("Why?")
    page.get_by_role("button", name="Post your question").click()

    expect(page.get_by_role("heading", name="That was not sent")).to_be_visible()
    assert is_styled(page)
    assert_only_the_status(errors, 403)


def is_styled(page: Page) -> bool:
    """Tell whether the site's stylesheet was applied."""
    return "narrow" in str(
        page.evaluate("[...document.styleSheets[0].cssRules].map(r => r.selectorText)")
    )


def assert_only_the_status(errors: list[str], status: int) -> None:
    """Expect the browser's error about this status."""
    errors[:] = [each for each in errors if f"status of {status}" not in each]


def test_injected_script_is_not_run(visit, errors):
    page = visit("/")

    with page.expect_event("console"):
        call(page, "page.addInlineScript")

    assert page.evaluate("window.ran") is None
    assert len(errors) == 1
    assert "script-src 'self'" in errors.pop()


def test_injected_form_is_not_sent(visit, errors):
    page = visit("/")

    with page.expect_event("console"):
        call(page, "page.submitFormTo", "https://elsewhere.example/")

    assert len(errors) == 1
    assert "form-action 'self'" in errors.pop()


def test_pictures_of_other_sites_are_shown(visit, site):
    site.shell(IMPORT)
    page = visit("/login/")
    page.route("**/*.example/**", lambda route: route.fulfill(body=PICTURE))

    page.goto("/")
    page.get_by_role("link", name="A picture?").first.click()

    pictures = page.locator(".prose img")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 1)


PICTURE = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000"
    "02024401003b"
)
IMPORT = """
from django.contrib.auth.models import User
from project.qa.models import Question
body = '<p><img src="https://a.example/1.gif"><img src="http://b.example/2.gif"></p>'
user, _made = User.objects.get_or_create(username="importer")
Question.objects.create(title="A picture?", body=body, body_is_html=True, author=user)
"""
