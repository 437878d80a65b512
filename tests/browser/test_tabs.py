"""Several tabs of one browser share a stream."""

import pytest

from tests.browser.tabs import (
    Streams,
    hide,
    open_tab,
    titles,
    wait_for_title,
    wait_until,
    wait_until_live,
)

MINUTE = 60_000


@pytest.fixture
def tabs(visit):
    """Open tabs at these addresses in one browser; return them and their streams."""

    def tabs(*paths, person=None):
        context = visit("about:blank", person).context
        streams = Streams(context)
        return [open_tab(context, path) for path in paths], streams

    return tabs


def test_twenty_tabs_have_one_stream(tabs, maja):
    pages, streams = tabs(*["/"] * 20)
    wait_until_live(*pages)

    maja.ask("For all?")

    for page in pages:
        wait_for_title(page, "For all?")
        assert titles(page) == ["For all?"]
    assert len(streams.open) == 1


def test_tabs_get_the_events_of_their_own_topics(tabs, maja):
    maja.ask("First moss?", topics="Moss")
    maja.ask("First fern?", topics="Fern")
    (moss, fern), streams = tabs("/topics/moss/", "/topics/fern/")
    wait_until_live(moss, fern)

    maja.ask("Second moss?", topics="Moss")
    maja.ask("Second fern?", topics="Fern")

    for page in (moss, fern):
        banner = page.locator("new-items-banner a")
        banner.wait_for()
        assert banner.text_content() == "1 new question"
    assert len(streams.open) == 1


def test_later_tab_gets_the_events_of_its_own_topic(tabs, maja):
    maja.ask("First heath?", topics="Heath")
    (home,), streams = tabs("/topics/")
    later = open_tab(home.context, "/topics/heath/")
    wait_until_live(later)

    maja.ask("Second heath?", topics="Heath")

    wait_for_title(later, "Second heath?")
    assert len(streams.open) == 1


def test_another_tab_takes_over_from_a_closed_one(tabs, maja):
    pages, streams = tabs("/", "/", "/")
    wait_until_live(*pages)
    maja.ask("Before?")
    for page in pages:
        wait_for_title(page, "Before?")
    leading = streams.holder

    leading.close()
    maja.ask("Meanwhile?")
    left = [page for page in pages if page is not leading]

    for page in left:
        wait_for_title(page, "Meanwhile?")
    maja.ask("After?")
    for page in left:
        wait_for_title(page, "After?")
        assert titles(page) == ["Before?", "Meanwhile?", "After?"]
    assert len(streams.open) == 1
    assert streams.holder in left


def test_another_tab_takes_over_when_the_leader_navigates(tabs, maja):
    pages, streams = tabs("/", "/")
    wait_until_live(*pages)
    leading = streams.holder
    (other,) = [page for page in pages if page is not leading]

    leading.goto("/signup/")
    maja.ask("Elsewhere?")

    wait_for_title(other, "Elsewhere?")
    leading.go_back()
    wait_for_title(leading, "Elsewhere?")
    maja.ask("Back?")
    for page in pages:
        wait_for_title(page, "Back?")
    assert titles(other) == ["Elsewhere?", "Back?"]
    assert len(streams.open) == 1


def test_hidden_tab_hands_the_stream_over_and_still_receives(tabs, maja):
    pages, streams = tabs("/", "/")
    wait_until_live(*pages)
    hidden = streams.holder
    hidden.clock.install()
    hide(hidden)

    hidden.clock.fast_forward(MINUTE + 1)
    wait_until(hidden, lambda: streams.open and streams.holder is not hidden)
    maja.ask("Heard in hiding?")

    wait_for_title(hidden, "Heard in hiding?")
    assert len(streams.open) == 1


def test_tabs_that_are_all_hidden_have_no_stream_and_catch_up(tabs, maja):
    pages, streams = tabs("/", "/")
    wait_until_live(*pages)
    for page in pages:
        page.clock.install()
        hide(page)
        page.clock.fast_forward(MINUTE + 1)
    wait_until(pages[0], lambda: not streams.open)

    maja.ask("While nobody looked?")
    hide(pages[1], False)

    for page in pages:
        wait_for_title(page, "While nobody looked?")
        assert titles(page) == ["While nobody looked?"]


def test_anonymous_and_signed_in_tabs_do_not_share(visit, maja, tobias):
    maja.ask("Followed?", topics="Sorrel")
    tobias.follow("topic:sorrel")
    context = visit("about:blank").context
    anonymous = open_tab(context, "/")
    wait_until_live(anonymous)
    context.add_cookies(tobias.cookies())
    known = open_tab(context, "/topics/")
    wait_until_live(known)

    maja.ask("Told to Tobias?", topics="Sorrel")

    wait_for_title(known, "Told to Tobias?")
    wait_for_title(anonymous, "Told to Tobias?")
    assert not [each for each in anonymous.evaluate("notified") if "unseen" in each]


@pytest.mark.parametrize("missing", ["navigator.locks", "BroadcastChannel"])
def test_each_tab_has_a_stream_without_locks_or_channels(visit, maja, missing):
    context = visit("about:blank").context
    owner, _, name = f"globalThis.{missing}".rpartition(".")
    context.add_init_script(
        f"Object.defineProperty({owner}, '{name}', {{ value: undefined }})"
    )
    streams = Streams(context)
    pages = [open_tab(context, "/"), open_tab(context, "/")]
    wait_until_live(*pages)

    maja.ask("Each by itself?")

    for page in pages:
        wait_for_title(page, "Each by itself?")
        assert titles(page) == ["Each by itself?"]
    assert len(streams.open) == 2


def test_page_without_topics_does_not_connect(tabs):
    (page, live), streams = tabs("/topics/", "/")
    wait_until_live(live)

    assert page.evaluate("document.documentElement.dataset.notifications ?? ''") == ""
    assert streams.holder is live
