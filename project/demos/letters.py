"""A page that writes itself: streamed HTML, without an event stream or a script."""

import time
from collections.abc import Iterator
from string import ascii_uppercase

from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string

LETTER_SECONDS = 1.0
# Where the page goes on while it is read.
MARK = "<!-- letters -->"


def letters(request: HttpRequest) -> StreamingHttpResponse:
    """Send the page up to the letters, then a letter a second, then the rest."""
    page = render_to_string("demos/letters.html", {"mark": MARK}, request)
    response = StreamingHttpResponse(_pieces(page))
    # GZipMiddleware and proxies would wait for more.
    response["Content-Encoding"] = "identity"
    response["X-Accel-Buffering"] = "no"
    response["Cache-Control"] = "no-store"
    return response


def _pieces(page: str) -> Iterator[str]:
    start, rest = page.split(MARK)
    yield start
    for letter in ascii_uppercase:
        time.sleep(LETTER_SECONDS)
        yield f"<li>{letter}</li>"
    yield rest
