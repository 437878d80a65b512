"""Fixtures for tests of the live side."""

import threading
import uuid

import pytest

from notifications.live.hub import shared_hub
from notifications.protocol import entries
from tests.live.helpers import append_entry
from tests.system.server import wait_for


@pytest.fixture
def hub(log):
    """A hub that reads the log."""
    hub = shared_hub()
    hub.ensure_started()
    return hub


@pytest.fixture
def append(log):
    """A function that appends an event and returns its cursor."""

    def append(*topics, **fields):
        entry = entries.EventEntry(
            uid=uuid.uuid4().hex,
            type="tick",
            topics=topics,
            **{"data": "{}", **fields},
        )
        return append_entry(log, entry)

    return append


@pytest.fixture
def lagging(hub, log, monkeypatch):
    """A hub that reads nothing from now on."""
    begun, pause = threading.Event(), threading.Event()

    def wait(after, *, seconds):
        begun.set()
        pause.wait(0.05)
        return []

    monkeypatch.setattr(log, "wait", wait)
    # The previous read has ended by then.
    assert begun.wait(30)


@pytest.fixture
def reads(log, monkeypatch):
    """The cursors back from which older entries were read."""
    found, read_back = [], log.read_back

    def counted(end, **options):
        found.append(end)
        return read_back(end, **options)

    monkeypatch.setattr(log, "read_back", counted)
    return found


@pytest.fixture
def read_entries(log, monkeypatch):
    """The cursors of the entries that were read one by one, by read."""
    found, read = [], log.read_entries

    def counted(cursors):
        found.append(list(cursors))
        return read(cursors)

    monkeypatch.setattr(log, "read_entries", counted)
    return found


@pytest.fixture
def retract(log):
    """A function that retracts an event as the relay does; returns the cursor."""

    def retract(event, *topics, **fields):
        entry = entries.RetractEntry(
            uid=uuid.uuid4().hex,
            event="e1",
            type="tick",
            topics=topics,
            cursor=str(event),
            **fields,
        )
        log.retractions().add([event])
        return append_entry(log, entry)

    return retract


@pytest.fixture
def settled(hub, log):
    """A function that waits until the hub has delivered everything."""

    def settled():
        newest = log.position()
        wait_for(lambda: hub.delivered_up_to >= newest, what="the hub to read the log")

    return settled
