"""Finds the Redis of a URL and returns a client of it, by redis-py's own means.

Sentinels and the nodes of a Cluster are asked for each new connection, so that one
after a fail-over leads to the new primary. What follows is the same for all.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import SSLConnection, parse_url
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from notifications.lib.redis_url import Host, Kind, RedisUrl

# What one server has and Sentinels have not, in the arguments of a client.
NOT_FOR_SENTINELS = ("connection_class", "db", "username", "password")


def connect(
    url: str, *, key: str, timeout: float, connect_timeout: float
) -> redis.Redis:
    """Return a client of the primary that has `key`; it connects when it is used.

    `timeout` is how long a reply to the client may take, and `connect_timeout` its
    connecting and each reply of Sentinels or nodes, both in seconds. Raises
    redis.RedisError if no primary is known, and ValueError for a URL that cannot be
    used.
    """
    found = RedisUrl.parse(url)
    options = _options(timeout, connect_timeout)
    if found.kind is Kind.SERVER:
        return redis.Redis.from_url(found.server, **options)
    find = _ask_sentinels if found.kind is Kind.SENTINEL else _ask_nodes
    host, port = find(found, key, connect_timeout)
    return redis.Redis.from_url(found.server, host=host, port=port, **options)


class Replica(NamedTuple):
    """A replica: its address for messages, and a client of it.

    A node of a Cluster has to be told first that it may reply to reads.
    """

    host: str
    client: redis.Redis
    is_in_cluster: bool


def reads_replicas(url: str) -> bool:
    """Tell whether a URL says that the log is read from replicas."""
    return RedisUrl.parse(url).readers is not None


def replicas(
    url: str, *, key: str, timeout: float, connect_timeout: float
) -> list[Replica]:
    """Return the replicas of the primary that has `key`; see `connect`.

    They may be down, or behind the primary. Raises as `connect` does.
    """
    found = RedisUrl.parse(url)
    hosts = found.readers or ()
    if found.kind is Kind.SENTINEL:
        hosts = _ask_for_replicas(found, connect_timeout)
    elif found.kind is Kind.CLUSTER:
        hosts = _ask_nodes_for_all(found, key, connect_timeout)[1:]
    options = _options(timeout, connect_timeout)
    return [
        Replica(
            f"{host}:{port}",
            redis.Redis.from_url(
                found.url_without_host, host=host, port=port, **options
            ),
            is_in_cluster=found.kind is Kind.CLUSTER,
        )
        for host, port in hosts
    ]


def _options(timeout: float, connect_timeout: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": connect_timeout,
        # A connection that Redis closed while it was idle is opened again, once. What
        # is sent twice because of that is a read; an append, which is deduplicated by
        # its uid; or a message to a channel, which may then come twice.
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    }


def _ask_for_replicas(url: RedisUrl, timeout: float) -> tuple[Host, ...]:
    with _sentinels(url, timeout) as sentinels:
        return tuple(sentinels.discover_slaves(url.service))


def _ask_sentinels(url: RedisUrl, key: str, timeout: float) -> Host:
    with _sentinels(url, timeout) as sentinels:
        try:
            host, port = sentinels.discover_master(url.service)
        except MasterNotFoundError as error:
            raise _plain(error, url.service) from error
        except redis.ResponseError as error:
            raise redis.ResponseError(f"Sentinel: {error}") from error
    return host, port


@contextmanager
def _sentinels(url: RedisUrl, timeout: float) -> Iterator[Any]:
    arguments = parse_url(url.server)  # type: ignore[no-untyped-call]
    secure = arguments.get("connection_class") is SSLConnection
    for name in NOT_FOR_SENTINELS:
        arguments.pop(name, None)
    if secure:
        arguments["ssl"] = True
    with Sentinel(  # type: ignore[no-untyped-call]
        url.hosts,
        sentinel_kwargs={
            **arguments,
            "username": url.sentinel_username,
            "password": url.sentinel_password,
            **_timeouts(timeout),
            # The next Sentinel is asked instead.
            "retry": Retry(NoBackoff(), 0),
        },
    ) as sentinels:
        yield sentinels


def _plain(error: MasterNotFoundError, service: str) -> MasterNotFoundError:
    """Return the error without the arguments of each client, which it names."""
    reasons = sorted({*re.findall(r" - (?:\w+:)?(\w+)", str(error))})
    return MasterNotFoundError(f"No master found for {service!r}: {reasons}")


def _ask_nodes(url: RedisUrl, key: str, timeout: float) -> Host:
    return _ask_nodes_for_all(url, key, timeout)[0]


def _ask_nodes_for_all(url: RedisUrl, key: str, timeout: float) -> tuple[Host, ...]:
    """Return the primary of a key, and then its replicas."""
    # As one of the URL's, redis-py takes its other parts for all nodes.
    (host, port), *others = url.hosts
    nodes = [ClusterNode(*each) for each in others]  # type: ignore[no-untyped-call]
    try:
        cluster = RedisCluster.from_url(
            url.server,
            host=host,
            port=port,
            startup_nodes=nodes,
            # The log needs one slot.
            require_full_coverage=False,
            **_timeouts(timeout),
        )
        try:
            primary = cluster.get_node_from_key(key)  # type: ignore[no-untyped-call]
            slot = cluster.keyslot(key)  # type: ignore[no-untyped-call]
            serving = cluster.nodes_manager.slots_cache[slot]
        finally:
            cluster.close()
    except RedisClusterException as error:
        # It is not a RedisError.
        raise redis.ConnectionError(str(error)) from error
    found = [primary, *(each for each in serving if each != primary)]
    return tuple((each.host, each.port) for each in found)


def _timeouts(seconds: float) -> dict[str, float]:
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds}
