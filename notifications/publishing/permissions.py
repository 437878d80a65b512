"""Changed permissions: streams end, and follows that are no longer allowed are deleted.

Nothing waits for the deletion: inboxes and streams ask AUTHORIZE themselves.
"""

import uuid
from typing import Any

from notifications import databases
from notifications.conf import conf
from notifications.lib.batches import batches
from notifications.models import Follow
from notifications.protocol import topics
from notifications.protocol.entries import EndEntry
from notifications.publishing import outbox
from notifications.publishing.control import end_streams

REASON = "permissions_changed"
# How many follows of a topic are looked at in one transaction.
BATCH_FOLLOWS = 500


def permissions_changed(user: Any = None, *, topic: str = "") -> None:
    """Tell the app that the permissions of a person, or to see a topic, have changed.

    Follows that AUTHORIZE refuses are deleted, which removes their events from the
    inbox; mutes stay. The streams of the person, or those of everyone that bring the
    topic, end; when they reconnect, what they may see is determined again.

    For a topic, the streams end by one entry in the log. Its followers are asked about
    in batches, each with a transaction of its own unless there is one already, and
    their follows are deleted without the signals of the rows. Raises InvalidTopic, and
    TypeError without a person or a topic, or with both.
    """
    if (user is None) == (not topic):
        raise TypeError("permissions_changed() takes either a user or topic=...")
    if topic:
        _topic_changed(topics.validate(topic))
    else:
        _user_changed(user)


def _user_changed(user: Any) -> None:
    with databases.atomic():
        for follow in Follow.objects.not_muted().filter(user=user):
            if not conf.AUTHORIZE(user, follow.topic):
                follow.delete()
        end_streams(user, REASON)


@databases.write_path()
def _topic_changed(topic: str) -> None:
    # First, so that the streams end however long the rest takes.
    entry = EndEntry(uid=str(uuid.uuid4()), user="", reason=REASON, topic=topic)
    outbox.record_control(entry)
    rows = Follow.objects.not_muted().filter(topic=topic).order_by("pk")
    followers = list(rows.values_list("pk", flat=True))
    for keys in batches(followers, BATCH_FOLLOWS):
        follows = Follow.objects.filter(pk__in=keys).not_muted()
        refused = [
            each.pk
            for each in follows.select_related("user")
            if not conf.AUTHORIZE(each.user, topic)
        ]
        # One control entry for each of them would push older entries out of the log.
        lost = Follow.objects.not_muted().filter(pk__in=refused)
        lost._raw_delete(databases.write_alias())
