"""The view of a follow: a person follows, mutes or unfollows a topic, and undoes it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from notifications.conf import conf
from notifications.exceptions import InvalidTopic, InvalidValue
from notifications.inbox.follow_states import notice_of, state_of
from notifications.inbox.remembered_levels import remember
from notifications.models import (
    NO_LEVEL,
    FollowRow,
    Level,
    level_of,
    now,
    paused_until,
    personal_time,
)
from notifications.protocol import topics
from notifications.publishing.follow_changes import (
    change_level,
    read_undo_token,
    undo_change,
    undo_token,
)
from notifications.publishing.followables import object_of
from notifications.streams.refusals import plain
from notifications.views.http import JSON, number_up_to, redirect_next, target_of

# How long a mute for a time may last.
MAX_HOURS = 24 * 366


@require_http_methods(["PUT", "DELETE", "POST"])
def follow(request: HttpRequest, topic: str) -> HttpResponse:
    """Follow a topic at a level (PUT), unfollow it (DELETE), or both by form (POST).

    A mute may end after some `hours`. `undo` is the token that an earlier request
    returned.
    """
    if not request.user.is_authenticated:
        return _sign_in(request)
    try:
        topics.validate(topic)
        fields = _fields(request)
        if "undo" in fields:
            return _undo(request, topic, str(fields["undo"]))
        level = _level(request, fields)
        until = _until(level, fields.get("hours") or request.GET.get("hours"))
        # People who may no longer see a topic may still unfollow it.
        if level != NO_LEVEL:
            _check_followable(request.user, topic)
    except InvalidTopic:
        raise Http404(_("There is no such topic.")) from None
    except InvalidValue as error:
        return plain(400, str(error))
    change = change_level(request.user, topic, level, until=until)
    remember(request, topic, before=change.level_before, level=level)
    token = undo_token(request.user, change) if change.before != change.after else ""
    if request.method == "POST":
        return redirect_next(request, result=level, undo=token)
    notice = notice_of(request.user, change)
    wire = _wire(request.user, topic, change.after)
    return JsonResponse({**wire, "notice": notice, "undo": token or None})


def _undo(request: HttpRequest, topic: str, token: str) -> HttpResponse:
    """Undo a change; raise InvalidValue for a token of another topic or person."""
    change = read_undo_token(request.user, token)
    if change.topic != topic:
        raise InvalidValue(token, expected="an undo token of this topic")
    if change.before is not None and change.before.level != Level.MUTE:
        _check_followable(request.user, topic)
    restored = undo_change(request.user, change)
    if request.method == "POST":
        return redirect_next(request)
    return JsonResponse(_wire(request.user, topic, restored))


def follow_change(request: HttpRequest) -> dict[str, str]:
    """Return the notice of a change that redirected to this page, and how to undo it.

    Empty for another page.
    """
    token = request.GET.get("undo", "")
    if request.GET.get("result") not in (Level.MUTE, NO_LEVEL) or not token:
        return {}
    try:
        change = read_undo_token(request.user, token)
    except InvalidValue:
        return {}
    return {
        "notice": notice_of(request.user, change),
        "topic": change.topic,
        "undo": token,
    }


def _wire(user: Any, topic: str, row: FollowRow | None) -> dict[str, Any]:
    """Return a follow as JSON has it."""
    until = paused_until(row)
    zone = None if until is None else personal_time(user).zone
    found = {"topic": topic, "level": level_of(row), "state": state_of(row, zone)}
    return found if until is None else {**found, "until": until}


def _level(request: HttpRequest, fields: Mapping[str, Any]) -> str:
    """Return the requested level; raise InvalidValue if there is no such level."""
    if request.method == "DELETE":
        return NO_LEVEL
    level = fields.get("level", Level.FOLLOW)
    levels = (*Level.values, NO_LEVEL)
    if level not in levels:
        raise InvalidValue(level, expected=f"one of {', '.join(levels)} as level")
    return str(level)


def _until(level: str, hours: Any) -> datetime | None:
    """Return when a mute ends; raise InvalidValue if it cannot."""
    if hours is None:
        return None
    if level != Level.MUTE:
        raise InvalidValue(level, expected="mute as level with hours")
    number = number_up_to(MAX_HOURS, str(hours))
    if not number:
        raise InvalidValue(hours, expected=f"a number from 1 to {MAX_HOURS} as hours")
    return now() + timedelta(hours=number)


def _fields(request: HttpRequest) -> Mapping[str, Any]:
    """Return the fields of a form or a JSON object, unchecked."""
    if request.method == "POST":
        return request.POST
    if request.content_type != JSON or not request.body:
        return QueryDict(request.body)
    try:
        fields = json.loads(request.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise InvalidValue("body", expected="a JSON object")
    return fields


def _check_followable(user: Any, topic: str) -> None:
    """Raise InvalidTopic for a topic that is not allowed or whose object is missing.

    Clients cannot tell the two apart, nor from a malformed topic.
    """
    if not conf.AUTHORIZE(user, topic) or object_of(topic) is None:
        raise InvalidTopic(topic, expected="a topic that can be followed")


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return redirect_to_login(target_of(request))
    return plain(403, "Sign in to follow.")
