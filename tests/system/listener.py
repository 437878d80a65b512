"""A client of the stream with the behaviour of a browser: reads and resumes."""

import contextlib
import json
import socket
import threading
from typing import Any

import httpx
import httpx_sse

from tests.system.server import DEADLINE_SECONDS, wait_for

RECONNECT_SECONDS = 0.1


class Listener:
    """Reads one stream in a thread, and resumes by Last-Event-ID when it ends."""

    def __init__(self, client: httpx.Client, path: str = "/notifications/stream/"):
        self._client = client
        self._path = path
        self._stopping = threading.Event()
        self._response: httpx.Response | None = None
        self.last_event_id = ""
        self.connected = threading.Event()
        # The events as (name, data), without the heartbeats.
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.heartbeats = 0
        self.connects = 0
        self.statuses: list[int] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Listener":
        self._thread.start()
        assert self.connected.wait(DEADLINE_SECONDS), self.statuses
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._hang_up()
        self._thread.join(DEADLINE_SECONDS)

    def _hang_up(self) -> None:
        """End the read that the thread waits in."""
        if self._response is not None:
            stream = self._response.extensions["network_stream"]
            with contextlib.suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def of_type(self, *names: str) -> list[dict[str, Any]]:
        """Return the data of the events of these types, in order."""
        return [data for name, data in list(self.events) if name in names]

    def wait_for(self, count: int, *names: str) -> list[dict[str, Any]]:
        """Wait until `count` events of these types arrived; return them."""
        wait_for(
            lambda: len(self.of_type(*names)) >= count,
            what=f"{count} of {names}, got {len(self.of_type(*names))}: {self.events}",
        )
        return self.of_type(*names)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError):
                self._read()
            self._stopping.wait(RECONNECT_SECONDS)

    def _read(self) -> None:
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        timeout = httpx.Timeout(10, read=60)
        with self._client.stream(
            "GET", self._path, headers=headers, timeout=timeout
        ) as response:
            self._response = response
            self.statuses.append(response.status_code)
            response.raise_for_status()
            self.connects += 1
            for event in httpx_sse.EventSource(response).iter_sse():
                self._take(event)

    def _take(self, event: httpx_sse.ServerSentEvent) -> None:
        if event.id:
            self.last_event_id = event.id
        if event.event == "heartbeat":
            self.heartbeats += 1
            self.connected.set()
        # This parser dispatches a lone `retry`, which the standard does not.
        elif event.data:
            self.events.append((event.event, json.loads(event.data)))
