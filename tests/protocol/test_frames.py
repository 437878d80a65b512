import dataclasses
import json

import pytest

from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EventEntry
from notifications.protocol.frames import Batch

AT = Cursor(5, 1)


def test_event_frame_has_cursor_type_and_data():
    entry = EventEntry(
        uid="u", type="new_comment", topics=("user:7",), data='{"uid":"u"}'
    )

    frame = frames.encode(entry, AT)

    assert frame.body == b'id: 5-1\nevent: new_comment\ndata: {"uid":"u"}\n\n'
    assert frame.cursor == AT


def test_event_frame_has_what_routing_needs():
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


def test_heartbeat_carries_the_cursor():
    frame = frames.heartbeat(AT)

    assert frame.body == b"id: 5-1\nevent: heartbeat\ndata: {}\n\n"
    assert frame.cursor == AT


def test_heartbeat_may_have_no_cursor():
    frame = frames.heartbeat()

    assert frame.body == b"event: heartbeat\ndata: {}\n\n"


def test_reset_has_a_reason_and_the_next_cursor():
    frame = frames.reset(AT)

    first, second, data = frame.body.decode().strip().split("\n")
    assert (first, second) == ("id: 5-1", "event: reset")
    assert json.loads(data.removeprefix("data: ")) == {"reason": "gap"}


def test_frame_without_a_cursor_sorts_before_every_cursor():
    frame = frames.without_cursor(b"data: hello\n\n")

    assert frame.body == b"data: hello\n\n"
    assert frame.cursor < Cursor(0, 1)


@pytest.mark.parametrize(
    "frame", [frames.heartbeat(AT), frames.reset(AT), frames.without_cursor(b"")]
)
def test_frame_of_the_server_has_no_topic_and_no_actor(frame):
    assert frame.topics == ()
    assert frame.actor == ""
    assert frame.already_told == {}


def test_frame_is_immutable():
    frame = frames.heartbeat(AT)

    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.body = b""


def test_batch_is_encoded_as_a_chunk_once():
    batch = Batch([frames.without_cursor(b"data: 1\n\n")] * 2)

    chunk = batch.as_chunk()

    assert chunk == b"12\r\n" + batch.body + b"\r\n"
    assert batch.as_chunk() is chunk


def test_empty_batch_is_no_chunk():
    assert Batch([]).as_chunk() == b""
