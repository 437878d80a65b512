"""Several tabs of one browser, and the streams that they have open."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, Request

STREAM = "/notifications/stream/"
LISTEN = """
window.heard = [];
for (const name of ["notifications", "notifications:count"]) {
  document.addEventListener(name, ({ detail }) =>
    heard.push(detail.title ?? detail.reason ?? `${detail.unseen} unseen`));
}
"""
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


class Streams:
    """The requests for streams of a browser: all that began, and those that last."""

    def __init__(self, context: BrowserContext) -> None:
        self.all: list[Request] = []
        self._lasting: list[Request] = []
        context.on("request", self._began)
        context.on("requestfinished", self._ended)
        context.on("requestfailed", self._ended)

    @property
    def open(self) -> list[Request]:
        """Those that last; a tab that is closed takes its own along."""
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
    """Open a page in another tab, and let it note what it hears."""
    page = context.new_page()
    page.add_init_script(LISTEN)
    page.goto(path)
    return page


def wait_until_live(
    *pages: Page, state: str = "live", timeout: float | None = None
) -> None:
    """Wait until each page says so of its connection."""
    for page in pages:
        page.wait_for_selector(f"html[data-notifications={state}]", timeout=timeout)


def wait_for_heard(page: Page, title: str) -> None:
    """Wait until a page has heard of something."""
    page.wait_for_function("title => heard.includes(title)", arg=title)


def heard(page: Page) -> list[str]:
    """Return what a page has heard of, but for the number of what is unseen."""
    return [each for each in page.evaluate("heard") if not each.endswith("unseen")]


def hide(page: Page, hidden: bool = True) -> None:
    """Let a page think that nobody sees it, or that somebody does again."""
    page.evaluate(HIDE, hidden)


def wait_until(page: Page, condition: Callable[[], Any]) -> None:
    """Wait for something outside the pages, while Playwright goes on."""
    for _ in range(300):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("waited in vain")
