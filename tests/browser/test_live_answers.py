"""Answers that come to a question while it is being read."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scripts import call

# Between two attempts to connect, in milliseconds.
LONGEST_WAIT = 60_000


def answers(page: Page):
    return page.locator("live-answers .answer")


def test_answer_arrives_on_an_open_page_once(visit, maja, tobias):
    question = maja.ask("Open?")
    page = visit(question, maja)
    expect(page.get_by_text("No answers yet")).to_be_visible()
    page.evaluate("window.sameDocument = true")

    tobias.answer(question, "First <b>line</b>.\n\nSecond line.")

    expect(answers(page)).to_have_count(1)
    expect(answers(page)).to_have_class("answer notifications-arrived")
    expect(answers(page).locator("p").first).to_have_text("First <b>line</b>.")
    expect(page.get_by_text("No answers yet")).to_have_count(0)
    tobias.answer(question, "And another.")
    expect(answers(page)).to_have_count(2)
    assert page.evaluate("window.sameDocument")


def test_answers_in_quick_succession_all_arrive(visit, maja, tobias):
    question = maja.ask("Several?")
    page = visit(question)

    for number in range(5):
        tobias.answer(question, f"Number {number}.")

    expect(answers(page)).to_have_count(5)
    expect(answers(page).locator(".prose")).to_have_text(
        [f"Number {number}." for number in range(5)]
    )


def test_own_answer_appears_once(visit, maja, tobias):
    question = maja.ask("Own?")
    page = visit(question, tobias)

    page.locator("textarea").fill("My own.")
    page.get_by_role("button", name="Post your answer").click()
    expect(answers(page)).to_have_count(1)
    maja.answer(question, "Hers.")

    expect(answers(page).locator(".prose")).to_have_text(["My own.", "Hers."])


LINES = "A line.\n\n" * 20


@pytest.mark.parametrize("scrolled", [0, 100])
def test_form_in_use_does_not_move(visit, maja, tobias, scrolled):
    question = maja.ask("Writing?")
    page = visit(question, maja, viewport={"width": 800, "height": 500})
    page.locator("textarea").fill("Half an ans")
    page.evaluate("y => scrollTo(0, y)", scrolled)
    top = page.locator("textarea").bounding_box()["y"]

    tobias.answer(question, LINES)

    expect(answers(page)).to_have_count(1)
    expect(page.locator("textarea")).to_have_value("Half an ans")
    expect(page.locator("textarea")).to_be_focused()
    assert stays(page.locator("textarea"), top)


def test_text_below_the_answers_does_not_move(visit, maja, tobias):
    question = maja.ask("Reading?")
    tobias.answer(question, LINES)
    page = visit(question, maja, viewport={"width": 800, "height": 250})
    footer = page.locator("footer")
    footer.scroll_into_view_if_needed()
    top = footer.bounding_box()["y"]

    tobias.answer(question, LINES)

    expect(answers(page)).to_have_count(2)
    assert stays(footer, top)


def stays(element, top):
    """Tell whether the element is still where it was, two frames later."""
    call(element.page, "page.drawn", 2)
    return abs(element.bounding_box()["y"] - top) < 3


def test_answers_missed_in_a_gap_are_fetched(visit, maja):
    question = maja.ask("Gap?")
    page = visit(question, maja)

    # Authors are not notified about their own answers: the page misses this one.
    maja.answer(question, "Missed.")
    page.evaluate("document.dispatchEvent(new CustomEvent('notifications:reset'))")

    expect(answers(page)).to_have_count(1)


def test_page_resumes_after_a_restart_and_misses_nothing(
    visit, maja, tobias, site, errors
):
    question = maja.ask("Restarted?")
    page = visit(question)
    tobias.answer(question, "Before.")
    expect(answers(page)).to_have_count(1)

    site.stop()
    site.shell(
        "from project.qa.models import *; from django.contrib.auth.models import User;"
        f"Answer.objects.create(question_id={question.strip('/').split('/')[1]},"
        f"author=User.objects.get(username='{tobias.name}'), body='Between.')"
    )
    site.start()
    # By chance it waits longer than it has been without a server.
    expect(answers(page).locator(".prose")).to_have_text(
        ["Before.", "Between."], timeout=LONGEST_WAIT
    )
    tobias.answer(question, "After.")

    expect(answers(page).locator(".prose")).to_have_text(
        ["Before.", "Between.", "After."]
    )
    # Of the time without a server.
    errors[:] = [each for each in errors if "Failed to load resource" not in each]


def test_page_without_scripts_shows_all(visit, maja, tobias):
    question = maja.ask("Plain?")
    tobias.answer(question, "Plainly.")

    page = visit(question, java_script_enabled=False)

    expect(answers(page)).to_have_count(1)
