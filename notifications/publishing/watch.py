"""Model signals in, recorded events out: `watch` a model."""

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

# Where each model is watched for each event type, as file:line.
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
    """Record an event whenever an object of this model is created.

    `topics`, `payload` and `actor` take the object and return whom the event is for,
    what it says and the user who did it. `actor_follows` returns a topic that this
    user follows from then on. Many-to-many fields count: what is linked in the
    transaction that created the object belongs to the one event, and a link made
    later tells those whom that adds, and nobody twice. Raw saves record nothing.
    Raises AlreadyRegistered when this model is watched for this type already.
    """
    watcher = Watcher(model, event_type, topics, payload, actor, actor_follows)
    uid = (model, event_type.name)
    here = call_site(frames_up=1)
    first = _watched_at.setdefault(uid, here)
    if first is not here:
        raise AlreadyRegistered(
            f"watch({model.__name__}, {event_type.name})", first=first, second=here
        )
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
        if raw:
            outbox.note_raw(self._source(instance))
        elif created:
            with transaction.atomic():
                self._record(instance, topics=self.topics(instance), already_told={})
                self._follow(instance)

    def _follow(self, instance: Any) -> None:
        """Let the actor follow; who does at some level, or muted it, keeps that."""
        actor = self.actor(instance)
        if self.actor_follows is not None and actor is not None:
            topic = self.actor_follows(instance)
            Follow.objects.get_or_create(user=actor, topic=topic)

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
        return list(self.model._base_manager.filter(pk__in=pk_set or ()))

    def _readdress(self, instance: Any) -> None:
        source = self._source(instance)
        if outbox.is_raw(source):
            return
        event = outbox.open_event(source)
        already_told = self._already_told(source, apart_from=event)
        due = [topic for topic in self.topics(instance) if topic not in already_told]
        if event is not None:
            self._amend(event, instance, due, already_told)
        # Without a first event its creation was never told, as after an import.
        elif already_told and due:
            self._record(instance, topics=due, already_told=already_told)

    def _amend(
        self,
        event: Event,
        instance: Any,
        due: list[str],
        already_told: dict[str, datetime],
    ) -> None:
        """Let an event of this transaction say what has become of it."""
        if already_told and not due:
            event.delete()
            return
        payload = self.event_type.validate(self.payload(instance))
        outbox.amend(event, topics=due, payload=payload, already_told=already_told)

    @staticmethod
    def _already_told(source: str, *, apart_from: Event | None) -> dict[str, datetime]:
        """Return the topics that earlier events were addressed to, and when."""
        events = Event.objects.filter(source=source).order_by("pk")
        if apart_from is not None:
            events = events.exclude(pk=apart_from.pk)
        # Two that add topics at once take turns, so that the second sees the first's.
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
