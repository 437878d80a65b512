"""What one person does, seen live on another's page."""

import re

import pytest
from playwright.sync_api import Page, expect

STREAM_PAGE = "/notifications/stream/?topic=topic:*"


def banner(page: Page):
    return page.locator("new-items-banner a")


def test_question_is_offered_on_another_persons_home_page(visit, maja, tobias):
    reading = visit("/", tobias)
    asking = visit("/ask/", maja)

    asking.get_by_label("Title").fill("Why is it sour?")
    asking.locator("textarea").fill("It runs through.")
    asking.get_by_label("Topic 1", exact=True).fill("Espresso")
    asking.get_by_role("button", name="Post your question").click()
    expect(asking.get_by_role("heading", name="Why is it sour?")).to_be_visible()

    expect(banner(reading)).to_have_text("1 new question")
    expect(reading.get_by_role("link", name="Why is it sour?")).to_have_count(0)
    banner(reading).click()
    expect(reading.get_by_role("link", name="Why is it sour?")).to_be_visible()
    expect(banner(reading)).to_have_count(0)


def test_several_questions_are_counted(visit, maja):
    reading = visit("/")

    for number in range(3):
        maja.ask(f"Number {number}?")

    expect(banner(reading)).to_have_text("3 new questions")


def test_ones_own_question_is_not_offered(visit, maja, tobias):
    reading = visit("/", maja)

    maja.ask("Mine?")
    tobias.ask("Theirs?")

    expect(banner(reading)).to_have_text("1 new question")


def test_question_that_the_page_shows_is_not_offered_again(visit, maja, site):
    reading = visit("/")
    cursor = reading.locator("meta[name=notifications]").get_attribute("data-cursor")
    maja.ask("Shown?")

    def older(route):
        response = route.fetch()
        meta = re.compile(r'data-cursor="[^"]*"')
        route.fulfill(body=meta.sub(f'data-cursor="{cursor}"', response.text()))

    reading.route(site.url + "/", older)
    reading.reload()
    maja.ask("Not shown?")

    expect(banner(reading)).to_have_text("1 new question")


def test_topic_page_offers_its_own_questions_to_anybody(visit, maja):
    maja.ask("First?", topics="Moss")
    reading = visit("/topics/moss/")

    maja.ask("Elsewhere?", topics="Fern")
    maja.ask("Here?", topics="Moss")

    expect(banner(reading)).to_have_text("1 new question")
    banner(reading).click()
    expect(reading.get_by_role("link", name="Here?")).to_be_visible()


def test_page_of_a_person_offers_what_they_ask(visit, maja, tobias):
    reading = visit(f"/people/{maja.name}/")

    tobias.ask("By somebody else?")
    maja.ask("By Maja?")

    expect(banner(reading)).to_have_text("1 new question")


def test_bell_of_a_follower_counts_up(visit, maja, tobias):
    maja.ask("First?", topics="Lichen")
    tobias.follow("topic:lichen")
    page = visit("/topics/", tobias)
    bell = page.locator("a.bell")
    expect(bell).to_have_accessible_name("Notifications")
    expect(page.locator(".bell-count")).to_be_hidden()

    maja.ask("Second?", topics="Lichen")

    expect(page.locator(".bell-count")).to_have_text("1")
    maja.ask("Third?", topics="Lichen")
    expect(page.locator(".bell-count")).to_have_text("2")
    expect(bell).to_have_accessible_name("Notifications, 2 unread")


def test_marking_all_as_read_clears_the_bell(visit, maja, tobias):
    tobias.answer(maja.ask("Unread?"), "Now it is.")
    page = visit("/", maja)
    expect(page.locator(".bell-count")).to_have_text("1")

    page.locator("a.bell").click()
    expect(page.locator(".inbox-item.unread")).to_have_count(1)
    page.get_by_role("button", name="Mark all as read").click()

    expect(page.locator(".inbox-item")).to_have_count(1)
    expect(page.locator(".inbox-item.unread")).to_have_count(0)
    expect(page.locator(".bell-count")).to_be_hidden()


def test_page_that_one_comes_back_to_shows_the_bell_as_it_is_now(visit, maja, tobias):
    tobias.answer(maja.ask("Read?"), "Now it is.")
    page = visit("/topics/", maja)
    expect(page.locator(".bell-count")).to_have_text("1")
    page.locator("a.bell").click()
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".inbox-item.unread")).to_have_count(0)

    page.evaluate("history.go(-2)")

    expect(page.get_by_role("heading", name="Topics")).to_be_visible()
    expect(page.locator(".bell-count")).to_be_hidden()


def test_open_inbox_offers_what_is_new(visit, maja, tobias):
    question = maja.ask("Inbox?")
    page = visit("/notifications/", maja)

    tobias.answer(question, "One.")
    tobias.answer(question, "Two.")

    expect(banner(page)).to_have_text("2 new notifications")
    banner(page).click()
    expect(page.locator(".inbox-item")).to_have_count(2)


def test_list_offers_to_look_again_after_a_gap(visit):
    page = visit("/")

    page.evaluate("document.dispatchEvent(new CustomEvent('notifications:reset'))")

    expect(banner(page)).to_have_text("See what is new")


def test_page_is_live_again_after_going_back(visit, maja, tobias):
    title = f"Back and forth with {maja.name}?"
    tobias.ask(title)
    page = visit("/", maja)
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()

    page.go_back()
    tobias.ask("After coming back?")

    expect(banner(page)).to_have_text("1 new question")


def test_page_is_live_after_a_reload(visit, maja, tobias):
    page = visit("/", maja)

    page.reload()
    tobias.ask("After the reload?")

    expect(banner(page)).to_have_text("1 new question")


@pytest.mark.parametrize("path", ["/", "/topics/", "/notifications/", STREAM_PAGE])
def test_pages_work_under_a_strict_policy(visit, maja, path):
    page = visit("/login/", maja)

    def strict(route):
        response = route.fetch()
        headers = {**response.headers, "content-security-policy": "default-src 'self'"}
        route.fulfill(response=response, headers=headers)

    page.route(lambda url: url.endswith(path), strict)
    with page.expect_request(re.compile("/notifications/stream/")):
        page.goto(path)

    # The fixture finds what the policy refused.
    assert page.title()
