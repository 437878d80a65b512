"""Reconnects: clients with a cached session, whose stream needs no middleware.

Whatever is not plainly such a request is left to Django.
"""

import re
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import parse_cookie

from notifications.exceptions import CannotStream, LogUnavailable, TooManyStreams
from notifications.live.hub import shared_hub
from notifications.streams import session_cache
from notifications.streams.event_stream import (
    BareResponse,
    ConnectionResponse,
    EventStream,
)
from notifications.streams.open_stream import Client, open_stream

# What decides which site a request is for, and how it got there.
ADDRESS = (
    "wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME",
    "PATH_INFO", "HTTP_FORWARDED", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
)  # fmt: skip
# Of requests that have one of these, a middleware has to decide.
JUDGED = (
    "HTTP_ORIGIN", "HTTP_AUTHORIZATION", "REMOTE_USER", "CONTENT_LENGTH",
    "HTTP_TRANSFER_ENCODING",
)  # fmt: skip
MAX_ADDRESSES = 100
# What the app's own pages send, and other pages of a site may.
_QUERY = re.compile(
    r"(?:user=(?P<user>[0-9A-Za-z-]+)&?)?"
    r"(?:last_event_id=(?P<cursor>[0-9]+-[0-9]+))?"
    r"(?:(?:^|&)unseen=(?P<unseen>100|[0-9]{1,2}))?",
    re.ASCII,
)

Address = tuple[str | None, ...]


class Reconnects:
    """Opens the streams of clients that reconnect; safe to share between threads."""

    def __init__(self) -> None:
        # Where Django has opened such streams: it accepted the host and the scheme.
        self._addresses: frozenset[Address] = frozenset()
        self._cookie_name: str = settings.SESSION_COOKIE_NAME
        self._address_keys = (*ADDRESS, *(settings.SECURE_PROXY_SSL_HEADER or ())[:1])

    def learn(self, environ: dict[str, Any], response: object) -> None:
        """Note the address of a request, if Django responded to it with a stream.

        Only with one of what a person follows: others may be at other addresses.
        """
        if isinstance(response, ConnectionResponse):
            self.learn_stream(environ, response.stream)

    def learn_stream(self, environ: dict[str, Any], stream: EventStream) -> None:
        """Note the address of a request to which Django responded with a stream."""
        connection = stream.connection
        if not connection.user or connection.channels is not None:
            return
        address = self._address(environ)
        if address not in self._addresses and len(self._addresses) < MAX_ADDRESSES:
            self._addresses |= {address}

    def open(self, environ: dict[str, Any]) -> BareResponse | None:
        """Return the stream of a client that reconnects, or None for another request.

        None also if the stream cannot be opened now: Django responds with the reason.
        """
        if self._address(environ) not in self._addresses or not _is_plain(environ):
            return None
        query = _QUERY.fullmatch(environ["QUERY_STRING"])
        session_key, cookie = self._cookies(environ)
        if query is None or not (session_key and cookie):
            return None
        with suppress(LogUnavailable, TooManyStreams, CannotStream):
            return _open(environ, query, session_key, cookie)
        return None

    def _address(self, environ: dict[str, Any]) -> Address:
        return tuple([environ.get(key) for key in self._address_keys])

    def _cookies(self, environ: dict[str, Any]) -> tuple[str, str]:
        """Return the cookies with the key of the session and with the cached session.

        They are empty if one of them is missing.
        """
        cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
        return cookies.get(self._cookie_name, ""), cookies.get(session_cache.COOKIE, "")


def _is_plain(environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "GET" and not any(map(environ.get, JUDGED))


def _open(
    environ: dict[str, Any], query: re.Match[str], session_key: str, cookie: str
) -> BareResponse | None:
    # Read before the session cache: see open_stream.
    shared_hub().ensure_started()
    as_of = shared_hub().position
    found = session_cache.find(session_key, cookie)
    if found is None or query["user"] not in (None, found[0].user):
        return None
    after = environ.get("HTTP_LAST_EVENT_ID", query["cursor"])
    # A browser that reconnects by itself repeats the page's query, whose count belongs
    # to an older cursor.
    unseen = query["unseen"] if after == query["cursor"] else None
    stream = open_stream(
        Client.of(environ, *found),
        as_of=as_of,
        after=after,
        unseen_count=int(unseen) if unseen else None,
    )
    return BareResponse(stream)
