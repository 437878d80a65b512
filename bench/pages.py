"""Requests ordinary pages at a fixed rate, however long the responses take."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import OK, HTTPConnection, HTTPException

from bench.steadily import Steadily

INTERVAL_SECONDS = 0.05
TIMEOUT_SECONDS = 30
MAX_CONCURRENT = 200


class Pages:
    """Requests a page every 50 ms while its `with` block runs."""

    def __init__(self, port: int, path: str = "/", *, cookie: str = "") -> None:
        self._port = port
        self._path = path
        self._headers = {"Cookie": cookie, "Accept": "text/html"}
        self._pool = ThreadPoolExecutor(MAX_CONCURRENT)
        self._requesting = Steadily(self._submit, interval=INTERVAL_SECONDS)
        self._responses: list[Future[float]] = []

    def __enter__(self) -> "Pages":
        self._requesting.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._requesting.__exit__()
        # Waits for the responses.
        self._pool.shutdown()

    def _submit(self, due: float) -> None:
        self._responses.append(self._pool.submit(self._request, due))

    def _request(self, due: float) -> float:
        connection = HTTPConnection("127.0.0.1", self._port, TIMEOUT_SECONDS)
        try:
            connection.request("GET", self._path, headers=self._headers)
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        if response.status != OK:
            raise HTTPException(f"{self._path}: {response.status}")
        return time.monotonic() - due

    @property
    def failures(self) -> int:
        """The number of failed requests, after the block."""
        return sum(each.exception() is not None for each in self._responses)

    @property
    def milliseconds(self) -> list[float]:
        """The time of each request; a failed one counts as the timeout."""
        return [
            (TIMEOUT_SECONDS if each.exception() else each.result()) * 1000
            for each in self._responses
        ]
