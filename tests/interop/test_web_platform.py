"""What the Web Platform Tests ask of a server, with Chromium as the client.

https://github.com/web-platform-tests/wpt/tree/master/eventsource
"""

import uuid

import httpx
import pytest
from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, required_browser
from tests.interop.browser_client import OPEN
from tests.interop.settings import FRIEND
from tests.interop.story import ID, STEPS, TEXTS
from tests.system.server import wait_for

STRANGER = "stranger.localhost"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=required_browser(), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    # The policy of the site's pages allows streams of their own site only.
    with browser.new_page(bypass_csp=True) as page:
        yield page


def listen(page, url, *names):
    """Open a stream in a page."""
    page.evaluate(OPEN, [url, names or ["message"]])


def take(page):
    """Return the data and the id of the next event; None at the end of the stream."""
    event = page.evaluate("() => window.next()")
    return event and (event["data"], event["id"])


def test_browser_gets_all_data_unchanged(site, page):
    page.goto(f"{site.url}/demos/")

    listen(page, f"{site.url}/texts/")

    for name, text in TEXTS.items():
        assert take(page) == (text, ""), name


def test_id_of_any_text_is_kept_and_comes_back(site, page):
    page.goto(f"{site.url}/demos/")

    listen(page, f"{site.url}/ids/")

    assert take(page) == ("first", ID)
    assert take(page) == ("without an id", ID)
    assert take(page) == (f'{{"came_back_with":"{ID}"}}', ID)


def test_page_of_another_site_is_refused(site, page):
    page.goto(f"http://{STRANGER}:{site.port}/demos/")

    listen(page, f"{site.url}/texts/")

    assert take(page) is None


def test_page_of_an_allowed_site_gets_a_stream_and_resumes(site, page):
    page.goto(f"http://{FRIEND}:{site.port}/demos/")

    listen(page, f"{site.url}/ids/")

    assert [take(page), take(page)] == [("first", ID), ("without an id", ID)]
    # After asking by OPTIONS, since the id is not ASCII.
    assert take(page)[0] == f'{{"came_back_with":"{ID}"}}'


def test_browser_follows_a_redirect_to_a_stream(site, page):
    page.goto(f"{site.url}/demos/")

    listen(page, f"{site.url}/stories/redirected", STEPS[0][0])

    assert take(page) == (STEPS[0][1], "1")


@pytest.mark.parametrize("leave", ["window.stop()", "location = 'about:blank'"])
def test_generator_is_closed_when_its_page_is_left(site, page, leave):
    url = f"{site.url}/endless/{uuid.uuid4()}/"
    page.goto(f"{site.url}/demos/")
    listen(page, url)
    assert take(page)

    page.evaluate(leave)

    wait_for(lambda: httpx.get(f"{url}closed/").json(), what="the generator's end")
