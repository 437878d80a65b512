"""Retracted events: gone from open streams and from replays, in every process."""

from tests.system.crowd import wait_until_live
from tests.system.publisher import wait_for_event
from tests.system.server import wait_for
from tests.system.topics import asking, new_topics
from tests.system.transports import every_way

pytestmark = every_way

STREAMS = 8
RETRACT = "from notifications.api import retract; print([retract(uid) for uid in {!r}])"


def retract(site, *uids):
    """Retract these events in another process."""
    assert site.shell(RETRACT.format(uids)).strip() == f"{[True] * len(uids)}"


def retracted(stream):
    """Return the uids of the retractions that a stream got, in order."""
    return [each.fields["uid"] for each in stream.named("retracted")]


def opened(crowd, topic, count=STREAMS, **options):
    streams = [crowd.open(asking([topic]), **options) for _ in range(count)]
    wait_until_live(streams)
    return streams


def test_every_open_stream_gets_the_retraction_once(site, crowd, publisher, topic):
    streams = opened(crowd, topic)
    [other] = new_topics(1)
    strangers = opened(crowd, other, 2)
    gone, kept = publisher.publish(topic), publisher.publish(topic)

    retract(site, gone)

    last = publisher.publish(topic, other)
    wait_for_event([*streams, *strangers], last)
    assert [retracted(each) for each in streams] == [[gone]] * STREAMS
    assert [each.uids for each in streams] == [[gone, kept, last]] * STREAMS
    assert [retracted(each) for each in strangers] == [[], []]


def test_streams_that_reconnect_are_not_sent_it_any_more(site, crowd, publisher, topic):
    [first] = opened(crowd, topic, 1)
    wait_for_event([first], publisher.publish(topic))
    cursor = first.events[-1].id
    gone, kept = publisher.publish(topic), publisher.publish(topic)
    retract(site, gone)

    streams = opened(crowd, topic, last_event_id=cursor)
    last = publisher.publish(topic)
    wait_for_event(streams, last)

    assert [each.uids for each in streams] == [[kept, last]] * STREAMS
    assert [retracted(each) for each in streams] == [[gone]] * STREAMS
    assert not any(each.named("reset") for each in streams)


def test_client_that_is_at_the_retracted_event_resumes_there(
    site, crowd, publisher, topic
):
    [stream] = opened(crowd, topic, 1)
    gone = publisher.publish(topic)
    wait_for_event([stream], gone)
    cursor = stream.events[-1].id
    crowd.close(stream)
    retract(site, gone)

    [resumed] = opened(crowd, topic, 1, last_event_id=cursor)

    wait_for(lambda: retracted(resumed), what="the retraction")
    assert [each.name for each in resumed.events] == ["retracted"]


def test_retraction_survives_the_loss_of_a_process(site, crowd, publisher, topic):
    [stream] = opened(crowd, topic, 1)
    cursor_of = publisher.publish(topic)
    wait_for_event([stream], cursor_of)
    cursor = stream.events[-1].id
    gone = publisher.publish(topic)
    retract(site, gone)
    site.stop()
    site.start()

    # The new processes have read nothing of it yet.
    streams = opened(crowd, topic, last_event_id=cursor)
    last = publisher.publish(topic)
    wait_for_event(streams, last)

    assert [each.uids for each in streams] == [[last]] * STREAMS
    assert [retracted(each) for each in streams] == [[gone]] * STREAMS
