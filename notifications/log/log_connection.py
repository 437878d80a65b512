"""A connection on which a process waits for entries of the log, and for its probes."""

from typing import Any

import redis

from notifications.log import replies
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

# How many entries one wait returns at most. They fit into a connection's buffer, unless
# its client is too slow.
WAIT_LIMIT = 100
# Returns 1 if the log has the entry at a cursor. The entry itself, which the process
# has read before, would take as much time as the new ones.
# KEYS: the stream. ARGV: the cursor.
CONTAINS = "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])"


class LogConnection:
    """A connection to one server, for one thread; `host` is what messages call it.

    Creating it connects. It and every method raise redis.RedisError and OSError.
    """

    def __init__(
        self, client: redis.Redis, *, stream: str, probes: str, host: str = ""
    ) -> None:
        self.host = host
        self._stream = stream
        self._probes = probes
        # The client is stored, too: it closes its connections when it is collected.
        self._client = client
        self._connection: Any = client.connection_pool.get_connection()
        self._last_probe = "0"

    def read(
        self, after: Cursor, *, seconds: float
    ) -> tuple[list[Record], replies.Page, bool]:
        """Return the next entries and probes, and whether the log has that at `after`.

        It waits up to `seconds` for one.
        """
        # All run in order in one round trip. They bypass redis-py's client, which takes
        # as long for each command as many deliveries do.
        streams = (self._stream, self._probes, str(after), self._last_probe)
        block = int(seconds * 1000)
        found, known = self._run(
            ("XREAD", "COUNT", WAIT_LIMIT, "BLOCK", block, "STREAMS", *streams),
            ("EVAL", CONTAINS, 1, self._stream, str(after)),
        )
        pages = replies.pages(found)
        entries = replies.records(pages.get(self._stream, []))
        return entries, self._probes_in(pages), bool(known)

    def read_probes(self, *, seconds: float) -> replies.Page:
        """Return the next probes alone, waiting up to `seconds` for one."""
        block = max(int(seconds * 1000), 1)
        [found] = self._run(
            ("XREAD", "BLOCK", block, "STREAMS", self._probes, self._last_probe)
        )
        return self._probes_in(replies.pages(found))

    def prepare_replica(self, *, is_in_cluster: bool) -> None:
        """Let a replica reply to reads, and check that this user may make them."""
        if is_in_cluster:
            self._run(("READONLY",))
        self._run(("EVAL", CONTAINS, 1, self._stream, "0-1"))

    def is_primary(self) -> bool:
        """Tell whether the server is a primary now."""
        [found] = self._run(("INFO", "replication"))
        return b"role:master" in found

    def _run(self, *commands: tuple[Any, ...]) -> list[Any]:
        connection = self._connection
        connection.send_packed_command(connection.pack_commands(commands))
        return [connection.read_response() for _ in commands]

    def _probes_in(self, pages: dict[str, replies.Page]) -> replies.Page:
        probes = pages.get(self._probes, [])
        if probes:
            self._last_probe = probes[-1][0].decode()
        return probes

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()
