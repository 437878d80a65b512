"""Helpers that the views share."""

from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from notifications.lib.media_types import preferred_type

HTML = "text/html"
JSON = "application/json"


# Pages that show what the form did that redirected there.
PAGES_WITH_RESULTS = ("notifications:inbox", "notifications:preferences")


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the client prefers JSON to HTML."""
    return preferred_type(request, HTML, JSON) == JSON


def number_up_to(most: int, text: str) -> int | None:
    """Return the number that a client sent; None if it is none or above `most`."""
    # Python refuses to read thousands of digits as a number.
    if not text.isdecimal() or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None


def target_of(request: HttpRequest) -> str:
    """Return the form's `next` if it is a page of this site, or else the inbox."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else reverse("notifications:inbox")


def redirect_next(request: HttpRequest, **query: str) -> HttpResponseRedirect:
    """Redirect to the form's `next`.

    `query` is added if that is the inbox or the preferences, which show the result.
    """
    target = target_of(request)
    if query and urlsplit(target).path in map(reverse, PAGES_WITH_RESULTS):
        target += f"{'&' if '?' in target else '?'}{urlencode(query)}"
    # Not redirect(), which takes a target without a slash for the name of a view.
    return HttpResponseRedirect(target)
