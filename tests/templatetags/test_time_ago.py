from datetime import timedelta

import pytest
from django.utils import timezone, translation

from notifications.templatetags.time_ago import ago

EXAMPLES = [
    ("en", timedelta(seconds=59), "just now"),
    ("en", timedelta(minutes=1), "1 minute ago"),
    ("en", timedelta(days=2, hours=5), "2 days ago"),
    ("de", timedelta(seconds=0), "gerade eben"),
    ("de", timedelta(hours=3), "vor 3 Stunden"),
    ("de", timedelta(days=1), "vor 1 Tag"),
    ("de", timedelta(days=2), "vor 2 Tagen"),
    ("de", timedelta(days=70), "vor 2 Monaten"),
    ("de", timedelta(days=800), "vor 2 Jahren"),
]


@pytest.mark.parametrize(("language", "age", "text"), EXAMPLES)
def test_ago_has_the_largest_unit_and_its_case(language, age, text):
    with translation.override(language):
        result = ago(timezone.now() - age)

    assert result.replace("\xa0", " ") == text
