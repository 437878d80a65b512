"""What a site may hang into the settings of the app, for tests."""

from typing import Any

PRIVATE = "private-"


def members_only(user: Any, topic: str) -> bool:
    """Allow topics, and private ones to the group that has the name of the topic."""
    _, _, key = topic.partition(":")
    if key.startswith(PRIVATE):
        return bool(user.groups.filter(name=topic).exists())
    return key != "*"
