"""Long polling: what a stream would bring next, as one JSON document."""

from typing import Any

import msgspec

from notifications.protocol import frames, sse
from notifications.protocol.frames import Frame
from notifications.streams.event_stream import EventStream


def poll(
    stream: EventStream, *, seconds: float, unseen_count: int | None
) -> dict[str, Any]:
    """Return `cursor` and `events` of a stream, and end it.

    It waits up to so many seconds for something that a client does not know whose
    bell says `unseen`.
    """
    # Compared as they go over the wire, wherever in the log they stand.
    known = sse.decode(frames.count(unseen_count).body).data

    def is_news(frame: Frame) -> bool:
        event = sse.decode(frame.body)
        if event.event == sse.COUNT:
            return event.data != known
        return event.event != sse.HEARTBEAT

    found = [sse.decode(each.body) for each in stream.poll(is_news, seconds=seconds)]
    cursors = [each.event_id for each in found if each.event_id]
    return {
        "cursor": cursors[-1] if cursors else "",
        "events": [
            {"id": each.event_id, "event": each.event, "data": msgspec.Raw(each.data)}
            for each in found
            if each.event != sse.HEARTBEAT
        ],
    }
