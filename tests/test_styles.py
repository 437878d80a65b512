"""The names in the app's styles and templates, which share pages with a host's."""

import re
from pathlib import Path

import pytest

import notifications

APP = Path(notifications.__file__).parent
SHEETS = sorted(APP.glob("static/notifications/*.css"))
TEMPLATES = sorted(APP.glob("templates/**/*.html"))
PREFIX = "notifications-"
# Of Django's admin, which the pages in it share.
ADMIN = {
    *("breadcrumbs", "closelink", "default", "errornote", "help", "module"),
    *("submit-row", "column-notified", "field-addressed_to", "field-created"),
    *("field-notified", "field-title"),
}
COMMENT_OR_TAG = re.compile(r"\{%.*?%\}|\{#.*?#\}|/\*.*?\*/", re.DOTALL)


def foreign(names: list[str], *, admin: bool) -> list[str]:
    """Return the class names that are not the app's, nor those of the admin in it."""
    own = [name for name in names if not name.startswith(PREFIX)]
    return [name for name in own if not (admin and name in ADMIN)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_classes_of_templates_have_the_prefix(template):
    text = COMMENT_OR_TAG.sub("", template.read_text())
    names = [
        name for found in re.findall('class="([^"]*)"', text) for name in found.split()
    ]

    assert not foreign(names, admin="admin" in template.parts)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_classes_of_stylesheets_have_the_prefix(sheet):
    selectors = re.findall(r"([^{};]+)\{", COMMENT_OR_TAG.sub("", sheet.read_text()))
    names = re.findall(r"\.([a-z][\w-]*)", " ".join(selectors))

    assert names
    assert not foreign(names, admin=sheet.name.startswith("admin"))
