"""Quiet hours and the time zone of a person."""

import pytest
from playwright.sync_api import expect

from tests.system.server import wait_for


@pytest.mark.parametrize(
    ("hours", "zone", "quiet"),
    [
        ("22:00-07:00", "Europe/Berlin", [False, True, True, False]),
        ("22:00-07:00", "Asia/Tokyo", [True, False, False, False]),
        ("09:00-17:30", "Asia/Tokyo", [False, False, True, True]),
    ],
)
def test_hours_count_in_the_time_zone_of_the_person(run, hours, zone, quiet):
    moments = [
        "2026-05-20T19:59:00Z",
        "2026-05-20T22:00:00Z",
        "2026-05-21T04:59:00Z",
        "2026-05-21T05:00:00Z",
    ]

    assert run("quiet_hours.quietAt", hours, zone, moments) == quiet


def test_zone_that_the_browser_does_not_know_is_that_of_the_browser(run):
    hours, moments = "22:00-07:00", ["2026-05-20T12:00:00Z", "2026-05-20T23:00:00Z"]

    unknown, default = (
        run("quiet_hours.quietAt", hours, zone, moments) for zone in ("Mars/Base", "")
    )

    assert unknown == default


@pytest.mark.parametrize(
    ("moment", "shown", "said"),
    [
        ("2026-05-20T13:00:00Z", "Title", ""),
        ("2026-05-20T22:00:00Z", "(3) Title", "4 things"),
    ],
)
def test_neither_the_title_nor_screen_readers_ring_in_quiet_hours(
    run, moment, shown, said
):
    assert run("quiet_hours.during", moment) == [shown, said]


def test_time_zone_of_the_browser_is_sent_once_and_another_is_chosen(visit, maja):
    page = visit("/topics/", maja, timezone_id="Pacific/Auckland")
    preferences = "/notifications/preferences/"
    selected = "<option selected>Pacific/Auckland"
    wait_for(
        lambda: selected in maja.client.get(preferences).text, what="the time zone"
    )

    page.goto(preferences)
    zone = page.get_by_label("Time zone")
    expect(zone).to_have_value("Pacific/Auckland")
    zone.select_option("Asia/Tokyo")
    page.get_by_label("From").fill("22:00")
    page.get_by_label("until").fill("07:00")
    page.get_by_role("button", name="Save preferences").click()

    expect(page.get_by_text("Your preferences have been saved.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    meta = page.locator("meta[name=notifications]")
    expect(meta).to_have_attribute("data-time-zone", "Asia/Tokyo")
    expect(meta).to_have_attribute("data-quiet-hours", "22:00-07:00")
