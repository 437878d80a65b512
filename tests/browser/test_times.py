"""Relative times, and the number of unseen events in titles and announcements."""

import pytest
from playwright.sync_api import expect

from tests.browser.scripts import BLANK, call


@pytest.mark.parametrize(
    ("datetime", "text"),
    [
        ("2026-05-20T12:00:30Z", "now"),
        ("2026-05-20T11:59:01Z", "now"),
        ("2026-05-20T11:59:00Z", "1 minute ago"),
        ("2026-05-20T11:00:01Z", "59 minutes ago"),
        ("2026-05-20T13:00:00+02:00", "1 hour ago"),
        ("2026-05-19T12:00:01Z", "23 hours ago"),
        ("2026-05-19T12:00:00Z", "1 day ago"),
        ("2026-04-20T12:00:01Z", "29 days ago"),
        ("2026-04-20T12:00:00Z", "Apr 20, 2026"),
        ("soon", "as it was"),
    ],
)
def test_time_says_how_long_ago_it_was(run, datetime, text):
    assert run("times.textOf", datetime) == text


def test_time_ticks_and_stops(run):
    shown, waiting = run("times.ticks")

    assert shown == ["now", "1 minute ago", "2 minutes ago", "2 minutes ago"]
    assert waiting == 0


def test_time_that_is_added_later_is_relative_too(visit):
    text, has_title = call(visit("/"), "times.timeAddedLater")

    assert (text, has_title) == ("3 hours ago", True)


def test_new_elements_are_marked_for_some_time_only(run):
    assert run("times.arrivals") == ["b", ""]


def test_time_in_the_language_of_the_page_and_the_zone_of_the_reader(visit):
    page = visit(BLANK, locale="en-GB", timezone_id="Asia/Tokyo")

    text, title = call(page, "times.inGerman")

    assert (text, title) == ("vor 2 Stunden", "Donnerstag, 21. Mai 2026 um 01:00")


def test_page_without_a_known_language_has_that_of_the_browser(run):
    times = run("times.inLanguages", ["", "en_US"])

    assert times == ["2 hours ago"] * 2


def test_hidden_page_does_not_tick(run):
    assert run("times.timersWhileHidden") == [0, 1]


def test_title_of_a_hidden_page_has_the_number(run):
    assert run("times.titles") == [
        "Title",
        "(2) Title",
        "(3) Title",
        "(99+) Title",
        "(4) New title",
        "New title",
        "(5) New title",
        "New title",
    ]


def test_growth_is_announced_once_in_five_seconds_and_summed_up(run):
    announcements = run("times.announcements")

    assert announcements == [
        "",
        "3 things",
        "3 things",
        "3 things",
        "7 things",
        "99+ things",
    ]


def test_nothing_is_announced_when_the_number_falls(run):
    assert run("times.fallingNumber") == ["", "1 thing"]


def test_hidden_page_announces_nothing(run):
    assert run("times.hiddenPage") == ""


def test_live_region_is_polite_and_not_visible(visit, tobias):
    page = visit("/topics/", tobias)

    region = page.locator(".notifications-announcer")

    expect(region).to_have_attribute("role", "status")
    expect(region).to_be_empty()
