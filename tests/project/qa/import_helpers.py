"""Runs `import_stackexchange` for the tests, in bulk and as a replay."""

from io import StringIO

import pytest
from django.core.management import call_command

from notifications.models import Event
from project.qa.models import Answer, Question, Topic
from tests.users import User

# Posts per second; high enough that no test waits.
FAST = 1e9

both_modes = pytest.mark.parametrize(
    "mode", [{}, {"replay": True, "rate": FAST}], ids=["bulk", "replay"]
)


def run_import(path, **options):
    """Run the import; return what it wrote to stdout and to stderr."""
    out, err = StringIO(), StringIO()
    call_command("import_stackexchange", path, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def database_contents():
    """Return the rows that an import can write."""
    models = (Question, Answer, Topic, User, Event)
    return [list(model.objects.order_by("pk").values()) for model in models]
