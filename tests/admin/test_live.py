import re
import time

import msgspec
import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.metrics import Metrics
from notifications.live.subscriber import Subscriber
from notifications.models import Control, Event
from notifications.monitoring.history import SLOT_SECONDS
from notifications.monitoring.process_reports import Reporter
from notifications.protocol.entries import FollowEntry
from notifications.publishing.outbox import record_control
from notifications.streams.admission import shared_admission

pytestmark = pytest.mark.django_db

LIVE = "/admin/notifications/event/live/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def staff(client, make_staff):
    """A member of staff with the permission to view events, signed in."""
    user = make_staff("view_event")
    client.force_login(user)
    return user


@pytest.fixture
def reported(log):
    """The report of a process with one stream."""
    shared_hub().ensure_started()
    shared_admission().enter(Connection(Subscriber("7")), address="::1")
    reporter = Reporter(
        log, hub=shared_hub(), admission=shared_admission(), metrics=Metrics()
    )
    reporter.report()
    return reporter.measure()


def shown(client):
    return client.get(LIVE, headers=JSON).json()


def test_page_shows_each_process(client, staff, reported):
    page = client.get(LIVE).content.decode()

    assert f'data-process="{reported.name}"' in page
    assert f"{reported.host}:{reported.pid}" in page
    assert re.search(r'data-stat="streams".*>1<', page)


def test_page_is_also_json(client, staff, reported):
    response = client.get(LIVE, headers=JSON)

    page = response.json()
    assert response["Content-Type"] == "application/json"
    assert "Accept" in response["Vary"]
    assert page["processes"][reported.name]["streams"] == {
        "value": 1, "text": "1", "note": "", "alarm": False,
    }  # fmt: skip
    assert page["stats"]["streams"]["note"] == "in 1 process"
    assert page["problems"] == []
    assert re.fullmatch(r"\d\d:\d\d:\d\d", page["updated"])


def test_page_is_not_cached(client, staff):
    for headers in (None, JSON):
        assert "no-store" in client.get(LIVE, headers=headers)["Cache-Control"]


def test_page_has_the_row_and_texts_for_its_script(client, staff):
    page = client.get(LIVE).content.decode()

    assert 'data-interval="2000"' in page
    assert "data-text-lost=" in page
    assert page.count('data-stat="reading"') == 1
    assert "No process is reporting" in page


def test_page_has_no_inline_script_or_style(client, staff, reported):
    page = client.get(LIVE).content.decode()

    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []


def test_backlog_counts_events_and_controls(client, staff):
    Event.objects.create(type="new_question", payload={})
    record_control(FollowEntry(uid="1" * 32, user="7", topic="topic:oat"))
    assert Control.objects.exists()

    assert shown(client)["stats"]["pending"]["value"] == 2


def test_relayed_event_is_not_in_the_backlog(client, staff):
    event = Event(type="new_question", payload={})
    event.relayed = event.created
    event.save()

    assert shown(client)["stats"]["pending"]["value"] == 0


def test_rows_that_were_set_aside_are_counted_apart(client, staff):
    Event.objects.create(type="new_question", payload={}, failure="too deep")
    Control.objects.create(body=b"", failure="too short")

    stats = shown(client)["stats"]

    assert (stats["pending"]["value"], stats["failed"]["value"]) == (0, 2)


def test_page_without_redis_shows_the_problem_and_the_backlog(client, staff, no_redis):
    Event.objects.create(type="new_question", payload={})

    response = client.get(LIVE)

    page = response.content.decode()
    assert response.status_code == 200
    assert "Redis is unreachable" in page
    assert shown(client)["stats"]["pending"]["value"] == 1
    assert shown(client)["stats"]["redis"]["alarm"]


def test_invalid_report_is_not_shown(client, staff, log):
    log.process_registry().report("x", msgspec.json.encode({"host": "<b>"}), seconds=5)

    assert shown(client)["processes"] == {}


def test_number_of_queries_does_not_grow_with_the_backlog(
    client, staff, django_assert_max_num_queries
):
    for _ in range(20):
        Event.objects.create(type="new_question", payload={})

    # Session, user and permissions, and six of the outbox.
    with django_assert_max_num_queries(10):
        shown(client)


def test_admin_links_to_the_page(client, staff):
    events = reverse("admin:notifications_event_changelist")
    assert f'href="{LIVE}"' in client.get(events).content.decode()
    index = reverse("admin:app_list", args=["notifications"])
    assert f'href="{LIVE}"' in client.get(index).content.decode()


def test_admin_hides_the_link_without_the_permission(client, staff):
    staff.user_permissions.set([Permission.objects.get(codename="view_follow")])

    index = reverse("admin:app_list", args=["notifications"])
    page = client.get(index).content.decode()

    assert "Follows" in page
    assert LIVE not in page


def test_permission_to_change_events_is_enough(client, staff):
    staff.user_permissions.set([Permission.objects.get(codename="change_event")])

    assert client.get(LIVE).status_code == 200


@pytest.mark.parametrize("headers", [None, JSON])
def test_anonymous_is_redirected_to_sign_in(client, headers):
    response = client.get(LIVE, headers=headers)

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_user_who_is_not_staff_is_redirected_to_sign_in(client, maja):
    client.force_login(maja)

    assert client.get(LIVE).status_code == 302


@pytest.mark.parametrize("headers", [None, JSON])
def test_staff_without_the_permission_is_refused(client, staff, headers):
    staff.user_permissions.clear()

    assert client.get(LIVE, headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_unsafe_methods_are_refused(client, staff, method):
    response = getattr(client, method)(LIVE)

    assert response.status_code == 405


def test_page_has_no_permission_of_its_own():
    assert not Permission.objects.filter(codename__endswith="_live").exists()


def test_charts_are_shown(client, staff, log):
    slot = int(time.time() // SLOT_SECONDS) - 5
    registry = log.process_registry()
    registry.store_sample(slot, "a", b"[20, 3, 60, 4]", seconds=60)

    page = client.get(LIVE).content.decode()

    assert "Between 20 and 20 in the last 10 minutes" in page
    charts = shown(client)["charts"]
    assert re.fullmatch(r"M(\d+ 0\.0)L\1", charts["streams"]["line"])
    assert charts["lag"]["top"] == "5 ms"


def test_page_without_redis_has_empty_charts(client, staff, no_redis):
    assert "No data in the last 10 minutes." in client.get(LIVE).content.decode()
