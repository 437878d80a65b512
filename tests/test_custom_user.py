"""Runs tests of the app again with a user model of another kind.

`nox -s custom_user` runs all unit tests of the app in that way.
"""

import os
import subprocess
import sys

import pytest

from tests import ROOT

# Where keys of users are in SQL, in templates, in the log and in JSON.
TESTS = ["custom_user", "models", "inbox", "admin/test_events.py",
         "admin/test_explanations.py", "publishing/test_followables.py"]  # fmt: skip
SECONDS = 300


@pytest.mark.timeout(SECONDS)
def test_app_works_with_uuid_keys_and_logins_by_email():
    inherited = {
        name: value for name, value in os.environ.items() if "PYTEST" not in name
    }
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "--ds=tests.settings_custom_user",
            "-p", "no:cacheprovider", "-p", "no:xdist", "--no-cov",
            *(f"tests/{each}" for each in TESTS),
        ],
        cwd=ROOT,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
