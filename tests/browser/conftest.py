"""Chromium with the real site; each person has a browser context of their own."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    expect,
    sync_playwright,
)

from tests.browser.people import Person
from tests.browser.scripts import BLANK, call
from tests.system.server import Site

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The first has no window to draw, and takes two thirds of the time of the others.
BROWSERS = ["chromium-headless-shell", "chromium", "google-chrome"]
# Long enough for a loaded machine: tests wait for conditions, which end sooner.
DEADLINE_MILLISECONDS = 15_000

expect.set_options(timeout=DEADLINE_MILLISECONDS)

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        # Streams that were cut off reconnect soon.
        "NOTIFICATIONS_RETRY_INTERVAL": "0.4",
    }
    with Site(workers=2, environment=environment) as site:
        yield site


def installed_browser() -> str | None:
    """Return where the first of BROWSERS is; None if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def required_browser() -> str:
    """Return where a browser is; without one, skip the test, unless CI is set."""
    executable = installed_browser()
    if executable is None and not os.environ.get("CI"):
        pytest.skip("There is no Chromium on the PATH.")
    assert executable, "CI is set: Chromium must be installed."
    return executable


# Not for the session: while it runs, its event loop keeps the thread from the ORM.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = required_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


def new_context(
    browser: Browser, site: Site, errors: list[str], **options: Any
) -> BrowserContext:
    """Return a browser context for the site, which adds the errors of its pages."""

    def note(kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            errors.append(text)

    context = browser.new_context(base_url=site.url, **options)
    context.set_default_timeout(DEADLINE_MILLISECONDS)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda message: note(message.type, message.text))
    return context


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """The errors of the pages; a test removes those that it expects."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture
def visit(browser, site, errors) -> Iterator[Open]:
    """Open a page of the site, in a browser of this person or an anonymous one."""
    contexts = []

    def visit(path: str, person: Person | None = None, **options: object) -> Page:
        context = new_context(browser, site, errors, **options)
        contexts.append(context)
        if person is not None:
            context.add_cookies(person.cookies())
        page = context.new_page()
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def scenario_page(browser, site) -> Iterator[tuple[Page, list[str]]]:
    """A page for the scenarios of a module, and the list of its errors.

    A context and a page of its own would take each scenario half a second.
    """
    found: list[str] = []
    context = new_context(browser, site, found)
    yield context.new_page(), found
    context.close()


@pytest.fixture
def run(scenario_page) -> Iterator[Callable[..., Any]]:
    """Run a scenario, `<module>.<function>` of the folder js, in a new document."""
    page, found = scenario_page
    found.clear()
    page.goto(BLANK)
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    yield lambda function, *arguments: call(page, function, *arguments)
    assert not found


@pytest.fixture
def sign_up(site) -> Iterator[Callable[[str], Person]]:
    """Make an account whose name starts with this, signed in."""
    people = []

    def sign_up(name: str) -> Person:
        people.append(Person(site.url, name))
        return people[-1]

    yield sign_up
    for person in people:
        person.client.close()


@pytest.fixture
def maja(sign_up) -> Person:
    return sign_up("maja")


@pytest.fixture
def tobias(sign_up) -> Person:
    return sign_up("tobias")
