"""Retracts events in the admin: by an action of their list, or on an event's own page.

Both ask for a confirmation first.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from notifications import databases
from notifications.models import Event
from notifications.publishing.retraction import retract_events

PERMISSION = "notifications.retract_event"
# How many events the action takes. A form has a thousand fields at most by default.
MAX_EVENTS = 500
# How many events the confirmation lists.
SHOWN_EVENTS = 20


class RetractionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Adds the action, and the page, that retract events."""

    actions = ["retract_selected"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.retract_view)
        name = "notifications_event_retract"
        return [path("<int:key>/retract/", view, name=name), *super().get_urls()]

    def has_retract_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may retract events that they may view."""
        user: Any = request.user
        return bool(user.has_perm(PERMISSION) and self.has_view_permission(request))

    @admin.action(description=_("Retract selected events"), permissions=["retract"])
    def retract_selected(
        self, request: HttpRequest, queryset: QuerySet[Event]
    ) -> HttpResponse | None:
        """Ask for a confirmation, then retract the events."""
        keys = list(queryset.values_list("pk", flat=True)[: MAX_EVENTS + 1])
        if len(keys) > MAX_EVENTS:
            text = _("Select at most %d events to retract.")
            self.message_user(request, text % MAX_EVENTS, messages.ERROR)
            return None
        if "retract" not in request.POST:
            return self._ask_to_retract(request, keys, action="retract_selected")
        self._retract(request, keys)
        return None

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def retract_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Ask for a confirmation, then retract one event."""
        if not self.has_retract_permission(request):
            raise PermissionDenied
        # A key that is too large for the database finds nothing; not so in `pk__in`.
        keys = list(Event.objects.filter(pk=key).values_list("pk", flat=True))
        if request.method != "POST":
            if not keys:
                raise Http404(_("There is no such event."))
            return self._ask_to_retract(request, keys, action="")
        self._retract(request, keys)
        return redirect(f"{self.admin_site.name}:notifications_event_changelist")

    def _retract(self, request: HttpRequest, keys: list[int]) -> None:
        with databases.atomic():
            events = Event.objects.filter(pk__in=keys)
            self.log_deletions(request, events)
            count = retract_events(events)
        text = ngettext("%d event was retracted.", "%d events were retracted.", count)
        self.message_user(request, text % count, messages.SUCCESS)

    def _ask_to_retract(
        self, request: HttpRequest, keys: list[int], *, action: str
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        events = Event.objects.filter(pk__in=keys).prefetch_related("addresses")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Retract events"),
            "events": events.order_by("-pk")[:SHOWN_EVENTS],
            "count": len(keys),
            "more": max(len(keys) - SHOWN_EVENTS, 0),
            "keys": keys if action else [],
            "action": action,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        template = "admin/notifications/event/retract.html"
        return TemplateResponse(request, template, context)
