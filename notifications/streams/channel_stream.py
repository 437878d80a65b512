"""Views that stream a pub/sub channel, with a permission of their own."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from notifications.live.hub import shared_hub
from notifications.live.pubsub import mount
from notifications.protocol.cursor import Cursor
from notifications.protocol.subscriptions import NO_SUBSCRIPTIONS
from notifications.streams.event_stream import ConnectionResponse
from notifications.streams.open_stream import (
    Client,
    open_channel_stream,
    subscriber_of_request,
)

View = Callable[..., HttpResponseBase]


def event_stream(
    *, channel: str, permission: Callable[[HttpRequest], bool] | None = None
) -> View:
    """Return a view that streams a pub/sub channel; mount it at any path.

    Make it where the URLs are declared: a process subscribes with its first stream.

    `permission` tells whether the client of a request may stream it; without one,
    everyone may. The channel needs no setting, and is not streamed elsewhere unless
    PUBSUB_CHANNELS has it. A stream ends with the login of its client. Reply of the
    view: 403 without the permission; 429, 501 and 503 by CursorMiddleware, for
    TooManyStreams, CannotStream and LogUnavailable.
    """
    mount(channel)

    @transaction.non_atomic_requests
    @require_GET
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Read before the permission and the login: see open_channel_stream.
        shared_hub().ensure_started()
        as_of = shared_hub().position
        if permission is not None and not permission(request):
            raise PermissionDenied("You may not stream this channel.")
        return channel_response(request, [channel], as_of=as_of)

    return view


def channel_response(
    request: HttpRequest, names: Iterable[str], *, as_of: Cursor
) -> ConnectionResponse:
    """Return the stream of pub/sub channels to the client of a request.

    `as_of` and what it raises are as for open_channel_stream.
    """
    subscriber = subscriber_of_request(request)
    client = Client.of(request.META, subscriber, NO_SUBSCRIPTIONS)
    return ConnectionResponse(open_channel_stream(client, names, as_of=as_of))
