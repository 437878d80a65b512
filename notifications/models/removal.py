"""Removes rows of events and what refers to them, in statements for many at once."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models.signals import post_delete, pre_delete

from notifications.models.event_topics import EventTopic
from notifications.models.events import Event


def remove_events(keys: Sequence[int], *, using: str) -> None:
    """Delete the events with these primary keys, and their topics.

    Django's own `delete` reads all rows first, and deletes a hundred at a time. It is
    used only where a site needs it: for signals of the rows, or other models that refer
    to events.
    """
    events = Event.objects.using(using).filter(pk__in=keys)
    if _needs_collector():
        events.delete()
        return
    with transaction.atomic(using=using):
        topics = EventTopic.objects.using(using).filter(event__in=keys)
        topics._raw_delete(using)
        events._raw_delete(using)


def _needs_collector() -> bool:
    return _has_other_relations() or any(
        signal.has_listeners(model)
        for signal in (pre_delete, post_delete)
        for model in (Event, EventTopic)
    )


def _has_other_relations() -> bool:
    """Tell whether models of the site refer to events, also hidden ones."""
    return any(
        field.related_model is not EventTopic
        for model in (Event, EventTopic)
        for field in model._meta.get_fields(include_hidden=True)
        if field.auto_created and not field.concrete
    )
