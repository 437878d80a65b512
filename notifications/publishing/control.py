"""Changes of follows, preferences and logins, recorded as control entries.

They go through the outbox and the log like events, so open streams apply them in order.
"""

import uuid
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db.models import Model
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.utils import timezone

from notifications import databases
from notifications.conf import conf
from notifications.lib.digests import (
    is_database_session,
    login_digest,
    session_digest,
)
from notifications.models import Delivery, Follow, Level, Preference
from notifications.protocol.cursor import milliseconds
from notifications.protocol.entries import EndEntry, FollowEntry, PreferenceEntry
from notifications.protocol.subscriptions import Span
from notifications.publishing import outbox, sessions
from notifications.publishing.relations import (
    concrete,
    connect_deletes,
    connect_saves,
)

# A change of these fields of a user may end streams.
LOGIN_FIELDS = frozenset({"password", "is_active"})


def connect() -> None:
    """Connect the receivers of model and login signals."""
    _connect(Follow, saved=_follow_saved, deleted=_follow_deleted)
    _connect(Preference, saved=_preference_saved, deleted=_preference_deleted)
    _connect(get_user_model(), saved=_user_saved, deleted=_user_deleted)
    user_logged_out.connect(_signed_out)
    if apps.is_installed("django.contrib.sessions"):
        sessions.connect(_near_its_database(_session_deleted))


def _connect(
    model: type[Model], *, saved: Callable[..., None], deleted: Callable[..., None]
) -> None:
    uid = f"notifications-{model._meta.label_lower}"
    saved, deleted = _near_its_database(saved), _near_its_database(deleted)
    connect_saves(post_save, saved, model=model, dispatch_uid=uid)
    connect_deletes(deleted, model=model, dispatch_uid=uid)


def _near_its_database(receiver: Callable[..., None]) -> Callable[..., None]:
    """Let a receiver record in the database of the change, or else in the usual one."""

    @wraps(receiver)
    def receive(*, using: str, **signal: Any) -> None:
        with databases.write_path(databases.alias_near(using)):
            receiver(**signal)

    return receive


def _follow_saved(*, instance: Follow, raw: bool, **signal: Any) -> None:
    if not raw:
        _record_follow(instance, _allowed_level(instance), instance.muted_for)
        outbox.record_due_count(instance.user_id)


def _allowed_level(follow: Follow) -> str:
    """Return the level of a follow; empty if AUTHORIZE refuses it."""
    allowed = follow.level == Level.MUTE or conf.AUTHORIZE(follow.user, follow.topic)
    return follow.level if allowed else ""


def _follow_deleted(*, instance: Follow, origin: Any, **signal: Any) -> None:
    _record_follow(instance, "")
    if _is_deleted_alone(instance, origin):
        outbox.record_due_count(instance.user_id)


def _record_follow(follow: Follow, level: str, muted_for: Span | None = None) -> None:
    start, end = muted_for or (0, 0)
    entry = FollowEntry(
        uid=str(uuid.uuid4()),
        user=str(follow.user_id),
        topic=follow.topic,
        level=level,
        since=milliseconds(follow.created),
        muted_from=start,
        muted_until=end,
    )
    outbox.record_control(entry)


def _preference_saved(*, instance: Preference, raw: bool, **signal: Any) -> None:
    if not raw:
        _record_preference(instance, live=instance.delivery == Delivery.LIVE)


def _preference_deleted(*, instance: Preference, origin: Any, **signal: Any) -> None:
    if _is_deleted_alone(instance, origin):
        _record_preference(instance, live=True)


def _record_preference(preference: Preference, *, live: bool) -> None:
    entry = PreferenceEntry(
        uid=str(uuid.uuid4()),
        user=str(preference.user_id),
        type=preference.type,
        live=live,
    )
    outbox.record_control(entry)
    outbox.record_due_count(preference.user_id)


def _is_deleted_alone(instance: Model, origin: Any) -> bool:
    """Tell whether a row was deleted itself, not in a cascade from its user."""
    return issubclass(getattr(origin, "model", type(origin)), type(instance))


def _signed_out(*, request: HttpRequest, user: Any, **signal: Any) -> None:
    # A session in the database is deleted next, and _session_deleted ends its streams.
    if is_database_session(request.session):
        return
    session = session_digest(request.session.session_key)
    if user is not None and session:
        end_streams(user, "signed_out", session=session)


def _session_deleted(*, instance: Any, **signal: Any) -> None:
    """End the streams of a session that was deleted before it expired."""
    user = instance.get_decoded().get(SESSION_KEY)
    if user is not None and instance.expire_date > timezone.now():
        digest = session_digest(instance.session_key)
        _end(str(user), "signed_out", session=digest)


def _user_saved(
    *,
    instance: Any,
    created: bool,
    raw: bool,
    update_fields: Iterable[str] | None,
    **signal: Any,
) -> None:
    fields = LOGIN_FIELDS if update_fields is None else {*update_fields}
    # A child may be created for a user who exists.
    is_new = created and concrete(type(instance)) is concrete(get_user_model())
    if is_new or raw or not fields & LOGIN_FIELDS:
        return
    if not instance.is_active:
        end_streams(instance, "deactivated")
    elif login := login_digest(instance):
        # If the password did not change, the digest is the same, and no stream ends.
        end_streams(instance, "password_changed", login=login)


def _user_deleted(*, instance: Any, **signal: Any) -> None:
    end_streams(instance, "deleted")


def end_streams(user: Any, reason: str, *, session: str = "", login: str = "") -> None:
    """End a person's streams: all, those of a session, or those of other logins.

    `session` and `login` are digests; with a login, its own streams stay open.
    """
    # A child of the user model may have another key than the user.
    key = getattr(user, get_user_model()._meta.pk.attname)
    _end(str(key), reason, session=session, login=login)


def _end(user: str, reason: str, *, session: str = "", login: str = "") -> None:
    entry = EndEntry(
        uid=str(uuid.uuid4()), user=user, reason=reason, session=session, login=login
    )
    outbox.record_control(entry)
