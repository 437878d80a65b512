"""The admin's page "Live": its stats come by themselves, and without scripts."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.scripts import call
from tests.system.server import Site

LIVE = "/admin/notifications/event/live/"
EVERY = 2_000
MAKE_STAFF = """
from django.contrib.auth.models import User
User.objects.filter(username=NAME).update(is_staff=True, is_superuser=True)
"""
COLUMNS = (
    "process", "uptime", "streams", "people", "events", "deliveries", "lag",
    "slow_closes", "reading",
)  # fmt: skip


@pytest.fixture
def staff(site: Site, sign_up):
    """A superuser."""
    person = sign_up("staff")
    site.shell(MAKE_STAFF.replace("NAME", repr(person.name)))
    return person


class Replies:
    """The replies of the site to the script, and how many it sent."""

    def __init__(self, page: Page) -> None:
        self.asked = 0
        self.stats: dict[str, Any] = {}
        self.processes: dict[str, Any] = {}
        self.charts: dict[str, Any] = {}
        self.problems: list[str] = []
        self.gone = False
        self._page = page

    def reply(self, route: Route) -> None:
        """Reply to the script; the page itself comes from the site."""
        if "json" not in route.request.headers["accept"]:
            return route.continue_()
        self.asked += 1
        if self.gone:
            return route.abort()
        return route.fulfill(
            json={
                "stats": self.stats,
                "charts": self.charts,
                "processes": self.processes,
                "problems": self.problems,
                "updated": f"00:00:{self.asked:02}",
            }
        )

    def advance(self, milliseconds: int) -> None:
        """Advance the page's clock, and wait for the requests of that time."""
        self._page.clock.run_for(milliseconds)


def stat(text: str, *, note: str = "", alarm: bool = False) -> dict[str, Any]:
    return {"value": text, "text": text, "note": note, "alarm": alarm}


def process(name: str) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS, stat("0")), "process": stat(name)}


@pytest.fixture
def page(visit, staff) -> Page:
    """A page in a browser of the superuser, with a fake clock."""
    page = visit("/admin/", staff)
    page.clock.install()
    return page


@pytest.fixture
def replies(page) -> Iterator[Replies]:
    replies = Replies(page)
    page.route(f"**{LIVE}", replies.reply)
    page.goto(LIVE)
    expect(page.get_by_text("Updates automatically")).to_be_visible()
    return replies


def updated(page, text):
    expect(page.locator("time[data-live=updated]")).to_have_text(text)


def test_processes_appear_without_reloading(visit, staff):
    page = visit(LIVE, staff)

    expect(page.locator("tr[data-process]")).to_have_count(2)
    expect(page.locator("dl [data-stat=streams]")).to_contain_text("in 2 processes")
    expect(page.get_by_text("No process is reporting")).to_be_hidden()


def test_page_without_scripts_shows_statistics_and_a_reload_link(visit, staff):
    page = visit(LIVE, staff, java_script_enabled=False)

    expect(page.get_by_text("Redis", exact=True)).to_be_visible()
    page.get_by_role("link", name="Reload to update").click()

    expect(page.get_by_role("heading", name="Live")).to_be_visible()


def test_statistics_are_updated_in_place(page, replies):
    replies.stats = {"lag": stat("7 ms", note="of late", alarm=True)}

    replies.advance(EVERY)

    lag = page.locator("dl [data-stat=lag]")
    expect(lag).to_contain_text("7 ms")
    expect(lag).to_contain_text("of late")
    expect(lag).to_have_attribute("data-alarm", "")


def test_charts_are_updated_in_place(page, replies):
    shown = {"line": "M0 50L590 0", "area": "M0 50Z", "top": "20", "text": "Up."}
    replies.charts = {"streams": shown}

    replies.advance(EVERY)

    chart = page.locator("figure[data-chart=streams]")
    expect(chart).to_contain_text("Streams 20")
    expect(chart).to_contain_text("Up.")
    line = chart.locator("path[data-live=line]")
    expect(line).to_have_attribute("d", "M0 50L590 0")


def test_rows_of_processes_are_added_and_removed_in_order(page, replies):
    rows = page.locator("tr[data-process] th")
    replies.processes = {"b": process("web:2"), "c": process("web:3")}
    replies.advance(EVERY)
    expect(rows).to_have_text(["web:2", "web:3"])

    replies.processes = {"a": process("web:1"), "c": process("web:3")}
    replies.advance(EVERY)

    expect(rows).to_have_text(["web:1", "web:3"])


def test_page_without_processes_says_so(page, replies):
    expect(page.get_by_text("No process is reporting")).to_be_visible()


def test_lasting_problem_is_announced_once(page, replies):
    status = page.get_by_role("status")
    replies.problems = ["It is <b>bad</b>."]
    replies.advance(EVERY)
    expect(status).to_have_text("It is <b>bad</b>.")
    first = status.get_by_role("listitem").element_handle()

    replies.advance(EVERY)
    updated(page, f"00:00:{replies.asked:02}")

    assert first.evaluate("each => each.isConnected")
    replies.problems = []
    replies.advance(EVERY)
    expect(status).to_have_text("")


def test_problems_are_the_only_live_region(page, replies):
    assert page.locator("admin-live [aria-live], admin-live [role=status]").count() == 1


def test_hidden_page_sends_no_requests(page, replies):
    hide(page, True)
    asked = replies.asked
    replies.advance(20 * EVERY)
    assert replies.asked == asked

    hide(page, False)

    updated(page, f"00:00:{asked + 1:02}")


def hide(page, hidden):
    call(page, "page.hide", hidden)


def test_failed_request_is_repeated(page, replies, errors):
    replies.gone = True
    replies.advance(EVERY)
    expect(page.get_by_text("The site does not respond")).to_be_visible()
    errors.clear()

    replies.gone = False
    replies.advance(EVERY)

    expect(page.get_by_text("Updates automatically")).to_be_visible()


def test_updates_stop_after_logout(visit, staff):
    page = visit("/admin/", staff)
    page.clock.install()
    page.goto(LIVE)
    expect(page.get_by_text("Updates automatically")).to_be_visible()
    page.context.clear_cookies()

    page.clock.run_for(EVERY)

    expect(page.get_by_text("Updates have stopped. Sign in again.")).to_be_visible()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(20 * EVERY)
    assert asked == []


def test_removed_element_sends_no_requests(page, replies):
    page.evaluate("document.querySelector('admin-live').remove()")
    asked = replies.asked

    replies.advance(20 * EVERY)

    assert replies.asked == asked


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_page_fits_the_window(page, replies, width):
    replies.processes = {"a": process("a-machine-with-a-rather-long-name:4194304")}
    replies.advance(EVERY)
    expect(page.locator("tr[data-process]")).to_have_count(1)

    page.set_viewport_size({"width": width, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
