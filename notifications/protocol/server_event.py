"""Events that a site makes itself, outside of the log, as SSE. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from notifications.protocol import sse


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a stream that a site makes itself.

    `data` is sent unchanged if it is text, and as JSON otherwise. `event` is the name
    that scripts listen to, `message` if it is empty. `id` comes back in `Last-Event-ID`
    when the client reconnects. `retry` is how many milliseconds the client waits before
    it does. See https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    data: Any = ""
    event: str = ""
    id: str = ""
    retry: int | None = None

    def encode(self) -> bytes:
        """Return the event as bytes.

        Raises ValueError for data that JSON cannot hold, a name that the server
        reserves, an invalid name or id, and a negative `retry`.
        """
        if self.event in sse.SERVER_NAMES:
            raise ValueError(f"expected another name than {self.event}: it is reserved")
        if self.retry is not None and self.retry < 0:
            raise ValueError(f"expected milliseconds as retry, got {self.retry}")
        return sse.encode(
            data=self.data if isinstance(self.data, str) else _json(self.data),
            event=self.event,
            event_id=self.id,
            retry=self.retry,
        )


# What the generator of a stream may yield: an event, or its data alone.
Item = Event | str | Mapping[str, Any]


def encode_item(item: Item) -> bytes:
    """Encode what a generator yielded; raises ValueError as `Event.encode` does."""
    return (item if isinstance(item, Event) else Event(item)).encode()


def _json(data: Any) -> str:
    try:
        return msgspec.json.encode(data).decode()
    except (TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise ValueError(f"expected data that JSON can hold: {error}") from None
