"""Messages on Redis pub/sub channels."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import redis

from notifications.conf import conf
from notifications.log.client import RedisClient
from notifications.log.failures import unavailable


class Message(NamedTuple):
    """A message on a pub/sub channel."""

    channel: str
    body: bytes


def subscribe(
    client: RedisClient, channels: Sequence[str], *, seconds: float
) -> Iterator[Message | None]:
    """Yield messages as `Log.subscribe` does, on a connection of its own."""
    timeout = seconds + conf.LOG_READ_GRACE
    try:
        with (
            closing(client.connect(timeout=timeout)) as connected,
            redis.client.PubSub(
                connected.connection_pool, ignore_subscribe_messages=True
            ) as pubsub,
        ):
            pubsub.subscribe(*channels)
            while True:
                found = pubsub.get_message(timeout=seconds)
                yield found and Message(found["channel"].decode(), found["data"])
    except (redis.RedisError, OSError) as error:
        raise unavailable(error) from error
