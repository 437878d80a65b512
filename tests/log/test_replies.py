import pytest

from notifications.exceptions import LogGap
from notifications.log import replies
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import Record

SENT = [[b"1-0", [b"e", b"one"]], [b"1-1", [b"e", b"two", b"x", b"y"]]]


@pytest.mark.parametrize("reply", [[[b"log", SENT]], {b"log": SENT}])
def test_pages_are_read_in_both_versions_of_the_protocol(reply):
    page = replies.pages(reply)["log"]

    assert replies.records(page) == [
        Record(Cursor(1, 0), b"one"),
        Record(Cursor(1, 1), b"two"),
    ]


def test_no_reply_has_no_pages():
    assert replies.pages(None) == {}


def test_entry_of_another_writer_is_empty():
    assert replies.records([(b"1-0", {b"x": b"y"})]) == [Record(Cursor(1, 0), b"")]


def test_records_after_returns_the_rest_of_the_page():
    page = [(b"1-0", {b"e": b"one"}), (b"1-1", {b"e": b"two"})]

    assert replies.records_after(Cursor(1, 0), page) == [Record(Cursor(1, 1), b"two")]


@pytest.mark.parametrize("page", [[], [(b"1-1", {b"e": b"two"})]])
def test_missing_entry_is_a_gap(page):
    with pytest.raises(LogGap):
        replies.records_after(Cursor(1, 0), page)
