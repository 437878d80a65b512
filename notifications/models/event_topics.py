"""The topics of events, as rows, so that an inbox finds its events by index."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models

from notifications.protocol import topics


class EventTopicQuerySet(models.QuerySet["EventTopic"]):
    """Topics of events."""

    def address(
        self, event: Any, names: Iterable[str], already_told: Mapping[str, datetime]
    ) -> None:
        """Address an event to topics; `already_told` has those of earlier events."""
        times: dict[str, datetime | None] = {**dict.fromkeys(names), **already_told}
        self.bulk_create(
            EventTopic(
                event=event, topic=topic, already_told=time, position=event.position
            )
            for topic, time in times.items()
        )

    def fill_positions(self, *, limit: int) -> int:
        """Copy the position of their event to topics without one; return how many.

        A process of a version without positions writes such rows for as long as it
        runs after the migration.
        """
        missing = self.filter(position=0)
        if not missing.exists():
            return 0
        events = self.model._meta.get_field("event").related_model
        event = events._default_manager.filter(pk=models.OuterRef("event"))
        batch = missing.filter(
            pk__in=list(missing.values_list("pk", flat=True)[:limit])
        )
        return batch.update(position=models.Subquery(event.values("position")))


class EventTopic(models.Model):
    """A topic of an event.

    Without `already_told`, the event is addressed to the topic. With it, an earlier
    event about the same object was addressed to the topic and was relayed at that
    time: people who followed the topic by then are not notified again.
    """

    event = models.ForeignKey(
        "notifications.Event",
        on_delete=models.CASCADE,
        related_name="addresses",
        # The unique constraint begins with it, so its index is enough.
        db_index=False,
    )
    topic = models.CharField(max_length=topics.MAX_LENGTH)
    already_told = models.DateTimeField(null=True, db_column="told")
    # The position of the event, by which the newest events of a topic are found.
    position = models.BigIntegerField(db_default=0)

    objects = EventTopicQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "topic"], name="notifications_eventtopic_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["topic", "position"], name="notifications_topic_position"
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(position=0),
                name="notifications_topic_unplaced",
            ),
        ]

    def __str__(self) -> str:
        return self.topic
