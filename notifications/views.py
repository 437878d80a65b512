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
    HttpResponseBase,
    HttpResponseRedirect,
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
from notifications.exceptions import (
    InvalidTopic,
    InvalidValue,
    LogUnavailable,
    TooManyStreams,
)
from notifications.hub import shared_hub
from notifications.log import shared_log
from notifications.models import Event, Level, ReadState
from notifications.sockets import ClientSocket
from notifications.streaming import EventStreamResponse
from notifications.subscriptions import Client, open_channel_stream, open_stream

# A primary key that fits any database's integers.
_ROW = re.compile(r"[0-9]{1,18}", re.ASCII)
EVENT_STREAM = "text/event-stream"
HTML = "text/html"
JSON = "application/json"
INBOX_PAGE = 30
# What stands for following no longer, where a level is expected.
NO_LEVEL = "none"
# How long a client should wait when the log is away, and when there are too many
# streams, in seconds.
AWAY_SECONDS = 2
BUSY_SECONDS = 5
# After so many probes that were not heard, a process is not ready.
PROBES_MISSED = 3


@transaction.non_atomic_requests
@require_GET
@vary_on_headers("Accept")
def stream(request: HttpRequest) -> HttpResponseBase:
    """Stream what the person follows, and the topics or channels that they name."""
    if request.get_preferred_type([EVENT_STREAM, HTML]) == HTML:
        return render(request, "notifications/stream.html")
    try:
        if "channel" in request.GET:
            names = _channels(request)
            return EventStreamResponse(open_channel_stream(_client(request), names))
        return _topic_stream(request)
    except InvalidValue as error:
        return _plain(400, str(error))
    except LogUnavailable:
        return _plain(503, "The event log cannot be reached.", retry_after=AWAY_SECONDS)
    except TooManyStreams as error:
        return _plain(429, str(error), retry_after=BUSY_SECONDS)


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


def _topic_stream(request: HttpRequest) -> HttpResponseBase:
    # Before anything is read of who this is: see open_stream.
    as_of = shared_hub().start()
    asked = _selectors(request)
    if not (asked or request.user.is_authenticated):
        return _plain(403, "Sign in, or name a topic: ?topic=user:7")
    after = sse.last_event_id(
        request.headers.get("Last-Event-ID"), request.GET.getlist("last_event_id")
    )
    stream = open_stream(_client(request), as_of=as_of, asked=asked, after=after)
    return EventStreamResponse(stream)


def _client(request: HttpRequest) -> Client:
    known = request.user.is_authenticated
    return Client(
        user=request.user if known else None,
        session=request.session if known else None,
        address=str(request.META.get(conf.ADDRESS_HEADER, "")),
        socket=ClientSocket.of(request.META),
    )


def _plain(status: int, text: str, *, retry_after: int = 0) -> HttpResponse:
    """Return a line of text; with `retry_after`, when to come back, in seconds."""
    response = HttpResponse(f"{text}\n", content_type="text/plain", status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


@transaction.non_atomic_requests
@require_GET
def ready(request: HttpRequest) -> HttpResponse:
    """Tell whether this process hears what it writes: 200, or 503 and why not."""
    try:
        shared_hub().start()
        problem = _problem()
    except LogUnavailable as error:
        problem = str(error)
    status = 503 if problem else 200
    return JsonResponse({"ready": not problem, "problem": problem}, status=status)


def _problem() -> str:
    """Return what keeps events from the streams of this process, or nothing."""
    if shared_hub().interrupted:
        return "the log cannot be read"
    patience = PROBES_MISSED * conf.SWEEP_INTERVAL
    # Without a sweep there are no probes.
    if patience and shared_log().silence > patience:
        return "what is written is not heard: do both ways lead to the same Redis?"
    return ""


@login_required
@require_GET
@vary_on_headers("Accept")
def inbox(request: HttpRequest) -> HttpResponse:
    """Show what the person was told of, newest first; JSON for who accepts that."""
    events = Event.objects.inbox(request.user).for_wire()
    before = request.GET.get("before", "")
    if before:
        if not _ROW.fullmatch(before):
            return _plain(400, "before: expected the number of an event")
        events = events.filter(pk__lt=int(before))
    found = list(events[: INBOX_PAGE + 1])
    page = found[:INBOX_PAGE]
    following = page[-1].pk if len(found) > INBOX_PAGE else None
    read_up_to = ReadState.of(request.user).read_up_to
    if _wants_json(request):
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
        return _plain(400, "up_to: expected the uid of an event")
    ReadState.advance(request.user, event.pk)
    if _wants_json(request):
        return JsonResponse({"unread": Event.objects.count_unread(request.user)})
    return redirect("notifications:inbox")


@require_http_methods(["PUT", "DELETE", "POST"])
def follow(request: HttpRequest, topic: str) -> HttpResponse:
    """Follow a topic at a level (PUT), stop (DELETE), or either by a form (POST)."""
    if not request.user.is_authenticated:
        return _sign_in(request)
    try:
        topics.validate(topic)
        level = _level(request)
        # Who may no longer see a topic may still stop following it.
        if level != NO_LEVEL:
            _check_followable(request.user, topic)
    except InvalidTopic:
        raise Http404(_("There is no such topic.")) from None
    except InvalidValue as error:
        return _plain(400, str(error))
    if level == NO_LEVEL:
        unfollow(request.user, topic)
    else:
        follow_topic(request.user, topic, level=level)
    if request.method == "POST":
        # Not redirect(), which takes what is no path for the name of a view.
        return HttpResponseRedirect(_back(request))
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
    """Raise InvalidTopic for a topic that is not allowed or stands for nothing.

    The two look the same to who asks, as does what is no topic.
    """
    if not conf.AUTHORIZE(user, topic) or object_of(topic) is None:
        raise InvalidTopic(topic, expected="a topic that can be followed")


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return redirect_to_login(_back(request))
    return _plain(403, "Sign in to follow.")


def _back(request: HttpRequest) -> str:
    """Return the page of this site that a form names, or else the inbox."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else reverse("notifications:inbox")


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type([HTML, JSON]) == JSON
