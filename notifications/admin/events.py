"""The admin's lists of events, which are read-only, and of follows."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from notifications.admin.announcements import AnnouncementAdmin
from notifications.admin.event_list import (
    AgeFilter,
    BoundedPaginator,
    EventList,
    TypeFilter,
    search_events,
)
from notifications.admin.explanations import ExplanationAdmin
from notifications.admin.live import LiveAdmin
from notifications.admin.payloads import payload_html, title_of
from notifications.admin.retractions import RetractionAdmin
from notifications.inbox.recipients import COUNT_LIMIT
from notifications.models import Event, Follow
from notifications.monitoring.dashboard import format_number

STATES = {
    "pending": _("pending"),
    "relayed": _("relayed"),
    "set_aside": _("set aside"),
}


class StateFilter(admin.SimpleListFilter):
    """Selects events that are pending, relayed or set aside."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*STATES.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Event]
    ) -> QuerySet[Event]:
        if self.value() == "set_aside":
            return queryset.exclude(failure="")
        if self.value() == "pending":
            return queryset.filter(relayed=None, failure="")
        return queryset.filter(relayed__isnull=False) if self.value() else queryset


def _username_of(relation: str) -> str:
    """Return the lookup of the name that a related user signs in with."""
    model: Any = get_user_model()
    return f"{relation}__{model.USERNAME_FIELD}"


@admin.register(Event)
class EventAdmin(AnnouncementAdmin, ExplanationAdmin, LiveAdmin, RetractionAdmin):
    """Events, read-only: only the site's own code records them.

    They can be retracted, which is more than Django's deletion of the row.
    """

    list_display = [
        "title", "type", "caused_by", "notified", "created", "addressed_to", "state",
    ]  # fmt: skip
    # Each row takes a part of the query that counts whom the events notify.
    list_per_page = 50
    list_filter = [StateFilter, TypeFilter, AgeFilter]
    # Only shows the form; see `get_search_results`.
    search_fields = ["uid"]
    search_help_text = _("A uid, a topic, a type, or an actor's name or key, in full.")
    list_select_related = ["actor"]
    # The newest first, always: no other order has an index.
    sortable_by = ()
    paginator = BoundedPaginator
    show_full_result_count = False
    fields = [
        "uid", "type", "state", "addressed_to", "caused_by", "shown_payload",
        "source", "created", "relayed", "cursor", "failure",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).prefetch_related("addresses")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        term = search_term.strip()
        return (search_events(queryset, term) if term else queryset), False

    @admin.display(description=_("title"))
    def title(self, event: Event) -> str:
        """Return what the event is about."""
        return title_of(event)

    @admin.display(description=_("notified"))
    def notified(self, event: Event) -> str:
        """Return how many people the event notifies, up to a limit."""
        # Only the list has counted them.
        count = vars(event)["notified_people"]
        return format_number(count) + ("+" if count >= COUNT_LIMIT else "")

    @admin.display(description=_("payload"))
    def shown_payload(self, event: Event) -> str:
        """Return the event's own fields."""
        return payload_html(event.payload)

    @admin.display(description=_("actor"), ordering="actor", empty_value="-")
    def caused_by(self, event: Event) -> str | None:
        """Return the name of the user who caused the event, with a link to them."""
        actor = event.shown_actor
        return None if actor is None else self._user_link(event.actor_id, actor.name)

    def _user_link(self, key: Any, name: str) -> str:
        """Return a name as a link to the user's page, if the site has one."""
        opts = get_user_model()._meta
        view = f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_change"
        try:
            return format_html('<a href="{}">{}</a>', reverse(view, args=[key]), name)
        except NoReverseMatch:
            return name

    @admin.display(description=_("topics"))
    def addressed_to(self, event: Event) -> str:
        """Return the event's topics in one line."""
        return ", ".join(event.topics)

    @admin.display(description=_("state"), ordering="relayed")
    def state(self, event: Event) -> str:
        """Return whether the event is in the log, or why it cannot be."""
        if event.failure:
            return f"{STATES['set_aside']}: {event.failure}"
        return str(STATES["relayed" if event.relayed else "pending"])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Follow)
class FollowAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Follows: a person, a topic and a level."""

    list_display = ["user", "topic", "level", "created", "muted_until"]
    list_filter = ["level"]
    search_fields = ["topic"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        fields = super().get_search_fields(request)
        return [_username_of("user"), *fields]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if not change:
            kwargs["help_texts"] = {"topic": _("A kind and a key, for example user:7.")}
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # A follow of another person or topic is another follow.
        return ["user", "topic"] if obj else []
