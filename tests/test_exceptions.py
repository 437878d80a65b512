import inspect

import pytest

from notifications import exceptions
from notifications.exceptions import (
    AlreadyRegistered,
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
def test_every_error_has_the_same_base_class(error):
    assert issubclass(error, NotificationsError)


@pytest.mark.parametrize(
    ("error", "noun"),
    [
        (InvalidTopic, "topic"),
        (InvalidCursor, "cursor"),
        (InvalidEventType, "event type"),
    ],
)
def test_invalid_value_shows_the_value_and_what_was_expected(error, noun):
    raised = error("nonsense", expected="sense")

    assert str(raised) == f"{noun} 'nonsense': expected sense"
    assert (raised.value, raised.expected) == ("nonsense", "sense")
    assert isinstance(raised, ValueError)


def test_invalid_setting_names_its_key():
    raised = InvalidSetting(-1, key="SWEEP_BATCH", expected="a number")

    assert str(raised) == "NOTIFICATIONS['SWEEP_BATCH'] is -1: expected a number"
    assert (raised.key, raised.value, raised.expected) == (
        "SWEEP_BATCH", -1, "a number",
    )  # fmt: skip


def test_invalid_payload_names_its_field():
    raised = InvalidPayload("new_comment", problem="expected `int`", field="$.id")

    assert str(raised) == "payload of new_comment at $.id: expected `int`"
    assert isinstance(raised, ValueError)


def test_payload_that_is_not_an_object_names_no_field():
    raised = InvalidPayload("new_comment", problem="expected an object")

    assert str(raised) == "payload of new_comment: expected an object"
    assert raised.field == ""


def test_unknown_event_type_lists_the_known_types():
    raised = UnknownEventType("new_coment", known=["new_comment", "new_post"])

    assert str(raised).endswith("is not registered; known: new_comment, new_post")
    assert raised.known == ["new_comment", "new_post"]


def test_unknown_event_type_says_that_none_is_known():
    assert str(UnknownEventType("new_comment", known=[])).endswith("known: none")


def test_second_registration_names_both_places():
    raised = AlreadyRegistered("the topic kind user", first="a.py:1", second="b.py:2")

    assert str(raised) == (
        "the topic kind user is registered twice: at a.py:1 and at b.py:2; "
        "remove or rename one of them"
    )


def test_model_that_is_not_followable_says_what_to_call():
    raised = NotFollowable(dict)

    assert str(raised) == (
        "dict cannot be followed: call followable(dict, kind=...) in a notifications.py"
    )
    assert raised.model is dict


def test_gap_has_its_cursor():
    raised = LogGap("5-1")

    assert "5-1" in str(raised)
    assert raised.cursor == "5-1"


def test_unavailable_log_is_not_an_invalid_value():
    assert not issubclass(LogUnavailable, ValueError)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\x1bb", "a\u2028b", "é"])
def test_shortened_value_is_one_line_of_ascii(value):
    shown = shorten(value)

    assert shown.isascii()
    assert shown.isprintable()


def test_long_value_is_cut():
    shown = shorten("a" * 1_000)

    assert len(shown) == exceptions.SHOWN_CHARACTERS + 1
    assert shown.endswith("…")


def test_short_value_is_shown_in_full():
    assert shorten("a" * 78) == repr("a" * 78)
