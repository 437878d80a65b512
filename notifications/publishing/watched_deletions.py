"""Deletions of watched objects: their events are retracted, all of a deletion together.

Django sends `pre_delete` for each object, deletes them all, and sends `post_delete` for
each. The first `post_delete` retracts the events of all of them, by a few queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from notifications.lib.batches import batches
from notifications.models import Event
from notifications.publishing import outbox
from notifications.publishing.retraction import retract_events
from notifications.publishing.watched import Watched

# How many objects are looked up in one query.
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class DeletionWatcher:
    """The receivers of the deletions of a watched model."""

    watched: Watched

    def deleting(self, *, instance: Any, **signal: Any) -> None:
        """Note an object that is about to be deleted."""
        deleting, done = self._notes()
        key = self.watched.key_of(instance)
        deleting.add(key)
        done.discard(key)

    def deleted(self, *, instance: Any, using: str, **signal: Any) -> None:
        """Retract the events of an object that was deleted, and of those with it."""
        deleting, done = self._notes()
        key = self.watched.key_of(instance)
        if key in done:
            done.remove(key)
            return
        others = deleting - {key}
        deleting.clear()
        gone = {key, *self._gone(others, using=using)}
        for keys in batches(gone, BATCH):
            sources = [self.watched.source(each) for each in keys]
            retract_events(Event.objects.filter(source__in=sources))
        done |= gone - {key}

    def _notes(self) -> tuple[set[Any], set[Any]]:
        """Return the keys that are being deleted, and those that are done already."""
        name = self.watched.source("")
        return outbox.notes(f"deleting {name}"), outbox.notes(f"done {name}")

    def _gone(self, keys: set[Any], *, using: str) -> Iterator[Any]:
        """Yield the keys without an object: some deletions begin and fail."""
        rows = self.watched.model._base_manager.using(using)
        for batch in batches(keys, BATCH):
            found = rows.filter(pk__in=batch).values_list("pk", flat=True)
            # A key that the site's code has set may be text, for example.
            existing = {*map(str, found)}
            yield from (each for each in batch if str(each) not in existing)
