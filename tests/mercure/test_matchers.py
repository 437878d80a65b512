"""Matchers: URI templates of legacy clients, and patterns that are expensive."""

import pytest

from notifications.mercure.matchers import TEMPLATE, URL_PATTERN, matcher

BASE = "https://hub.example/.well-known/mercure"


@pytest.mark.parametrize(
    ("template", "topic", "expected"),
    [
        ("/books/{id}", "/books/1", True),
        ("/books/{id}", "/books/é", True),
        ("/books/{id}", "/books/1/2", False),
        ("/books/{id}", "/books/{id}", True),
        ("/a.c/{id}", "/abc/1", False),
        ("{+url}", "https://example.com/a?b#c", True),
        ("/books{/id}", "/books", True),
        ("/books{/id*}", "/books/1/2", True),
        ("/books{?page,size}", "/books?page=1&size=2", True),
        ("/books{?page}", "/books/1", False),
        ("/books{.format}", "/books.json", True),
        ("/books{#part}", "/books#end", True),
        ("/books/{id:3}", "/books/1", True),
        ("/books/{", "/books/1", False),
    ],
)
def test_template(template, topic, expected):
    assert matcher(TEMPLATE, template, BASE).matches(topic, BASE) is expected


@pytest.mark.parametrize(
    ("matcher_type", "pattern"),
    [
        (TEMPLATE, "{a}" * 300 + "!"),
        (URL_PATTERN, "/(a*a*a*a*a*a*a*a*a*)!"),
    ],
)
def test_expensive_pattern_takes_linear_time(matcher_type, pattern):
    """A regular expression that backtracks would not end before the time-out."""
    found = matcher(matcher_type, pattern, BASE)

    assert not found.matches("/" + "a" * 1000, BASE)
