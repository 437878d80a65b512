import pytest

from notifications.protocol.server_event import Event, encode_item


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("one\ntwo", b"data: one\ndata: two\n\n"),
        ({"count": 1}, b'data: {"count":1}\n\n'),
        (Event("hello"), b"data: hello\n\n"),
        (Event([1, 2]), b"data: [1,2]\n\n"),
        (
            Event("x", event="tick", id="7", retry=3000),
            b"retry: 3000\nid: 7\nevent: tick\ndata: x\n\n",
        ),
        (Event("", retry=0), b"retry: 0\ndata: \n\n"),
    ],
)
def test_item_is_encoded(item, expected):
    assert encode_item(item) == expected


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event("x", event="server_closed"), "another name"),
        (Event("x", event="a\nb"), "one line"),
        (Event("x", id="a\0b"), "without NUL"),
        (Event("x", retry=-1), "milliseconds"),
        (Event(object()), "JSON"),
        (Event(float), "JSON"),
    ],
)
def test_invalid_event_raises(event, message):
    with pytest.raises(ValueError, match=message):
        encode_item(event)
