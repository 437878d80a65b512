"""A page when its person signs out in another tab, or somebody else signs in there."""

import pytest
from playwright.sync_api import expect

from tests.browser.tabs import open_tab, wait_until_live

NOTICE = ".notifications-account"
REFRESH = """async inbox => {
    const { fetch } = window;
    let requests = 0;
    window.fetch = (...all) => {
        requests++;
        return fetch(...all);
    };
    inbox.refresh();
    await null;
    return requests;
}"""


@pytest.fixture
def tabs(visit, maja, tobias):
    """Open these addresses in tabs of one browser, of a person who follows a topic."""
    tobias.ask("Which beans?")
    maja.follow("topic:espresso")

    def tabs(*paths):
        context = visit("about:blank", maja).context
        return [open_tab(context, path) for path in paths]

    return tabs


def sign_out(page):
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").click()


def test_other_tabs_say_that_they_are_signed_out(tabs, tobias, errors):
    pages = tabs("/", "/", "/notifications/")
    wait_until_live(*pages)
    tobias.ask("What is private?")
    for page in pages:
        expect(page.locator(".notifications-bell-count")).to_have_text("1")

    sign_out(pages[0])

    for page in pages[1:]:
        expect(page.locator(NOTICE)).to_have_text("You are signed out. Sign in")
        expect(page.locator(".notifications-bell-count")).to_be_hidden()
        expect(page.locator(".account-name")).to_be_hidden()
        expect(page.locator(".notifications-inbox-item")).to_have_count(0)
        assert page.title().startswith("(") is False
    inbox = pages[2].locator("main notification-inbox")
    assert inbox.evaluate(REFRESH) == 0
    expect(inbox).to_have_text("You are signed out.")
    pages[1].locator(NOTICE).get_by_role("link").click()
    expect(pages[1].get_by_role("heading", name="Sign in")).to_be_visible()
    errors[:] = [each for each in errors if "409" not in each]


def test_tab_says_who_is_signed_in_now(tabs, tobias, errors):
    [page] = tabs("/notifications/")
    wait_until_live(page)
    tobias.ask("What is private?")
    expect(page.locator(".notifications-inbox-item")).to_have_count(1)

    page.context.add_cookies(tobias.cookies())
    page.evaluate("dispatchEvent(new Event('online'))")

    text = f"You are now signed in as {tobias.name}. Reload"
    expect(page.locator(NOTICE)).to_have_text(text)
    expect(page.locator(".notifications-inbox-item")).to_have_count(0)
    page.locator(NOTICE).get_by_role("link").click()
    expect(page.locator(".account-name")).to_have_text(tobias.name)
    errors[:] = [each for each in errors if "409" not in each]
