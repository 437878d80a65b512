"""Events that the tests of the outbox record."""

from notifications.publishing import outbox
from project.qa.notifications import NEW_QUESTION

PAYLOAD = {"question_id": 1, "title": "Why?", "url": "/questions/1/"}


def record(**options):
    options = {"topics": ["topic:espresso"], "payload": PAYLOAD, **options}
    return outbox.record(NEW_QUESTION, **options)
