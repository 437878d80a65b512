"""Ordinary pages, asked for at fixed times however long the answers take."""

import http.client
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

INTERVAL_SECONDS = 0.05
TIMEOUT_SECONDS = 30
AT_ONCE = 200


class Pages:
    """Asks for a page every 50 ms while its block runs."""

    def __init__(self, port: int, path: str = "/", *, cookie: str = "") -> None:
        self._port = port
        self._path = path
        self._headers = {"Cookie": cookie, "Accept": "text/html"}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._answers: list[Future[float]] = []

    def __enter__(self) -> "Pages":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            due = time.monotonic()
            while not self._stopping.wait(max(0.0, due - time.monotonic())):
                self._answers.append(pool.submit(self._ask, due))
                due += INTERVAL_SECONDS

    def _ask(self, due: float) -> float:
        link = http.client.HTTPConnection("127.0.0.1", self._port, TIMEOUT_SECONDS)
        try:
            link.request("GET", self._path, headers=self._headers)
            answer = link.getresponse()
            answer.read()
        finally:
            link.close()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"{self._path}: {answer.status}")
        return time.monotonic() - due

    @property
    def failures(self) -> int:
        """How many pages did not come, once the block is left."""
        return sum(each.exception() is not None for each in self._answers)

    @property
    def milliseconds(self) -> list[float]:
        """How long each page took; one that failed counts as the longest there is."""
        return [
            (TIMEOUT_SECONDS if each.exception() else each.result()) * 1000
            for each in self._answers
        ]
