import threading

import pytest
from django.db import DatabaseError, connections

from notifications.streams import database_thread
from notifications.streams.database_thread import DatabaseThread
from tests.system.server import wait_for


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


def test_connections_are_closed_when_there_is_nothing_to_do(monkeypatch):
    closed = threading.Event()
    monkeypatch.setattr(database_thread, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(connections, "close_all", closed.set)
    thread = DatabaseThread(name="test")

    thread.run(lambda: None)

    wait_for(closed.is_set, what="the connections to be closed")
    assert thread.run(lambda: 7) == 7
