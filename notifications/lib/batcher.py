"""A batcher: requests that threads make at the same time are fetched together."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Reply = TypeVar("Reply")


class _Batch(Generic[Request, Reply]):
    """Requests that are fetched together, by the thread that made the first one."""

    def __init__(self, previous: "threading.Event | None" = None) -> None:
        # Set when the batch before this one is done; None for the first.
        self.previous = previous
        self.requests: list[Request] = []
        self.replies: Sequence[Reply] = ()
        self.error: BaseException | None = None
        self.done = threading.Event()


class Batcher(Generic[Request, Reply]):
    """Fetches one batch at a time; requests made meanwhile form the next batch.

    `fetch` takes the requests of a batch and returns their replies in the same order.
    Its error is raised to every thread that has a request in the batch. `gather` is
    called before each fetch, and may wait for more requests to join the batch.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[Request]], Sequence[Reply]],
        *,
        gather: Callable[[], object] = lambda: None,
    ) -> None:
        self._fetch = fetch
        self._gather = gather
        # Guards the batch that takes new requests, and its list of requests.
        self._lock = threading.Lock()
        self._open: _Batch[Request, Reply] = _Batch()

    def request(self, item: Request) -> Reply:
        """Return the reply to a request, waiting until its batch is fetched."""
        with self._lock:
            batch, place = self._open, len(self._open.requests)
            batch.requests.append(item)
        if place == 0:
            self._run(batch)
        else:
            batch.done.wait()
        if batch.error is not None:
            raise batch.error
        return batch.replies[place]

    def _run(self, batch: "_Batch[Request, Reply]") -> None:
        try:
            # Requests made until then join this batch.
            if batch.previous is not None:
                batch.previous.wait()
            self._gather()
            self._close(batch)
            batch.replies = self._fetch(batch.requests)
        except BaseException as error:
            # Whatever the error is, the other threads must not wait forever.
            batch.error = error
            raise
        finally:
            self._close(batch)
            batch.done.set()

    def _close(self, batch: "_Batch[Request, Reply]") -> None:
        with self._lock:
            if self._open is batch:
                self._open = _Batch(batch.done)
