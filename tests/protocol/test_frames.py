import dataclasses
import json

import pytest

from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EventEntry

AT = Cursor(5, 1)


def test_a_frame_has_the_cursor_the_type_and_the_data():
    entry = EventEntry(
        uid="u", type="new_comment", topics=("user:7",), data='{"uid":"u"}'
    )

    frame = frames.encode(entry, AT)

    assert frame.body == b'id: 5-1\nevent: new_comment\ndata: {"uid":"u"}\n\n'
    assert frame.cursor == AT


def test_a_frame_says_whom_it_is_for():
    entry = EventEntry(
        uid="u",
        type="new_comment",
        topics=("user:7", "user:9"),
        data="{}",
        actor="3",
        already_told={"user:8": 12},
    )

    frame = frames.encode(entry, AT)

    assert frame.topics == ("user:7", "user:9")
    assert frame.actor == "3"
    assert frame.already_told == {"user:8": 12}


def test_a_heartbeat_carries_how_far_the_client_is():
    frame = frames.heartbeat(AT)

    assert frame.body == b"id: 5-1\nevent: heartbeat\ndata: {}\n\n"
    assert frame.cursor == AT


def test_a_heartbeat_of_a_channel_carries_no_cursor():
    frame = frames.heartbeat()

    assert frame.body == b"event: heartbeat\ndata: {}\n\n"


def test_a_reset_says_why_and_where_to_go_on():
    frame = frames.reset(AT)

    first, second, data = frame.body.decode().strip().split("\n")
    assert (first, second) == ("id: 5-1", "event: reset")
    assert json.loads(data.removeprefix("data: ")) == {"reason": "gap"}


def test_a_live_frame_is_before_every_cursor():
    frame = frames.unplaced(b"data: hello\n\n")

    assert frame.body == b"data: hello\n\n"
    assert frame.cursor < Cursor(0, 1)


@pytest.mark.parametrize(
    "frame", [frames.heartbeat(AT), frames.reset(AT), frames.unplaced(b"")]
)
def test_a_frame_of_our_own_is_for_no_topic_and_by_nobody(frame):
    assert frame.topics == ()
    assert frame.actor == ""
    assert frame.already_told == {}


def test_a_frame_is_never_changed():
    frame = frames.heartbeat(AT)

    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.body = b""
