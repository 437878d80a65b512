import pytest

from notifications.conf import conf
from notifications.log.recovery import (
    REMEMBERED_CONTROLS,
    REMEMBERED_SECONDS,
    RecentControls,
)
from notifications.log.stream import Log
from notifications.protocol.cursor import Cursor
from notifications.protocol.entries import EndEntry, RetractEntry, encode
from tests.own_redis import own_redis


@pytest.fixture
def server():
    """A Redis that a test may restart."""
    with own_redis() as server:
        yield server


def test_identity_changes_when_redis_is_restarted(server):
    log = Log(lambda: server.url)
    first = log.recovery().identity()
    assert log.recovery().identity() == first

    server.stop()
    server.ensure_running(timeout=10)

    assert log.recovery().identity() not in ("", first)
    log.close()


def test_identity_is_empty_where_redis_does_not_tell_it(redis_server, redis_client):
    redis_client.execute_command(
        *["ACL", "SETUSER", "app", "on", "nopass", "~*", "+@all", "-info"]
    )
    log = Log(lambda: f"{redis_server.url}?username=app&password=x")

    assert log.recovery().identity() == ""

    log.close()
    redis_client.execute_command("ACL", "DELUSER", "app")


def test_entries_that_are_not_in_the_log_are_missing(log):
    start = log.position()
    later = Cursor(start.milliseconds + 1, 0)

    assert log.recovery().missing([start, later]) == [later]


def test_entries_from_before_the_log_are_not_missing(log):
    log.position()

    assert log.recovery().missing([Cursor(1, 1)]) == []


@pytest.fixture
def lose(redis_client):
    """A function that removes the newest entry of the log, and all uids."""

    def lose():
        prefix = f"{{{conf.KEY_PREFIX}}}"
        [(cursor, _)] = redis_client.xrevrange(f"{prefix}:log", count=1)
        redis_client.xdel(f"{prefix}:log", cursor)
        redis_client.delete(*redis_client.keys(f"{prefix}:uid:*"))

    return lose


def test_lost_control_entry_makes_cached_sessions_stale_again(log, lose, redis_client):
    start = log.position()
    append_end(log, "7")
    lose()
    # As if Redis had lost that these are stale, too.
    redis_client.delete(f"{{{conf.KEY_PREFIX}}}:reader:7")
    store = log.session_store("7")
    assert store.store("session", b"text", as_of=start, seconds=60)

    assert log.recovery().append_controls(end=log.position()) == 1

    assert log.load_sessions([("7", "session")]) == [None]
    assert len(list(log.read(start, until=log.position()))) == 1


def test_control_entries_that_are_in_the_log_are_not_appended_again(log, redis_client):
    append_end(log, "7")
    newest = log.position()
    redis_client.delete(*redis_client.keys(f"{{{conf.KEY_PREFIX}}}:uid:*"))

    assert log.recovery().append_controls(end=log.position()) == 0
    assert log.position() == newest


def test_control_entries_from_before_the_log_are_not_appended_again(log, redis_client):
    append_end(log, "7")
    redis_client.delete(*redis_client.keys(f"{{{conf.KEY_PREFIX}}}:*"))
    newest = log.position()

    assert log.recovery().append_controls(end=log.position()) == 0
    assert log.position() == newest


def test_retracted_events_are_noted_again(log, lose, redis_client):
    log.position()
    entry = RetractEntry(uid="r", event="e", type="tick", topics=(), cursor="5-0")
    log.append_controls([(entry.uid, encode(entry), "")])
    lose()

    log.recovery().append_controls(end=log.position())

    assert log.retractions().after(Cursor(1, 0)) == {Cursor(5, 0)}


def test_control_entries_are_remembered_for_a_moment():
    now = [100.0]
    recent = RecentControls(clock=lambda: now[0])
    first, second = (b"a", ("a",)), (b"b", ("b",))
    recent.note([first], [Cursor(1, 0)])
    now[0] += REMEMBERED_SECONDS / 2
    recent.note([second], [Cursor(2, 0)])

    assert recent.items() == {Cursor(1, 0): first, Cursor(2, 0): second}
    now[0] += REMEMBERED_SECONDS / 2 + 1
    assert recent.items() == {Cursor(2, 0): second}


def test_only_so_many_control_entries_are_remembered():
    recent = RecentControls()
    several = range(2 * REMEMBERED_CONTROLS)

    recent.note([(b"", ())] * len(several), [Cursor(each, 0) for each in several])

    assert len(recent.items()) == REMEMBERED_CONTROLS


def append_end(log, user):
    entry = EndEntry(uid="u", user=user, reason="deactivated")
    log.append_controls([(entry.uid, encode(entry), user)])


def test_log_goes_on_after_a_lost_entry_that_a_clock_ahead_had_made(log):
    start = log.position()
    lost = Cursor(start.milliseconds + 3_600_000, 7)

    log.recovery().advance(lost)
    [cursor] = log.append([("uid", b"{}")])

    assert cursor > lost
    assert [each.cursor for each in log.read(start, until=cursor)][-1] == cursor


def test_log_whose_clock_is_not_behind_gets_no_further_entry(log, redis_client):
    redis_client.xadd(f"{{{conf.KEY_PREFIX}}}:log", {"e": "{}"}, id="5-1")

    log.recovery().advance(Cursor(7, 1))

    assert log.position() == Cursor(5, 1)
