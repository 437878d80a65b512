"""A page that writes itself: streamed HTML, without an event stream or a script."""

import time
from collections.abc import Iterator
from string import ascii_uppercase

from django.http import HttpRequest
from django.template.loader import render_to_string

from project.streamed_page import MARK, StreamedPage

LETTER_SECONDS = 1.0


def letters(request: HttpRequest) -> StreamedPage:
    """Send the page up to the letters, then a letter a second, then the rest."""
    page = render_to_string("demos/letters.html", {"mark": MARK}, request)
    return StreamedPage(page, each_letter(), request)


def each_letter() -> Iterator[str]:
    """Yield the items of the list."""
    for letter in ascii_uppercase:
        time.sleep(LETTER_SECONDS)
        yield f"<li>{letter}</li>"
