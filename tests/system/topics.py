"""Topics that nobody else uses, and the paths of streams that ask for them."""

import uuid
from collections.abc import Iterable
from urllib.parse import urlencode

from tests.system.crowd import STREAM


def new_names(count: int, *, prefix: str = "") -> list[str]:
    """Return so many names that no other test uses."""
    name = uuid.uuid4().hex[:8]
    return [f"{prefix}{name}-{number}" for number in range(count)]


def new_topics(count: int) -> list[str]:
    """Return so many topics that no other test uses."""
    return [f"topic:{name}" for name in new_names(count)]


def asking(topics: Iterable[str], **parameters: str) -> str:
    """Return the path of a stream that names these topics in its query."""
    query = [("topic", topic) for topic in sorted(topics)]
    return f"{STREAM}?{urlencode([*query, *parameters.items()])}"
