"""A person's time zone and quiet hours, over HTTP."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from notifications.models import Follow, Schedule, personal_time

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/notifications/preferences/"


def post(client, **fields):
    return client.post(URL, fields, headers={"Accept": "application/json"})


def test_time_zone_and_quiet_hours_are_chosen_and_ended(as_maja, maja):
    reply = post(
        as_maja, time_zone="Asia/Tokyo", quiet_from="22:00", quiet_until="07:00"
    ).json()

    assert (reply["time_zone"], reply["quiet_hours"]) == ("Asia/Tokyo", "22:00-07:00")
    post(as_maja, quiet_from="", quiet_until="")
    assert personal_time(maja) == ("Asia/Tokyo", "")


def test_browser_gives_the_time_zone_of_a_person_who_has_none(as_maja, maja):
    post(as_maja, quiet_from="22:00", quiet_until="07:00")

    post(as_maja, browser_time_zone="Asia/Tokyo")
    post(as_maja, browser_time_zone="Europe/Berlin")

    assert personal_time(maja) == ("Asia/Tokyo", "22:00-07:00")


@pytest.mark.parametrize(
    "fields",
    [
        {"time_zone": "Mars/Base"},
        {"time_zone": "../../etc/passwd"},
        {"browser_time_zone": "x" * 1000},
        {"quiet_from": "22:00", "quiet_until": ""},
        {"quiet_from": "25:00", "quiet_until": "07:00"},
        {"quiet_from": "07:00", "quiet_until": "07:00"},
    ],
)
def test_invalid_time_is_refused(as_maja, fields):
    response = post(as_maja, **fields)

    assert response.status_code == 400
    problem = response.content.decode()
    assert problem.startswith(("There is no such time zone.", "Enter two different"))
    assert not Schedule.objects.exists()


def test_half_filled_quiet_hours_are_shown_with_the_problem(as_maja):
    fields = {"quiet_from": "21:45", "quiet_until": "", "time_zone": "Asia/Tokyo"}

    response = as_maja.post(URL, {**fields, "new_answer": "off"})

    page = response.content.decode()
    assert response.status_code == 400
    assert 'id="notifications-problem" role="alert">Enter two different times' in page
    described = 'value="21:45" aria-describedby="notifications-problem"'
    assert described in page
    assert "<option selected>Asia/Tokyo<" in page
    assert 'name="new_answer" value="off" checked' in page
    assert not Schedule.objects.exists()


def test_end_of_a_mute_is_shown_in_the_time_zone_of_the_person(as_maja, maja, milk):
    post(as_maja, time_zone="Asia/Tokyo")
    end = datetime(2090, 3, 4, 20, 15, tzinfo=UTC)
    Follow.objects.set_level(maja, "topic:milk", "mute", until=end)

    page = as_maja.get(reverse("notifications:preferences")).content.decode()

    assert "Muted until March 5, 05:15" in page
