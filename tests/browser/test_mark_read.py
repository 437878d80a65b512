"""Looking at a page marks what the inbox has about it as read."""

from itertools import groupby

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scripts import call, init_script
from tests.browser.tabs import hide, wait_until_live

READ = "/notifications/read/"


@pytest.fixture
def question(maja, tobias) -> str:
    """The address of a question of Maja, with an answer that she has not read."""
    question = maja.ask("Looked at?")
    tobias.answer(question, "So.")
    return question


def badge(page: Page):
    return page.locator(".notifications-bell-count")


def test_page_that_is_visited_is_read_on_all_devices(visit, maja, question):
    elsewhere = visit("/topics/", maja)
    expect(badge(elsewhere)).to_have_text("1")

    visit(question, maja)

    expect(badge(elsewhere)).to_be_hidden()
    elsewhere.goto("/notifications/?unread=1")
    expect(elsewhere.get_by_text("You're all caught up.")).to_be_visible()


def test_page_that_is_hidden_is_read_once_it_is_visible(visit, maja, question):
    page = visit("/login/", maja)
    page.add_init_script(path=init_script("start_hidden"))
    requested = []
    page.on("request", lambda each: requested.append(each.url))
    page.goto(question)
    wait_until_live(page)
    assert not [url for url in requested if READ in url]

    with page.expect_request(f"**{READ}"):
        hide(page, False)


def test_answer_on_a_page_that_is_looked_at_does_not_ring(
    visit, maja, tobias, question
):
    other = maja.ask("Not looked at?")
    page = visit(question, maja)
    wait_until_live(page)
    expect(badge(page)).to_be_hidden()
    call(page, "page.recordRegion", badge(page))

    with page.expect_response(f"**{READ}"):
        tobias.answer(question, "Seen at once.")
    expect(page.get_by_text("Seen at once.")).to_be_visible()
    # Rings, and tells that earlier counts have arrived.
    tobias.answer(other, "Not seen.")

    expect(badge(page)).to_have_text("1")
    shown = [text for text, _ in groupby(page.evaluate("said"))]
    assert shown in (["1"], ["0", "1"])
