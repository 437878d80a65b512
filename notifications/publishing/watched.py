"""What a `watch` call declares, and how an event about a watched object is recorded."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import models

from notifications import databases
from notifications.conf import conf
from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.lib.digests import digest
from notifications.models import Event
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType
from notifications.publishing.set_aside import refuse_event

# Notes the sources that the transaction saved raw, as `loaddata` does: changes of their
# many-to-many links record nothing.
RAW = "raw"


@dataclass(frozen=True, slots=True)
class Watched:
    """A watched model, with the functions of its `watch` call."""

    model: type[models.Model]
    event_type: EventType
    topics: Callable[[Any], Iterable[str]]
    payload: Callable[[Any], msgspec.Struct]
    actor: Callable[[Any], Any]
    actor_follows: Callable[[Any], str] | None
    on_topic_added: bool
    when: Callable[[Any], bool] | None

    def meets_condition(self, instance: Any) -> bool:
        """Tell whether `when` is true of an object, or is not given."""
        return self.when is None or bool(self.when(instance))

    def record(
        self,
        instance: Any,
        *,
        topics: Iterable[str],
        already_told: dict[str, datetime],
    ) -> None:
        """Record an event about an object."""
        outbox.record(
            self.event_type,
            topics=topics,
            payload=self.payload(instance),
            actor=self.actor(instance),
            source=self.source_of(instance),
            already_told=already_told,
        )

    @contextmanager
    def refusing_invalid(self, instance: Any) -> Iterator[None]:
        """Refuse an event that the block finds invalid, so that the save stands.

        Other errors of the site's functions are bugs and propagate.
        """
        try:
            with databases.atomic():
                yield
        except (InvalidPayload, InvalidTopic) as error:
            if conf.STRICT:
                raise
            source = self.source_of(instance)
            event = outbox.event_of_transaction(source)
            refuse_event(
                event or Event(type=self.event_type.name, source=source), error
            )

    def rows(self) -> models.QuerySet[Any]:
        """Return the objects in the database of the write path."""
        return self.model._base_manager.using(databases.write_alias())

    def key_of(self, instance: Any) -> Any:
        """Return the key of our model, which a child has besides its own."""
        key = getattr(instance, self.model._meta.pk.attname)
        # A new child of an existing object may have the link alone.
        return instance.pk if key is None else key

    def source(self, key: object) -> str:
        """Return the name of an object, given by key, as the source of events."""
        name = f"{self.event_type.name}:{self.model._meta.label_lower}:{key}"
        longest: Any = Event._meta.get_field("source").max_length
        if len(name) <= longest:
            return name
        # Keys may be long texts. Two that begin alike have different sources.
        end = digest(name)
        return f"{name[: longest - len(end)]}{end}"

    def source_of(self, instance: Any) -> str:
        """Return the name of an object as the source of events."""
        return self.source(self.key_of(instance))
