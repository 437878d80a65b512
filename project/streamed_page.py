"""Pages whose middle the server writes while the browser shows the rest."""

from collections.abc import AsyncIterator, Iterable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

# Where the pieces come in the page.
MARK = "<!-- pieces -->"


class StreamedPage(StreamingHttpResponse):
    """A page up to its MARK, then the pieces as they come, then the rest.

    The pieces may take their time: under ASGI, too, they are made in a thread.
    """

    def __init__(self, page: str, pieces: Iterable[str], request: HttpRequest) -> None:
        parts = _parts(page, pieces)
        is_async = isinstance(request, ASGIRequest)
        super().__init__(_in_thread(parts) if is_async else parts)
        # GZipMiddleware and proxies would wait for more.
        self["Content-Encoding"] = "identity"
        self["X-Accel-Buffering"] = "no"
        self["Cache-Control"] = "no-store"


def _parts(page: str, pieces: Iterable[str]) -> Iterator[str]:
    start, rest = page.split(MARK)
    yield start
    yield from pieces
    yield rest


async def _in_thread(parts: Iterator[str]) -> AsyncIterator[str]:
    """Yield the parts, each made in the request's thread; not all before the first."""
    while (part := await sync_to_async(lambda: next(parts, None))()) is not None:
        yield part
