from datetime import UTC, datetime, timedelta

from django.utils import timezone

from project.qa.templatetags.qa import when


def test_recent_time_is_relative():
    html = when(timezone.now() - timedelta(hours=3))

    assert " data-relative " in html
    assert "3 hours ago</time>".replace(" ", "\xa0", 1) in html


def test_old_time_is_a_date():
    html = when(datetime(2020, 3, 9, 14, 5, 7, tzinfo=UTC))

    assert html == (
        '<time datetime="2020-03-09T14:05:07+00:00" title="9 March 2020, 14:05 UTC">'
        "9 March 2020</time>"
    )
