import re

import pytest
from playwright.sync_api import expect

from tests.browser.tabs import wait_until_live


@pytest.mark.parametrize("scripts", [True, False])
def test_topic_is_followed_and_unfollowed(visit, maja, tobias, scripts):
    maja.ask("Followed?", topics="Heather")
    page = visit("/topics/heather/", tobias, java_script_enabled=scripts)
    button = page.locator("follow-button form > button")
    expect(button).to_have_accessible_name("Follow Heather")
    expect(button).to_have_text("Follow")

    button.click()
    expect(button).to_have_text("Following")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(button).to_have_text("Following")
    button.click()

    expect(button).to_have_text("Follow")
    page.reload()
    expect(button).to_have_text("Follow")


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(
    ("choice", "state"),
    [("Watch", "Watching"), ("Mute", "Muted"), ("Don't follow", "Follow")],
)
def test_level_is_chosen_in_a_menu(visit, maja, tobias, scripts, choice, state):
    maja.ask("Chosen?", topics="Gorse")
    page = visit("/topics/gorse/", tobias, java_script_enabled=scripts)
    button = page.locator("follow-button form > button")
    button.click()
    expect(button).to_have_text("Following")

    page.locator("follow-button summary").click()
    page.get_by_role("button", name=choice).click()

    expect(button).to_have_text(state)
    expect(button).to_have_accessible_name(f"{state} Gorse")
    expect(page.locator("follow-button details[open]")).to_have_count(0)
    page.reload()
    expect(button).to_have_text(state)


@pytest.mark.parametrize("scripts", [True, False])
def test_topic_is_muted_for_a_time_and_watched_again(visit, maja, tobias, scripts):
    maja.ask("Loud?", topics="Sorrel")
    tobias.follow("topic:sorrel", level="watch")
    page = visit("/topics/sorrel/", tobias, java_script_enabled=scripts)
    button = page.locator("follow-button form > button")

    page.locator("follow-button summary").click()
    page.get_by_role("button", name="1 week").click()
    expect(button).to_have_text(re.compile("Muted until "))
    expect(button).to_have_attribute("data-level", "mute")
    button.click()

    expect(button).to_have_text("Watching")
    page.reload()
    expect(button).to_have_text("Watching")
    button.click()
    expect(button).to_have_text("Watch")
    page.reload()
    expect(button).to_have_text("Watch")


def test_unfollowing_is_shown_before_and_undone_after(visit, maja, tobias):
    maja.ask("Undone?", topics="Tansy")
    tobias.follow("topic:tansy", level="watch")
    page = visit("/topics/tansy/", tobias)
    wait_until_live(page)
    button = page.locator("follow-button form > button")
    action = "element => getComputedStyle(element, '::after').visibility"
    assert button.evaluate(action) == "hidden"
    button.hover()
    expect(button).to_have_attribute("data-action", "Unfollow")
    assert button.evaluate(action) == "visible"

    button.click()
    expect(button).to_have_text("Watch")
    message = page.locator(".notifications-toast")
    expect(message).to_contain_text("You no longer follow topic Tansy.")
    message.get_by_role("button", name="Undo").click()

    expect(button).to_have_text("Watching")
    page.reload()
    expect(button).to_have_text("Watching")


def test_button_works_in_a_paragraph(visit, maja, tobias):
    maja.ask("Within?", topics="Yarrow")
    page = visit("/topics/yarrow/", tobias)
    wait_until_live(page)
    page.evaluate(
        """() => {
          const { outerHTML } = document.querySelector("follow-button");
          document.querySelector("main").innerHTML = `<p>Text ${outerHTML} text</p>`;
        }"""
    )
    address = page.url

    page.get_by_role("button", name="Follow Yarrow").click()
    expect(page.get_by_role("button", name="Following Yarrow")).to_be_visible()

    assert page.url == address
    assert page.locator("follow-button form").count() == 0


def test_menu_is_used_by_keys(visit, maja, tobias):
    maja.ask("By keys?", topics="Broom")
    page = visit("/topics/broom/", tobias)
    summary = page.locator("follow-button summary")
    menu = page.locator("follow-button details")

    summary.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Watch")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="Watching Broom")).to_be_visible()
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("h1").click()
    expect(menu).not_to_have_attribute("open", "")


def test_following_takes_effect_on_the_open_page(visit, maja, tobias):
    maja.ask("First?", topics="Juniper")
    page = visit("/topics/juniper/", tobias)

    page.get_by_role("button", name="Follow Juniper").click()
    expect(page.get_by_role("button", name="Following Juniper")).to_be_visible()
    maja.ask("Second?", topics="Juniper")

    expect(page.locator(".notifications-bell-count")).to_have_text("1")


def test_button_of_an_ended_session_is_disabled(visit, maja, tobias, errors):
    maja.ask("Ended?", topics="Larch")
    page = visit("/topics/larch/", tobias)
    tobias.post("/logout/")

    expect(page.get_by_role("button", name="Follow Larch")).to_be_disabled()
    errors[:] = [each for each in errors if "409" not in each]


def test_anonymous_visitor_is_led_to_the_login_page(visit, maja):
    maja.ask("Stranger?", topics="Alder")
    page = visit("/topics/alder/")

    page.get_by_role("link", name="Follow Alder").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url.endswith("?next=/topics/alder/")


def test_offline_click_leaves_the_page_and_is_retried(visit, maja, tobias, errors):
    maja.ask("Without a network?", topics="Dock")
    page = visit("/topics/dock/", tobias)
    message = page.locator(".notifications-toast")
    wait_until_live(page)
    page.context.set_offline(True)

    page.get_by_role("button", name="Follow Dock", exact=True).click()

    expect(message).to_contain_text("the server cannot be reached")
    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("button", name="Following Dock")).to_be_visible()
    expect(message).to_have_count(0)
    errors[:] = [each for each in errors if "ERR_INTERNET_DISCONNECTED" not in each]
