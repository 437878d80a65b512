"""The site's settings for different environments, each in its own process."""

import json
import subprocess

import pytest

from tests import ROOT
from tests.sites import Site

SHOW = """
import json
import sys
from project import settings
print(json.dumps(getattr(settings, sys.argv[1]), default=lambda each: each.__name__))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


def setting(site, name, **environment):
    result = site.run("-c", SHOW, name, **{"SECRET_KEY": "s", **environment})
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_missing_secret_key_fails_with_one_line(site):
    line = site.refusal("check")

    assert "SECRET_KEY is not set" in line


def test_empty_secret_key_is_rejected(site):
    assert "SECRET_KEY is not set" in site.refusal("check", SECRET_KEY="")


def test_debug_needs_no_secret_key_and_is_off_by_default(site):
    assert setting(site, "DEBUG") is False
    assert "insecure" in json.loads(
        site.run("-c", SHOW, "SECRET_KEY", DEBUG=1).stdout,
    )


def test_secret_key_of_the_environment_is_used_with_debug(site):
    assert setting(site, "SECRET_KEY", DEBUG=1, SECRET_KEY="mine") == "mine"


def test_environment_overrides_the_env_file(tmp_path):
    site = Site(tmp_path)
    (tmp_path / ".env").write_text("DEBUG=1\nREDIS_URL=redis://file\n")

    assert setting(site, "DEBUG") is True
    assert setting(site, "DEBUG", DEBUG=0) is False
    assert "SECRET_KEY is not set" in site.refusal("check", DEBUG=0)


PRODUCTION = {"SECRET_KEY": "s3cr3t-" * 10, "ALLOWED_HOSTS": "qa.example.org"}


def test_settings_of_production_pass_the_checks_of_a_deployment(site, redis_server):
    check = ("manage.py", "check", "--deploy", "--fail-level", "INFO")

    result = site.run(*check, **PRODUCTION, REDIS_URL=redis_server.site_url)

    assert result.returncode == 0, result.stderr


SECURE = [
    "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS",
]  # fmt: skip


def secure(site, **environment):
    """Return the settings of SECURE."""
    show = (
        "from project import settings\n"
        f"print(*(int(getattr(settings, name)) for name in {SECURE}))"
    )
    result = site.run("-c", show, **{"SECRET_KEY": "s", **environment})
    assert result.returncode == 0, result.stderr
    return [int(each) for each in result.stdout.split()]


def test_site_needs_https_without_debug(site):
    assert all(secure(site))


@pytest.mark.parametrize("environment", [{"DEBUG": 1}, {"USE_HTTPS": 0}])
def test_site_needs_no_https(site, environment):
    assert not any(secure(site, **environment))


def test_each_of_them_can_come_from_the_environment(site):
    assert not any(secure(site, **dict.fromkeys(SECURE, 0)))


def test_folder_of_the_data_is_private(tmp_path):
    site = Site(tmp_path)
    var = tmp_path / "var"
    var.mkdir(mode=0o755, exist_ok=True)

    setting(site, "DEBUG")

    assert var.stat().st_mode & 0o777 == 0o700


def test_env_file_that_make_creates_is_private(tmp_path):
    (tmp_path / ".env.example").touch(mode=0o644)

    make = ["make", "--quiet", "-f", ROOT / "Makefile", ".env"]
    subprocess.run(make, cwd=tmp_path, check=True, timeout=30)

    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_readiness_can_be_checked_without_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/notifications/ready/").status_code == 200
    assert client.get("/login/").status_code == 301


def test_hosts_are_separated_by_commas(site):
    hosts = setting(site, "ALLOWED_HOSTS", ALLOWED_HOSTS="a.example,b.example")

    assert hosts == ["a.example", "b.example"]


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://user@host/name", "http://example.com", "oracle://x"]
)
def test_unsupported_database_fails_with_one_line(site, url):
    line = site.refusal("migrate", SECRET_KEY="s", DATABASE_URL=url)

    assert line.startswith("Configuration error: DATABASE_URL")


def test_bad_port_in_the_database_url_fails_with_one_line(site):
    url = "postgres://user:secret@host:port/name"

    line = site.refusal("migrate", SECRET_KEY="s", DATABASE_URL=url)

    assert "DATABASE_URL" in line
    assert "secret" not in line


def test_database_is_sqlite_in_var_by_default(site):
    database = setting(site, "DATABASES")["default"]

    assert database["ENGINE"] == "project.sqlite"
    assert database["NAME"] == f"{site.folder}/var/db.sqlite3"


def test_database_url_can_be_of_postgresql(site):
    url = "postgres://user:word@host:5433/name"

    database = setting(site, "DATABASES", DATABASE_URL=url)["default"]

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"]) == ("host", 5433)


def test_connections_to_postgresql_are_pooled_by_size(site):
    url = "postgres://user:word@host:5433/name?sslmode=require"

    database = setting(site, "DATABASES", DATABASE_URL=url, DATABASE_POOL_SIZE=7)

    options = database["default"]["OPTIONS"]
    assert options["sslmode"] == "require"
    assert options["pool"]["max_size"] == 7


@pytest.mark.parametrize("size", [{}, {"DATABASE_POOL_SIZE": 0}])
def test_commands_have_no_pool(site, size):
    url = "postgres://user:word@host:5433/name"

    database = setting(site, "DATABASES", DATABASE_URL=url, **size)["default"]

    assert "pool" not in database.get("OPTIONS", {})


def test_sqlite_has_no_pool(site):
    database = setting(site, "DATABASES", DATABASE_POOL_SIZE=7)["default"]

    assert "pool" not in database["OPTIONS"]


def test_redis_is_embedded_by_default(site):
    assert setting(site, "NOTIFICATIONS")["REDIS_URL"] == "url"
    assert setting(site, "NOTIFICATIONS", REDIS_URL="")["REDIS_URL"] == "url"


def test_redis_url_is_used(site):
    settings = setting(site, "NOTIFICATIONS", REDIS_URL="redis://host/1")

    assert settings["REDIS_URL"] == "redis://host/1"


def test_every_setting_of_the_app_can_come_from_the_environment(site):
    settings = setting(site, "NOTIFICATIONS", NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS=500)

    assert settings["MAX_STREAMS_PER_ADDRESS"] == "500"
