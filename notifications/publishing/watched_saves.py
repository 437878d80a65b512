"""Saves of watched objects: a new one, or one that now meets `when`, is an event."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from django.db.models.base import ModelState

from notifications import databases
from notifications.models import Event, Follow
from notifications.publishing import outbox
from notifications.publishing.relations import concrete
from notifications.publishing.watched import RAW, Watched


@dataclass(frozen=True, slots=True)
class SaveWatcher:
    """The receivers of the saves of a watched model."""

    watched: Watched
    # Whether the row of an object that is being saved meets the condition.
    _met_before: WeakKeyDictionary[ModelState, bool] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )

    def saving(self, *, instance: Any, raw: bool, using: str, **signal: Any) -> None:
        """Note whether the row of an object meets the condition before the save."""
        if raw or not self._may_have_row(instance):
            return
        stored = self._stored(instance, using)
        if stored is not None:
            self._met_before[instance._state] = self.watched.meets_condition(stored)

    def _may_have_row(self, instance: Any) -> bool:
        """Tell whether the row that an object has matters, and may exist."""
        adding = instance._state.adding
        if self.watched.key_of(instance) is None:
            return False
        if concrete(type(instance)) is not concrete(self.watched.model):
            return adding or self.watched.when is not None
        # As Django does, expect no row with a key that was made for a new object.
        return self.watched.when is not None and not (
            adding and self.watched.model._meta.pk.has_default()
        )

    def saved(
        self,
        *,
        instance: Any,
        created: bool,
        raw: bool,
        using: str,
        update_fields: Iterable[str] | None,
        **signal: Any,
    ) -> None:
        """Record the event of an object that was created, or that now meets `when`.

        A child may be created for an object that exists.
        """
        met_before = self._met_before.pop(instance._state, None)
        if raw:
            outbox.notes(RAW).add(self.watched.source_of(instance))
        elif self.watched.when is not None and not self._meets_now(
            instance, using, update_fields
        ):
            self._withdraw(instance)
        elif met_before is False:
            self._record_once(instance)
        elif created and met_before is None:
            self._record(instance)

    def _meets_now(
        self, instance: Any, using: str, update_fields: Iterable[str] | None
    ) -> bool:
        # With `update_fields`, the object may have values that were not saved.
        saved = instance if update_fields is None else self._stored(instance, using)
        return saved is not None and self.watched.meets_condition(saved)

    def _stored(self, instance: Any, using: str) -> Any:
        rows = self.watched.model._base_manager.using(using)
        return rows.filter(pk=self.watched.key_of(instance)).first()

    def _record(self, instance: Any) -> None:
        with self.watched.refusing_invalid(instance):
            self.watched.record(
                instance, topics=self.watched.topics(instance), already_told={}
            )
            self._follow(instance)

    def _record_once(self, instance: Any) -> None:
        """Record the event of an object unless it has one already."""
        with databases.atomic(savepoint=False):
            # Two transactions that save the object take turns, so that the second one
            # sees the event of the first.
            row = self.watched.rows().filter(pk=self.watched.key_of(instance))
            list(row.select_for_update().values_list("pk"))
            recorded = Event.objects.filter(source=self.watched.source_of(instance))
            if not recorded.filter(failure="").exists():
                self._record(instance)

    def _withdraw(self, instance: Any) -> None:
        """Delete the event of this transaction if the object no longer meets `when`."""
        event = outbox.event_of_transaction(self.watched.source_of(instance))
        if event is not None:
            event.delete()

    def _follow(self, instance: Any) -> None:
        """Let the actor follow a topic, but leave an existing follow or mute alone."""
        actor = self.watched.actor(instance)
        if self.watched.actor_follows is not None and actor is not None:
            topic = self.watched.actor_follows(instance)
            Follow.objects.get_or_create(user=actor, topic=topic)
