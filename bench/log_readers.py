"""What many processes that read one log cost its Redis.

    python -m bench.log_readers [--readers 200] [--rate 1000] [--seconds 5]
        [--period 0.01]

Simulates the seconds: in each period, by default that between two reads of a busy hub,
the events of that time are appended one by one. Each reader reads them as the hub of a
process does, with a proof that none is missing, in one round trip. Other work on the
machine makes this slower, and hardly changes the CPU time of Redis, which is what is
measured. Prints one line of JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis
import redis
from django.conf import settings
from redis.connection import Connection

from project import redis_binary

# Of an entry, as the example site has them.
BODY_BYTES = 450
START_SECONDS = 10.0
# A reader is only asked when there is something to read.
BLOCK_MS = 5_000
RECEIVE_BYTES = 1 << 16
PREFIX = "bench"


class Reader:
    """One connection that waits for the log."""

    def __init__(self, port: int, after: str) -> None:
        self._connection = Connection(port=port, protocol=2)
        self._connection.connect()
        self._socket = self._connection._sock
        self._parser = hiredis.Reader()
        self._after = after
        self.entries = 0

    def ask(self) -> None:
        """Send the commands of `LogConnection.read`."""
        from notifications.log.log_connection import CONTAINS, WAIT_LIMIT

        key = f"{{{PREFIX}}}:log"
        streams = (key, f"{{{PREFIX}}}:probes", self._after, "0")
        commands = [
            ("XREAD", "COUNT", WAIT_LIMIT, "BLOCK", BLOCK_MS, "STREAMS", *streams),
            ("EVAL", CONTAINS, 1, key, self._after),
        ]
        self._socket.sendall(b"".join(map(hiredis.pack_command, commands)))

    def read(self) -> None:
        """Read both replies."""
        for _, entries in self._reply() or ():
            self.entries += len(entries)
            self._after = entries[-1][0].decode()
        self._reply()

    def _reply(self) -> Any:
        while (reply := self._parser.gets()) is False:
            self._parser.feed(self._socket.recv(RECEIVE_BYTES))
        return reply

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()


def main(arguments: Sequence[str]) -> None:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.log_readers")
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--period", type=float, default=0.01)
    options = parser.parse_args(arguments)
    # The log needs the settings of the app, with their defaults, and no database.
    settings.configure()
    with _running_redis() as port:
        found = _measure(port, options)
    sys.stdout.write(f"{json.dumps(found)}\n")


@contextmanager
def _running_redis() -> Iterator[int]:
    """Run a Redis on a TCP port, as with readers on other machines."""
    port = 20_000 + os.getpid() % 10_000
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--dir", folder, "--appendonly", "yes"]
        process = subprocess.Popen(
            [redis_binary.find(), *options], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        try:
            while not _replies(port) and time.monotonic() < deadline:
                time.sleep(0.05)
            yield port
        finally:
            process.kill()
            process.wait()


def _replies(port: int) -> bool:
    try:
        with redis.Redis(port=port) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def _measure(port: int, options: argparse.Namespace) -> dict[str, Any]:
    from notifications.log.connections import patiently
    from notifications.log.stream import Log

    count, rate, seconds = options.readers, options.rate, options.seconds
    periods = _periods(rate, seconds, options.period)
    log = Log(lambda: f"redis://127.0.0.1:{port}/0", prefix=PREFIX)
    with patiently(), redis.Redis(port=port) as client:
        after = str(log.position())
        readers = [Reader(port, after) for _ in range(count)]
        before = client.info()
        reads = sum(_period(log, readers, each) for each in periods)
        end = client.info()
    read = sum(each.entries for each in readers)
    assert read == rate * seconds * count, "every reader reads every event"
    for each in readers:
        each.close()
    log.close()

    def grown(name: str) -> float:
        return float(end[name] - before[name])

    cpu = grown("used_cpu_user") + grown("used_cpu_sys")
    return {
        "readers": count,
        "events_s": rate,
        "reads_s": round(reads / seconds),
        "redis_cpu_percent": round(100 * cpu / seconds, 1),
        "egress_mbit_s": round(grown("total_net_output_bytes") * 8e-6 / seconds, 1),
        "memory_mb": round(end["used_memory"] / 1e6, 1),
    }


def _periods(rate: int, seconds: int, period: float) -> Iterator[int]:
    """Yield how many events each period has that has any."""
    each = max(1, round(rate * period))
    full, rest = divmod(rate * seconds, each)
    yield from [each] * full
    if rest:
        yield rest


def _period(log: Any, readers: Sequence[Reader], events: int) -> int:
    """Append events and let each reader read them; return the number of reads."""
    body = (b'{"entry":"event"}' * BODY_BYTES)[:BODY_BYTES]
    for _ in range(events):
        log.append([(uuid.uuid4().hex, body)])
    for each in readers:
        each.ask()
    for each in readers:
        each.read()
    return len(readers)


if __name__ == "__main__":
    main(sys.argv[1:])
