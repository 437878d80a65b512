"""Live-only events: in the log, and nowhere in the database."""

import msgspec
import pytest
from django.db import transaction

from notifications.api import follow, publish
from notifications.exceptions import InvalidPayload, InvalidTopic
from notifications.models import Event
from notifications.protocol.entries import EventEntry
from project.qa.notifications import NEW_QUESTION
from tests.inboxes import inbox_of
from tests.publishing.recording import PAYLOAD

pytestmark = pytest.mark.django_db(transaction=True)

MILK = "topic:milk"


def send(**options):
    options = {"topics": [MILK], "payload": PAYLOAD, **options}
    return publish(NEW_QUESTION, live_only=True, **options)


def test_event_is_in_the_log_without_a_row(appended, maja):
    event = send(actor=maja)

    [entry] = appended()
    assert isinstance(entry, EventEntry)
    assert (entry.uid, entry.topics, entry.actor) == (
        str(event.uid),
        (MILK,),
        str(maja.pk),
    )
    assert entry.live_only
    fields = msgspec.json.decode(entry.data)
    assert fields["actor"]["name"] == "maja"
    assert fields["topics"] == [MILK]
    assert fields["title"] == PAYLOAD["title"]
    assert not Event.objects.exists()


def test_event_is_in_no_inbox(maja):
    follow(maja, MILK)

    send()

    assert inbox_of(maja) == []


def test_event_waits_for_the_commit(appended):
    with transaction.atomic():
        send()
        assert appended() == []

    assert len(appended()) == 1


def test_event_of_a_rolled_back_transaction_is_not_sent(appended):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        send()
        raise ZeroDivisionError

    assert appended() == []


def test_event_without_redis_is_lost_and_logged(no_redis, caplog):
    send()

    assert "live_only=lost" in caplog.text
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"payload": {}}, InvalidPayload),
        ({"topics": ["no topic"]}, InvalidTopic),
        ({"topics": [f"topic:{number}" for number in range(1_000)]}, InvalidTopic),
    ],
)
def test_invalid_event_is_refused(appended, options, error):
    with pytest.raises(error):
        send(**options)

    assert appended() == []
