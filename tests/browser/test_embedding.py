"""The app's pages on a site that is styled by Pico CSS alone, without classes."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.scripts import call
from tests.interop.program_clients import LIBRARIES

PICO = LIBRARIES / "node_modules/@picocss/pico/css/pico.classless.min.css"
CHARSET = '@charset "UTF-8";'
SITE_CSS = re.compile(r"/qa/site[^/]*\.css$")
PAGES = ["/notifications/", "/notifications/preferences/"]
OURS = "main, notification-bell"
NARROW = {"width": 320, "height": 568}


@pytest.fixture
def visit_in_pico(visit, maja, tobias):
    """Open a page, with other styles in place of those of the site."""
    if not PICO.exists():
        pytest.skip(f"{PICO} is not installed: `make test` does it.")
    styles = "@layer pico { " + PICO.read_text().removeprefix(CHARSET) + "}"
    tobias.answer(maja.ask("Which kettle?"), "A quiet one.")
    tobias.answer(maja.ask("Which tea?"), "Oolong.")

    def visit_in_pico(path: str, **look: object) -> Page:
        page = visit("about:blank", maja, **look)
        page.route(SITE_CSS, lambda route: route.fulfill(body=styles))
        page.goto(path)
        return page

    return visit_in_pico


def open_bell(page: Page) -> None:
    page.locator("button.notifications-bell[aria-expanded]").click()
    panel = page.get_by_role("dialog", name="Notifications")
    expect(panel.locator(".notifications-inbox-item")).to_have_count(2)


@pytest.mark.parametrize("path", PAGES)
def test_app_is_accessible_in_pico(visit_in_pico, path):
    page = visit_in_pico(path)
    open_bell(page)

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        call(page, "page.animationsEnd")
        assert Axe().run(page, OURS).response["violations"] == []


@pytest.mark.parametrize("path", PAGES)
def test_app_fits_a_narrow_page_in_pico(visit_in_pico, path):
    page = visit_in_pico(path, viewport=NARROW)
    assert call(page, "page.overflow") == []

    open_bell(page)

    assert call(page, "page.overflow") == []
