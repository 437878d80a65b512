"""The page of a person's preferences, which lists what they follow as well."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from notifications import databases
from notifications.exceptions import InvalidValue
from notifications.inbox.followed import followed_page
from notifications.models import Delivery, Preference
from notifications.protocol.sse import PRESENCE
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import Followable
from notifications.publishing.presence import is_hidden, set_hidden
from notifications.streams.refusals import plain
from notifications.views.follows import follow_change
from notifications.views.http import wants_json

SHOWN, HIDDEN = "shown", "hidden"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("Accept")
def preferences(request: HttpRequest) -> HttpResponse:
    """Show or change the preference for each event type; show what the person follows.

    Query parameters: `q` selects follows by name or topic, and `after` is the `next` of
    the previous page.
    A POST takes the fields `<event type>=live|inbox|off` and `presence=shown|hidden`;
    those that it does not have do not change.
    """
    if request.method == "POST":
        return _set_preferences(request)
    user: Any = request.user
    chosen = _chosen(user)
    if wants_json(request):
        return _as_json(user, chosen)
    query, after = (request.GET.get(name, "").strip() for name in ("q", "after"))
    # PostgreSQL refuses text with a NUL.
    followed = followed_page(user, query=query, after=after.replace("\0", ""))
    context = {
        "types": [(each, chosen[name]) for name, each in EventType.with_rows().items()],
        "deliveries": Delivery.choices,
        "presence": _presence_choices(user),
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
    return render(request, "notifications/preferences.html", context)


def _as_json(user: Any, chosen: dict[str, str]) -> JsonResponse:
    fields = {"preferences": chosen, PRESENCE: HIDDEN if is_hidden(user) else SHOWN}
    return JsonResponse(fields)


def _presence_choices(user: Any) -> list[tuple[str, str, bool]]:
    """Return value, label and whether it is chosen; none if no kind has presence."""
    if not any(each.presence for each in Followable.registry.values()):
        return []
    hidden = is_hidden(user)
    return [
        (SHOWN, _("By your name"), not hidden),
        (HIDDEN, _("Only as one more person"), hidden),
    ]


def _chosen(user: Any) -> dict[str, str]:
    rows = Preference.objects.filter(user=user).values_list("type", "delivery")
    chosen = dict.fromkeys(EventType.with_rows(), str(Delivery.LIVE))
    return chosen | {name: how for name, how in rows if name in chosen}


def _set_preferences(request: HttpRequest) -> HttpResponse:
    names = EventType.with_rows()
    wanted = {name: request.POST[name] for name in names if name in request.POST}
    for name, delivery in wanted.items():
        if delivery not in Delivery.values:
            expected = f"one of {', '.join(Delivery.values)} as {name}"
            return plain(400, str(InvalidValue(delivery, expected=expected)))
    shown = request.POST.get(PRESENCE)
    if shown not in (None, SHOWN, HIDDEN):
        expected = f"{SHOWN} or {HIDDEN} as {PRESENCE}"
        return plain(400, str(InvalidValue(shown, expected=expected)))
    with databases.atomic():
        for name, delivery in wanted.items():
            Preference.objects.set(request.user, name, delivery)
        if shown is not None:
            set_hidden(request.user, shown == HIDDEN)
    if wants_json(request):
        return _as_json(request.user, _chosen(request.user))
    return HttpResponseRedirect(f"{reverse('notifications:preferences')}?result=saved")
