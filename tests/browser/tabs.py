"""Several tabs of one browser, and the streams that they have open."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, Request

from tests.browser.scripts import call, init_script

STREAM = "/notifications/stream/"


class Streams:
    """A browser's requests for streams: all of them, and those that are open."""

    def __init__(self, context: BrowserContext) -> None:
        self.all: list[Request] = []
        self._lasting: list[Request] = []
        context.on("request", self._began)
        context.on("requestfinished", self._ended)
        context.on("requestfailed", self._ended)

    @property
    def open(self) -> list[Request]:
        """The open ones; those of a closed tab have ended."""
        return [each for each in self._lasting if not each.frame.page.is_closed()]

    @property
    def holder(self) -> Page:
        """The tab that has the one stream."""
        (request,) = self.open
        return request.frame.page

    def _began(self, request: Request) -> None:
        if STREAM in request.url and request.resource_type == "eventsource":
            self.all.append(request)
            self._lasting.append(request)

    def _ended(self, request: Request) -> None:
        if request in self._lasting:
            self._lasting.remove(request)


def open_tab(context: BrowserContext, path: str) -> Page:
    """Open a page in another tab, which records what it is notified about."""
    page = context.new_page()
    page.add_init_script(path=init_script("record_events"))
    page.goto(path)
    return page


def wait_until_live(
    *pages: Page, state: str = "live", timeout: float | None = None
) -> None:
    """Wait until the connection of each page is in this state."""
    for page in pages:
        page.wait_for_selector(f"html[data-notifications={state}]", timeout=timeout)


def wait_for_title(page: Page, title: str) -> None:
    """Wait until a page was notified about the event with this title."""
    page.wait_for_function("title => notified.includes(title)", arg=title)


def titles(page: Page) -> list[str]:
    """Return what a page was notified about, without the numbers of unseen events."""
    return [each for each in page.evaluate("notified") if not each.endswith("unseen")]


def hide(page: Page, hidden: bool = True) -> None:
    """Hide a page, or make it visible again."""
    call(page, "page.hide", hidden)


def wait_until(page: Page, condition: Callable[[], Any]) -> None:
    """Wait for something outside the pages, while Playwright goes on."""
    for _ in range(300):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("timed out")
