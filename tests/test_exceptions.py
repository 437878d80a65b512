import inspect

import pytest

from notifications import exceptions
from notifications.exceptions import (
    InvalidCursor,
    InvalidEventType,
    InvalidPayload,
    InvalidSetting,
    InvalidTopic,
    LogGap,
    LogUnavailable,
    NotFollowable,
    NotificationsError,
    UnknownEventType,
    shorten,
)

ERRORS = [
    each
    for each in vars(exceptions).values()
    if inspect.isclass(each) and each.__module__ == exceptions.__name__
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_of_one_tree(error):
    assert issubclass(error, NotificationsError)


@pytest.mark.parametrize(
    ("error", "noun"),
    [
        (InvalidTopic, "topic"),
        (InvalidCursor, "cursor"),
        (InvalidEventType, "event type"),
    ],
)
def test_a_wrong_value_says_what_came_and_what_was_expected(error, noun):
    raised = error("nonsense", expected="sense")

    assert str(raised) == f"{noun} 'nonsense': expected sense"
    assert (raised.value, raised.expected) == ("nonsense", "sense")
    assert isinstance(raised, ValueError)


def test_a_wrong_setting_names_its_key():
    raised = InvalidSetting(-1, key="SWEEP_BATCH", expected="a number")

    assert str(raised) == "NOTIFICATIONS['SWEEP_BATCH'] is -1: expected a number"
    assert (raised.key, raised.value, raised.expected) == (
        "SWEEP_BATCH", -1, "a number",
    )  # fmt: skip


def test_a_wrong_payload_names_its_field():
    raised = InvalidPayload("new_comment", problem="expected `int`", field="$.id")

    assert str(raised) == "payload of new_comment at $.id: expected `int`"
    assert isinstance(raised, ValueError)


def test_a_payload_that_is_wrong_as_a_whole_names_no_field():
    raised = InvalidPayload("new_comment", problem="expected an object")

    assert str(raised) == "payload of new_comment: expected an object"
    assert raised.field == ""


def test_an_unknown_event_type_lists_the_known_ones():
    raised = UnknownEventType("new_coment", known=["new_comment", "new_post"])

    assert str(raised).endswith("is not registered; known: new_comment, new_post")
    assert raised.known == ["new_comment", "new_post"]


def test_an_unknown_event_type_says_so_when_none_is_known():
    assert str(UnknownEventType("new_comment", known=[])).endswith("known: none")


def test_a_model_that_cannot_be_followed_says_what_to_call():
    raised = NotFollowable(dict)

    assert str(raised) == (
        "dict cannot be followed: call followable(dict, kind=...) in a notifications.py"
    )
    assert raised.model is dict


def test_a_gap_says_where_it_is():
    raised = LogGap("5-1")

    assert "5-1" in str(raised)
    assert raised.cursor == "5-1"


def test_a_log_that_is_away_is_no_wrong_value():
    assert not issubclass(LogUnavailable, ValueError)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\x1bb", "a\u2028b", "é"])
def test_what_came_from_outside_is_shown_on_one_line_of_ascii(value):
    shown = shorten(value)

    assert shown.isascii()
    assert shown.isprintable()


def test_a_long_value_is_cut():
    shown = shorten("a" * 1_000)

    assert len(shown) == exceptions.SHOWN_CHARACTERS + 1
    assert shown.endswith("…")


def test_a_short_value_is_shown_in_full():
    assert shorten("a" * 78) == repr("a" * 78)
