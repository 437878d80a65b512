"""The receivers of a watched model: they turn a signal into an event of the outbox."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from django.db import models, transaction
from django.db.models.base import ModelState

from notifications.conf import conf
from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.models import Event, Follow, now
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType
from notifications.publishing.relations import foreign_keys, may_share_objects
from notifications.publishing.retraction import retract_events
from notifications.publishing.set_aside import refuse_event


@dataclass(frozen=True, slots=True)
class Watcher:
    """The signal receivers of one `watch` call."""

    model: type[models.Model]
    event_type: EventType
    topics: Callable[[Any], Iterable[str]]
    payload: Callable[[Any], msgspec.Struct]
    actor: Callable[[Any], Any]
    actor_follows: Callable[[Any], str] | None
    on_topic_added: bool
    when: Callable[[Any], bool] | None
    # Of objects that are being saved: whether `when` was true of them until now.
    _true_before: WeakKeyDictionary[ModelState, bool] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )

    def saving(self, *, instance: Any, raw: bool, **signal: Any) -> None:
        """Note whether `when` is true of an object as it is in the database."""
        if raw or self._has_new_key(instance):
            return
        stored = self._stored(instance)
        was_true = stored is not None and self._is_true(stored)
        self._true_before[instance._state] = was_true

    def _has_new_key(self, instance: Any) -> bool:
        # As Django does, expect no row with a key that was made for a new object.
        made = instance._state.adding and self.model._meta.pk.has_default()
        return instance.pk is None or made

    def saved(
        self,
        *,
        instance: Any,
        created: bool,
        raw: bool,
        update_fields: Iterable[str] | None,
        **signal: Any,
    ) -> None:
        """Record the event of an object that was created or has become true."""
        if raw:
            outbox.mark_raw(self._source(instance.pk))
        elif self.when is None:
            if created:
                self._announce(instance)
        elif not self._is_true_now(instance, update_fields):
            self._withdraw(instance)
        elif created:
            self._announce(instance)
        elif not self._true_before.pop(instance._state, False):
            self._announce_once(instance)

    def _is_true_now(self, instance: Any, update_fields: Iterable[str] | None) -> bool:
        # With `update_fields`, the object may have values that were not saved.
        saved = instance if update_fields is None else self._stored(instance)
        return saved is not None and self._is_true(saved)

    def _is_true(self, instance: Any) -> bool:
        return self.when is None or bool(self.when(instance))

    def _stored(self, instance: Any) -> Any:
        return self.model._base_manager.filter(pk=instance.pk).first()

    def _announce(self, instance: Any) -> None:
        with self._or_refused(instance):
            self._record(instance, topics=self.topics(instance), already_told={})
            self._follow(instance)

    def _announce_once(self, instance: Any) -> None:
        """Record the event of an object unless it has one already."""
        with transaction.atomic(savepoint=False):
            # Two transactions that save the object take turns, so that the second one
            # sees the event of the first.
            row = self.model._base_manager.filter(pk=instance.pk)
            list(row.select_for_update().values_list("pk"))
            recorded = Event.objects.filter(source=self._source(instance.pk))
            if not recorded.filter(failure="").exists():
                self._announce(instance)

    def _withdraw(self, instance: Any) -> None:
        """Delete the event of this transaction about an object that is true no more."""
        event = outbox.event_of_transaction(self._source(instance.pk))
        if event is not None:
            event.delete()

    def _follow(self, instance: Any) -> None:
        """Let the actor follow a topic, but leave an existing follow or mute alone."""
        actor = self.actor(instance)
        if self.actor_follows is not None and actor is not None:
            topic = self.actor_follows(instance)
            Follow.objects.get_or_create(user=actor, topic=topic)

    def deleted(self, *, instance: Any, **signal: Any) -> None:
        """Retract the events of an object that was just deleted."""
        source = self._source(instance.pk)
        retract_events(Event.objects.filter(source=source))

    def links_changed(
        self,
        *,
        instance: Any,
        action: str,
        model: type[models.Model],
        pk_set: set[Any] | None,
        **signal: Any,
    ) -> None:
        """Update the topics of objects whose many-to-many links changed.

        Either side may be ours, or both: `instance`, and the objects of `model` that
        it was linked to or is no longer linked to.
        """
        if action not in ("post_add", "post_remove", "post_clear"):
            return
        keys: set[Any] = set()
        if may_share_objects(model, self.model):
            # After a clear, nobody says which objects were linked.
            keys = self._keys_of_transaction() if pk_set is None else {*pk_set}
        if isinstance(instance, self.model):
            self._update([instance])
            keys.discard(instance.pk)
        elif may_share_objects(type(instance), self.model):
            keys.add(instance.pk)
        self._update(self._load(keys))

    def link_saved(
        self, *, sender: type[models.Model], instance: Any, raw: bool, **signal: Any
    ) -> None:
        """Update the topics of the objects that a row of a `through` model links."""
        if not raw:
            keys = foreign_keys(sender, to=self.model)
            self._update(self._load({getattr(instance, key) for key in keys}))

    def link_deleted(
        self, *, sender: type[models.Model], instance: Any, **signal: Any
    ) -> None:
        """Update the topics of the objects that a deleted row linked."""
        self.link_saved(sender=sender, instance=instance, raw=False)

    def _keys_of_transaction(self) -> set[Any]:
        """Return the keys of our objects that have an event of this transaction."""
        prefix = self._source("")
        return {
            source.removeprefix(prefix)
            for source in outbox.sources_of_transaction()
            if source.startswith(prefix)
        }

    def _load(self, keys: set[Any]) -> list[Any]:
        to_python = self.model._meta.pk.to_python
        wanted = [key for key in keys if self._may_change(to_python(key))]
        return list(self.model._base_manager.filter(pk__in=wanted)) if wanted else []

    def _update(self, changed: Iterable[Any]) -> None:
        for each in changed:
            if self._may_change(each.pk):
                with self._or_refused(each):
                    self._update_topics(each)

    def _may_change(self, key: object) -> bool:
        """Tell whether the links of an object may change what is recorded of it."""
        return self.on_topic_added or (
            self._source(key) in outbox.sources_of_transaction()
        )

    def _update_topics(self, instance: Any) -> None:
        source = self._source(instance.pk)
        if outbox.is_raw(source):
            return
        event = outbox.event_of_transaction(source)
        if self.on_topic_added:
            self._tell_added(instance, event)
        elif event is not None:
            self._amend(event, instance, self.topics(instance), {})

    def _tell_added(self, instance: Any, event: Event | None) -> None:
        """Address the topics that no earlier event of an object was addressed to."""
        if event is None and not self._is_true(instance):
            return
        source = self._source(instance.pk)
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
        topics: Iterable[str],
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
        events = Event.objects.filter(source=source, failure="").order_by("pk")
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
            source=self._source(instance.pk),
            already_told=already_told,
        )

    @contextmanager
    def _or_refused(self, instance: Any) -> Iterator[None]:
        """Refuse what is invalid about an event, so that the save stands.

        Other errors of the site's functions are bugs and propagate.
        """
        try:
            with transaction.atomic():
                yield
        except (InvalidPayload, InvalidTopic) as error:
            if conf.STRICT:
                raise
            source = self._source(instance.pk)
            event = outbox.event_of_transaction(source)
            refuse_event(
                event or Event(type=self.event_type.name, source=source), error
            )

    def _source(self, key: object) -> str:
        return f"{self.event_type.name}:{self.model._meta.label_lower}:{key}"
