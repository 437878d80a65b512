"""The EventSource by fetch, and the demos in a browser that has no other."""

import re

import pytest
from playwright.sync_api import expect

WITHOUT = "delete globalThis.EventSource"


@pytest.mark.parametrize(
    ("texts", "events"),
    [
        (["data: a\n\n"], [["message", "a", ""]]),
        (["data:a\n\ndata\n\n"], [["message", "a", ""], ["message", "", ""]]),
        (["data: a\nda", "ta: b\n", "\n"], [["message", "a\nb", ""]]),
        (["data: a\r", "\ndata: b\r\rdata: c\r\n\r\n"],
         [["message", "a\nb", ""], ["message", "c", ""]]),
        (["event: x\ndata: a\n\ndata: b\n\n"],
         [["x", "a", ""], ["message", "b", ""]]),
        (["id: 1\ndata: a\n\ndata: b\n\n"],
         [["message", "a", "1"], ["message", "b", "1"]]),
        (["id: 1\n\ndata: a\n\nid: 2\0\nid\ndata: b\n\n"],
         [["message", "a", "1"], ["message", "b", ""]]),
        ([": no\nother: no\ndata:  a: b\n\nevent: x\n\n"], [["message", " a: b", ""]]),
        (["data: a\n"], []),
    ],
)  # fmt: skip
def test_events_are_parsed_as_in_the_standard(run, texts, events):
    assert run("event_source.parsed", *texts) == [events, None]


@pytest.mark.parametrize(
    ("field", "retry"), [("retry: 20", 20), ("retry: 2x", None), ("retry", None)]
)
def test_retry_is_digits_only(run, field, retry):
    assert run("event_source.parsed", f"{field}\n") == [[], retry]


def test_it_resumes_after_retry_and_stops_at_204(run):
    heard, early, requests, waiting = run("event_source.streamInParts")

    assert heard == [
        "open 1",
        "tick one",
        "error 0",
        "open 1",
        "message two",
        "error 0",
        "error 2",
    ]
    assert early == 1
    assert requests == ["", "1", "1"]
    assert waiting == 0


def test_it_tries_again_when_the_network_is_away(run):
    heard, state, early, requests = run("event_source.networkAway")

    assert heard == ["error 0", "open 1", "message one", "error 0"]
    assert (state, early, requests) == (0, 1, 2)


@pytest.mark.parametrize("status", [204, 403, 503])
def test_it_stops_when_it_is_refused(run, status):
    assert run("event_source.refused", status) == [["error 2"], 2, 1]


def test_id_of_any_text_is_sent_as_utf_8(run):
    assert run("event_source.idOfAnyText")[1].encode("latin-1").decode() == "…"


def test_it_is_silent_once_it_is_closed(run):
    heard, state, waiting = run("event_source.closedWhileOpen")

    assert heard == ["open 1", "message one"]
    assert (state, waiting) == (2, 0)


def test_it_calls_the_attributes_of_an_event_source(run):
    assert run("event_source.attributes") == ["open", "one", True, "error"]


def test_browser_keeps_its_own(run):
    assert run("event_source.ownOrOther") is True


@pytest.fixture
def open_demo(visit):
    """Open a demo in a browser without EventSource."""
    context = visit("about:blank").context
    context.add_init_script(WITHOUT)

    def open_demo(name, *, until="**/demos/*/"):
        page = context.new_page()
        with page.expect_response(until):
            page.goto(f"/demos/{name}/")
        return page

    return open_demo


def test_ticks_are_counted_until_they_are_stopped(open_demo):
    page = open_demo("ticks")
    expect(page.locator("[data-state]")).to_have_text("Connected")
    expect(page.locator("[data-count]")).not_to_have_text("0")

    page.click("[data-close]")

    expect(page.locator("[data-state]")).to_have_text("Stopped")


def test_numbers_change(open_demo):
    page = open_demo("numbers")
    number = page.locator("[data-number]")
    expect(number).to_have_text(re.compile(r"\d"))

    expect(number).not_to_have_text(number.text_content())


def test_message_arrives(open_demo):
    # Who listens later gets no message of a channel.
    page = open_demo("messages", until="**/demos/messages/stream/")

    page.fill("[name=text]", "Hello <b>there</b>")
    page.select_option("[name=type]", "news")
    page.click("form button:text('Send')")

    expect(page.locator("[data-type=news] li")).to_have_text("Hello <b>there</b>")


def test_line_of_the_chat_arrives(open_demo):
    page = open_demo("chat")

    page.fill("[name=text]", "Hello <b>there</b>")
    page.press("[name=text]", "Enter")

    line = page.locator("chat-room li").last
    expect(line).to_contain_text("anonymous: Hello <b>there</b>")
