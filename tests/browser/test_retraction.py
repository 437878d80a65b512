"""Deleted questions and answers, on the pages that are open."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scripts import init_script


def key(path: str) -> str:
    """Return the key in the address of a question."""
    return path.strip("/").split("/")[1]


@pytest.fixture
def delete(site):
    """A function that deletes objects of a model of the site."""

    def delete(model: str, **fields: str) -> None:
        conditions = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        site.shell(
            "from project.qa.models import *;"
            f"print({model}.objects.filter({conditions}).delete())"
        )

    return delete


def rows(page: Page):
    return page.locator("main notification-inbox .notifications-inbox-item")


def badge(page: Page):
    return page.locator(".notifications-bell-count")


def wait_for_count(page: Page) -> None:
    """Reload the page, and wait for the count with which its stream begins."""
    page.add_init_script(path=init_script("mark_count"))
    page.reload()
    page.locator("html[data-counted]").wait_for()


def test_banner_no_longer_counts_a_deleted_question(visit, maja, delete):
    page = visit("/")
    gone = maja.ask("Gone?")
    maja.ask("Kept?")
    expect(page.locator("new-items-banner a")).to_have_text("2 new questions")

    delete("Question", pk=key(gone))

    expect(page.locator("new-items-banner a")).to_have_text("1 new question")


def test_banner_goes_with_its_last_question(visit, maja, delete):
    page = visit("/")
    gone = maja.ask("Gone?")
    expect(page.locator("new-items-banner a")).to_have_text("1 new question")

    delete("Question", pk=key(gone))

    expect(page.locator("new-items-banner a")).to_have_count(0)


def test_deleted_answer_leaves_the_page_of_its_question(visit, maja, tobias, delete):
    question = maja.ask("Open?")
    tobias.answer(question, "Kept.")
    tobias.answer(question, "Gone.")
    page = visit(question)
    page.evaluate("window.sameDocument = true")
    answers = page.locator("live-answers .answer .prose")
    expect(answers).to_have_text(["Kept.", "Gone."])
    page.locator("live-answers .answer").last.locator("a").last.focus()

    delete("Answer", body="Gone.")

    expect(answers).to_have_text(["Kept."])
    expect(page.locator("live-answers")).to_be_focused()
    assert page.evaluate("window.sameDocument")


def test_answers_of_a_deleted_question_leave_its_page(
    visit, maja, tobias, delete, errors
):
    question = maja.ask("Open?")
    tobias.answer(question, "Gone.")
    page = visit(question)
    expect(page.locator("live-answers .answer")).to_have_count(1)

    delete("Question", pk=key(question))

    expect(page.locator("live-answers .answer")).to_have_count(0)
    # Chromium logs the page that is not there any more.
    assert errors
    assert all("404" in each for each in errors)
    errors.clear()


def test_deleted_answer_leaves_the_bell_and_the_open_inbox(visit, maja, tobias, delete):
    first, second = maja.ask("First?"), maja.ask("Second?")
    page = visit("/notifications/", maja)
    tobias.answer(first, "Kept.")
    expect(rows(page)).to_have_count(1)
    other = visit("/topics/", maja)
    wait_for_count(other)
    tobias.answer(second, "Gone.")
    expect(rows(page)).to_have_count(2)

    delete("Answer", body="Gone.")

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("First?")
    expect(badge(other)).to_be_hidden()


def test_row_of_several_answers_shows_those_that_are_left(visit, maja, tobias, delete):
    question = maja.ask("Grouped?")
    page = visit("/notifications/", maja)
    tobias.answer(question, "Kept.")
    tobias.answer(question, "Gone.")
    expect(rows(page)).to_contain_text("Gone.")

    delete("Answer", body="Gone.")

    expect(rows(page)).to_contain_text("Kept.")
    expect(rows(page)).to_have_count(1)


def test_focus_in_a_row_that_goes_moves_to_the_status(visit, maja, tobias, delete):
    question = maja.ask("Focused?")
    tobias.answer(question, "Gone.")
    page = visit("/notifications/", maja)
    page.locator("button.notifications-bell[aria-expanded]").wait_for()
    rows(page).get_by_role("link", name="Focused?").focus()

    delete("Answer", body="Gone.")

    expect(rows(page)).to_have_count(0)
    status = page.locator("main notification-inbox").get_by_role("status")
    expect(status).to_be_focused()
    expect(status).to_have_text(re.compile(r"^\s*$"))


def test_bell_of_a_page_that_had_counted_the_event_asks_again(
    visit, maja, tobias, delete
):
    first, second = maja.ask("First?"), maja.ask("Second?")
    tobias.answer(first, "Kept.")
    tobias.answer(second, "Gone.")
    page = visit("/topics/", maja)
    wait_for_count(page)
    expect(badge(page)).to_have_text("2")
    # So that it does not wait for its turn.
    page.evaluate("Math.random = () => 0")

    delete("Answer", body="Gone.")

    expect(badge(page)).to_have_text("1")
    tobias.answer(second, "Another.")
    expect(badge(page)).to_have_text("2")
