"""The hub as views: subscribers GET, publishers POST."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    JsonResponse,
    UnreadablePostError,
)
from django.views.decorators.csrf import csrf_exempt

from notifications.conf import conf
from notifications.exceptions import InvalidValue
from notifications.mercure import cors
from notifications.mercure.conf import MercureSettings, mercure_settings
from notifications.mercure.credentials import required_token, subscriber_token
from notifications.mercure.errors import INSUFFICIENT_SCOPE, Refused, response_to
from notifications.mercure.form import Pairs, pairs_of
from notifications.mercure.grants import DETAIL_TYPE
from notifications.mercure.matchers import TYPES, TooLong
from notifications.mercure.subscribing import subscribe
from notifications.mercure.terms import PUBLISH
from notifications.mercure.updates import append, check, update_of
from notifications.streams.refusals import TEMPORARY, plain, try_later

FORM = "application/x-www-form-urlencoded"
# The limit of a body, beside data whose bytes are all escaped.
FIELDS_BYTES = 65_536

View = Callable[..., HttpResponseBase]


def hub_view(view: View) -> View:
    """Return a view that is given the hub's settings, too; 404 if the hub is off.

    Errors become statuses, and pages of trusted origins may use it. The credentials
    decide instead of the site's CSRF token.
    """

    @csrf_exempt
    @transaction.non_atomic_requests
    @wraps(view)
    def wrapped(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        settings = mercure_settings()
        if settings is None:
            raise Http404("The Mercure hub is off.")
        response = _respond(view, request, settings, **parts)
        return cors.with_headers(response, request, settings)

    return wrapped


def _respond(
    view: View, request: HttpRequest, settings: MercureSettings, **parts: Any
) -> HttpResponseBase:
    if request.method == "OPTIONS":
        return cors.preflight()
    try:
        return view(request, settings, **parts)
    except Refused as error:
        return response_to(error, settings)
    except TooLong as error:
        return plain(413 if request.method == "POST" else 400, str(error))
    except InvalidValue as error:
        return plain(400, str(error))
    except TEMPORARY as error:
        return try_later(error)


@hub_view
def hub(request: HttpRequest, settings: MercureSettings) -> HttpResponseBase:
    """Stream updates to a subscriber, or take one from a publisher."""
    if request.method == "GET":
        return subscribe(request, subscriber_token(request, settings), settings)
    if request.method == "POST":
        return _publish(request, settings)
    return HttpResponseNotAllowed(["GET", "POST", "OPTIONS"])


def _publish(request: HttpRequest, settings: MercureSettings) -> HttpResponse:
    token = required_token(request, settings)
    update = update_of(_form(request))
    check(update, settings)
    if not all(token.grants.allows(PUBLISH, each) for each in update.topics):
        problem = "The token does not allow to publish all of the topics."
        raise Refused(403, problem, error=INSUFFICIENT_SCOPE)
    return HttpResponse(append(update), content_type="text/plain; charset=utf-8")


def _form(request: HttpRequest) -> Pairs:
    if request.content_type != FORM:
        raise InvalidValue(request.content_type, expected=FORM)
    limit = 3 * conf.MAX_PAYLOAD_BYTES + FIELDS_BYTES
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise TooLong("body", expected=f"at most {limit} bytes") from error
    except UnreadablePostError as error:
        raise InvalidValue("body", expected="the rest of the body") from error
    if len(body) > limit:
        raise TooLong(len(body), expected=f"at most {limit} bytes")
    return pairs_of(body)


@hub_view
def metadata(request: HttpRequest, settings: MercureSettings) -> HttpResponseBase:
    """Describe the hub as a protected resource (RFC 9728)."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET", "OPTIONS"])
    found: dict[str, Any] = {
        "resource": settings.url,
        "authorization_details_types_supported": [DETAIL_TYPE],
        "bearer_methods_supported": ["header"],
        "mercure_cookie": settings.cookie,
        "mercure_matcher_types_supported": list(TYPES),
    }
    if settings.subscriptions:
        found["mercure_subscriptions"] = True
    return JsonResponse(found)
