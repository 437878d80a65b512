"""What people do while the network is away is not lost."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tabs import wait_until_live

AWAY = "ERR_INTERNET_DISCONNECTED"
DRAFTS = re.compile(r"/qa/drafts[^/]*\.js$")


@pytest.fixture
def offline(errors):
    """Take a page off the network; its errors about that are expected."""

    def offline(page: Page) -> None:
        wait_until_live(page)
        page.context.set_offline(True)

    yield offline
    errors[:] = [each for each in errors if AWAY not in each]


def retry(page: Page) -> None:
    expect(page.locator(".notifications-toast")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").click()


def test_row_is_marked_as_read_by_a_retry(visit, maja, tobias, offline):
    tobias.answer(maja.ask("Marked later?"), "So.")
    page = visit("/notifications/", maja)
    offline(page)

    page.get_by_role("button", name="Mark as read: Marked later?").click()
    retry(page)

    expect(page.get_by_role("button", name="Mark as unread")).to_be_visible()


def test_banner_inserts_new_items_by_a_retry(visit, maja, offline):
    page = visit("/")
    wait_until_live(page)
    maja.ask("Brought later?")
    expect(page.locator("new-items-banner a")).to_be_visible()
    offline(page)

    page.locator("new-items-banner a").click()
    retry(page)

    expect(page.get_by_role("link", name="Brought later?")).to_be_visible()


def wait_until_kept(page: Page, text: str) -> None:
    kept = "text => Object.values(localStorage).some((each) => each.includes(text))"
    page.wait_for_function(kept, arg=text)


def body(page: Page):
    return page.locator("textarea")


def test_draft_of_an_answer_survives_until_it_is_posted(visit, maja, tobias):
    question = maja.ask("Kept?")
    page = visit(question, tobias)
    body(page).press_sequentially("Half a")
    wait_until_kept(page, "Half a")

    # As after a crash: another tab of the same browser.
    page = page.context.new_page()
    page.goto(question)

    expect(body(page)).to_have_value("Half a")
    expect(page.locator(".notifications-toast")).to_contain_text("is here again")
    body(page).press_sequentially("n answer")
    # Whoever leaves before the script is loaded does not get it again.
    page.route(DRAFTS, lambda route: None)
    page.get_by_role("button", name="Post your answer").click()
    expect(page.get_by_text("Half an answer")).to_be_visible()
    page.unroute(DRAFTS)
    page.goto(question)
    expect(page.locator("kept-draft:not(:defined)")).to_have_count(0)
    expect(body(page)).to_have_value("")


def test_draft_is_another_persons_never_and_ends_with_sign_out(
    visit, errors, maja, tobias
):
    page = visit("/ask/", tobias)
    page.get_by_label("Title").press_sequentially("Mine?")
    wait_until_kept(page, "Mine?")
    page.goto("about:blank")
    page.context.add_cookies(maja.cookies())
    page.goto("/ask/")
    expect(page.get_by_label("Title")).to_have_value("")

    page.goto("about:blank")
    page.context.add_cookies(tobias.cookies())
    page.goto("/ask/")
    expect(page.get_by_label("Title")).to_have_value("Mine?")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.wait_for_function("localStorage.length === 0")
    # The stream of a page may be refused while somebody else signs in.
    errors[:] = [each for each in errors if "409" not in each]


def test_draft_is_discarded_and_leaves_the_topic_of_the_address(visit, maja):
    maja.ask("First?", topics="Hazel")
    page = visit("/ask/", maja)
    topic = page.get_by_label("Topic 1", exact=True)
    topic.fill("Oak")
    page.get_by_label("Title").press_sequentially("Bad idea?")
    wait_until_kept(page, "Bad idea?")
    page.goto("/ask/?topic=hazel")
    expect(page.get_by_label("Title")).to_have_value("Bad idea?")
    expect(topic).to_have_value("Hazel")

    page.get_by_role("button", name="Discard").click()

    expect(page.get_by_label("Title")).to_have_value("")
    expect(topic).to_have_value("Hazel")
    page.goto("/ask/")
    expect(page.get_by_label("Title")).to_have_value("")
