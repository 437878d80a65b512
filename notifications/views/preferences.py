"""The page of a person's preferences, which lists what they follow as well."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from notifications.exceptions import InvalidValue
from notifications.inbox.change_preferences import (
    HIDDEN,
    SHOWN,
    change_preferences,
    time_zones,
)
from notifications.inbox.followed import followed_page
from notifications.models import Delivery, Preference, personal_time
from notifications.protocol.sse import PRESENCE
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import Followable
from notifications.publishing.presence import is_hidden
from notifications.streams.refusals import plain
from notifications.views.follows import follow_change
from notifications.views.http import wants_json


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("Accept")
def preferences(request: HttpRequest) -> HttpResponse:
    """Show or change the preference for each event type; show what the person follows.

    Query parameters: `q` selects follows by name or topic, and `after` is the `next` of
    the previous page.
    A POST takes the fields of `change_preferences`.
    """
    if request.method == "POST":
        return _set_preferences(request)
    if wants_json(request):
        return _as_json(request.user, _chosen(request.user))
    return _page(request)


def _page(request: HttpRequest, *, problem: str = "") -> HttpResponse:
    """Return the page; what was posted is in its form, with the problem of it."""
    user: Any = request.user
    fields = _fields(user) | {name: str(value) for name, value in request.POST.items()}
    query, after = (request.GET.get(name, "").strip() for name in ("q", "after"))
    # PostgreSQL refuses text with a NUL.
    followed = followed_page(user, query=query, after=after.replace("\0", ""))
    zone, zones = fields["time_zone"], time_zones()
    context = {
        "types": [(each, fields[name]) for name, each in EventType.with_rows().items()],
        "deliveries": Delivery.choices,
        "presence": _presence_choices(fields[PRESENCE]),
        "time_zone": zone,
        "time_zones": zones if zone in zones else [zone, *zones],
        "quiet": [fields["quiet_from"], fields["quiet_until"]],
        "problem": problem,
        "followed": followed,
        "next": urlencode({"q": query, "after": followed.next})
        if followed.next
        else "",
        "query": query,
        "first": not after,
        "saved": request.GET.get("result") == "saved",
        "change": follow_change(request),
        "here": request.path,
    }
    template, status = "notifications/preferences.html", 400 if problem else 200
    return render(request, template, context, status=status)


def _fields(user: Any) -> dict[str, str]:
    """Return the fields of `change_preferences` with what the person has."""
    time = personal_time(user)
    start, _dash, end = time.quiet_hours.partition("-")
    return {
        **_chosen(user),
        PRESENCE: HIDDEN if is_hidden(user) else SHOWN,
        "time_zone": time.time_zone,
        "quiet_from": start,
        "quiet_until": end,
    }


def _as_json(user: Any, chosen: dict[str, str]) -> JsonResponse:
    time = personal_time(user)
    return JsonResponse(
        {
            "preferences": chosen,
            PRESENCE: HIDDEN if is_hidden(user) else SHOWN,
            "time_zone": time.time_zone,
            "quiet_hours": time.quiet_hours,
        }
    )


def _presence_choices(chosen: str) -> list[tuple[str, str, bool]]:
    """Return value, label and whether it is chosen; none if no kind has presence."""
    if not any(each.presence for each in Followable.registry.values()):
        return []
    labels = {SHOWN: _("By your name"), HIDDEN: _("Only as one more person")}
    return [(value, label, value == chosen) for value, label in labels.items()]


def _chosen(user: Any) -> dict[str, str]:
    rows = Preference.objects.filter(user=user).values_list("type", "delivery")
    chosen = dict.fromkeys(EventType.with_rows(), str(Delivery.LIVE))
    return chosen | {name: how for name, how in rows if name in chosen}


def _set_preferences(request: HttpRequest) -> HttpResponse:
    try:
        change_preferences(request.user, request.POST)
    except InvalidValue as error:
        return plain(400, str(error))
    except ValidationError as error:
        problem = " ".join(error.messages)
        if wants_json(request):
            return plain(400, problem)
        return _page(request, problem=problem)
    if wants_json(request):
        return _as_json(request.user, _chosen(request.user))
    return HttpResponseRedirect(f"{reverse('notifications:preferences')}?result=saved")
