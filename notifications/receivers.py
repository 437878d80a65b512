"""Model signals in, recorded events out: `watch` a model."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import models, transaction
from django.db.models.signals import m2m_changed, post_save

from notifications import outbox
from notifications.events import EventType
from notifications.models import Event, Follow, now


def watch(
    model: type[models.Model],
    event_type: EventType,
    *,
    topics: Callable[[Any], Iterable[str]],
    payload: Callable[[Any], msgspec.Struct],
    actor: Callable[[Any], Any],
    actor_follows: Callable[[Any], str] | None = None,
) -> None:
    """Record an event whenever an object of this model is created.

    `topics`, `payload` and `actor` take the object and return whom the event is for,
    what it says and the user who did it. `actor_follows` returns a topic that this
    user follows from then on. Many-to-many fields count: what is linked in the
    transaction that created the object belongs to the one event, and a link made
    later tells those whom that adds, and nobody twice. Raw saves record nothing.
    """
    watcher = Watcher(model, event_type, topics, payload, actor, actor_follows)
    uid = (model, event_type.name)
    post_save.connect(watcher.saved, sender=model, weak=False, dispatch_uid=uid)
    for field in model._meta.many_to_many:
        through = field.remote_field.through
        m2m_changed.connect(
            watcher.linked, sender=through, weak=False, dispatch_uid=uid
        )


@dataclass(frozen=True, slots=True)
class Watcher:
    """One `watch` call: what to record about the objects of a model."""

    model: type[models.Model]
    event_type: EventType
    topics: Callable[[Any], Iterable[str]]
    payload: Callable[[Any], msgspec.Struct]
    actor: Callable[[Any], Any]
    actor_follows: Callable[[Any], str] | None

    def saved(self, *, instance: Any, created: bool, raw: bool, **signal: Any) -> None:
        """Record the event of an object that was just created."""
        if raw or not created:
            return
        with transaction.atomic():
            self._record(instance)
            if self.actor_follows is not None:
                # Who follows it at some level already, or has it muted, keeps that.
                Follow.objects.get_or_create(
                    user=self.actor(instance), topic=self.actor_follows(instance)
                )

    def linked(
        self, *, instance: Any, action: str, pk_set: set[Any] | None, **signal: Any
    ) -> None:
        """Address the events of the objects whose many-to-many links changed."""
        if action not in ("post_add", "post_remove", "post_clear"):
            return
        with transaction.atomic():
            for each in self._objects(instance, pk_set):
                self._readdress(each)

    def _objects(self, instance: Any, pk_set: set[Any] | None) -> list[Any]:
        """Return our side of the links, whichever side they were changed from."""
        if isinstance(instance, self.model):
            return [instance]
        return list(self.model._default_manager.filter(pk__in=pk_set or ()))

    def _readdress(self, instance: Any) -> None:
        event = outbox.open_event(self._source(instance))
        if event is None:
            self._tell_added(instance)
            return
        payload = self.event_type.validate(self.payload(instance))
        outbox.amend(event, topics=self.topics(instance), payload=payload)

    def _tell_added(self, instance: Any) -> None:
        """Record a further event for topics that no earlier one was addressed to."""
        earlier = Event.objects.filter(source=self._source(instance)).for_wire()
        told: dict[str, datetime] = {}
        for event in earlier.order_by("pk"):
            for topic in event.topics:
                told.setdefault(topic, event.relayed or now())
        added = [topic for topic in self.topics(instance) if topic not in told]
        # Without a first event its creation was never told, as after an import.
        if told and added:
            self._record(instance, topics=added, told=told)

    def _record(
        self,
        instance: Any,
        *,
        topics: Iterable[str] | None = None,
        told: dict[str, datetime] | None = None,
    ) -> None:
        outbox.record(
            self.event_type,
            topics=self.topics(instance) if topics is None else topics,
            payload=self.payload(instance),
            actor=self.actor(instance),
            source=self._source(instance),
            told=told,
        )

    def _source(self, instance: Any) -> str:
        label = self.model._meta.label_lower
        return f"{self.event_type.name}:{label}:{instance.pk}"
