"""A stream that cannot be opened leaves nothing behind, whatever the error is."""

import pytest

from notifications.live.hub import shared_hub
from notifications.live.pubsub import PubSub
from notifications.streams.admission import shared_admission
from notifications.streams.presence import PresenceReporter
from tests.streaming import STREAM

pytestmark = pytest.mark.django_db(transaction=True)


def fail(*args, **options):
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("owner", "name", "query"),
    [(PresenceReporter, "enter", "topic=topic:a"), (PubSub, "attach", "channel=sse")],
)
def test_connection_is_neither_served_nor_counted(
    client, maja, log, monkeypatch, owner, name, query
):
    monkeypatch.setattr(owner, name, fail)
    client.force_login(maja)

    with pytest.raises(RuntimeError):
        client.get(f"{STREAM}?{query}")

    assert shared_hub().connection_count == 0
    assert shared_admission().connections() == []
