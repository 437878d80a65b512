"""Who comes back to a stream is known again without the database.

A cookie names the person, and Redis remembers what they follow. Whatever changes that,
or ends a login, is appended to the log, and what is remembered goes at the same stroke.
"""

import random
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec
from django.contrib.auth import SESSION_KEY
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from notifications.conf import conf
from notifications.connection import NONE, Connection, Follows, Reader, State
from notifications.cursor import Cursor
from notifications.exceptions import LogUnavailable
from notifications.identity import is_row, session_digest
from notifications.log import shared_log

COOKIE = "notifications_reader"
# Lifetimes differ by so much either way, so that streams that were opened at once do
# not all come back at once.
LIFETIME_SPREAD = 0.2


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a session; `ends` is in seconds since 1970."""

    login: str
    ends: float
    heard: dict[str, int]
    muted: frozenset[str]
    watched: frozenset[str]
    quiet: frozenset[str]


def lifetime(ends: float) -> float:
    """Return how long a stream may last, in seconds: no longer than its session.

    `ends` is when that does, in seconds since 1970.
    """
    spread = random.uniform(1 - LIFETIME_SPREAD, 1 + LIFETIME_SPREAD)  # noqa: S311
    return max(min(conf.STREAM_LIFETIME * spread, ends - time.time()), 0)


def session_end(session: Any) -> float:
    """Return when a session ends, in seconds since 1970; one that is gone has ended.

    What a session says of its age counts from now. Where it is a row, that knows.
    """
    if not is_row(session):
        return time.time() + float(session.get_expiry_age())
    rows = session.model.objects.filter(session_key=session.session_key)
    ends = rows.values_list("expire_date", flat=True).first()
    return ends.timestamp() if ends else 0.0


def recall(request: HttpRequest) -> tuple[Reader, Follows] | None:
    """Return who comes back with a request and what they follow, if that is known."""
    session = _session(request)
    cookie = request.COOKIES.get(COOKIE)
    seconds = round(conf.RETURN_LIFETIME)
    if not (session and cookie and seconds):
        return None
    with suppress(signing.BadSignature, LogUnavailable, msgspec.DecodeError):
        user = signing.loads(cookie, salt=_salt(session), max_age=seconds)
        text = shared_log().memory(user).get(session)
        return _read(text, user, session) if text else None
    return None


def _read(text: bytes, user: str, session: str) -> tuple[Reader, Follows] | None:
    found = _decoder.decode(text)
    if found.ends <= time.time():
        return None
    # One text for all who follow a topic.
    heard = {sys.intern(topic): since for topic, since in found.heard.items()}
    reader = Reader(user, session, found.login, lifetime(found.ends), found.ends)
    follows = Follows(
        heard, found.muted or NONE, found.watched or NONE, found.quiet or NONE
    )
    return reader, follows


def remember(
    request: HttpRequest,
    response: HttpResponseBase,
    connection: Connection,
    *,
    ends: float,
    as_of: Cursor,
) -> None:
    """Let the reader of a stream that was just opened be known when they come back.

    `ends` is when their session does. `as_of` is a position in the log up to which
    every change has been applied to the connection; what changed after it keeps it
    from being remembered.
    """
    seconds = round(conf.RETURN_LIFETIME)
    if not (seconds and connection.user and _session(request)):
        return
    # Somebody else than the session's, by a middleware of the site.
    if str(request.session.get(SESSION_KEY)) != connection.user:
        return
    follows = connection.follows
    text = _encoder.encode(
        Remembered(
            login=connection.login,
            ends=ends,
            heard=dict(follows.heard),
            muted=follows.muted,
            watched=follows.watched,
            quiet=follows.quiet,
        )
    )
    # By an end that came before `as_of`, which Redis would not hold against it.
    if connection.state is State.CLOSED:
        return
    with suppress(LogUnavailable):
        memory = shared_log().memory(connection.user)
        if memory.keep(connection.session, text, as_of=as_of, seconds=seconds):
            _set_cookie(request, response, connection, seconds)


def _set_cookie(
    request: HttpRequest,
    response: HttpResponseBase,
    connection: Connection,
    seconds: int,
) -> None:
    response.set_cookie(
        COOKIE,
        signing.dumps(connection.user, salt=_salt(connection.session)),
        max_age=seconds,
        path=request.path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _session(request: HttpRequest) -> str:
    """Return the digest of the session that a request names; it is not looked up.

    Empty for sessions that are no rows: nobody would tell of their end.
    """
    session: Any = getattr(request, "session", None)
    return session_digest(session.session_key) if is_row(session) else ""


def _salt(session: str) -> str:
    # So the cookie is of no use with another session.
    return f"notifications.returning:{session}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Remembered)
