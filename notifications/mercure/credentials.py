"""Credentials: the token of a request, from its header, cookie or legacy parameter."""

from urllib.parse import urlsplit

from django.http import HttpRequest

from notifications.mercure.conf import LEGACY_COOKIE, MercureSettings
from notifications.mercure.errors import INVALID_REQUEST, INVALID_TOKEN, Refused
from notifications.mercure.tokens import NO_TOKEN, InvalidToken, Token, decode


def token_of(request: HttpRequest, hub: MercureSettings) -> Token | None:
    """Return the token of a request, or None if it has none; raises Refused.

    A header wins over a cookie, which browsers send whatever a client wants.
    """
    text = _from_header(request) or _from_cookie(request, hub)
    if not text and hub.is_legacy:
        text = request.GET.get("authorization", "")
    if not text:
        return None
    try:
        return decode(text, hub)
    except InvalidToken as error:
        raise Refused(401, "The token is invalid.", error=INVALID_TOKEN) from error


def required_token(request: HttpRequest, hub: MercureSettings) -> Token:
    """Return the token of a request; raises Refused without one."""
    token = token_of(request, hub)
    if token is None:
        raise Refused(401, "A token is needed.", challenge=True)
    return token


def subscriber_token(request: HttpRequest, hub: MercureSettings) -> Token:
    """Return the token of a subscriber, who may have none if the site allows it."""
    return (
        (token_of(request, hub) or NO_TOKEN)
        if hub.anonymous
        else required_token(request, hub)
    )


def _from_header(request: HttpRequest) -> str:
    header = request.headers.get("Authorization")
    if header is None:
        return ""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Refused(400, "Not a Bearer token.", error=INVALID_REQUEST)
    return text.strip()


def _from_cookie(request: HttpRequest, hub: MercureSettings) -> str:
    text = request.COOKIES.get(hub.cookie, "")
    if not text and hub.is_legacy:
        text = request.COOKIES.get(LEGACY_COOKIE, "")
    if text and request.method == "POST" and not _is_from_known_origin(request, hub):
        raise Refused(403, "The page that sent this is not of a known origin.")
    return text


def _is_from_known_origin(request: HttpRequest, hub: MercureSettings) -> bool:
    """Tell whether a page of this site, the hub's or a trusted one made a request.

    Browsers send cookies with requests of any page. Without Origin and Referer nothing
    is known.
    """
    source = request.headers.get("Origin") or request.headers.get("Referer", "")
    own = f"{request.scheme}://{request.get_host()}"
    return _origin_of(source) in {own, _origin_of(hub.url), *hub.origins}


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
