"""Long polling: the next events of a stream as one JSON document."""

from collections.abc import AsyncIterator, Iterable
from functools import cache
from typing import Any

import msgspec
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from notifications.protocol import frames, sse
from notifications.protocol.frames import Frame, UnseenCount
from notifications.streams.event_stream import EventStream
from notifications.streams.loop_stream import end_request_thread

JSON = "application/json"


def poll(
    stream: EventStream, *, seconds: float, unseen_count: int | None
) -> HttpResponseBase:
    """Respond with the `cursor` and the next `events` of a stream, and end it.

    Waits up to `seconds` for an event that is new to the client; under ASGI, the body
    of the response does. A count is new if it names rows, or if its number is not
    `unseen_count`, which the client shows; None for no bell. Raises LogUnavailable.
    """

    def is_new(frame: Frame) -> bool:
        event = sse.decode(frame.body)
        if event.event == sse.COUNT:
            return event.data != _data_of_count(unseen_count)
        return event.event != sse.HEARTBEAT

    if not (stream.is_async and seconds):
        found = stream.poll(is_new, seconds=seconds)
        return HttpResponse(_encode(found), content_type=JSON)
    missed, any_new = stream.poll_missed(is_new)
    if any_new:
        stream.close()
        return HttpResponse(_encode(missed), content_type=JSON)
    body = WaitingBody(stream, missed, seconds=seconds)
    return StreamingHttpResponse(body, content_type=JSON)


class WaitingBody:
    """The body of a response to a poll, which an event loop sends when there is one."""

    def __init__(
        self, stream: EventStream, missed: list[Frame], *, seconds: float
    ) -> None:
        self._stream = stream
        self._missed = missed
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        end_request_thread()
        live = await self._stream.poll_in_loop(seconds=self._seconds)
        yield _encode([*self._missed, *live])

    def close(self) -> None:
        """End the stream, whether it was waited for or not; idempotent."""
        self._stream.close()


@cache
def _data_of_count(unseen_count: int | None) -> str:
    """Return the data of a count without rows."""
    return sse.decode(frames.count(UnseenCount(unseen_count)).body).data


def _encode(found: Iterable[Frame]) -> bytes:
    events = [sse.decode(each.body) for each in found]
    cursors = [each.event_id for each in events if each.event_id]
    document: dict[str, Any] = {
        "cursor": cursors[-1] if cursors else "",
        "events": [
            {"id": each.event_id, "event": each.event, "data": msgspec.Raw(each.data)}
            for each in events
            if each.event != sse.HEARTBEAT
        ],
    }
    return msgspec.json.encode(document)
