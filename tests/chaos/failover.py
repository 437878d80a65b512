"""A fail-over of Redis: a replica takes over that lacks what was acknowledged last."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.chaos.scene import Scene
from tests.own_redis import OwnRedis, own_redis
from tests.system.crowd import wait_until_live
from tests.system.faults import RESET
from tests.system.proxy import Proxy
from tests.system.server import DEADLINE_SECONDS, wait_for


@contextmanager
def failed_over(scene: Scene) -> Iterator[None]:
    """Lose the primary and what its replica lacks; come back in the same way."""
    with own_redis() as replica:
        _copy(scene.site.redis, replica)
        _lose_the_end(scene, replica)
        yield
        _copy(replica, scene.site.redis)
        _lose_the_end(scene, scene.site.redis)


def _copy(primary: OwnRedis, replica: OwnRedis) -> None:
    """Replicate all that there is now, and nothing that comes later."""
    with (
        # Redis replicates over TCP, and these listen on Unix sockets.
        Proxy(primary.socket) as proxy,
        redis.Redis.from_url(replica.url) as client,
    ):
        client.replicaof("127.0.0.1", proxy.port)
        wait_for(
            lambda: client.info("replication")["master_link_status"] == "up",
            what="the replica to be complete",
            seconds=DEADLINE_SECONDS * 2,
        )


def _lose_the_end(scene: Scene, replica: OwnRedis) -> None:
    """Let events be acknowledged that the replica lacks, and promote it.

    Returns once all streams were told: the reset stands for events from before it.
    """
    streams = [*scene.open_streams(), *scene.listeners]
    resets = {each: len(each.named(RESET)) for each in streams}
    scene.ask_everybody()
    _promote(scene, replica)
    wait_for(
        lambda: all(len(each.named(RESET)) > n for each, n in resets.items()),
        what="a reset on each stream",
        seconds=DEADLINE_SECONDS * 2,
    )
    wait_until_live(streams)


def _promote(scene: Scene, replica: OwnRedis) -> None:
    """Let the replica be the primary, and lead the site there."""
    with redis.Redis.from_url(replica.url) as client:
        client.replicaof("NO", "ONE")
    scene.proxy.retarget(replica.socket)
    for link in scene.proxy.links():
        link.cut()
