"""The pages from right to left, and in narrow windows."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scripts import call

PHONE = {"width": 320, "height": 640}
DESKTOP = {"width": 1280, "height": 800}
PATHS = ["/", "/topics/", "/topics/rosemary/", "/ask/", "/notifications/", "/password/"]
LONG = "Donaudampfschifffahrtsgesellschaftskapitän"
BODY = f"""A line, and {LONG * 3}.

https://example.org/{"a-long-address/" * 12}
"""
IMPORT = """
from django.contrib.auth.models import User
from project.qa.models import Question
body = '''<p>Code:</p><pre><code>%s</code></pre><table><tr>%s</tr></table>
<blockquote><p>Said.</p></blockquote><ul><li>One</li></ul>'''
user, _made = User.objects.get_or_create(username="importer")
question = Question.objects.create(
    title="Wide?", body=body % ("x = 1; " * 60, "<td>cell</td>" * 40),
    body_is_html=True, author=user,
)
print(question.get_absolute_url())
"""


@pytest.fixture(scope="module")
def wide(site) -> str:
    """The address of a question with code and a table wider than any window."""
    return site.shell(IMPORT).strip()


@pytest.fixture
def question(maja, tobias) -> str:
    question = maja.ask(f"Why {LONG}?", topics="Rosemary, Thyme, Sage, Mint")
    tobias.answer(question, BODY)
    return question


def turn(page: Page) -> None:
    """Let the page be of a language that is written from the right."""
    page.evaluate("document.documentElement.dir = 'rtl'")


@pytest.mark.parametrize("window", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_reaches_out_of_the_window(
    visit, maja, question, wide, direction, window
):
    # German has the longer words.
    page = visit("/", maja, viewport=window, locale="de")

    found = {}
    for path in [*PATHS, question, f"/people/{maja.name}/", wide]:
        page.goto(path)
        if direction == "rtl":
            turn(page)
        found[path] = call(page, "page.overflow")

    assert {path: each for path, each in found.items() if each} == {}


@pytest.mark.parametrize("path", ["/login/", "/signup/"])
def test_anonymous_pages_fit_a_phone_in_german(visit, path):
    page = visit(path, viewport=PHONE, locale="de-DE")

    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert call(page, "page.overflow") == []


def test_header_is_mirrored_from_right_to_left(visit, maja, question):
    page = visit(question, maja, viewport=DESKTOP)
    parts = [
        ".brand",
        ".site-nav a",
        ".notifications-bell",
        ".account-name",
        ".account .quiet",
    ]

    def left(part: str) -> float:
        return page.locator(part).first.bounding_box()["x"]

    before = sorted(parts, key=left)
    turn(page)

    assert sorted(parts, key=left) == before[::-1]


def test_text_keeps_its_own_direction(visit, maja):
    question = maja.ask("لماذا القهوة حامضة؟")
    page = visit(question, maja, viewport=DESKTOP)
    heading = page.locator("h1")

    text = call(page, "page.textRight", heading)

    box = heading.bounding_box()
    assert text == pytest.approx(box["x"] + box["width"], abs=2)


def test_language_is_chosen_without_scripts(visit):
    page = visit("/topics/", java_script_enabled=False, locale="en-GB")

    page.get_by_role("button", name="Deutsch").click()

    expect(page.get_by_role("heading", name="Themen")).to_be_visible()
    assert page.url.endswith("/topics/")
    page.get_by_role("link", name="Frage stellen").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
