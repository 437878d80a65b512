import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.exceptions import InvalidCursor
from notifications.protocol.cursor import Cursor

numbers = st.integers(min_value=0, max_value=2**64 - 1)
cursors = st.builds(Cursor, numbers, numbers)
BAD = [
    "",
    "-",
    "1",
    "1-",
    "-1",
    "1-1-1",
    "01-1",
    "1-01",
    "+1-1",
    "1--1",
    "1_0-1",
    "1.0-1",
    " 1-1",
    "1-1\n",
    "1-1\0",
    "$",
    "*",
    "٣-1",
    f"{2**64}-0",
    f"0-{2**64}",
    "9" * 5_000 + "-0",
]


def test_parse_returns_two_integers():
    cursor = Cursor.parse("1795165498123-7")

    assert (cursor.milliseconds, cursor.sequence) == (1795165498123, 7)


@given(cursors)
def test_cursor_is_parsed_from_its_text(cursor):
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", BAD)
def test_invalid_cursor_is_rejected(text):
    with pytest.raises(InvalidCursor, match="expected <milliseconds>-<sequence>"):
        Cursor.parse(text)


@given(st.text())
def test_any_text_is_a_canonical_cursor_or_rejected(text):
    with contextlib.suppress(InvalidCursor):
        assert str(Cursor.parse(text)) == text


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("9-0", "10-0"), ("1-9", "1-10"), ("9-99", "10-0"), ("0-0", "0-1")],
)
def test_cursors_compare_as_integers(earlier, later):
    assert Cursor.parse(earlier) < Cursor.parse(later)
