"""A server from PyPI, with its own virtual environment and Redis."""

import shutil
from collections.abc import Sequence
from functools import cached_property

import redis

from bench import processes
from bench.events import Event
from bench.machine import Cores
from bench.processes import VAR, Missing
from bench.servers.base import Server
from project.redis_server import RedisServer


class Peer(Server):
    """A Python server that gets its events from a Redis channel."""

    # The Redis channel that it subscribes to.
    channel = ""

    def __init__(self, cores: Cores, *, label: str = "") -> None:
        super().__init__(cores, label=label)
        self.redis = RedisServer(self.folder)

    def start(self) -> None:
        python = VAR / "envs" / self.name / "bin" / "python"
        if not python.exists():
            raise Missing(f"{python.parent.parent} does not exist; run `make bench`")
        shutil.rmtree(self.folder / "redis", ignore_errors=True)
        self.redis.ensure_running(timeout=processes.STOP_SECONDS)
        self._launch(
            [python, *self.command()],
            environment={
                "BENCH_REDIS_SOCKET": str(self.redis.socket),
                "BENCH_PORT": str(self.port),
            },
        )
        self._wait_until_listening()

    def stop(self) -> None:
        super().stop()
        self.redis.stop()

    def command(self) -> list[str]:
        """Return the arguments of its Python."""
        raise NotImplementedError

    def message(self, event: Event) -> str:
        """Return an event in the format of the peer's library."""
        raise NotImplementedError

    @cached_property
    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis.url)

    def publish(self, events: Sequence[Event]) -> None:
        """Publish events in one pipeline."""
        with self._client.pipeline(transaction=False) as pipeline:
            for event in events:
                pipeline.publish(self.channel, self.message(event))
            pipeline.execute()
