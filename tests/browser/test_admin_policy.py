"""Django's admin under the strict policy; `errors` finds what the browser refused."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import PASSWORD
from tests.browser.strict import ADMIN, StrictSite

LISTS = {
    "auth/group",
    "auth/user",
    "notifications/event",
    "notifications/follow",
    "qa/answer",
    "qa/question",
    "qa/topic",
}


@pytest.fixture(scope="module")
def site() -> Iterator[StrictSite]:
    with StrictSite() as site:
        yield site


@pytest.fixture
def admin(visit, maja, tobias) -> Page:
    """The admin's index, signed in, with posts to look at."""
    question = maja.ask("Administered?", topics="Elm, Ash")
    tobias.answer(question, "Of course.")
    tobias.follow("topic:elm")
    page = visit("/admin/")
    page.get_by_label("Username").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()
    return page


def test_lists(admin):
    for path in LISTS:
        admin.goto(f"/admin/{path}/")
        expect(admin.locator("#changelist")).to_be_visible()


def test_forms(admin):
    for path in LISTS - {"notifications/event"}:
        admin.goto(f"/admin/{path}/add/")
        expect(admin.get_by_role("button", name="Save", exact=True)).to_be_visible()


def test_objects_and_their_history(admin):
    for path in LISTS - {"auth/group"}:
        admin.goto(f"/admin/{path}/")
        admin.locator("#result_list tbody th a").first.click()
        expect(admin.locator(".object-tools")).to_be_visible()
        admin.get_by_role("link", name="History").click()
        expect(admin.get_by_role("heading", name="Change history")).to_be_visible()


def test_dates_and_filters_lead_on(admin):
    admin.goto("/admin/qa/question/")
    expect(admin.locator("#changelist-filter")).to_be_visible()

    admin.locator("#changelist-filter").get_by_role("link", name="Today").click()
    admin.locator("#searchbar").fill("Administered")
    admin.get_by_role("button", name="Search").click()

    expect(admin.locator("#result_list tbody tr").first).to_be_visible()
    expect(admin.locator(".toplinks")).to_be_visible()


def test_topics_are_moved_and_people_found(admin):
    admin.goto("/admin/qa/question/add/")
    admin.get_by_label("Title").fill("By the admin?")
    admin.locator("#id_body").fill("A body.")

    admin.locator(".field-author .select2-selection").click()
    admin.locator(".select2-search__field").fill("maja")
    admin.get_by_role("option", name=re.compile("^maja")).first.click()
    admin.locator("#id_topics_from").select_option(label="Elm")
    admin.locator("#id_topics_add").click()
    expect(admin.locator("#id_topics_to option")).to_have_text(["Elm"])
    admin.locator(".add-row a").click()
    expect(admin.locator("#answers-0 textarea")).to_be_visible()
    admin.locator("#answers-0 .inline-deletelink").click()
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.locator(".messagelist .success")).to_be_visible()


def test_calendar_and_clock_open(admin):
    admin.goto("/admin/qa/answer/add/")

    admin.locator(".datetimeshortcuts .date-icon").first.click()
    expect(admin.locator(".calendarbox").first).to_be_visible()
    admin.locator(".calendarbox td a").first.click()
    admin.locator(".datetimeshortcuts .clock-icon").first.click()
    expect(admin.locator(".clockbox").first).to_be_visible()


def test_slug_is_filled_in(admin):
    admin.goto("/admin/qa/topic/add/")

    admin.get_by_label("Name").press_sequentially("Cold brew")

    expect(admin.get_by_label("Slug")).to_have_value("cold-brew")


def test_follows_are_deleted(admin):
    admin.goto("/admin/notifications/follow/")
    admin.locator("#action-toggle").check()
    admin.get_by_label("Action:").select_option("delete_selected")
    admin.get_by_role("button", name="Go", exact=True).click()

    admin.get_by_role("button", name="Yes").click()

    expect(admin.locator(".messagelist .success")).to_be_visible()


def test_theme_is_changed_and_the_side_bar_folded(admin):
    admin.goto("/admin/qa/topic/")

    admin.get_by_role("button", name="Toggle theme").first.click()
    admin.get_by_role("button", name="Toggle navigation").click()

    expect(admin.locator("#nav-sidebar")).to_be_attached()


def test_password_is_changed(admin):
    admin.goto("/admin/password_change/")

    expect(admin.get_by_label("Old password")).to_be_visible()


def test_live_page_is_shown(admin):
    admin.goto("/admin/notifications/event/live/")

    expect(admin.locator("admin-live")).to_be_visible()


def test_announcement_is_sent(admin):
    admin.goto("/admin/notifications/event/announce/")
    admin.get_by_label("Title").fill("Hello")
    admin.get_by_role("button", name="Continue").click()

    admin.get_by_role("button", name="Send").click()

    expect(admin.locator(".messagelist .success")).to_be_visible()


def test_event_is_explained_for_a_person(admin, tobias):
    admin.goto("/admin/notifications/event/")
    admin.locator("#result_list tbody th a").first.click()
    admin.get_by_label("Username or ID").fill(tobias.name)

    admin.get_by_role("button", name="Explain").click()

    expect(admin.locator(".notifications-verdict")).to_be_visible()
