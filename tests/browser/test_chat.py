"""The rooms of the chat, with scripts and without."""

import re

from playwright.sync_api import expect

LINE = re.compile(r"^\[\d\d:\d\d:\d\d\] Ann: Hello <b>there</b>$")
LIVE = "html[data-notifications=live]"


def test_line_is_on_all_pages_of_the_room_at_once(visit, maja):
    maja.ask("First?", topics="Slate")
    reading = visit("/topics/slate/", maja)
    writing = visit("/demos/chat/slate/")
    for page in (reading, writing):
        page.locator(LIVE).wait_for()

    writing.fill("#chat-name", "Ann")
    writing.fill("#chat-text", "Hello <b>there</b>")
    writing.press("#chat-text", "Enter")

    expect(writing.locator("chat-room li")).to_have_text([LINE])
    expect(writing.locator("#chat-text")).to_have_value("")
    expect(writing.locator("#chat-text")).to_be_focused()
    expect(writing.locator("#chat-name")).to_have_count(0)
    expect(writing.locator(".chat-who")).to_contain_text("You write as Ann")
    new = reading.locator("summary [data-new]")
    expect(new).to_have_text("1")
    reading.press("details.chat summary", "Enter")
    expect(new).to_be_empty()
    expect(reading.locator("chat-room li")).to_have_text([LINE])


def test_line_that_is_refused_stays_in_the_form(visit, maja, errors):
    page = visit("/demos/chat/")
    page.fill("#chat-name", maja.name.upper())
    page.fill("#chat-text", "Hello")

    page.click("chat-room button:text('Send')")

    expect(page.locator("chat-room [role=alert]")).to_contain_text("account")
    expect(page.locator("#chat-text")).to_have_value("Hello")
    # The browser logs the status 400.
    errors.clear()


def test_without_scripts_the_form_sends_and_the_page_has_the_lines(visit, maja):
    maja.ask("First?", topics="Chalk")
    page = visit("/demos/chat/chalk/", java_script_enabled=False)

    page.fill("#chat-name", "Ann")
    page.fill("#chat-text", "Hello <b>there</b>")
    page.press("#chat-text", "Enter")

    expect(page.locator("chat-room li")).to_have_text([LINE])
    expect(page.locator("#chat-name")).to_have_count(0)
