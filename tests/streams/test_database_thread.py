import contextlib
import threading

import pytest
from django.db import DatabaseError, connections

from notifications.streams import database_thread
from notifications.streams.database_thread import DatabaseThread
from tests.system.server import DEADLINE_SECONDS, wait_for


@pytest.fixture
def run_soon():
    """A function that runs another one in a thread; returns its caller and results."""

    def run_soon(thread, function):
        found = []

        def run():
            with contextlib.suppress(ZeroDivisionError):
                found.append(thread.run(function))

        caller = threading.Thread(target=run, daemon=True)
        caller.start()
        return caller, found

    return run_soon


def test_functions_run_in_one_thread():
    thread = DatabaseThread(name="test")

    names = {thread.run(lambda: threading.current_thread().name) for _ in range(3)}

    assert names == {"test"}


def test_error_is_raised_to_the_caller():
    def fail():
        raise DatabaseError("no")

    thread = DatabaseThread(name="test")

    with pytest.raises(DatabaseError, match="no"):
        thread.run(fail)

    assert thread.run(lambda: 7) == 7


def test_connections_are_closed_after_an_error_of_the_database(monkeypatch):
    def fail():
        raise DatabaseError("gone")

    closed = threading.Event()
    monkeypatch.setattr(connections, "close_all", closed.set)
    thread = DatabaseThread(name="test")

    with pytest.raises(DatabaseError):
        thread.run(fail)

    assert closed.is_set()


def test_function_after_a_bug_runs_while_the_thread_is_still_ending(
    monkeypatch, run_soon
):
    def report(failure):
        reported.set()
        ending.wait(DEADLINE_SECONDS)

    reported, ending = threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "excepthook", report)
    thread = DatabaseThread(name="test")
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 / 0)
    assert reported.wait(DEADLINE_SECONDS)

    caller, found = run_soon(thread, lambda: 7)
    caller.join(DEADLINE_SECONDS)

    assert found == [7]
    ending.set()


def test_function_that_waits_during_a_bug_runs(monkeypatch, run_soon):
    def fail():
        begun.set()
        assert gate.wait(DEADLINE_SECONDS)
        _ = 1 / 0

    begun, gate, reported = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda failure: reported.set())
    thread = DatabaseThread(name="test")
    run_soon(thread, fail)
    assert begun.wait(DEADLINE_SECONDS)
    caller, found = run_soon(thread, lambda: 7)
    wait_for(lambda: thread._jobs.qsize(), what="the function to wait")

    gate.set()
    caller.join(DEADLINE_SECONDS)

    assert found == [7]
    # Python would report the bug after the test otherwise, and to pytest.
    assert reported.wait(DEADLINE_SECONDS)


def test_connections_are_closed_when_there_is_nothing_to_do(monkeypatch):
    closed = threading.Event()
    monkeypatch.setattr(database_thread, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(connections, "close_all", closed.set)
    thread = DatabaseThread(name="test")

    thread.run(lambda: None)

    wait_for(closed.is_set, what="the connections to be closed")
    assert thread.run(lambda: 7) == 7
