import threading

import pytest

from notifications.lib.batcher import Batcher
from tests.system.server import wait_for


class SlowFetch:
    """Replies once it is released, and keeps the requests of each batch."""

    def __init__(self):
        self.batches = []
        self.released = threading.Event()

    def __call__(self, requests):
        self.batches.append(list(requests))
        assert self.released.wait(30)
        return [number * 10 for number in requests]


class Requester(threading.Thread):
    """Makes one request and keeps the reply."""

    def __init__(self, batcher, item):
        super().__init__()
        self.batcher = batcher
        self.item = item
        self.reply = None

    def run(self):
        try:
            self.reply = self.batcher.request(self.item)
        except ValueError as error:
            self.reply = error


def start_requests(batcher, items):
    requesters = [Requester(batcher, item) for item in items]
    for requester in requesters:
        requester.start()
    return requesters


def replies(requesters):
    for requester in requesters:
        requester.join(30)
    return [requester.reply for requester in requesters]


def test_each_request_gets_its_own_reply():
    batcher = Batcher(lambda requests: [number * 10 for number in requests])

    assert [batcher.request(number) for number in range(3)] == [0, 10, 20]


def test_requests_made_during_a_fetch_share_the_next_batch():
    fetch = SlowFetch()
    batcher = Batcher(fetch)
    first = start_requests(batcher, [1])
    wait_for(lambda: fetch.batches, what="the first batch")

    rest = start_requests(batcher, range(2, 50))
    wait_for(lambda: len(batcher._open.requests) == 48, what="48 requests")
    fetch.released.set()

    assert replies(first) == [10]
    assert replies(rest) == [number * 10 for number in range(2, 50)]
    assert [len(batch) for batch in fetch.batches] == [1, 48]


def test_error_is_raised_to_its_own_batch_only():
    fetch = SlowFetch()

    def fail_once(requests):
        found = fetch(requests)
        if len(fetch.batches) == 2:
            raise ValueError("away")
        return found

    batcher = Batcher(fail_once)
    first = start_requests(batcher, [1])
    wait_for(lambda: fetch.batches, what="the first batch")
    second = start_requests(batcher, [2, 3])
    wait_for(lambda: len(batcher._open.requests) == 2, what="two requests")
    fetch.released.set()

    assert replies(first) == [10]
    assert [str(reply) for reply in replies(second)] == ["away", "away"]
    assert batcher.request(4) == 40


def test_error_of_a_single_request_is_raised():
    def fail(requests):
        raise ValueError("away")

    batcher = Batcher(fail)

    for _ in range(2):
        with pytest.raises(ValueError, match="away"):
            batcher.request(1)


def test_requests_that_are_gathered_share_a_batch():
    fetch = SlowFetch()
    fetch.released.set()
    gathered = threading.Event()
    batcher = Batcher(fetch, gather=gathered.wait)

    requesters = start_requests(batcher, range(5))
    wait_for(lambda: len(batcher._open.requests) == 5, what="five requests")
    gathered.set()

    assert replies(requesters) == [0, 10, 20, 30, 40]
    assert [len(batch) for batch in fetch.batches] == [5]
