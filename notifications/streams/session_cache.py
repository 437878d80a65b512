"""Cached sessions: clients that reconnect are recognized without the database.

A signed cookie names the person, and Redis holds what they follow. Appending a control
entry that changes either deletes the cached sessions in the same step. What Redis has
lost, and what changed without an entry, is found by a check of the login.
"""

import sys
import time
from contextlib import suppress
from typing import Any

import msgspec
from django.contrib.auth import SESSION_KEY
from django.core import signing
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.batcher import Batcher
from notifications.lib.digests import is_database_session, session_digest
from notifications.live.connection import Connection, State
from notifications.live.subscriber import Subscriber
from notifications.log.stream import shared_log
from notifications.protocol.cursor import Cursor
from notifications.protocol.subscriptions import NO_SPANS, NONE, Span, Subscriptions
from notifications.streams.lifetime import stream_lifetime
from notifications.streams.session_check import CachedLogin, shared_session_check

COOKIE = "notifications_reader"


class CachedSession(msgspec.Struct, frozen=True, array_like=True):
    """What Redis holds of a session; `expires_at` is in seconds since 1970."""

    login: str
    expires_at: float
    followed_since: dict[str, int]
    muted: frozenset[str]
    watched: frozenset[str]
    not_live: frozenset[str]
    # Caches of the previous release are without it.
    muted_for: dict[str, Span] = msgspec.field(default_factory=dict)


def load(request: HttpRequest) -> tuple[Subscriber, Subscriptions] | None:
    """Return the subscriber of a request and their subscriptions, if cached."""
    session: Any = getattr(request, "session", None)
    key = session.session_key if is_database_session(session) else None
    cookie = request.COOKIES.get(COOKIE)
    return find(key, cookie) if key and cookie else None


def find(key: str, cookie: str) -> tuple[Subscriber, Subscriptions] | None:
    """Return the subscriber with a session's key and a cookie that `store` has set.

    Requests that arrive at the same time share a round trip to Redis, and those whose
    login has to be checked share the queries.
    """
    seconds = round(conf.SESSION_CACHE_TTL)
    if not seconds:
        return None
    session = session_digest(key)
    # Without Redis or the database, the session is looked up as the first time.
    with suppress(signing.BadSignature, LogUnavailable, DatabaseError):
        user = signing.loads(cookie, salt=_salt(session), max_age=seconds)
        text = _batcher.request((user, session))
        found = _decode(text) if text else None
        if found is not None:
            login = CachedLogin(key, session, user, found.login)
            if shared_session_check().is_valid(login):
                return _subscriber(found, user, session)
    return None


def _decode(text: bytes) -> CachedSession | None:
    """Return a cached session; None if it has expired or cannot be decoded."""
    with suppress(msgspec.DecodeError):
        found = _decoder.decode(text)
        return found if found.expires_at > time.time() else None
    return None


def _subscriber(
    found: CachedSession, user: str, session: str
) -> tuple[Subscriber, Subscriptions]:
    subscriber = Subscriber(
        user=user,
        session=session,
        login=found.login,
        seconds=stream_lifetime(found.expires_at),
        expires_at=found.expires_at,
    )
    # Interned: one string for all connections that follow a topic.
    followed_since = {
        sys.intern(topic): since for topic, since in found.followed_since.items()
    }
    subscriptions = Subscriptions(
        followed_since,
        found.muted or NONE,
        found.watched or NONE,
        found.not_live or NONE,
        muted_for=found.muted_for or NO_SPANS,
    )
    return subscriber, subscriptions


def store(
    request: HttpRequest,
    response: HttpResponseBase,
    connection: Connection,
    *,
    expires_at: float,
    as_of: Cursor,
) -> None:
    """Cache the session of a stream that was just opened, and set the cookie.

    `expires_at` is when the session expires, in seconds since 1970. `as_of` is a cursor
    up to which every control entry has been applied to the connection; nothing is
    cached if the log has one of this person after it.
    """
    seconds = round(conf.SESSION_CACHE_TTL)
    if not (seconds and connection.user and _session(request)):
        return
    # A middleware of the site may set another user than the session's.
    if str(request.session.get(SESSION_KEY)) != connection.user:
        return
    text = _encode(connection, expires_at)
    # Checked after encoding: an entry from before `as_of` may have closed it meanwhile,
    # and Redis compares later entries only.
    if connection.state is State.CLOSED:
        return
    with suppress(LogUnavailable):
        cache = shared_log().session_store(connection.user)
        if cache.store(connection.session, text, as_of=as_of, seconds=seconds):
            shared_session_check().note(connection.session)
            _set_cookie(request, response, connection, seconds)


def _encode(connection: Connection, expires_at: float) -> bytes:
    subscriptions = connection.subscriptions
    return _encoder.encode(
        CachedSession(
            login=connection.login,
            expires_at=expires_at,
            followed_since=dict(subscriptions.followed_since),
            muted=subscriptions.muted,
            watched=subscriptions.watched,
            not_live=subscriptions.not_live,
            muted_for=dict(subscriptions.muted_for),
        )
    )


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
    """Return the digest of a request's session key, without looking the session up.

    Empty for sessions that are not in the database: no signal announces their end.
    """
    session: Any = getattr(request, "session", None)
    return session_digest(session.session_key) if is_database_session(session) else ""


def _salt(session: str) -> str:
    # Binds the cookie to the session.
    return f"notifications.session_cache:{session}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CachedSession)
_batcher: Batcher[tuple[str, str], bytes | None] = Batcher(
    lambda wanted: shared_log().load_sessions(wanted)
)
