import pytest
from django.db import transaction

from notifications.testing import recorded_events
from project.qa.models import Question


def test_events_recorded_in_the_block_are_collected(maja):
    with recorded_events() as events:
        Question.objects.create(title="Why?", body="Tell.", author=maja)
    Question.objects.create(title="After?", body="Tell.", author=maja)

    assert [event.payload["title"] for event in events] == ["Why?"]


@pytest.mark.django_db(transaction=True)
def test_events_that_were_rolled_back_are_left_out(maja):
    with recorded_events() as events:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Question.objects.create(title="Never", body="Tell.", author=maja)
            raise ZeroDivisionError
        Question.objects.create(title="Why?", body="Tell.", author=maja)

    assert [event.payload["title"] for event in events] == ["Why?"]
