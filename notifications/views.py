"""HTTP: the stream, the inbox, and what a person follows."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    HttpResponseForbidden,
    JsonResponse,
    QueryDict,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from notifications import sse, topics
from notifications.conf import conf
from notifications.events import follow as follow_topic
from notifications.events import object_of, unfollow
from notifications.exceptions import InvalidTopic, InvalidValue, LogUnavailable
from notifications.models import Event, Level, ReadState
from notifications.streaming import EventStreamResponse
from notifications.subscriptions import open_channel_stream, open_stream

# A primary key that fits any database's integers.
_ROW = re.compile(r"[0-9]{1,18}", re.ASCII)
EVENT_STREAM = "text/event-stream"
HTML = "text/html"
JSON = "application/json"
INBOX_PAGE = 30
# What stands for following no longer, where a level is expected.
NO_LEVEL = "none"
# How long a client should wait when the log is away, in seconds.
RETRY_AFTER = "2"


@transaction.non_atomic_requests
@require_GET
@vary_on_headers("Accept")
def stream(request: HttpRequest) -> HttpResponseBase:
    """Stream what the person follows, and the topics or channels that they name."""
    if request.get_preferred_type([EVENT_STREAM, HTML]) == HTML:
        return render(request, "notifications/stream.html")
    try:
        if "channel" in request.GET:
            return EventStreamResponse(open_channel_stream(_channels(request)))
        return _topic_stream(request, _selectors(request))
    except InvalidValue as error:
        return HttpResponseBadRequest(f"{error}\n", content_type="text/plain")
    except LogUnavailable:
        return _unavailable()


def _selectors(request: HttpRequest) -> list[str]:
    """Return the topics that the query names, each allowed to this person."""
    names = list(dict.fromkeys(request.GET.getlist("topic")))
    if len(names) > conf.MAX_TOPICS_PER_STREAM:
        expected = f"at most {conf.MAX_TOPICS_PER_STREAM} topics a stream"
        raise InvalidTopic(len(names), expected=expected)
    for name in names:
        topics.parse_selector(name)
        if not conf.AUTHORIZE(request.user, name):
            raise Http404(_("There is no such topic."))
    return names


def _channels(request: HttpRequest) -> list[str]:
    names = request.GET.getlist("channel")
    if "topic" in request.GET:
        raise InvalidValue("topic", expected="no topic beside a channel")
    if not set(names) <= set(conf.CHANNELS):
        raise Http404(_("There is no such channel."))
    return names


def _topic_stream(request: HttpRequest, asked: list[str]) -> HttpResponseBase:
    user = request.user if request.user.is_authenticated else None
    if not (user or asked):
        return HttpResponseForbidden(
            "Sign in, or name a topic: ?topic=user:7\n", content_type="text/plain"
        )
    after = sse.last_event_id(
        request.headers.get("Last-Event-ID"), request.GET.getlist("last_event_id")
    )
    return EventStreamResponse(open_stream(user, asked=asked, after=after))


def _unavailable() -> HttpResponse:
    response = HttpResponse(
        "The event log cannot be reached; try again.\n",
        content_type="text/plain",
        status=503,
    )
    response["Retry-After"] = RETRY_AFTER
    return response


@login_required
@require_GET
@vary_on_headers("Accept")
def inbox(request: HttpRequest) -> HttpResponse:
    """Show what the person was told of, newest first; JSON for who accepts that."""
    events = Event.objects.inbox(request.user).for_wire()
    before = request.GET.get("before", "")
    if before:
        if not _ROW.fullmatch(before):
            return HttpResponseBadRequest("before: expected the number of an event\n")
        events = events.filter(pk__lt=int(before))
    found = list(events[: INBOX_PAGE + 1])
    page = found[:INBOX_PAGE]
    following = page[-1].pk if len(found) > INBOX_PAGE else None
    read_up_to = ReadState.of(request.user).read_up_to
    if request.get_preferred_type([HTML, JSON]) == JSON:
        return JsonResponse(_inbox_json(request, page, following, read_up_to))
    context = {"events": page, "before": following, "read_up_to": read_up_to}
    return render(request, "notifications/inbox.html", context)


def _inbox_json(
    request: HttpRequest, page: list[Event], before: int | None, read_up_to: int
) -> dict[str, Any]:
    return {
        "unread": Event.objects.count_unread(request.user),
        "events": [{**each.wire(), "read": each.pk <= read_up_to} for each in page],
        "next": before and f"{reverse('notifications:inbox')}?before={before}",
    }


@login_required
@require_POST
@vary_on_headers("Accept")
def read(request: HttpRequest) -> HttpResponse:
    """Mark as read everything up to the event that `up_to` names by its uid."""
    try:
        event = Event.objects.inbox(request.user).get(uid=request.POST["up_to"])
    except (KeyError, ValidationError, Event.DoesNotExist):
        return HttpResponseBadRequest("up_to: expected the uid of an event\n")
    ReadState.advance(request.user, event.pk)
    if request.get_preferred_type([HTML, JSON]) == JSON:
        return JsonResponse({"unread": Event.objects.count_unread(request.user)})
    return redirect("notifications:inbox")


@require_http_methods(["PUT", "DELETE", "POST"])
def follow(request: HttpRequest, topic: str) -> HttpResponse:
    """Follow a topic at a level (PUT), stop (DELETE), or either by a form (POST)."""
    if not request.user.is_authenticated:
        return _sign_in(request)
    try:
        level = _level(request)
        _check_followable(request.user, topic)
    except InvalidTopic:
        raise Http404(_("There is no such topic.")) from None
    except InvalidValue as error:
        return HttpResponseBadRequest(f"{error}\n", content_type="text/plain")
    if level == NO_LEVEL:
        unfollow(request.user, topic)
    else:
        follow_topic(request.user, topic, level=level)
    if request.method == "POST":
        return redirect(_back(request))
    return JsonResponse({"topic": topic, "level": level})


def _level(request: HttpRequest) -> str:
    """Return the level that a request asks for; raises InvalidValue."""
    if request.method == "DELETE":
        return NO_LEVEL
    level = _fields(request).get("level", Level.FOLLOW)
    levels = (*Level.values, NO_LEVEL)
    if level not in levels:
        raise InvalidValue(level, expected=f"one of {', '.join(levels)} as level")
    return str(level)


def _fields(request: HttpRequest) -> Mapping[str, Any]:
    """Return what a form or a JSON object says; nothing that it says is checked."""
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
    """Raise InvalidTopic for what is no topic, is not allowed, or stands for nothing.

    The three look the same to who asks.
    """
    topics.validate(topic)
    if not conf.AUTHORIZE(user, topic) or object_of(topic) is None:
        raise InvalidTopic(topic, expected="a topic that can be followed")


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return redirect_to_login(_back(request))
    return HttpResponseForbidden("Sign in to follow.\n", content_type="text/plain")


def _back(request: HttpRequest) -> str:
    """Return the page of this site that a form names, or else the inbox."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else reverse("notifications:inbox")
