"""The rights that the user of Redis needs, and a trial that shows which are missing."""

import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import redis

from notifications.exceptions import LogUnavailable
from notifications.log.client import RedisClient

# Each command, with arguments that do no harm. `{0}` stands for a key of the trial.
TRIAL: tuple[tuple[str, ...], ...] = (
    ("PING",),
    ("TIME",),
    ("INFO", "server"),
    ("EVAL", "return 1", "0"),
    ("SCAN", "0", "MATCH", "{0}", "COUNT", "1"),
    ("EXISTS", "{0}"),
    ("DEL", "{0}"),
    ("UNLINK", "{0}"),
    ("EXPIRE", "{0}", "1"),
    ("PEXPIRE", "{0}", "1"),
    ("GET", "{0}"),
    ("MGET", "{0}"),
    ("SET", "{0}", "", "PX", "1"),
    ("HDEL", "{0}:hash", "field"),
    ("HGET", "{0}:hash", "field"),
    ("HGETALL", "{0}:hash"),
    ("HLEN", "{0}:hash"),
    ("HMGET", "{0}:hash", "field"),
    ("HSCAN", "{0}:hash", "0", "COUNT", "1"),
    ("HSET", "{0}:hash", "field", ""),
    ("HVALS", "{0}:hash"),
    ("LPUSH", "{0}:list", "item"),
    ("LRANGE", "{0}:list", "0", "0"),
    ("LTRIM", "{0}:list", "0", "0"),
    ("SADD", "{0}:set", "member"),
    ("SMEMBERS", "{0}:set"),
    ("SREM", "{0}:set", "member"),
    ("XADD", "{0}:stream", "*", "field", ""),
    ("XLEN", "{0}:stream"),
    ("XRANGE", "{0}:stream", "-", "+", "COUNT", "1"),
    ("XREAD", "STREAMS", "{0}:stream", "0"),
    ("XREVRANGE", "{0}:stream", "+", "-", "COUNT", "1"),
    ("ZADD", "{0}:zset", "1", "member"),
    ("ZCARD", "{0}:zset"),
    ("ZRANGEBYSCORE", "{0}:zset", "1", "1"),
    ("ZREM", "{0}:zset", "member"),
    ("ZREMRANGEBYSCORE", "{0}:zset", "1", "1"),
    ("ZSCORE", "{0}:zset", "member"),
    ("DEL", "{0}:hash", "{0}:list", "{0}:stream"),
)
# Needed as well, and not tried: they would change what the connection is for.
UNTRIED = ("SUBSCRIBE", "UNSUBSCRIBE")
# Needed as well, to find the right node of a Cluster.
IN_A_CLUSTER = ("cluster|slots", "command")
# Needed as well, to read from a replica in a Cluster.
ON_REPLICAS_IN_A_CLUSTER = ("readonly",)
# All that is needed on a replica that is read and never becomes the primary.
ON_A_REPLICA = ("EVAL", "INFO", "XRANGE", "XREAD")
# How Redis refuses the keys of a command, in each of its versions.
KEYS_REFUSED = re.compile("one of the keys|access to the key|keys? .*access")


class Rights:
    """What the user of Redis may not do although the app needs it.

    `client` connects to Redis, and `prefix` is that of all keys.
    """

    def __init__(self, client: RedisClient, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        # Always the same: without the right to delete them, keys would pile up.
        self._key = f"{prefix}:trial:{secrets.token_hex(8)}"
        # What was missing the last time, and what to do; empty if nothing was.
        self.problem = ""
        # Whether to check again: other servers may know the user by other rights.
        self.is_due = True

    def check(self) -> None:
        """Try each command; raises LogUnavailable, which names those that are refused.

        It is due again until nothing is refused. A Redis that loads its data is there.
        """
        commands = [[word.format(self._key) for word in command] for command in TRIAL]
        try:
            replies = self._client.run_all([tuple(command) for command in commands])
        except LogUnavailable as error:
            if isinstance(error.__cause__, redis.BusyLoadingError):
                return
            raise
        pairs = zip(TRIAL, replies, strict=True)
        refused = sorted({_right(*each) for each in pairs if _is_refusal(each[1])})
        self.is_due = bool(refused)
        self.problem = self._advice(refused) if refused else ""
        if refused:
            raise LogUnavailable(self.problem)

    def _advice(self, refused: list[str]) -> str:
        named = " ".join(refused).format(self._prefix)
        return (
            f"the user of Redis lacks rights, see docs/redis.md: {named} "
            "(grant them by ACL SETUSER)"
        )


def _is_refusal(reply: Any) -> bool:
    return isinstance(reply, redis.exceptions.NoPermissionError)


def _right(command: tuple[str, ...], reply: Exception) -> str:
    """Return the rule of ACL SETUSER that would allow the command."""
    return "~{0}:*" if KEYS_REFUSED.search(str(reply)) else f"+{command[0].lower()}"


def rules(prefix: str, *, channels: Sequence[str] = ("sse",)) -> list[str]:
    """Return the rules of a user with exactly these rights, for ACL SETUSER."""
    commands = {*UNTRIED, *(command[0] for command in TRIAL)}
    return _rules(commands, prefix, channels)


def replica_rules(prefix: str) -> list[str]:
    """Return the rules of a user for a replica that never becomes the primary."""
    return _rules(ON_A_REPLICA, prefix, ())


def _rules(commands: Iterable[str], prefix: str, channels: Sequence[str]) -> list[str]:
    return [
        "-@all",
        *(f"+{command.lower()}" for command in sorted(commands)),
        "resetkeys",
        f"~{prefix}:*",
        "resetchannels",
        *(f"&{channel}" for channel in channels),
    ]
