"""Requests of pages that were made for somebody who is not signed in any more."""

import pytest

from notifications.protocol.sse import EVENT_STREAM
from tests.streaming import STREAM
from tests.users import User, shown_name

pytestmark = pytest.mark.django_db(transaction=True)

POLL = "/notifications/poll/"
INBOX = "/notifications/"
NOBODY = "77"


@pytest.fixture(params=[STREAM, POLL, INBOX])
def path(request):
    return request.param


def ask_for(client, path, user):
    """Send what the page of a user sends."""
    accept = EVENT_STREAM if path == STREAM else "application/json"
    return client.get(path, {"user": user}, headers={"Accept": accept})


def test_page_of_somebody_else_is_told_who_is_signed_in(as_maja, maja, path):
    response = ask_for(as_maja, path, NOBODY)

    assert response.status_code == 409
    assert response.json() == {"user": shown_name(maja)}


def test_page_of_somebody_is_told_that_nobody_is_signed_in(client, path):
    response = ask_for(client, path, NOBODY)

    assert response.status_code == 409
    assert response.json() == {"user": ""}


def test_page_of_the_person_is_served(as_maja, maja, path):
    response = ask_for(as_maja, path, maja.pk)

    assert response.status_code == 200
    response.close()


def test_page_may_name_its_user_in_a_header(as_maja, maja):
    user = User.objects.create_user("tobias")

    of_other = as_maja.get(INBOX, headers={"Notifications-User": str(user.pk)})
    of_maja = as_maja.get(INBOX, headers={"Notifications-User": str(maja.pk)})

    assert (of_other.status_code, of_maja.status_code) == (409, 200)


def test_page_of_nobody_is_served_to_anybody(as_maja, path):
    response = ask_for(as_maja, path, "")

    assert response.status_code == 200
    response.close()


def test_signed_out_page_with_a_topic_is_told(client):
    response = client.get(STREAM, {"user": NOBODY, "topic": "topic:milk"})
    of_private = client.get(STREAM, {"user": NOBODY, "topic": "private:milk"})

    assert (response.status_code, of_private.status_code) == (409, 409)
