"""Announcements: what those who run a site tell everybody, or who follows a topic."""

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
# An address of the web or of this site, or none; //example.org would be another site.
# The end is written as in any language of patterns: Python's $ lets a line end follow.
URL = r"^(?:https?://\S+|/(?![/\\])\S*)?(?![\s\S])"


class Announcement(msgspec.Struct):
    """What people are told by an announcement."""

    title: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=TITLE_LENGTH)]
    text: Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH)] = ""
    url: Annotated[str, msgspec.Meta(pattern=URL)] = ""


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
    """Tell everybody who has an account something, or who follows a topic.

    `url` is where to read more: an address of the web, or of this site from / on.
    `actor` is a user who is not told; `source` names what it came from, if anything
    did. Returns the event, which is relayed once the transaction commits. Raises
    InvalidPayload and InvalidTopic; nobody is told then.
    """
    return outbox.record(
        ANNOUNCEMENT,
        topics=[topic],
        payload=Announcement(title=title, text=text, url=url),
        actor=actor,
        source=source,
    )


def is_address(url: str) -> bool:
    """Tell whether a text can be the `url` of an announcement, as can an empty one."""
    return re.search(URL, url) is not None


def reach(topic: str = EVERYONE) -> int:
    """Return how many people an announcement to a topic would be told to now."""
    return recipients([topic], event_type=ANNOUNCEMENT.name).count()
