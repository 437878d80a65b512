"""The event type of the chat, which the notifications app imports at start-up."""

import msgspec

from notifications.api import EventType

# How many lines a room shows to whoever comes in.
LINES_KEPT = 50


class ChatLine(msgspec.Struct):
    """The fields that clients get with a line of the chat, as JSON."""

    name: str
    text: str


CHAT_LINE = EventType("chat_line", ChatLine, live_only=True, keep=LINES_KEPT)
