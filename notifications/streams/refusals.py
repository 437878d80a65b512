"""Replies to clients that cannot have a stream: a line of text each."""

from django.http import HttpResponse

from notifications.exceptions import CannotStream, LogUnavailable, TooManyStreams

# The errors after which a client may try again.
TEMPORARY = (LogUnavailable, TooManyStreams, CannotStream)
# Retry-After, in seconds: without the log, and with too many streams.
RETRY_NO_LOG = 2
RETRY_BUSY = 5


def plain(status: int, text: str, *, retry_after: int = 0) -> HttpResponse:
    """Return a line of text; `retry_after` is in seconds."""
    response = HttpResponse(f"{text}\n", content_type="text/plain", status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def try_later(error: LogUnavailable | TooManyStreams | CannotStream) -> HttpResponse:
    """Return the response of a view that raised one of the errors in TEMPORARY."""
    if isinstance(error, CannotStream):
        return plain(501, str(error))
    if isinstance(error, LogUnavailable):
        return plain(503, "The event log cannot be reached.", retry_after=RETRY_NO_LOG)
    return plain(429, str(error), retry_after=RETRY_BUSY)
