"""Fixtures for the tests of what is installed: the wheel, built once a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation the build system is ours, not one that pip would download.
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", folder]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, ROOT], check=True, timeout=60
    )
    (wheel,) = folder.iterdir()
    return wheel
