"""The topics of events, as rows, so that an inbox finds its events by index."""

from django.db import models

from notifications.protocol import topics


class EventTopic(models.Model):
    """A topic of an event.

    Without `already_told`, the event is addressed to the topic. With it, an earlier
    event about the same object was addressed to the topic and was relayed at that
    time: people who followed the topic by then are not notified again.
    """

    event = models.ForeignKey(
        "notifications.Event", on_delete=models.CASCADE, related_name="addresses"
    )
    topic = models.CharField(max_length=topics.MAX_LENGTH)
    already_told = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "topic"], name="notifications_eventtopic_once"
            )
        ]
        indexes = [
            models.Index(fields=["topic", "event"], name="notifications_by_topic")
        ]

    def __str__(self) -> str:
        return self.topic
