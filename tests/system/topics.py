"""Topics that no other test uses, and the paths of streams that request them."""

import uuid
from collections.abc import Iterable
from urllib.parse import urlencode

from tests.system.crowd import STREAM


def new_names(count: int, *, prefix: str = "") -> list[str]:
    """Return this many names that no other test uses."""
    name = uuid.uuid4().hex[:8]
    return [f"{prefix}{name}-{number}" for number in range(count)]


def new_topics(count: int) -> list[str]:
    """Return this many topics that no other test uses."""
    return [f"topic:{name}" for name in new_names(count)]


def asking(topics: Iterable[str], **parameters: str) -> str:
    """Return the path of a stream that requests these topics."""
    query = [("topic", topic) for topic in sorted(topics)]
    return f"{STREAM}?{urlencode([*query, *parameters.items()])}"
