import threading

import pytest

from notifications.lib.batcher import Batcher
from tests.system.server import wait_for


class Slow:
    """Fetches when it is let, and keeps what it was asked for in each round."""

    def __init__(self):
        self.rounds = []
        self.may_go = threading.Event()

    def __call__(self, asked):
        self.rounds.append(list(asked))
        assert self.may_go.wait(30)
        return [number * 10 for number in asked]


class Asker(threading.Thread):
    """Asks for one thing, and keeps the reply."""

    def __init__(self, batcher, item):
        super().__init__()
        self.batcher = batcher
        self.item = item
        self.reply = None

    def run(self):
        try:
            self.reply = self.batcher.ask(self.item)
        except ValueError as error:
            self.reply = error


def ask(batcher, items):
    askers = [Asker(batcher, item) for item in items]
    for asker in askers:
        asker.start()
    return askers


def replies(askers):
    for asker in askers:
        asker.join(30)
    return [asker.reply for asker in askers]


def test_each_gets_the_reply_to_what_it_asked():
    batcher = Batcher(lambda asked: [number * 10 for number in asked])

    assert [batcher.ask(number) for number in range(3)] == [0, 10, 20]


def test_who_asks_while_a_round_is_under_way_is_served_in_one_more():
    fetch = Slow()
    batcher = Batcher(fetch)
    first = ask(batcher, [1])
    wait_for(lambda: fetch.rounds, what="the first round")

    rest = ask(batcher, range(2, 50))
    wait_for(lambda: len(batcher._open.asked) == 48, what="all to ask")
    fetch.may_go.set()

    assert replies(first) == [10]
    assert replies(rest) == [number * 10 for number in range(2, 50)]
    assert [len(asked) for asked in fetch.rounds] == [1, 48]


def test_an_error_is_raised_to_all_of_its_round_and_to_nobody_else():
    fetch = Slow()

    def fail_once(asked):
        found = fetch(asked)
        if len(fetch.rounds) == 2:
            raise ValueError("away")
        return found

    batcher = Batcher(fail_once)
    first = ask(batcher, [1])
    wait_for(lambda: fetch.rounds, what="the first round")
    second = ask(batcher, [2, 3])
    wait_for(lambda: len(batcher._open.asked) == 2, what="both to ask")
    fetch.may_go.set()

    assert replies(first) == [10]
    assert [str(reply) for reply in replies(second)] == ["away", "away"]
    assert batcher.ask(4) == 40


def test_an_error_of_a_round_of_one_is_raised():
    def fail(asked):
        raise ValueError("away")

    batcher = Batcher(fail)

    for _ in range(2):
        with pytest.raises(ValueError, match="away"):
            batcher.ask(1)
