import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.exceptions import UnreadableEntry
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    EventEntry,
    FollowEntry,
    Record,
    StartEntry,
)

AT = Cursor(5, 1)
ENTRIES = [
    EventEntry(uid="u", type="new_comment", topics=("user:7",), data='{"a":1}'),
    EventEntry(
        uid="u",
        type="new_comment",
        topics=("user:7", "topic:espresso"),
        data="\u2028\0",
        actor="7",
        already_told={"user:9": 1_795_165_498_123},
    ),
    FollowEntry(uid="u", user="7", topic="user:9", level="watch", since=12),
    FollowEntry(uid="u", user="7", topic="user:9"),
    StartEntry(uid="u"),
]
POISON = {
    "nothing": b"",
    "no JSON": b"hello",
    "half of it": entries.encode(ENTRIES[0])[:-1],
    "more than one": entries.encode(ENTRIES[0]) * 2,
    "another type": b"[]",
    "null": b"null",
    "no tag": b'{"uid":"u"}',
    "an unknown tag": b'{"entry":"chat","uid":"u"}',
    "no uid": b'{"entry":"start"}',
    "a number for a text": b'{"entry":"start","uid":1}',
    "a field missing": b'{"entry":"event","uid":"u","type":"t","topics":["user:7"]}',
    "a text for a list": b'{"entry":"event","uid":"u","type":"t","topics":"user:7","data":""}',  # noqa: E501
    "a text for a number": b'{"entry":"follow","uid":"u","user":"7","topic":"user:9","since":"x"}',  # noqa: E501
    "binary": bytes(range(256)),
    "no UTF-8": b'{"entry":"start","uid":"\xff"}',
    "lists nested deep": b"[" * 10_000 + b"]" * 10_000,
    "objects nested deep": b'{"entry":"start","uid":"u","x":'
    + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry):
    record = Record(AT, entries.encode(entry))

    assert record.decode() == entry


def test_an_entry_of_a_newer_version_is_read_without_its_new_fields():
    record = Record(AT, b'{"entry":"start","uid":"u","shape":"round"}')

    assert record.decode() == StartEntry(uid="u")


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
def test_what_is_no_entry_is_refused(body):
    record = Record(AT, body)

    with pytest.raises(UnreadableEntry, match="cursor=5-1"):
        record.decode()


@given(st.binary())
def test_any_bytes_are_an_entry_or_refused(body):
    record = Record(AT, body)

    try:
        entry = record.decode()
    except UnreadableEntry:
        return
    assert isinstance(entry, entries.Entry)


def test_the_error_does_not_carry_a_line_end_into_the_logs():
    record = Record(AT, b'{"entry":"chat\\nforged","uid":"u"}')

    with pytest.raises(UnreadableEntry) as caught:
        record.decode()

    assert "\n" not in str(caught.value)
