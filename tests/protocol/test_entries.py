import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.exceptions import UnreadableEntry
from notifications.protocol import entries
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import (
    EventEntry,
    FollowEntry,
    GapEntry,
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
    GapEntry(uid="u"),
]
POISON = {
    "empty": b"",
    "not JSON": b"hello",
    "truncated": entries.encode(ENTRIES[0])[:-1],
    "two entries": entries.encode(ENTRIES[0]) * 2,
    "another type": b"[]",
    "null": b"null",
    "no tag": b'{"uid":"u"}',
    "an unknown tag": b'{"entry":"chat","uid":"u"}',
    "no uid": b'{"entry":"start"}',
    "a number instead of a text": b'{"entry":"start","uid":1}',
    "a missing field": b'{"entry":"event","uid":"u","type":"t","topics":["user:7"]}',
    "a text instead of a list": b'{"entry":"event","uid":"u","type":"t","topics":"user:7","data":""}',  # noqa: E501
    "a text instead of a number": b'{"entry":"follow","uid":"u","user":"7","topic":"user:9","since":"x"}',  # noqa: E501
    "an update whose id has two lines": b'{"entry":"update","uid":"u","topics":[],"id":"1\\n2"}',  # noqa: E501
    "an update whose id has a NUL": b'{"entry":"update","uid":"u","topics":[],"id":"\\u0000"}',  # noqa: E501
    "an update whose type has two lines": b'{"entry":"update","uid":"u","topics":[],"type":"a\\rb"}',  # noqa: E501
    "binary": bytes(range(256)),
    "not UTF-8": b'{"entry":"start","uid":"\xff"}',
    "deeply nested lists": b"[" * 10_000 + b"]" * 10_000,
    "deeply nested objects": b'{"entry":"start","uid":"u","x":'
    + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_is_decoded_from_its_bytes(entry):
    record = Record(AT, entries.encode(entry))

    assert record.decode() == entry


def test_unknown_fields_of_a_newer_version_are_ignored():
    record = Record(AT, b'{"entry":"start","uid":"u","shape":"round"}')

    assert record.decode() == StartEntry(uid="u")


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
def test_invalid_entry_is_rejected(body):
    record = Record(AT, body)

    with pytest.raises(UnreadableEntry, match="cursor=5-1"):
        record.decode()


@given(st.binary())
def test_any_bytes_are_an_entry_or_rejected(body):
    record = Record(AT, body)

    try:
        entry = record.decode()
    except UnreadableEntry:
        return
    assert isinstance(entry, entries.Entry)


def test_error_of_a_forged_entry_has_no_line_end():
    record = Record(AT, b'{"entry":"chat\\nforged","uid":"u"}')

    with pytest.raises(UnreadableEntry) as caught:
        record.decode()

    assert "\n" not in str(caught.value)


def test_entries_keep_the_names_that_are_in_logs_and_outboxes():
    event = (
        b'{"entry":"event","type":"tick","topics":["a:b"],"data":"{}",'
        b'"told":{"a:c":7},"uid":"1"}'
    )
    count = b'{"entry":"count","user":"7","unseen":3,"as_of":"1-0","uid":"2"}'

    read = [Record(Cursor(1, 0), body).decode() for body in (event, count)]

    assert read[0].already_told == {"a:c": 7}
    assert read[1].unseen_count == 3
    assert [entries.encode(each) for each in read] == [event, count]


def test_gap_is_told_from_other_entries_without_decoding():
    found = [each for each in ENTRIES if Record(AT, entries.encode(each)).declares_gap]

    assert found == [GapEntry(uid="u")]
