"""What a page says of the time, and of what nobody saw yet."""

import pytest
from playwright.sync_api import expect

TIMES = """
const { RelativeTimes } = await import("/static/notifications/page.js");
const clock = new Clock();
const start = Date.parse("2026-05-20T12:00:00Z");
const times = new RelativeTimes(() => start + clock.now, clock);
const add = (datetime) => {
  const time = document.createElement("time");
  time.dateTime = datetime; time.dataset.relative = ""; time.textContent = "as it was";
  document.body.append(time);
  return time;
};
"""


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
    shown = run(
        TIMES + f"const time = add('{datetime}'); times.start();"
        "return time.textContent;"
    )

    assert shown == text


def test_time_ticks_and_stops(run):
    shown = run(
        TIMES
        + """
        const time = add("2026-05-20T12:00:00Z");
        times.start();
        const shown = [];
        const look = (after) => { clock.pass(after); shown.push(time.textContent); };
        look(0); look(60_000); look(60_000);
        times.stop(); times.stop();
        look(60_000);
        return [...shown, clock.waiting];
    """
    )

    assert shown == ["now", "1 minute ago", "2 minutes ago", "2 minutes ago", 0]


def test_time_that_comes_later_is_told_too(run):
    shown = run("""
        const time = document.createElement("time");
        time.dateTime = new Date(Date.now() - 3 * 3_600_000).toISOString();
        time.dataset.relative = "";
        document.body.append(time);
        await settle();
        return [time.textContent, time.title !== ""];
    """)

    assert shown == ["3 hours ago", True]


def test_time_in_the_language_of_the_page_and_the_zone_of_the_reader(visit):
    page = visit("/", locale="en-GB", timezone_id="Asia/Tokyo")

    shown = page.evaluate("""async () => {
        document.documentElement.lang = "de";
        const { RelativeTimes } = await import("/static/notifications/page.js");
        const time = document.createElement("time");
        time.dateTime = "2026-05-20T16:00:00Z"; time.dataset.relative = "";
        document.body.append(time);
        new RelativeTimes(() => Date.parse("2026-05-20T18:00:00Z")).start();
        return [time.textContent, time.title];
    }""")

    assert shown == ["vor 2 Stunden", "Donnerstag, 21. Mai 2026 um 01:00"]


def test_hidden_page_does_not_tick(run):
    waiting = run(
        TIMES
        + """
        times.start();
        hide(true);
        const hidden = clock.waiting;
        hide(false);
        return [hidden, clock.waiting];
    """
    )

    assert waiting == [0, 1]


UNSEEN = """
const { Unseen } = await import("/static/notifications/page.js");
const clock = new Clock();
document.title = "Title";
const texts = { unseen: "2", textUnseenOne: "%d thing", textUnseenMany: "%d things" };
const unseen = new Unseen(texts, clock);
unseen.start();
const count = (unseen) => {
  const detail = { unseen };
  document.body.dispatchEvent(
    new CustomEvent("notifications:count", { bubbles: true, detail }));
};
const regions = document.getElementsByClassName("notifications-said");
const said = () => [...regions].at(-1).textContent;
"""


def test_title_of_a_hidden_page_has_the_number(run):
    titles = run(
        UNSEEN
        + """
        const titles = [document.title];
        const note = () => titles.push(document.title);
        hide(true); note();
        count(3); note();
        count(100); note();
        document.title = "New title"; count(4); note();
        count(0); note();
        count(5); note();
        hide(false); note();
        return titles;
    """
    )

    assert titles == [
        "Title",
        "(2) Title",
        "(3) Title",
        "(99+) Title",
        "(4) New title",
        "New title",
        "(5) New title",
        "New title",
    ]


def test_growth_is_said_once_in_five_seconds_and_summed_up(run):
    said = run(
        UNSEEN
        + """
        const all = [];
        const note = () => all.push(said());
        note();
        count(3); note();
        count(4); count(7); note();
        clock.pass(4999); note();
        clock.pass(1); note();
        count(100); clock.pass(5000); note();
        return all;
    """
    )

    assert said == ["", "3 things", "3 things", "3 things", "7 things", "99+ things"]


def test_nothing_is_said_when_the_number_falls(run):
    said = run(
        UNSEEN
        + """
        count(0);
        const none = said();
        count(1);
        return [none, said()];
    """
    )

    assert said == ["", "1 thing"]


def test_hidden_page_says_nothing(run):
    said = run(UNSEEN + "hide(true); count(9); hide(false); return said();")

    assert said == ""


def test_region_is_polite_and_heard_only(visit, tobias):
    page = visit("/topics/", tobias)

    region = page.locator(".notifications-said")

    expect(region).to_have_attribute("role", "status")
    expect(region).to_be_empty()
