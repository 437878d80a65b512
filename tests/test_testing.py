import pytest
from django.contrib.auth.models import User

from notifications.testing import recorded_events
from project.qa.models import Question


@pytest.mark.django_db
def test_what_is_recorded_in_the_block_is_collected():
    maja = User.objects.create_user("maja")

    with recorded_events() as events:
        Question.objects.create(title="Why?", body="Tell.", author=maja)
    Question.objects.create(title="After?", body="Tell.", author=maja)

    assert [event.payload["title"] for event in events] == ["Why?"]
