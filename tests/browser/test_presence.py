"""Who is on the page of a topic, as others see it."""

import re

from playwright.sync_api import expect

ALONE = re.compile(r"^\s*1 person is here maja\w*$")
BOTH = re.compile(r"^\s*2 people are here maja\w*, tobias\w*$")


def test_page_shows_who_comes_and_who_leaves(visit, maja, tobias):
    maja.ask("First?", topics="Moss")
    reading = visit("/topics/moss/", maja)
    shown = reading.locator("live-presence")
    expect(shown).to_have_text(ALONE)

    other = visit("/topics/moss/", tobias)
    expect(shown).to_have_text(BOTH)

    other.goto("about:blank")
    expect(shown).to_have_text(ALONE)
