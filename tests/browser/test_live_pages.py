"""Actions of one person, live on the page of another."""

import re

from playwright.sync_api import Page, expect

from tests.browser.tabs import wait_until_live


def banner(page: Page):
    return page.locator("new-items-banner a")


def test_new_question_is_announced_on_the_home_page_of_others(visit, maja, tobias):
    reading = visit("/", tobias)
    asking = visit("/ask/", maja)

    asking.get_by_label("Title").fill("Why does it taste of lemon?")
    asking.locator("textarea").fill("It runs through.")
    topics = asking.locator("[name=topics]:visible")
    expect(topics).to_have_count(1)
    asking.get_by_label("Topic 1", exact=True).fill("Espresso")
    expect(topics).to_have_count(2)
    asking.get_by_role("button", name="Post your question").click()
    expect(
        asking.get_by_role("heading", name="Why does it taste of lemon?")
    ).to_be_visible()

    expect(banner(reading)).to_have_text("1 new question")
    expect(
        reading.get_by_role("link", name="Why does it taste of lemon?")
    ).to_have_count(0)
    banner(reading).click()
    expect(
        reading.get_by_role("link", name="Why does it taste of lemon?")
    ).to_be_visible()
    expect(banner(reading)).to_have_count(0)


def test_banner_inserts_new_questions(visit, maja):
    maja.ask("There before?")
    reading = visit("/")
    reading.evaluate("window.sameDocument = true")
    maja.ask("Brought?")
    maja.ask("Brought, too?")
    expect(banner(reading)).to_have_text("2 new questions")

    banner(reading).press("Enter")

    new = reading.locator(".question-summary.notifications-arrived")
    expect(new.locator("h2")).to_have_text(["Brought, too?", "Brought?"])
    expect(reading.get_by_role("link", name="Brought, too?")).to_be_focused()
    expect(banner(reading)).to_have_count(0)
    maja.ask("And one more?")
    expect(banner(reading)).to_have_text("1 new question")
    assert reading.evaluate("window.sameDocument")


def test_first_question_of_a_topic_replaces_the_hint(visit, maja, site):
    site.shell(
        "from project.qa.models import *; Topic.objects.create(slug='sedge', name='S')"
    )
    reading = visit("/topics/sedge/")

    maja.ask("Is there any?", topics="S")
    banner(reading).click()

    expect(reading.get_by_role("link", name="Is there any?")).to_be_visible()
    expect(reading.get_by_text("No questions about")).to_have_count(0)


def test_banner_without_a_list_leads_to_the_page(visit, maja):
    reading = visit("/")
    reading.evaluate(
        "document.querySelector('new-items-banner').removeAttribute('data-target');"
        "window.sameDocument = true"
    )
    maja.ask("Led to?")

    banner(reading).click()

    expect(reading.get_by_role("link", name="Led to?")).to_be_visible()
    assert reading.evaluate("window.sameDocument") is None


def test_several_questions_are_counted(visit, maja):
    reading = visit("/")

    for number in range(3):
        maja.ask(f"Number {number}?")

    expect(banner(reading)).to_have_text("3 new questions")


def test_own_question_is_not_announced(visit, maja, tobias):
    reading = visit("/", maja)

    maja.ask("Mine?")
    tobias.ask("Theirs?")

    expect(banner(reading)).to_have_text("1 new question")


def test_question_on_the_page_is_not_announced_again(visit, maja, site):
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


def test_topic_page_announces_its_own_questions_to_everyone(visit, maja):
    maja.ask("First?", topics="Moss")
    reading = visit("/topics/moss/")

    maja.ask("Elsewhere?", topics="Fern")
    maja.ask("Here?", topics="Moss")

    expect(banner(reading)).to_have_text("1 new question")
    banner(reading).click()
    expect(reading.get_by_role("link", name="Here?")).to_be_visible()


def test_page_of_a_person_announces_their_questions(visit, maja, tobias):
    reading = visit(f"/people/{maja.name}/")

    tobias.ask("By somebody else?")
    maja.ask("By Maja?")

    expect(banner(reading)).to_have_text("1 new question")


def test_banner_offers_to_reload_the_list_after_a_reset(visit):
    page = visit("/")
    wait_until_live(page)

    page.evaluate("document.dispatchEvent(new CustomEvent('notifications:reset'))")

    expect(banner(page)).to_have_text("See what's new")
    banner(page).click()
    expect(banner(page)).to_have_count(0)


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
