"""The admin's page "Live": how the processes, Redis and the outbox are just now."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.apps.registry import Apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import formats, timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from notifications import reports
from notifications.board import Sight
from notifications.exceptions import LogUnavailable
from notifications.figures import COLUMNS, LABELS, Figure, Figures, Page, make_page
from notifications.log import shared_log
from notifications.pending import pending
from notifications.sweeper import sweeper

HTML = "text/html"
JSON = "application/json"
REFRESH_MILLISECONDS = 2_000


class Live(models.Model):
    """Nothing that is stored: what stands for the page in the admin's lists."""

    class Meta:
        # In a registry of its own: no migration makes a table or permissions for it.
        apps = Apps()
        app_label = "notifications"
        managed = False
        default_permissions = ()
        verbose_name = _("live")
        verbose_name_plural = _("live")

    def __str__(self) -> str:
        return "live"


class LiveAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """One page, for who may look at events; see `figures.py` for what it shows."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.live_view)
        return [path("", view, name="notifications_live_changelist")]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        # As the admin has it: who may change events may look at them.
        actions = ("view", "change")
        return any(user.has_perm(f"notifications.{each}_event") for each in actions)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @method_decorator([require_safe, vary_on_headers("Accept")])
    def live_view(self, request: HttpRequest) -> HttpResponse:
        """Show the figures; JSON for who accepts that."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        page = _page(now)
        local = timezone.localtime(now) if timezone.is_aware(now) else now
        updated = formats.date_format(local, "H:i:s")
        if request.get_preferred_type([HTML, JSON]) == JSON:
            return JsonResponse({**asdict(page), "updated": updated})
        context = {
            **self.admin_site.each_context(request),
            **_context(page),
            "title": _("Live"),
            "updated": updated,
            "every": REFRESH_MILLISECONDS,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/notifications/live.html", context)


def _context(page: Page) -> dict[str, Any]:
    """Return what the page's template shows."""
    blank = dict.fromkeys(COLUMNS, Figure(None, ""))
    return {
        "page": page,
        "figures": _labelled(LABELS, page.figures),
        "columns": COLUMNS,
        "processes": {
            name: _labelled(COLUMNS, cells) for name, cells in page.processes.items()
        },
        # What the script copies for a process that is new.
        "model": _labelled(COLUMNS, blank),
    }


def _labelled(labels: Mapping[str, Any], shown: Figures) -> list[dict[str, Any]]:
    """Return the figures in the order of their labels, as the templates take them."""
    return [
        {"key": key, "label": label, **asdict(shown[key])}
        for key, label in labels.items()
    ]


def _page(now: datetime) -> Page:
    sight: Sight | None
    try:
        sight = shared_log().board().look()
    except LogUnavailable:
        sight = None
    found = reports.read(sight.reports) if sight else []
    return make_page(sight, found, pending(), now=now)


# Only where somebody can look does a process report.
sweeper.take_along(reports.repeater)
