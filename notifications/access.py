"""Who may follow and stream a topic, unless the site has its own AUTHORIZE."""

from typing import Any

from notifications.events import Followable
from notifications.topics import parse_selector


def public_topics(user: Any, topic: str) -> bool:
    """Allow everybody the topics of kinds that a site declared public."""
    found = Followable.registry.get(parse_selector(topic).kind)
    return found is not None and found.public
