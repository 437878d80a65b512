"""The admin's Live page: the state of the processes, of Redis and of the outbox."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import formats, timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from notifications.exceptions import LogUnavailable
from notifications.log.process_registry import Snapshot
from notifications.log.stream import shared_log
from notifications.monitoring import process_reports
from notifications.monitoring.charts import CHARTS, HEIGHT, WIDTH, Chart, make_charts
from notifications.monitoring.dashboard import (
    COLUMNS,
    LABELS,
    Dashboard,
    Stat,
    Stats,
    make_dashboard,
)
from notifications.monitoring.history import read_history
from notifications.monitoring.outbox_backlog import outbox_backlog
from notifications.views.http import wants_json

REFRESH_MILLISECONDS = 2_000


class LiveAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Adds the Live page, for people who may view events, to the admin of events."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.live_view)
        name = "notifications_event_live"
        return [path("live/", view, name=name), *super().get_urls()]

    @method_decorator([require_safe, vary_on_headers("Accept")])
    def live_view(self, request: HttpRequest) -> HttpResponse:
        """Show the dashboard as HTML or JSON, by the Accept header."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        dashboard, charts = _dashboard(now), _charts(now)
        local = timezone.localtime(now) if timezone.is_aware(now) else now
        updated = formats.date_format(local, "H:i:s")
        if wants_json(request):
            shown = {key: asdict(chart) for key, chart in charts.items()}
            return JsonResponse(
                {**asdict(dashboard), "charts": shown, "updated": updated}
            )
        context = {
            **self.admin_site.each_context(request),
            **_context(dashboard),
            "charts": [(key, CHARTS[key], chart) for key, chart in charts.items()],
            "chart_width": WIDTH,
            "chart_height": HEIGHT,
            "opts": self.opts,
            "title": _("Live"),
            "updated": updated,
            "interval": REFRESH_MILLISECONDS,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/notifications/live.html", context)


def _context(dashboard: Dashboard) -> dict[str, Any]:
    """Return the template's context."""
    empty = dict.fromkeys(COLUMNS, Stat(None, ""))
    return {
        "dashboard": dashboard,
        "stats": _labelled(LABELS, dashboard.stats),
        "columns": COLUMNS,
        "processes": {
            name: _labelled(COLUMNS, cells)
            for name, cells in dashboard.processes.items()
        },
        # The script copies this row for each new process.
        "empty_row": _labelled(COLUMNS, empty),
    }


def _labelled(labels: Mapping[str, Any], stats: Stats) -> list[dict[str, Any]]:
    """Return the statistics with their labels, in the order of the labels."""
    return [
        {"key": key, "label": label, **asdict(stats[key])}
        for key, label in labels.items()
    ]


def _dashboard(now: datetime) -> Dashboard:
    snapshot: Snapshot | None
    try:
        snapshot = shared_log().process_registry().snapshot()
    except LogUnavailable:
        snapshot = None
    reports = process_reports.read(snapshot.reports) if snapshot else []
    return make_dashboard(snapshot, reports, outbox_backlog(), now=now)


def _charts(now: datetime) -> dict[str, Chart]:
    try:
        registry = shared_log().process_registry()
        return make_charts(read_history(registry, now=now.timestamp()))
    except LogUnavailable:
        return make_charts(None)
