"""The stream, by SSE or by long polling, and whether it works."""

import re
from collections.abc import Callable

import msgspec
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
)
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from notifications import polling, returning, sse, topics
from notifications.conf import conf
from notifications.connection import NOTHING, Follows, Reader
from notifications.entries import COUNT_LIMIT
from notifications.exceptions import (
    InvalidTopic,
    InvalidValue,
    LogUnavailable,
    TooManyStreams,
)
from notifications.hub import shared_hub
from notifications.log import shared_log
from notifications.sockets import ClientSocket
from notifications.streaming import EventStreamResponse
from notifications.subscriptions import (
    Client,
    follows_of,
    open_channel_stream,
    open_stream,
    reader_of,
)
from notifications.views.http import HTML, JSON, plain

_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
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
    if _wants_html(request):
        return render(request, "notifications/stream.html")
    if "channel" in request.GET:
        return _or_refusal(_channel_stream, request)
    return _or_refusal(_topic_stream, request)


@transaction.non_atomic_requests
@require_GET
@never_cache
def poll(request: HttpRequest) -> HttpResponseBase:
    """Reply with what the stream would bring after a cursor, once there is something.

    For clients that no stream reaches, as behind a proxy that buffers.
    """
    return _or_refusal(_poll, request)


def _or_refusal(
    view: Callable[[HttpRequest], HttpResponseBase], request: HttpRequest
) -> HttpResponseBase:
    """Return what a view does, or the status that says why it cannot."""
    try:
        return view(request)
    except InvalidValue as error:
        return plain(400, str(error))
    except PermissionDenied as error:
        return plain(403, str(error))
    except LogUnavailable:
        return plain(503, "The event log cannot be reached.", retry_after=AWAY_SECONDS)
    except TooManyStreams as error:
        return plain(429, str(error), retry_after=BUSY_SECONDS)


def _wants_html(request: HttpRequest) -> bool:
    # What an EventSource sends needs no parsing, and comes by the thousand.
    if request.META.get("HTTP_ACCEPT") == sse.EVENT_STREAM:
        return False
    return request.get_preferred_type([sse.EVENT_STREAM, HTML]) == HTML


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


def _channel_stream(request: HttpRequest) -> HttpResponseBase:
    names = _channels(request)
    reader, _ = _look_up(request)
    client = _client(request, reader, NOTHING)
    return EventStreamResponse(open_channel_stream(client, names))


def _topic_stream(request: HttpRequest) -> HttpResponseBase:
    after = sse.last_event_id(
        request.headers.get("Last-Event-ID"), request.GET.getlist("last_event_id")
    )
    # Before anything is read of who this is: see open_stream.
    as_of = shared_hub().start()
    asked = _selectors(request)
    known = returning.recall(request)
    if known is None:
        _check_wish(request, asked)
    reader, follows = known or _look_up(request)
    client = _client(request, reader, follows)
    unseen = _unseen(request, reader)
    if after != request.GET.get("last_event_id"):
        # A browser that comes back by itself says what the page once said.
        unseen = None
    stream = open_stream(client, as_of=as_of, asked=asked, after=after, unseen=unseen)
    response = EventStreamResponse(stream)
    if known is None:
        settled = shared_hub().settled
        returning.remember(
            request, response, stream.connection, ends=reader.ends, as_of=settled
        )
    return response


def _poll(request: HttpRequest) -> HttpResponseBase:
    as_of = shared_hub().start()
    asked = _selectors(request)
    _check_wish(request, asked)
    reader, follows = _look_up(request)
    client = _client(request, reader, follows)
    after, unseen = request.GET.get("after"), _unseen(request, reader)
    if after is None:
        # What the bell says belongs to a cursor.
        unseen = None
    stream = open_stream(client, as_of=as_of, asked=asked, after=after, unseen=unseen)
    # Who does not say where they were wants to know where the log is.
    seconds = 0 if after is None else conf.POLL_SECONDS
    found = polling.poll(stream, seconds=seconds, unseen=unseen)
    return HttpResponse(msgspec.json.encode(found), content_type=JSON)


def _check_wish(request: HttpRequest, asked: list[str]) -> None:
    """Raise PermissionDenied for who is nobody and asks for nothing."""
    if not (asked or request.user.is_authenticated):
        raise PermissionDenied("Sign in, or name a topic: ?topic=user:7")


def _unseen(request: HttpRequest, reader: Reader) -> int | None:
    """Return what the client's bell said at its cursor; None for one without a bell."""
    text = request.GET.get("unseen", "")
    if not (text and reader.user):
        return None
    if not _NUMBER.fullmatch(text) or int(text) > COUNT_LIMIT:
        raise InvalidValue(text, expected=f"a number up to {COUNT_LIMIT} as unseen")
    return int(text)


def _look_up(request: HttpRequest) -> tuple[Reader, Follows]:
    """Return who sends a request and what they follow, as the database has it."""
    known = request.user.is_authenticated
    user, session = (request.user, request.session) if known else (None, None)
    return reader_of(user, session), follows_of(user)


def _client(request: HttpRequest, reader: Reader, follows: Follows) -> Client:
    return Client(
        reader=reader,
        follows=follows,
        address=_address(request),
        socket=ClientSocket.of(request.META),
    )


def _address(request: HttpRequest) -> str:
    return str(request.META.get(conf.ADDRESS_HEADER, ""))


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
