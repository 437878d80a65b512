"""Pages whose middle the server writes while the browser shows the rest."""

from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

# Where the pieces come in the page.
MARK = "<!-- pieces -->"


class StreamedPage(StreamingHttpResponse):
    """A page up to its MARK, then the pieces as they come, then the rest."""

    def __init__(self, page: str, pieces: Iterable[str]) -> None:
        super().__init__(_parts(page, pieces))
        # GZipMiddleware and proxies would wait for more.
        self["Content-Encoding"] = "identity"
        self["X-Accel-Buffering"] = "no"
        self["Cache-Control"] = "no-store"


def _parts(page: str, pieces: Iterable[str]) -> Iterator[str]:
    start, rest = page.split(MARK)
    yield start
    yield from pieces
    yield rest
