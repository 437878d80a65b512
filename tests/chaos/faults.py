"""What goes wrong during a run. Each fault lasts as long as its block, and is mended.

People act meanwhile: not `calm` means that they also change what they follow, whose
order with pending events nobody has promised while Redis is away.
"""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.chaos.failover import failed_over
from tests.chaos.scene import Scene
from tests.system.raw_requests import send_request
from tests.system.server import DEADLINE_SECONDS, wait_for

HOSTILE_CLIENTS = 5
HOSTILE_BYTES = 4_096
SLOW_SECONDS = 0.02


class Fault(NamedTuple):
    """A fault; `calm` if Redis is away during it.

    After a fault that `may_reset`, Redis may have lost what it had acknowledged, and
    streams may have to reload: it writes its file up to two seconds late when the disk
    is busy.
    """

    begin: Callable[[Scene], contextlib.AbstractContextManager[None]]
    calm: bool
    may_reset: bool = False

    @property
    def name(self) -> str:
        """What it is called in the output."""
        return self.begin.__name__.replace("_", " ")


@contextmanager
def killed_worker(scene: Scene) -> Iterator[None]:
    """Kill a web process without warning."""
    os.kill(scene.chance.choice(scene.site.workers()), signal.SIGKILL)
    yield
    _wait_for_workers(scene)


@contextmanager
def reloaded_server(scene: Scene) -> Iterator[None]:
    """Have gunicorn replace all its workers."""
    assert scene.site.process is not None
    before = {*scene.site.workers()}
    os.kill(scene.site.process.pid, signal.SIGHUP)
    yield
    wait_for(
        lambda: not before & {*scene.site.workers()},
        what="the old workers to end",
        seconds=DEADLINE_SECONDS * 2,
    )
    _wait_for_workers(scene)


@contextmanager
def killed_redis(scene: Scene) -> Iterator[None]:
    """Kill Redis, and start it again with what it wrote to its file."""
    assert scene.site.redis.pid is not None
    os.kill(scene.site.redis.pid, signal.SIGKILL)
    wait_for(lambda: scene.site.redis.pid is None, what="Redis to end")
    yield
    scene.site.redis.ensure_running(timeout=DEADLINE_SECONDS)


@contextmanager
def frozen_redis(scene: Scene) -> Iterator[None]:
    """Let Redis accept connections and answer nothing."""
    pid = scene.site.redis.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def half_open_redis(scene: Scene) -> Iterator[None]:
    """Lose every packet between the site and Redis."""
    scene.proxy.black_hole()
    yield
    scene.proxy.mend()


@contextmanager
def refused_redis(scene: Scene) -> Iterator[None]:
    """Close all connections to Redis, and refuse new ones."""
    scene.proxy.cut()
    yield
    scene.proxy.mend()


@contextmanager
def slow_redis(scene: Scene) -> Iterator[None]:
    """Delay all that passes between the site and Redis."""
    scene.proxy.delay(SLOW_SECONDS)
    yield
    scene.proxy.mend()


@contextmanager
def slow_readers(scene: Scene) -> Iterator[None]:
    """Let a quarter of the people's clients read nothing."""
    streams = scene.open_streams()
    slow = scene.chance.sample(streams, len(streams) // 4)
    scene.crowd.pause(*slow)
    yield
    scene.crowd.resume(*slow)


@contextmanager
def broken_connections(scene: Scene) -> Iterator[None]:
    """Break the connections of half of the people."""
    streams = scene.open_streams()
    for stream in scene.chance.sample(streams, len(streams) // 2):
        scene.crowd.break_off(stream)
    yield


@contextmanager
def hostile_replays(scene: Scene) -> Iterator[None]:
    """Let clients ask for everything from the start again and again, and hang up."""
    stopping = threading.Event()
    clients = [
        threading.Thread(target=_replay_until, args=(scene, stopping), daemon=True)
        for _ in range(HOSTILE_CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        stopping.set()
        for client in clients:
            client.join(DEADLINE_SECONDS)


@contextmanager
def sign_outs(scene: Scene) -> Iterator[None]:
    """Sign some people out, whose streams must end, and in again."""
    chosen = scene.chance.sample(list(scene.people.values()), 3)
    for member in chosen:
        scene.members.ask("POST", "/logout/", member)
    yield
    for member in chosen:
        ended = scene.streams[member.pk][-1]
        wait_for(lambda s=ended: s.refused, what="a stream to end at its sign-out")
        [again] = scene.members.sign_in([member.name])
        scene.people[member.pk] = again
        scene.streams[member.pk].append(
            scene.crowd.open(session=again.session, last_event_id=ended.last_event_id)
        )


# The faults, and whether Redis is away during them.
FAULTS = (
    Fault(killed_worker, calm=False),
    Fault(reloaded_server, calm=False),
    Fault(slow_readers, calm=False),
    Fault(broken_connections, calm=False),
    Fault(hostile_replays, calm=False),
    Fault(sign_outs, calm=False),
    Fault(killed_redis, calm=True, may_reset=True),
    Fault(failed_over, calm=True, may_reset=True),
    Fault(frozen_redis, calm=True),
    Fault(half_open_redis, calm=True),
    Fault(refused_redis, calm=True),
    Fault(slow_redis, calm=True),
)


def _wait_for_workers(scene: Scene) -> None:
    count = int(scene.site.environment["WEB_CONCURRENCY"])
    wait_for(
        lambda: len(scene.site.workers()) == count,
        what="the workers",
        seconds=DEADLINE_SECONDS * 2,
    )


def _replay_until(scene: Scene, stopping: threading.Event) -> None:
    line = f"GET /notifications/stream/?topic={scene.everybody}"
    while not stopping.is_set():
        with contextlib.suppress(OSError):
            sender: socket.socket = send_request(
                scene.site,
                line,
                seconds=DEADLINE_SECONDS,
                Accept="text/event-stream",
                Last_Event_ID=scene.first_cursor,
            )
            with sender:
                sender.recv(HOSTILE_BYTES)
