"""CORS: lets pages of the origins that the site trusts use the hub."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from notifications.mercure.conf import MercureSettings

METHODS = "GET, POST, OPTIONS"
REQUEST_HEADERS = "Authorization, Cache-Control, Content-Type, Last-Event-ID"
RESPONSE_HEADERS = "Link, Mercure-Last-Event-ID, Last-Event-ID, WWW-Authenticate"


def preflight() -> HttpResponse:
    """Return the response to OPTIONS, to be given the other headers."""
    response = HttpResponse(status=204, headers={"Allow": METHODS})
    response["Access-Control-Allow-Methods"] = METHODS
    response["Access-Control-Allow-Headers"] = REQUEST_HEADERS
    return response


def with_headers(
    response: HttpResponseBase, request: HttpRequest, hub: MercureSettings
) -> HttpResponseBase:
    """Return a response that pages of a trusted origin may read, and no others."""
    if hub.origins:
        patch_vary_headers(response, ["Origin"])
    origin = request.headers.get("Origin", "")
    if origin in hub.origins:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        response["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
    return response
