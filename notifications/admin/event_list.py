"""The list of events: its pages, filters and search read a bounded number of rows.

All of them go by index, so that the list is as quick with a million events.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from notifications.inbox.recipients import count_recipients_of
from notifications.models import Event, EventTopic, load_actors, now
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.publishing.event_types import EventType

# The list has at most this many events; older ones are found by search.
MAX_EVENTS = 10_000


class EventList(ChangeList):
    """A page of the list, with the actors of its events and whom these notify."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        events = [*self.result_list]
        load_actors(events)
        counts = count_recipients_of(events)
        for event in events:
            vars(event)["notified_people"] = counts[event.pk]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of the newest MAX_EVENTS events, which are counted up to that number."""

    @cached_property
    def count(self) -> int:
        """The number of events in the list."""
        events: Any = self.object_list
        found: int = events.order_by()[:MAX_EVENTS].count()
        return found


class TypeFilter(admin.SimpleListFilter):
    """Selects the events of a type that is registered."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name) for name in sorted(EventType.registry)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Event]
    ) -> QuerySet[Event]:
        name = self.value()
        return queryset if name is None else queryset.filter(type=name)


class AgeFilter(admin.SimpleListFilter):
    """Selects events by their position in the log, which is a time."""

    title = _("age")
    parameter_name = "age"

    AGES = {
        "hour": (_("past hour"), timedelta(hours=1)),
        "day": (_("past day"), timedelta(days=1)),
        "week": (_("past 7 days"), timedelta(days=7)),
        "month": (_("past 30 days"), timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, label) for name, (label, _age) in self.AGES.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Event]
    ) -> QuerySet[Event]:
        name = self.value()
        if name not in self.AGES:
            return queryset
        since = Cursor(milliseconds(now() - self.AGES[name][1]), 0).position
        return queryset.filter(
            pk__in=_newest(Event.objects.filter(position__gte=since))
        )


def _newest(rows: QuerySet[Any], *, key: str = "pk") -> QuerySet[Any]:
    """Return the keys of the newest MAX_EVENTS events of rows, as a subquery."""
    return rows.order_by("-position").values(key)[:MAX_EVENTS]


def search_events(events: QuerySet[Event], term: str) -> QuerySet[Event]:
    """Return the events with this uid, or of this topic, type or actor.

    The term is the whole of it; an actor is given by the name they sign in with or by
    key. Of a topic, these are the newest MAX_EVENTS.
    """
    conditions = [*_conditions(term)]
    return events.filter(reduce(or_, conditions)) if conditions else events.none()


def _conditions(term: str) -> Iterator[Q]:
    # An OR of conditions that find nothing might use no index.
    with suppress(ValueError):
        yield Q(uid=UUID(term))
    addresses = EventTopic.objects.filter(topic=term)
    if addresses.exists():
        yield Q(pk__in=_newest(addresses, key="event"))
    if term in EventType.registry:
        yield Q(type=term)
    if keys := _users(term):
        yield Q(actor__in=keys)


def _users(term: str) -> list[Any]:
    """Return the keys of the users who have this key or sign in with this name."""
    model: Any = get_user_model()
    wanted = Q(**{model.USERNAME_FIELD: term})
    with suppress(ValidationError):
        wanted |= Q(pk=model._meta.pk.to_python(term))
    return list(model._base_manager.filter(wanted).values_list("pk", flat=True))
