"""`sse_prune` deletes old events and read marks, in batches."""

import io
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models.signals import post_delete
from django.utils import timezone

from notifications.inbox.read_state import read_group, unread_event
from notifications.management.commands import sse_prune
from notifications.models import Event, EventTopic, Follow, ReadMark
from notifications.protocol.cursor import Cursor, milliseconds
from notifications.publishing.pruning import Pruning
from tests import ROOT
from tests.inboxes import inbox_of, unread_of

pytestmark = pytest.mark.django_db(transaction=True)


def add_event(*, days, relayed=True, group=None):
    """Create the row of an event that was relayed this many days ago."""
    time = timezone.now() - timedelta(days=days)
    event = Event(type="new_question", created=time, payload={"title": "Why?"})
    event.group = group or event.group
    if relayed:
        event.mark_relayed(Cursor(milliseconds(time), 0))
    event.save()
    EventTopic.objects.create(
        event=event, topic="topic:espresso", position=event.position
    )
    return event


def prune(*options, older_than="90d"):
    """Run the command; return what it printed on stdout and on stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "sse_prune", "--older-than", older_than, *options, stdout=out, stderr=err
    )
    return out.getvalue(), err.getvalue()


@pytest.fixture
def newest():
    return add_event(days=1)


def test_old_events_and_their_topics_are_deleted(newest):
    add_event(days=100)
    kept = add_event(days=80)

    out, _ = prune()

    assert out == "Events deleted: 1. Read marks: 0.\n"
    assert [*Event.objects.order_by("pk")] == [newest, kept]
    assert EventTopic.objects.count() == 2


def test_old_events_that_were_set_aside_are_deleted(newest):
    for days in (100, 80):
        event = add_event(days=days, relayed=False)
        Event.objects.filter(pk=event.pk).set_aside("too deep")

    out, _ = prune("--batch", "1")

    assert out == "Events deleted: 1. Read marks: 0.\n"
    assert {*Event.objects.all()} == {newest, event}


@pytest.mark.parametrize(("age", "left"), [("1w", 1), ("5d", 1), ("30d", 2)])
def test_age_has_a_unit(newest, age, left):
    add_event(days=10)

    prune(older_than=age)

    assert Event.objects.count() == left


def test_hours_and_minutes_are_ages(newest):
    old = add_event(days=0.5)
    add_event(days=0)

    prune(older_than="700m")
    assert not Event.objects.filter(pk=old.pk).exists()
    prune(older_than="23h")

    assert not Event.objects.filter(pk=newest.pk).exists()


def test_batches_together_delete_everything(newest):
    for days in range(100, 107):
        add_event(days=days)

    out, _ = prune("--batch", "2")

    assert out == "Events deleted: 7. Read marks: 0.\n"
    assert [*Event.objects.all()] == [newest]


def test_events_at_the_same_position_are_deleted(newest):
    old = [add_event(days=100) for _ in range(5)]
    Event.objects.filter(pk__in=[each.pk for each in old]).update(position=1)

    pruning = Pruning(timezone.now() - timedelta(days=90), batch=2)

    assert list(pruning.delete_events()) == [2, 2, 1]


def test_pending_events_stay(newest):
    pending = add_event(days=100, relayed=False)
    Event.objects.filter(pk=pending.pk).update(position=1)

    prune("--batch", "1")

    assert Event.objects.filter(pk=pending.pk).exists()


def test_all_events_may_be_old():
    add_event(days=101)
    add_event(days=100)

    prune()

    assert not Event.objects.exists()


def test_nothing_to_delete_is_no_error():
    assert prune()[0] == "Events deleted: 0. Read marks: 0.\n"


def test_dry_run_deletes_nothing(newest):
    add_event(days=100)

    assert prune("--dry-run")[0] == "Events to delete: 1.\n"

    assert Event.objects.count() == 2


def test_second_run_continues_where_one_was_interrupted(newest):
    for days in range(100, 105):
        add_event(days=days)
    batches = Pruning(timezone.now() - timedelta(days=90), batch=2).delete_events()
    next(batches)
    batches.close()

    out, _ = prune("--batch", "2")

    assert out == "Events deleted: 3. Read marks: 0.\n"


def test_ctrl_c_reports_what_was_deleted(newest, monkeypatch):
    def interrupted(pruning):
        yield 2
        raise KeyboardInterrupt

    monkeypatch.setattr(Pruning, "delete_events", interrupted)

    with pytest.raises(CommandError, match=r"so far: 2\. Run the command again") as got:
        prune()

    assert got.value.returncode == sse_prune.INTERRUPTED


def test_progress_goes_to_stderr(newest, monkeypatch):
    monkeypatch.setattr(sse_prune, "PROGRESS_INTERVAL", 0)
    for days in range(100, 104):
        add_event(days=days)

    _, err = prune("--batch", "2")

    first, second = err.splitlines()
    assert first.startswith("2 of 4 events, ")
    assert second.startswith("4 of 4 events, ")
    assert second.endswith(" a second")


def test_number_of_queries_grows_with_the_batches_only(
    newest, django_assert_num_queries
):
    for days in range(100, 120):
        add_event(days=days)
    pruning = Pruning(timezone.now() - timedelta(days=90), batch=10)

    # Per batch: begin, read, two deletes in a savepoint, commit; and one empty read.
    with django_assert_num_queries(17):
        assert list(pruning.delete_events()) == [10, 10]


def test_receivers_of_the_site_get_the_signal_of_each_event(newest):
    old, found = add_event(days=100), []

    def receive(instance, **signal):
        found.append(instance.uid)

    post_delete.connect(receive, sender=Event)
    try:
        prune()
    finally:
        post_delete.disconnect(receive, sender=Event)

    assert found == [old.uid]
    assert EventTopic.objects.count() == 1


def test_marks_go_with_the_last_event_of_their_group(newest, maja):
    Follow.objects.create(user=maja, topic="topic:espresso")
    read_group(maja, add_event(days=100))

    out, _ = prune()

    assert out == "Events deleted: 1. Read marks: 1.\n"
    assert not ReadMark.objects.exists()


def test_mark_stays_while_its_group_has_events(maja):
    long_ago = timezone.now() - timedelta(days=200)
    Follow.objects.create(user=maja, topic="topic:espresso", created=long_ago)
    old = add_event(days=100, group="g")
    newer = add_event(days=1, group="g")
    unread_event(maja, old)

    prune()

    assert ReadMark.objects.count() == 1
    assert unread_of(maja) == inbox_of(maja) == [newer]


@pytest.mark.parametrize(
    "age", ["90", "d", "0d", "-1d", "1.5d", "90 days", "", "\uff19d"]
)
def test_invalid_age_is_an_error(age):
    with pytest.raises(CommandError, match=r"is not an age: expected a number from 1"):
        prune(f"--older-than={age}")


def test_age_before_the_calendar_is_an_error():
    with pytest.raises(CommandError, match=r"999999w ago is before the year 1"):
        prune(older_than="999999w")


@pytest.mark.parametrize("batch", ["0", "-1", "10001", "many", "1e3", "9" * 5000])
def test_invalid_batch_is_an_error(batch):
    with pytest.raises(CommandError, match=r"is not a number of rows: expected 1 to"):
        prune(f"--batch={batch}")


def test_missing_age_is_an_error():
    with pytest.raises(CommandError, match=r"required: --older-than"):
        call_command("sse_prune")


def test_command_line_exits_with_2_for_an_invalid_age():
    command = [sys.executable, "manage.py", "sse_prune", "--older-than", "soon"]

    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 2
    assert "'soon' is not an age" in ended.stderr
