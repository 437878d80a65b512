import re
from importlib import metadata

import pytest
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.checks import run_checks
from django.db import connection

from notifications import checks
from notifications.checks import MIDDLEWARE
from notifications.conf import SETTINGS
from notifications.publishing.followables import (
    Followable,
    followable,
    public_topics,
)
from project.qa.models import Topic

# Whether a storage hashes names, and modules import these; what is reported.
STORAGES = [(False, False, []), (True, True, []), (True, False, ["notifications.W005"])]


@pytest.fixture
def check(settings):
    """Run the app's checks with other settings; return the messages."""

    def check(**changed):
        settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **changed}
        return run_checks(tags=["notifications"])

    return check


@pytest.fixture
def installed_redis(monkeypatch):
    """Pretend that a version of redis-py is installed."""

    def installed_redis(version):
        monkeypatch.setattr(metadata, "version", {"redis": version}.__getitem__)

    return installed_redis


def test_configured_site_has_no_messages(check):
    assert check() == []


def test_development_server_without_threads_is_reported(check, monkeypatch):
    monkeypatch.setattr("sys.argv", ["manage.py", "runserver", "--nothreading"])

    assert [message.id for message in check()] == ["notifications.W003"]

    monkeypatch.setattr("sys.argv", ["manage.py", "runserver"])
    assert check() == []


@pytest.mark.parametrize(("hashes", "imports", "reported"), STORAGES)
def test_modules_with_unhashed_imports_are_reported(
    check, settings, monkeypatch, hashes, imports, reported
):
    name = "ManifestStaticFilesStorage" if hashes else "StaticFilesStorage"
    backend = f"django.contrib.staticfiles.storage.{name}"
    settings.STORAGES = {"staticfiles": {"BACKEND": backend}}
    flag = "support_js_module_import_aggregation"
    monkeypatch.setattr(HashedFilesMixin, flag, imports)

    assert [message.id for message in check()] == reported


@pytest.fixture(autouse=True)
def public_kinds(monkeypatch):
    """The public kinds of the site, without its private one."""
    public = {
        kind: found for kind, found in Followable.registry.items() if found.public
    }
    monkeypatch.setattr(Followable, "registry", public)


@pytest.fixture
def private_kind(public_kinds):
    """A kind of topics that is not public."""
    followable(Topic, kind="secret")


def test_private_kind_needs_a_rule_of_the_site(check, private_kind):
    (message,) = check(AUTHORIZE=public_topics)

    assert message.id == "notifications.W002"
    assert message.msg == "Nobody may follow or stream topics of these kinds: secret."
    assert check(AUTHORIZE=lambda user, topic: True) == []


def test_invalid_rule_is_reported_once(check, private_kind):
    assert [message.id for message in check(AUTHORIZE=7)] == ["notifications.E001"]


def test_setting_may_be_missing(settings):
    del settings.NOTIFICATIONS

    assert run_checks(tags=["notifications"]) == []


def test_setting_may_be_empty(settings):
    settings.NOTIFICATIONS = {}

    assert run_checks(tags=["notifications"]) == []


def test_invalid_value_is_an_error(check):
    (message,) = check(SWEEP_BATCH="many")

    assert message.id == "notifications.E001"
    assert message.is_serious()
    assert message.msg == (
        "NOTIFICATIONS['SWEEP_BATCH'] is 'many': expected a whole number, at least 1"
    )


def test_each_invalid_value_is_reported(check):
    messages = check(SWEEP_BATCH=0, LOG_READ_TIMEOUT=-1)

    assert {message.id for message in messages} == {"notifications.E001"}
    assert len(messages) == 2


def test_misspelt_key_is_an_error_that_lists_the_settings(check):
    (message,) = check(SWEEP_BATHC=7)

    assert message.id == "notifications.E002"
    assert message.is_serious()
    assert "'SWEEP_BATHC'" in message.msg
    named = {*re.findall(r"[A-Z_]{4,}", message.hint)}
    assert named == {key for key, setting in SETTINGS.items() if setting.public}


def test_missing_middleware_is_a_warning_that_names_it(check, settings):
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if each != MIDDLEWARE]

    (message,) = check()

    assert message.id == "notifications.W001"
    assert not message.is_serious()
    assert MIDDLEWARE in message.hint


def test_setting_that_is_not_a_dict_is_an_error(settings):
    settings.NOTIFICATIONS = "redis://127.0.0.1:6379/0"

    (message,) = run_checks(tags=["notifications"])

    assert message.id == "notifications.E003"
    assert message.is_serious()
    assert message.msg == "NOTIFICATIONS is not a dict."


@pytest.mark.parametrize("version", ["4.6.0", "5.2.1", "5"])
def test_old_redis_py_is_an_error_that_names_it(check, installed_redis, version):
    installed_redis(version)

    (message,) = check()

    assert message.id == "notifications.E004"
    assert message.is_serious()
    assert message.msg == f"redis-py {version} is too old: 5.3 or newer is required."
    assert message.hint == "Run pip install --upgrade 'redis>=5.3'."


@pytest.mark.parametrize("version", ["5.3.0", "5.10", "6.0.0rc1", "10.0"])
def test_new_redis_py_is_accepted(check, installed_redis, version):
    installed_redis(version)

    assert check() == []


def test_redis_py_without_metadata_is_accepted(check, monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)

    assert check() == []


@pytest.mark.parametrize(("vendor", "count"), [("sqlite", 0), ("mysql", 1)])
def test_database_of_another_vendor_is_an_error(monkeypatch, vendor, count):
    monkeypatch.setattr(connection, "vendor", vendor)

    messages = checks.check_database(databases=["default"])

    assert [each.id for each in messages] == ["notifications.E005"] * count
    assert all("PostgreSQL, SQLite" in each.hint for each in messages)
