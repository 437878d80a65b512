"""The design's rules about who knows whom, read from the source with `ast`."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ROOT / "notifications"
# What Django generates is judged by nobody.
SOURCES = [path for path in APP.rglob("*.py") if "migrations" not in path.parts]

LIVE = {
    f"notifications.{name}"
    for name in (
        "hub", "connection", "streaming", "worker", "sse", "frames", "entries",
        "cursor", "channels", "outlets", "routes", "history", "past", "pace",
        "takeover", "heartbeats", "drain", "gathering", "replies", "memory", "sockets",
        "log",
    )
}  # fmt: skip
WRITE = {
    f"notifications.{name}"
    for name in ("models", "outbox", "receivers", "events", "rights", "sweeper")
}
DATABASE = {"notifications.models", "notifications.outbox", "notifications.receivers"}
PUBLIC = {"notifications.events", "notifications.receivers", "notifications.testing"}
# Which modules read settings of Django's own, and which settings those are.
DJANGO_SETTINGS = {
    "notifications.conf": {"NOTIFICATIONS"},
    "notifications.checks": {"MIDDLEWARE"},
    "notifications.models.events": {"AUTH_USER_MODEL"},
    "notifications.models.follows": {"AUTH_USER_MODEL"},
    "notifications.models.reading": {"AUTH_USER_MODEL"},
}


def name_of(path):
    """Return the dotted name of the module in a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(path):
    """Yield the dotted names that a file imports, anywhere in it.

    `from a import b` counts as both `a` and `a.b`, since b may be a module.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


IMPORTS = {name_of(path): {*imported(path)} for path in SOURCES}


def within(names, package):
    """Return those of the names that are the package or something in it."""
    return {name for name in names if f"{name}.".startswith(f"{package}.")}


def reach(module):
    """Return all that a module imports, by way of the app's other modules too."""
    found, waiting = set(), [module]
    while waiting:
        new = IMPORTS[waiting.pop()] - found
        found |= new
        waiting += [name for name in new if name in IMPORTS]
    return found


def importers(package):
    """Return the modules of the app that import a package."""
    return {module for module, names in IMPORTS.items() if within(names, package)}


def test_the_rules_name_modules_that_exist():
    assert {*IMPORTS} >= LIVE | WRITE | PUBLIC


@pytest.mark.parametrize("module", sorted(LIVE))
def test_the_live_side_knows_no_database(module):
    known = reach(module)

    assert not known & DATABASE
    assert not within(known, "django.db")
    assert not within(known, "django.contrib")


@pytest.mark.parametrize("module", sorted(WRITE))
def test_the_write_side_knows_nobody_who_is_connected(module):
    live = {
        "hub", "connection", "channels", "streaming", "takeover", "worker", "past",
        "outlets", "routes", "heartbeats", "drain", "admission",
    }  # fmt: skip

    assert not reach(module) & {f"notifications.{name}" for name in live}


def test_the_log_alone_knows_redis():
    assert importers("redis") == {"notifications.log"}


@pytest.mark.parametrize("package", ["gunicorn", "gevent", "greenlet"])
def test_the_worker_alone_knows_its_server(package):
    assert importers(package) <= {"notifications.worker"}


def test_settings_are_read_by_few_and_each_reads_its_own():
    readers = importers("django.conf")

    assert readers <= {*DJANGO_SETTINGS}
    for module in readers:
        path = ROOT / f"{module.replace('.', '/')}.py"
        assert settings_in(path) <= DJANGO_SETTINGS[module]


def settings_in(path):
    """Return the names of the settings that a file reads."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id="settings"), attr=name):
                found.add(name)
            case ast.Call(
                func=ast.Name(id="getattr"),
                args=[ast.Name(id="settings"), ast.Constant(value=name), *_],
            ):
                found.add(name)
    return found


@pytest.mark.parametrize("module", ["notifications.topics", "notifications.sse"])
def test_what_is_pure_knows_no_django(module):
    assert not within(reach(module), "django")


def test_the_app_knows_no_site():
    assert not importers("project")


def test_a_site_knows_the_public_modules_alone():
    known = {
        name for path in (ROOT / "project").rglob("*.py") for name in imported(path)
    }

    modules = {name for name in within(known, "notifications") if is_module(name)}
    assert modules <= PUBLIC | within(modules, "notifications.templatetags")


def is_module(name):
    return name in IMPORTS and name != "notifications"


@pytest.mark.parametrize("word", ["question", "answer"])
def test_the_app_has_no_word_of_the_site(word):
    files = [path for path in APP.rglob("*") if path.suffix in (".py", ".html", ".js")]

    assert [path.name for path in files if word in path.read_text().lower()] == []


# Run before anything of Django is imported: afterwards it would be too late to see.
WATCHED = """
import socket, sys, threading
before = threading.active_count()
opened = []
sys.addaudithook(
    lambda event, args: opened.append(event)
    if event in ("socket.__new__", "socket.connect", "sqlite3.connect") else None
)
import notifications
import django
django.setup()
from django.apps import apps
assert apps.is_installed("notifications")
assert threading.active_count() == before, threading.enumerate()
assert opened == [], opened
"""


def test_setting_django_up_starts_no_thread_and_opens_no_socket():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
