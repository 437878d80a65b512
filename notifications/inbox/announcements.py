"""Announcements: messages to everyone, or to the followers of a topic.

They are recorded like any other event; nothing is sent from here.
"""

import re
from typing import Annotated, Any

import msgspec
from django.utils.translation import gettext_lazy as _

from notifications.inbox.recipients import recipients
from notifications.models import Event
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType

# In characters.
TITLE_LENGTH = 200
TEXT_LENGTH = 2_000
# An absolute URL, a path of this site, or nothing. //example.org would be another site.
# It ends with a lookahead, since clients read it in the JSON Schema: Python's $ also
# matches before a trailing newline, and other languages have no \Z.
URL_PATTERN = r"^(?:https?://\S+|/(?![/\\])\S*)?(?![\s\S])"


class Announcement(msgspec.Struct):
    """The payload of an announcement."""

    title: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=TITLE_LENGTH)]
    text: Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH)] = ""
    url: Annotated[str, msgspec.Meta(pattern=URL_PATTERN)] = ""


ANNOUNCEMENT = EventType("announcement", Announcement, label=_("Announcement"))


def announce(
    title: str,
    text: str = "",
    url: str = "",
    topic: str = EVERYONE,
    actor: Any = None,
    *,
    source: str = "",
) -> Event:
    """Notify everyone with an account, or the followers of a topic.

    `url` links to more information: an absolute URL, or a path of this site.
    `actor` is a user who is not notified. `source` names the object that caused the
    announcement, if any. Returns the event, which is relayed when the transaction
    commits. Raises InvalidPayload and InvalidTopic; nothing is recorded then.
    """
    return outbox.record(
        ANNOUNCEMENT,
        topics=[topic],
        payload=Announcement(title=title, text=text, url=url),
        actor=actor,
        source=source,
    )


def is_valid_url(url: str) -> bool:
    """Tell whether an announcement can have this `url`; an empty one is valid."""
    return re.search(URL_PATTERN, url) is not None


def count_recipients(topic: str = EVERYONE) -> int:
    """Return how many people an announcement to this topic would notify now."""
    return recipients([topic], event_type=ANNOUNCEMENT.name).count()
