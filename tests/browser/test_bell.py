"""The bell: its number, and the panel that it opens."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.scripts import call, init_script
from tests.browser.tabs import wait_until_live


def bell(page: Page):
    """The bell once its script runs: before that, it is a form that leads away."""
    return page.locator("button.notifications-bell[aria-expanded]")


def badge(page: Page):
    return page.locator(".notifications-bell-count")


def panel(page: Page):
    return page.get_by_role("dialog", name="Notifications")


def rows(page: Page):
    return panel(page).locator(".notifications-inbox-item")


def top(locator: Locator) -> float:
    return locator.bounding_box()["y"]


def notify_count(page: Page, unseen: int | None) -> None:
    """Notify the page about the number of unseen events, as its connection would."""
    call(page, "page.notifyCount", unseen)


def wait_for_count(page: Page) -> None:
    """Reload the page, and wait for the count with which its stream begins."""
    page.add_init_script(path=init_script("mark_count"))
    page.reload()
    page.locator("html[data-counted]").wait_for()


def test_panel_loads_its_script_when_somebody_points_at_the_bell(visit, maja):
    page = visit("/login/", maja)
    requested: list[str] = []
    page.on("request", lambda each: requested.append(each.url))
    page.goto("/topics/")
    wait_until_live(page)
    assert not [each for each in requested if "inbox" in each]

    with page.expect_request(re.compile("/inbox.*\\.js")):
        bell(page).hover()

    bell(page).click()
    expect(panel(page).get_by_text("No notifications yet.")).to_be_visible()


def test_first_rows_that_cannot_be_loaded_are_loaded_by_retry(visit, maja, errors):
    page = visit("/topics/", maja)
    page.route("**/notifications/?limit=*", lambda route: route.abort())

    bell(page).click()
    retry = page.get_by_role("button", name="Retry")
    expect(retry).to_be_visible()
    page.unroute("**/notifications/?limit=*")
    retry.click()

    expect(panel(page).get_by_text("No notifications yet.")).to_be_visible()
    expect(retry).to_have_count(0)
    errors[:] = [each for each in errors if "ERR_FAILED" not in each]


@pytest.fixture
def answered(maja, tobias) -> str:
    """The address of a question of Maja, with an answer that she has not seen."""
    question = maja.ask("Rung?")
    tobias.answer(question, "Now it is.")
    return question


def test_bell_of_a_follower_counts_as_the_server_does(visit, maja, tobias):
    maja.ask("First?", topics="Lichen")
    tobias.follow("topic:lichen")
    page = visit("/topics/", tobias)
    expect(bell(page)).to_have_accessible_name("Notifications")
    expect(badge(page)).to_be_hidden()

    maja.ask("Second?", topics="Lichen")

    expect(badge(page)).to_have_text("1")
    maja.ask("Third?", topics="Lichen")
    expect(badge(page)).to_have_text("2")
    expect(bell(page)).to_have_accessible_name("Notifications, 2 new")


def test_badge_counts_the_rows_that_the_inbox_shows(visit, maja, tobias):
    question = maja.ask("How many rows?")
    page = visit("/topics/", maja)
    wait_for_count(page)

    tobias.answer(question, "One.")
    tobias.answer(question, "Two.")
    tobias.answer(maja.ask("Another row?"), "Three.")

    expect(badge(page)).to_have_text("2")
    page.reload()
    expect(badge(page)).to_have_text("2")
    bell(page).click()
    expect(rows(page)).to_have_count(2)


@pytest.mark.parametrize(("unseen", "shown"), [(99, "99"), (100, "99+")])
def test_bell_counts_to_a_limit(visit, maja, unseen, shown):
    page = visit("/topics/", maja)
    wait_for_count(page)

    notify_count(page, unseen)

    expect(badge(page)).to_have_text(shown)
    expect(bell(page)).to_have_accessible_name(f"Notifications, {shown} new")


def test_unknown_count_leaves_the_bell_unchanged(visit, maja, answered):
    page = visit("/topics/", maja)
    wait_for_count(page)

    notify_count(page, None)

    expect(badge(page)).to_have_text("1")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_panel_is_opened_and_closed_by_keys(visit, maja, answered, key):
    page = visit("/topics/", maja)
    expect(bell(page)).to_have_attribute("aria-expanded", "false")
    expect(bell(page)).to_have_attribute("aria-haspopup", "dialog")

    bell(page).focus()
    page.keyboard.press(key)

    expect(panel(page)).to_be_visible()
    expect(panel(page)).to_be_focused()
    expect(bell(page)).to_have_attribute("aria-expanded", "true")
    controlled = bell(page).get_attribute("aria-controls")
    expect(panel(page)).to_have_id(controlled)
    page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()
    expect(bell(page)).to_be_focused()
    expect(bell(page)).to_have_attribute("aria-expanded", "false")


def test_tab_key_moves_through_the_panel_and_past_the_bell(visit, maja, answered):
    page = visit("/topics/", maja)
    bell(page).press("Enter")
    expect(rows(page)).to_have_count(1)

    names = []
    for _ in range(8):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim()"))

    assert names[0] == "Mark all as read"
    assert "Rung?" in names
    assert names[-3:] == ["All notifications", "Preferences", maja.name]


def test_click_elsewhere_or_on_the_bell_closes_the_panel(visit, maja):
    page = visit("/topics/", maja)
    bell(page).click()
    expect(panel(page)).to_be_visible()

    page.get_by_text("Askwell: ask").click()
    expect(panel(page)).to_be_hidden()
    bell(page).click()
    expect(panel(page)).to_be_visible()
    bell(page).click()

    expect(panel(page)).to_be_hidden()


def test_opened_panel_shows_new_events_and_marks_them_as_seen(visit, maja, answered):
    page = visit("/topics/", maja)
    expect(badge(page)).to_have_text("1")

    bell(page).click()

    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_have_class(re.compile("unread"))
    expect(rows(page)).to_contain_text("answered Rung?")
    expect(badge(page)).to_be_hidden()
    page.reload()
    expect(badge(page)).to_be_hidden()


def test_events_seen_on_one_device_are_seen_on_another(visit, maja, answered):
    phone, desk = visit("/topics/", maja), visit("/topics/", maja)
    expect(badge(phone)).to_have_text("1")
    expect(badge(desk)).to_have_text("1")

    bell(desk).click()

    expect(badge(phone)).to_be_hidden()


def test_open_panel_shows_arriving_events(visit, maja, tobias, answered):
    page = visit("/topics/", maja)
    bell(page).click()
    expect(rows(page)).to_have_count(1)

    tobias.answer(maja.ask("Another?"), "This one, too.")

    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("Another?")
    expect(rows(page).first).to_have_class(re.compile("arrived"))
    expect(rows(page).last).not_to_have_class(re.compile("arrived"))
    expect(badge(page)).to_be_hidden()


def test_mark_all_as_read_in_the_panel_can_be_undone(visit, maja, answered):
    page = visit("/topics/", maja)
    bell(page).click()
    page.evaluate("window.sameDocument = true")

    panel(page).get_by_role("button", name="Mark all as read").click()

    expect(panel(page).get_by_role("status")).to_contain_text("All marked as read.")
    expect(panel(page).locator(".notifications-unread")).to_have_count(0)
    panel(page).get_by_role("button", name="Undo").click()
    expect(panel(page).locator(".notifications-unread")).to_have_count(1)
    assert page.evaluate("window.sameDocument")


def test_link_in_the_panel_marks_its_row_as_read(visit, maja, answered):
    page = visit(answered, maja)
    bell(page).click()

    rows(page).get_by_role("link", name="Rung?").click()

    expect(panel(page)).to_be_hidden()
    expect(page).to_have_url(re.compile("#answer-"))
    bell(page).click()
    expect(
        panel(page).locator(".notifications-inbox-item:not(.notifications-unread)")
    ).to_have_count(1)


def test_panel_leads_to_the_inbox_and_to_the_preferences(visit, maja):
    page = visit("/topics/", maja)

    bell(page).click()
    panel(page).get_by_role("link", name="All notifications").click()
    expect(page.locator("h1")).to_have_text("Notifications")
    bell(page).click()
    panel(page).get_by_role("link", name="Preferences").click()

    expect(page.locator("h1")).to_have_text("Notification preferences")


def test_empty_panel_says_so(visit, maja):
    page = visit("/topics/", maja)

    bell(page).click()

    expect(panel(page)).to_contain_text("No notifications yet.")
    expect(panel(page).get_by_role("button", name="Mark all as read")).to_have_count(0)


def test_two_bells_show_the_count_and_open_their_panels(visit, maja, answered):
    page = visit("/two-bells/", maja)
    expect(bell(page)).to_have_count(2)
    expect(badge(page)).to_have_text(["1", "1"])

    for number in (1, 0):
        bell(page).nth(number).click()

        # A panel closes that of the other bell.
        expect(panel(page)).to_have_count(1)
        expect(rows(page)).to_have_count(1)
        expect(bell(page).nth(number)).to_have_attribute("aria-expanded", "true")
        expect(bell(page).nth(1 - number)).to_have_attribute("aria-expanded", "false")
        call(page, "page.animationsEnd")
        assert 0 <= top(panel(page)) - top(bell(page).nth(number)) < 60
    expect(badge(page).locator("visible=true")).to_have_count(0)


def test_bell_without_scripts_leads_to_the_inbox(visit, maja, answered):
    page = visit("/topics/", maja, java_script_enabled=False)
    bell = page.locator("button.notifications-bell")
    expect(bell).to_have_accessible_name("Notifications, 1 new")
    expect(page.locator(".notifications-panel")).to_be_hidden()

    bell.click()

    expect(page.locator("h1")).to_have_text("Notifications")
    expect(
        page.locator("main .notifications-inbox-item.notifications-unread")
    ).to_have_count(1)
    expect(badge(page)).to_be_hidden()


def test_bell_is_current_after_going_back(visit, maja, answered):
    page = visit("/topics/", maja)
    expect(badge(page)).to_have_text("1")
    page.goto("/notifications/")
    # Without scripts, the button would open the page again.
    page.locator("main notification-inbox:defined").wait_for()
    page.locator("main").get_by_role("button", name="Mark all as read").click()
    expect(
        page.locator("main .notifications-inbox-item.notifications-unread")
    ).to_have_count(0)

    page.go_back()

    expect(page.get_by_role("heading", name="Topics")).to_be_visible()
    expect(badge(page)).to_be_hidden()


@pytest.mark.parametrize("width", [320, 1000])
def test_panel_is_within_the_window(visit, maja, answered, width):
    page = visit("/topics/", maja, viewport={"width": width, "height": 600})

    bell(page).click()
    expect(rows(page)).to_have_count(1)

    box = panel(page).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 600
