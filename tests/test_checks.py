import pytest
from django.core.checks import run_checks

from notifications.checks import MIDDLEWARE
from notifications.conf import SETTINGS


@pytest.fixture
def check(settings):
    """Run the app's checks with other settings; return the messages."""

    def check(**changed):
        settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **changed}
        return run_checks(tags=["notifications"])

    return check


def test_a_site_that_is_set_up_has_nothing_to_fix(check):
    assert check() == []


def test_a_value_that_cannot_be_used_is_an_error(check):
    (message,) = check(SWEEP_BATCH="many")

    assert message.id == "notifications.E001"
    assert message.is_serious()
    assert message.msg == (
        "NOTIFICATIONS['SWEEP_BATCH'] is 'many': expected a whole number, at least 1"
    )


def test_every_wrong_value_is_said_at_once(check):
    messages = check(SWEEP_BATCH=0, LOG_READ_TIMEOUT=-1)

    assert {message.id for message in messages} == {"notifications.E001"}
    assert len(messages) == 2


def test_a_misspelt_key_is_an_error_that_lists_the_right_ones(check):
    (message,) = check(SWEEP_BATHC=7)

    assert message.id == "notifications.E002"
    assert message.is_serious()
    assert "'SWEEP_BATHC'" in message.msg
    assert all(key in message.hint for key in SETTINGS)


def test_a_missing_middleware_is_a_warning_that_names_it(check, settings):
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if each != MIDDLEWARE]

    (message,) = check()

    assert message.id == "notifications.W001"
    assert not message.is_serious()
    assert MIDDLEWARE in message.hint


def test_settings_that_are_no_dict_are_an_error(settings):
    settings.NOTIFICATIONS = "redis://127.0.0.1:6379/0"

    messages = run_checks(tags=["notifications"])

    assert [message.id for message in messages] == ["notifications.E003"]
