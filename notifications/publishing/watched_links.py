"""Links of watched objects: topics that change in the transaction amend its event."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from notifications.models import Event, now
from notifications.publishing import outbox
from notifications.publishing.relations import foreign_keys, may_share_objects
from notifications.publishing.watched import RAW, Watched


@dataclass(frozen=True, slots=True)
class LinkWatcher:
    """The receivers of the many-to-many links of a watched model."""

    watched: Watched

    def changed(
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
        if may_share_objects(model, self.watched.model):
            # After a clear, nobody says which objects were linked.
            keys = self._keys_of_transaction() if pk_set is None else {*pk_set}
        if isinstance(instance, self.watched.model):
            self._update([instance])
            keys.discard(self.watched.key_of(instance))
        elif may_share_objects(type(instance), self.watched.model):
            keys.add(instance.pk)
        self._update(self._load(keys))

    def row_saved(
        self, *, sender: type[models.Model], instance: Any, raw: bool, **signal: Any
    ) -> None:
        """Update the topics of the objects that a row of a `through` model links."""
        if not raw:
            keys = foreign_keys(sender, to=self.watched.model)
            self._update(self._load({getattr(instance, key) for key in keys}))

    def row_deleted(
        self, *, sender: type[models.Model], instance: Any, **signal: Any
    ) -> None:
        """Update the topics of the objects that a deleted row linked."""
        self.row_saved(sender=sender, instance=instance, raw=False)

    def _keys_of_transaction(self) -> set[Any]:
        """Return the keys of our objects that have an event of this transaction."""
        prefix = self.watched.source("")
        return {
            source.removeprefix(prefix)
            for source in outbox.sources_of_transaction()
            if source.startswith(prefix)
        }

    def _load(self, keys: set[Any]) -> list[Any]:
        to_python = self.watched.model._meta.pk.to_python
        wanted = [key for key in keys if self._may_change(to_python(key))]
        return list(self.watched.rows().filter(pk__in=wanted)) if wanted else []

    def _update(self, changed: Iterable[Any]) -> None:
        for each in changed:
            if self._may_change(self.watched.key_of(each)):
                with self.watched.refusing_invalid(each):
                    self._update_topics(each)

    def _may_change(self, key: object) -> bool:
        """Tell whether the links of an object may change what is recorded of it."""
        return self.watched.on_topic_added or (
            self.watched.source(key) in outbox.sources_of_transaction()
        )

    def _update_topics(self, instance: Any) -> None:
        source = self.watched.source_of(instance)
        if source in outbox.notes(RAW):
            return
        event = outbox.event_of_transaction(source)
        if self.watched.on_topic_added:
            self._record_added(instance, event)
        elif event is not None:
            self._amend(event, instance, self.watched.topics(instance), {})

    def _record_added(self, instance: Any, event: Event | None) -> None:
        """Record an event for the topics that no earlier event of an object has."""
        if event is None and not self.watched.meets_condition(instance):
            return
        source = self.watched.source_of(instance)
        already_told = self._already_told(source, other_than=event)
        new = [
            topic
            for topic in self.watched.topics(instance)
            if topic not in already_told
        ]
        if event is not None:
            self._amend(event, instance, new, already_told)
        # Objects without any event, such as imported ones, get none later.
        elif already_told and new:
            self.watched.record(instance, topics=new, already_told=already_told)

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
        payload = self.watched.event_type.validate(self.watched.payload(instance))
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
