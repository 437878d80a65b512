"""Publishes messages to Redis pub/sub channels, also outside of Django."""

from functools import cache

import redis

from notifications.log import locations
from notifications.log.failures import unavailable

TIMEOUT_SECONDS = 2.0


def publish_message(url: str, channel: str, body: bytes) -> int:
    """Publish a message; return how many subscribers it reached.

    `url` is that of Redis. Raises LogUnavailable.
    """
    try:
        found: int = _client(url).publish(channel, body)
    except (redis.RedisError, OSError) as error:
        # Another server may be the primary by now.
        _client.cache_clear()
        raise unavailable(error) from error
    return found


@cache
def _client(url: str) -> redis.Redis:
    # It opens connections when they are needed, and again in a process that was forked.
    return locations.connect(
        url,
        # Every node of a Cluster passes messages on.
        key="",
        timeout=TIMEOUT_SECONDS,
        connect_timeout=TIMEOUT_SECONDS,
    )
