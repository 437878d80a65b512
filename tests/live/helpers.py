"""What tests of the live side share: entries for the log, connections, and frames."""

import json
import uuid

from notifications.live.connection import Connection
from notifications.live.replay import Replay
from notifications.live.subscriber import Subscriber
from notifications.protocol import entries, sse
from tests.system.server import wait_for


def append_entry(log, entry):
    """Append an entry to the log; return its cursor."""
    [cursor] = log.append([(entry.uid, entries.encode(entry))])
    return cursor


def append_follow(log, user, topic, level):
    """Append a change of a follow; return its cursor."""
    uid = uuid.uuid4().hex
    return append_entry(
        log, entries.FollowEntry(uid=uid, user=user, topic=topic, level=level)
    )


def append_end(log, user, **options):
    """Append the end of a person's logins; return its cursor."""
    uid = uuid.uuid4().hex
    entry = entries.EndEntry(uid=uid, user=user, reason="signed_out", **options)
    return append_entry(log, entry)


def append_many(log, count, *topics, data="{}"):
    """Append `count` events at once; return their cursors."""
    several = [
        entries.EventEntry(uid=uuid.uuid4().hex, type="tick", topics=topics, data=data)
        for _ in range(count)
    ]
    return log.append([(each.uid, entries.encode(each)) for each in several])


def attach(hub, *, after=None, user="", session="", **options):
    """Attach a connection to the hub; return it and the frames that it missed."""
    connection = Connection(Subscriber(user=user, session=session), **options)
    after = None if after is None else str(after)
    missed = frames_of(hub.attach(connection, after=after, as_of=hub.position))
    return connection, list(missed)


def frames_of(batches):
    """Yield the frames of the batches one by one."""
    for batch in batches:
        yield from batch.frames


def names(frames):
    """Return the SSE event names of frames."""
    return [
        frame.body.split(b"event: ")[1].split(b"\n")[0].decode() for frame in frames
    ]


def cursors(frames):
    """Return the cursors of frames."""
    return [frame.cursor for frame in frames]


def received(connection, count):
    """Wait for this many frames; return their cursors."""
    frames = []
    wait_for(
        lambda: (
            len(frames) >= count
            or frames.extend(connection.transport.take(seconds=0.1))
        ),
        what=f"{count} frames",
    )
    return cursors(frames)


def taken(connection):
    """Return the fields of the frames that wait for a client."""
    return [sse.decode(each.body) for each in connection.transport.take(seconds=0)]


def unseen(found):
    """Return the unseen counts among decoded frames."""
    return [json.loads(each.data)["unseen"] for each in found if each.event == "count"]


def begun(log, position):
    """Return a replay that begins at a position, and a connection that needs it."""
    buffer = Replay(log)
    buffer.begin(position)
    return buffer, Connection(requested_topics=["topic:a"])


def replayed_cursors(batches):
    """Return the cursors of what a replay yields."""
    return [frame.cursor for batch in batches for frame in batch.frames]
