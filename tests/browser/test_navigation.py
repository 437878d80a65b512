"""Pages that Turbo and htmx change without loading a new one.

Both come from npm, as the clients of `tests/interop`; the pages are the site's own.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import PASSWORD
from tests.browser.tabs import Streams, hide, open_tab, wait_for_title, wait_until_live
from tests.interop.program_clients import LIBRARIES

MODULES = LIBRARIES / "node_modules"
TURBO = MODULES / "@hotwired" / "turbo" / "dist" / "turbo.es2017-umd.js"
HTMX = MODULES / "htmx.org" / "dist" / "htmx.min.js"
SWAP = """path => {
    history.pushState({}, "", path);
    const target = "#content";
    return htmx.ajax("GET", path, { target, select: target, swap: "outerHTML" });
}"""


@pytest.fixture
def visit_with(visit):
    """Open a page that also has a library, and that tells whether it was left."""

    def visit_with(library, path, person=None):
        if not library.exists():
            pytest.skip(f"{library} is not installed: `make test` does it.")
        # Both add styles of their own, which the policy of the site refuses.
        context = visit("about:blank", person, bypass_csp=True).context
        page = open_tab(context, path)
        page.add_script_tag(path=library)
        page.evaluate("window.sameDocument = true")
        wait_until_live(page)
        return page

    return visit_with


def assert_same_document(page: Page) -> None:
    assert page.evaluate("window.sameDocument")


def test_page_that_turbo_visits_is_live(visit_with, maja, tobias):
    question = maja.ask("Visited?")
    page = visit_with(TURBO, "/", maja)
    streams = Streams(page.context)

    page.get_by_role("link", name="Visited?").click()
    expect(page.get_by_role("heading", name="Visited?")).to_be_visible()
    tobias.answer(question, "On the page that was visited.")

    expect(page.get_by_text("On the page that was visited.")).to_be_visible()
    page.locator("button.notifications-bell").click()
    expect(
        page.get_by_role("dialog").locator(".notifications-inbox-item")
    ).to_have_count(1)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Questions", exact=True).click()
    expect(page.locator(".notifications-bell-count")).to_be_hidden()
    tobias.ask("After coming back?")
    expect(page.locator("new-items-banner a")).to_have_text("1 new question")
    assert_same_document(page)
    assert len(streams.open) <= 1


def test_page_that_turbo_visits_misses_nothing_until_its_modules_are_loaded(
    visit_with, maja, tobias
):
    question = maja.ask("Slow?")
    page = visit_with(TURBO, "/", maja)
    other = open_tab(page.context, "/")
    wait_until_live(other)
    requests = []
    page.route("**/live-answers*.js", lambda route: requests.append(route))

    with page.expect_request("**/live-answers*.js"):
        page.get_by_role("link", name="Slow?").click()
    expect(page.get_by_role("heading", name="Slow?")).to_be_visible()
    tobias.answer(question, "Before the module.")
    wait_for_title(other, "Slow?")
    for request in requests:
        request.continue_()

    expect(page.get_by_text("Before the module.")).to_be_visible()
    assert_same_document(page)


def test_person_who_signs_in_by_turbo_gets_what_they_follow(visit_with, maja, tobias):
    question = maja.ask("Whose page?")
    page = visit_with(TURBO, "/")
    page.get_by_role("link", name="Sign in", exact=True).click()

    page.get_by_label("Username").fill(maja.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("notification-bell")).to_be_visible()
    tobias.answer(question, "Hers.")

    expect(page.locator(".notifications-bell-count")).to_have_text("1")
    hide(page)
    assert page.title().startswith("(1) ")
    assert_same_document(page)


def test_part_that_htmx_swaps_in_is_live(visit_with, maja, tobias):
    question = maja.ask("Swapped?")
    page = visit_with(HTMX, tobias.ask("Before?"))

    page.evaluate(SWAP, question)
    expect(page.get_by_role("heading", name="Swapped?")).to_be_visible()
    tobias.answer(question, "In the part.")

    expect(page.get_by_text("In the part.")).to_be_visible()
    assert_same_document(page)
