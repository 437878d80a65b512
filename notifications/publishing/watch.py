"""Watched models: a save of an object is recorded as an event in the outbox."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import models, transaction
from django.db.models.signals import m2m_changed, post_save

from notifications.exceptions import AlreadyRegistered
from notifications.lib.call_site import call_site
from notifications.models import Event, Follow, now
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType

# Where `watch` was called for each model and name of an event type, as file:line.
_watched_at: dict[tuple[type[models.Model], str], str] = {}


def watch(
    model: type[models.Model],
    event_type: EventType,
    *,
    topics: Callable[[Any], Iterable[str]],
    payload: Callable[[Any], msgspec.Struct],
    actor: Callable[[Any], Any],
    actor_follows: Callable[[Any], str] | None = None,
) -> None:
    """Record an event whenever an object of a model is created.

    `topics`, `payload` and `actor` take the object and return the topics that the event
    is addressed to, its payload and the user who caused it. `actor_follows` returns a
    topic that this user follows from then on.

    Many-to-many links that are made in the transaction that creates the object belong
    to its event. Links that are made later record another event for the topics that
    they add; nobody is notified twice. Raw saves, as by `loaddata`, record nothing.
    Raises AlreadyRegistered if the model is watched for this event type already.
    """
    key = (model, event_type.name)
    here = call_site(frames_up=1)
    if key in _watched_at:
        what = f"watch({model.__name__}, {event_type.name})"
        raise AlreadyRegistered(what, first=_watched_at[key], second=here)
    watcher = Watcher(model, event_type, topics, payload, actor, actor_follows)
    post_save.connect(watcher.saved, sender=model, weak=False, dispatch_uid=key)
    for field in model._meta.many_to_many:
        through = field.remote_field.through
        m2m_changed.connect(
            watcher.links_changed, sender=through, weak=False, dispatch_uid=key
        )
    _watched_at[key] = here


@dataclass(frozen=True, slots=True)
class Watcher:
    """The signal receivers of one `watch` call."""

    model: type[models.Model]
    event_type: EventType
    topics: Callable[[Any], Iterable[str]]
    payload: Callable[[Any], msgspec.Struct]
    actor: Callable[[Any], Any]
    actor_follows: Callable[[Any], str] | None

    def saved(self, *, instance: Any, created: bool, raw: bool, **signal: Any) -> None:
        """Record the event of an object that was just created."""
        if raw:
            outbox.mark_raw(self._source(instance))
        elif created:
            with transaction.atomic():
                self._record(instance, topics=self.topics(instance), already_told={})
                self._follow(instance)

    def _follow(self, instance: Any) -> None:
        """Let the actor follow a topic, but leave an existing follow or mute alone."""
        actor = self.actor(instance)
        if self.actor_follows is not None and actor is not None:
            topic = self.actor_follows(instance)
            Follow.objects.get_or_create(user=actor, topic=topic)

    def links_changed(
        self, *, instance: Any, action: str, pk_set: set[Any] | None, **signal: Any
    ) -> None:
        """Update the topics of objects whose many-to-many links changed."""
        if action not in ("post_add", "post_remove", "post_clear"):
            return
        with transaction.atomic():
            for watched in self._watched_objects(instance, pk_set):
                self._update_topics(watched)

    def _watched_objects(self, instance: Any, pk_set: set[Any] | None) -> list[Any]:
        """Return the objects of our model, from whichever side the links changed."""
        if isinstance(instance, self.model):
            return [instance]
        return list(self.model._base_manager.filter(pk__in=pk_set or ()))

    def _update_topics(self, instance: Any) -> None:
        source = self._source(instance)
        if outbox.is_raw(source):
            return
        event = outbox.event_of_transaction(source)
        already_told = self._already_told(source, other_than=event)
        new = [topic for topic in self.topics(instance) if topic not in already_told]
        if event is not None:
            self._amend(event, instance, new, already_told)
        # Objects without any event, such as imported ones, are not announced later.
        elif already_told and new:
            self._record(instance, topics=new, already_told=already_told)

    def _amend(
        self,
        event: Event,
        instance: Any,
        topics: list[str],
        already_told: dict[str, datetime],
    ) -> None:
        """Bring an event of this transaction up to date with its object."""
        if already_told and not topics:
            event.delete()
            return
        payload = self.event_type.validate(self.payload(instance))
        outbox.amend(event, topics=topics, payload=payload, already_told=already_told)

    @staticmethod
    def _already_told(source: str, *, other_than: Event | None) -> dict[str, datetime]:
        """Return the topics of earlier events of a source, and when they were relayed.

        For a pending event it is the current time, which the relay corrects.
        """
        events = Event.objects.filter(source=source).order_by("pk")
        if other_than is not None:
            events = events.exclude(pk=other_than.pk)
        # Transactions that add topics at the same time take turns, so that the second
        # one sees the event of the first.
        list(events.select_for_update().values_list("pk"))
        already_told: dict[str, datetime] = {}
        for event in events.for_wire():
            for topic in event.topics:
                already_told.setdefault(topic, event.relayed or now())
        return already_told

    def _record(
        self,
        instance: Any,
        *,
        topics: Iterable[str],
        already_told: dict[str, datetime],
    ) -> None:
        outbox.record(
            self.event_type,
            topics=topics,
            payload=self.payload(instance),
            actor=self.actor(instance),
            source=self._source(instance),
            already_told=already_told,
        )

    def _source(self, instance: Any) -> str:
        label = self.model._meta.label_lower
        return f"{self.event_type.name}:{label}:{instance.pk}"
