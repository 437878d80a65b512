"""Long polling: the next events of a stream as one JSON document."""

from typing import Any

import msgspec

from notifications.protocol import frames, sse
from notifications.protocol.frames import Frame
from notifications.streams.event_stream import EventStream


def poll(
    stream: EventStream, *, seconds: float, unseen_count: int | None
) -> dict[str, Any]:
    """Return the `cursor` and the next `events` of a stream, and end it.

    Waits up to `seconds` for an event that is new to the client. A count is new if it
    differs from `unseen_count`, the number that the client shows; None for no bell.
    """
    # Counts are compared as encoded JSON.
    shown = sse.decode(frames.count(unseen_count).body).data

    def is_new(frame: Frame) -> bool:
        event = sse.decode(frame.body)
        if event.event == sse.COUNT:
            return event.data != shown
        return event.event != sse.HEARTBEAT

    events = [sse.decode(each.body) for each in stream.poll(is_new, seconds=seconds)]
    cursors = [each.event_id for each in events if each.event_id]
    return {
        "cursor": cursors[-1] if cursors else "",
        "events": [
            {"id": each.event_id, "event": each.event, "data": msgspec.Raw(each.data)}
            for each in events
            if each.event != sse.HEARTBEAT
        ],
    }
