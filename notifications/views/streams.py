"""The stream, by SSE or by long polling.

Where a stream begins: the request is checked here, and `streams/` opens the stream.
"""

import re
from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
)
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from notifications.conf import conf
from notifications.exceptions import InvalidTopic, InvalidValue
from notifications.lib.media_types import preferred_type
from notifications.live.hub import shared_hub
from notifications.live.subscriber import Subscriber
from notifications.protocol import sse, topics
from notifications.protocol.entries import COUNT_LIMIT
from notifications.protocol.subscriptions import Subscriptions
from notifications.streams import long_polling, session_cache
from notifications.streams.channel_stream import channel_response
from notifications.streams.event_stream import ConnectionResponse
from notifications.streams.open_stream import (
    Client,
    look_up,
    open_stream,
)
from notifications.streams.refusals import TEMPORARY, plain, try_later
from notifications.views.accounts import (
    for_its_account,
    is_for_other,
    other_account,
    user_key,
)
from notifications.views.http import HTML

_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
# Who opens a stream, and what they follow.
Subscribed = tuple[Subscriber, Subscriptions]


@transaction.non_atomic_requests
@require_GET
@vary_on_headers("Accept")
def stream(request: HttpRequest) -> HttpResponseBase:
    """Stream the topics that the person follows, and those that the query names.

    With `?channel=`, stream pub/sub channels instead. Browsers get a page that shows
    the stream.
    """
    if _wants_html(request):
        return render(request, "notifications/stream.html")
    if "channel" in request.GET:
        return _errors_to_responses(_channel_stream, request)
    return _errors_to_responses(_topic_stream, request)


@transaction.non_atomic_requests
@require_GET
@never_cache
@for_its_account
def poll(request: HttpRequest) -> HttpResponseBase:
    """Reply with the next events after a cursor, or wait for one.

    For clients that a stream does not reach, such as behind a proxy that buffers.
    """
    return _errors_to_responses(_poll, request)


def _errors_to_responses(
    view: Callable[[HttpRequest], HttpResponseBase], request: HttpRequest
) -> HttpResponseBase:
    """Return the response of a view, or the status for the error that it raises."""
    try:
        return view(request)
    except InvalidValue as error:
        return plain(400, str(error))
    except PermissionDenied as error:
        return plain(403, str(error))
    except TEMPORARY as error:
        return try_later(error)


def _wants_html(request: HttpRequest) -> bool:
    return preferred_type(request, sse.EVENT_STREAM, HTML) == HTML


def _requested_topics(request: HttpRequest) -> list[str]:
    """Return the topics that the query names, which the person is allowed to see."""
    names = list(dict.fromkeys(request.GET.getlist("topic")))
    if len(names) > conf.MAX_TOPICS_PER_STREAM:
        expected = f"at most {conf.MAX_TOPICS_PER_STREAM} topics a stream"
        raise InvalidTopic(len(names), expected=expected)
    for name in names:
        topics.parse_selector(name)
        if not conf.AUTHORIZE(request.user, name):
            raise Http404(_("There is no such topic."))
    return names


def _requested_channels(request: HttpRequest) -> list[str]:
    names = request.GET.getlist("channel")
    if "topic" in request.GET:
        raise InvalidValue("topic", expected="no topic beside a channel")
    if not set(names) <= set(conf.PUBSUB_CHANNELS):
        raise Http404(_("There is no such channel."))
    return names


def _channel_stream(request: HttpRequest) -> HttpResponseBase:
    names = _requested_channels(request)
    # Read before the session: see open_channel_stream.
    shared_hub().ensure_started()
    as_of = shared_hub().position
    return channel_response(request, names, as_of=as_of)


def _topic_stream(request: HttpRequest) -> HttpResponseBase:
    after = sse.last_event_id(
        request.headers.get("Last-Event-ID"), request.GET.getlist("last_event_id")
    )
    # Read before the database or the session cache: see open_stream.
    shared_hub().ensure_started()
    as_of = shared_hub().position
    cached = session_cache.load(request)
    if is_for_other(request, cached[0].user if cached else user_key(request)):
        return other_account(request)
    client, requested_topics = _client(request, cached)
    # A browser that reconnects by itself repeats the page's query, whose count belongs
    # to an older cursor.
    is_current = after == request.GET.get("last_event_id")
    unseen_count = _unseen_count(request, client.subscriber, is_current=is_current)
    stream = open_stream(
        client,
        as_of=as_of,
        requested_topics=requested_topics,
        after=after,
        unseen_count=unseen_count,
    )
    response = ConnectionResponse(stream)
    if cached is None:
        session_cache.store(
            request,
            response,
            stream.connection,
            expires_at=client.subscriber.expires_at,
            as_of=shared_hub().delivered_up_to,
        )
    return response


def _poll(request: HttpRequest) -> HttpResponseBase:
    shared_hub().ensure_started()
    as_of = shared_hub().position
    client, requested_topics = _client(request)
    after = request.GET.get("after")
    is_current = after is not None
    unseen_count = _unseen_count(request, client.subscriber, is_current=is_current)
    stream = open_stream(
        client,
        as_of=as_of,
        requested_topics=requested_topics,
        after=after,
        unseen_count=unseen_count,
        shown_presence=request.GET.getlist("presence"),
    )
    # Without a cursor, the client asks for the newest one, and does not wait.
    seconds = conf.POLL_TIMEOUT if is_current else 0
    return long_polling.poll(stream, seconds=seconds, unseen_count=unseen_count)


def _client(
    request: HttpRequest, cached: Subscribed | None = None
) -> tuple[Client, list[str]]:
    """Return who sends a request, and the topics that it names.

    Raises PermissionDenied for an anonymous client that names no topic.
    """
    requested_topics = _requested_topics(request)
    if not (cached or requested_topics or request.user.is_authenticated):
        raise PermissionDenied("Sign in, or name a topic: ?topic=user:7")
    subscriber, subscriptions = cached or _look_up(request)
    return Client.of(request.META, subscriber, subscriptions), requested_topics


def _unseen_count(
    request: HttpRequest, subscriber: Subscriber, *, is_current: bool
) -> int | None:
    """Return the number at the client's bell; None for a client without a bell.

    It is None, too, unless `is_current`: a count means nothing without its cursor.
    """
    text = request.GET.get("unseen", "")
    if not (text and subscriber.user):
        return None
    if not _NUMBER.fullmatch(text) or int(text) > COUNT_LIMIT:
        raise InvalidValue(text, expected=f"a number up to {COUNT_LIMIT} as unseen")
    return int(text) if is_current else None


def _look_up(request: HttpRequest) -> Subscribed:
    """Return who sends a request and what they follow, from the database."""
    signed_in = request.user.is_authenticated
    user, session = (request.user, request.session) if signed_in else (None, None)
    return look_up(user, session)
