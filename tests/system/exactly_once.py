"""What streams have received, compared with what was published."""

from tests.system.faults import RESET, pending
from tests.system.publisher import due, published
from tests.system.server import DEADLINE_SECONDS, wait_for


def wrong(streams, events):
    """Return what is missing or double on each stream, and resets but the first."""
    found = {}
    for topic, stream in streams.items():
        resets = [n for n, each in enumerate(stream.events) if each.name == RESET]
        since = stream.events[resets[-1] :] if resets else stream.events
        got = [each.uid for each in since if each.uid]
        wanted = due(events, {topic})
        if got != wanted[len(wanted) - len(got) :] or (not resets and got != wanted):
            found[topic] = (got, wanted)
        if len(resets) > 1 or len({*stream.uids}) < len(stream.uids):
            found[topic] = (resets, stream.uids)
    return found


def wait_for_more_events(streams, *, seconds=DEADLINE_SECONDS):
    """Wait until each stream has received another event."""
    counts = [(stream, len(stream.uids)) for stream in streams]
    wait_for(
        lambda: all(len(stream.uids) > count for stream, count in counts),
        what=f"more events than {[count for _, count in counts]}",
        seconds=seconds,
    )


def publish_until_one_arrives(publisher, topic, stream):
    """Publish again after a reset, which may stand for the event."""
    resets, last = 0, ""
    while last not in stream.uids:
        resets, last = len(stream.named(RESET)), publisher.publish(topic)
        wait_for(
            lambda last=last, resets=resets: (
                last in stream.uids or len(stream.named(RESET)) > resets
            ),
            what="an event or a reset",
        )


def everything_arrives(site, publisher, streams):
    """Publish one more event to each stream, and wait until all have arrived."""
    wait_for(lambda: not pending(site), what="the outbox to be empty")
    for topic, stream in streams.items():
        publish_until_one_arrives(publisher, topic, stream)
    # An event arrives before its row has its cursor.
    wait_for(lambda: not pending(site), what="the cursor of the last event")
    return sorted(published(site.database), key=lambda each: each.cursor)
