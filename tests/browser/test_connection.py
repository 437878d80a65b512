"""A page's connection when the network, a proxy or the server fails it."""

import re

import pytest
import redis
from playwright.sync_api import expect

from tests.browser.tabs import (
    Streams,
    open_tab,
    titles,
    wait_for_title,
    wait_until_live,
)

LOST = "Connection lost. Reconnecting …"
STOPPED = "Live updates have stopped. Reload the page to continue."
# Between two attempts to connect, in milliseconds.
LONGEST_WAIT = 60_000
HOLD_BACK = re.compile("/notifications/stream/")


@pytest.fixture
def tabs(visit):
    """Open these addresses in tabs of one browser."""

    def tabs(*paths, person=None):
        context = visit("about:blank", person).context
        return [open_tab(context, path) for path in paths]

    return tabs


@pytest.fixture
def offline(errors):
    """Expects the browser's errors about a missing network."""
    yield
    errors[:] = [each for each in errors if "Failed to load resource" not in each]


def notice(page):
    return page.locator(".notifications-notice")


def test_offline_page_says_so_and_misses_nothing(tabs, maja, offline):
    pages = tabs("/", "/")
    wait_until_live(*pages)

    pages[0].context.set_offline(True)
    wait_until_live(*pages, state="lost")
    maja.ask("While offline?")
    for page in pages:
        expect(notice(page)).to_have_text(LOST)
        assert notice(page).get_attribute("role") == "status"
    pages[0].context.set_offline(False)

    for page in pages:
        wait_for_title(page, "While offline?")
        expect(notice(page)).to_have_count(0)
        assert titles(page) == ["While offline?"]


def test_tabs_resume_after_a_restart_of_the_server(tabs, maja, site, offline):
    pages = tabs("/", "/")
    streams = Streams(pages[0].context)
    wait_until_live(*pages)

    site.stop()
    wait_until_live(*pages, state="lost")
    site.start()
    wait_until_live(*pages, timeout=LONGEST_WAIT)
    maja.ask("After the restart?")

    for page in pages:
        wait_for_title(page, "After the restart?")
        assert titles(page) == ["After the restart?"]
    assert len(streams.open) == 1


def test_page_whose_stream_is_refused_says_that_it_stopped(visit, offline):
    context = visit("about:blank").context
    context.route(HOLD_BACK, lambda route: route.fulfill(status=403))

    page = open_tab(context, "/")

    wait_until_live(page, state="stopped")
    expect(notice(page)).to_have_text(STOPPED)


def test_page_behind_a_buffering_proxy_polls(tabs, visit, maja):
    context = visit("about:blank").context
    # As a proxy that buffers: neither an error nor a byte.
    context.route(HOLD_BACK, lambda route: None)
    streams = Streams(context)
    page = open_tab(context, "/")
    wait_until_live(page, state="polling")

    maja.ask("Polled?")
    wait_for_title(page, "Polled?")
    page.goto("/?page=1")
    wait_until_live(page, state="polling")
    maja.ask("Polled at once?")
    wait_for_title(page, "Polled at once?")

    assert len(streams.all) == 1
    context.unroute_all(behavior="ignoreErrors")


def test_page_whose_streams_are_cut_polls(visit, maja, offline):
    context = visit("about:blank").context
    context.route(HOLD_BACK, lambda route: route.abort())
    page = open_tab(context, "/")
    wait_until_live(page, state="polling")

    maja.ask("Polled after the cut?")

    wait_for_title(page, "Polled after the cut?")
    expect(notice(page)).to_have_count(0)


def test_tabs_share_the_polls_of_one(visit, maja):
    context = visit("about:blank").context
    context.route(HOLD_BACK, lambda route: None)
    polls = []
    context.on("request", lambda each: "after=" in each.url and polls.append(each))
    pages = [open_tab(context, "/") for _ in range(3)]
    wait_until_live(*pages, state="polling")

    maja.ask("Polled for all?")

    for page in pages:
        wait_for_title(page, "Polled for all?")
        assert titles(page) == ["Polled for all?"]
    assert len({each.frame.page for each in polls}) == 1
    context.unroute_all(behavior="ignoreErrors")


def test_browser_without_eventsource_polls(visit, maja, tobias):
    context = visit("about:blank", tobias).context
    context.add_init_script("delete globalThis.EventSource")
    tobias_page = open_tab(context, "/")
    wait_until_live(tobias_page, state="polling")
    question = tobias.ask("Polled by its author?")

    maja.answer(question, "Yes.")

    wait_for_title(tobias_page, "1 unseen")


def test_count_reaches_every_tab(tabs, maja, tobias):
    pages = tabs("/topics/", "/", person=tobias)
    wait_until_live(*pages)
    question = tobias.ask("How many unseen?")

    maja.answer(question, "One.")
    maja.answer(question, "Two.")

    for page in pages:
        wait_for_title(page, "2 unseen")


def test_tabs_get_a_reset_and_the_count_after_it(tabs, maja, tobias, site):
    pages = tabs("/topics/", "/", person=tobias)
    wait_until_live(*pages)
    question = tobias.ask("Before the gap?")

    with redis.Redis.from_url(site.redis.url) as client:
        client.flushall()
    maja.answer(question, "In the gap.")

    for page in pages:
        wait_for_title(page, "gap")
        wait_for_title(page, "1 unseen")
    wait_until_live(*pages)
    maja.answer(question, "After the gap.")
    for page in pages:
        wait_for_title(page, "2 unseen")
