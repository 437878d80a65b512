"""Who is present on a topic, in several processes; a reporter stands for a process."""

import json
import threading

import pytest
from django.db import DatabaseError

from notifications.api import Present, presence
from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.periodic_thread import PeriodicThread
from notifications.live.connection import Connection
from notifications.live.subscriber import Subscriber
from notifications.log import presence as presence_log
from notifications.log.presence import LIFETIME_MS
from notifications.log.stream import shared_log
from notifications.models import Actor
from notifications.protocol import sse
from notifications.publishing.presence import set_hidden
from notifications.streams import presence as presence_module
from notifications.streams.presence import (
    ALIVE_SECONDS,
    LINGER_SECONDS,
    LOOK_SECONDS,
    SOON_SECONDS,
    PresenceReporter,
)
from tests.streaming import STREAM, StreamReader
from tests.system.server import wait_for
from tests.users import User, unsaved_user

ROOM = "room:espresso"


class Process(PresenceReporter):
    """A reporter with a clock of its own, which the test moves on."""

    def __init__(self, log):
        self.now = 0.0
        super().__init__(log, clock=lambda: self.now)

    def open(self, user=None, topic=ROOM, **options):
        """Open a stream of a topic; return its connection."""
        subscriber = Subscriber(user=str(user.pk) if user else "")
        connection = Connection(subscriber, requested_topics=[topic])
        self.enter(connection, **options)
        return connection

    def run(self, after=1.0):
        """Do what the thread does, this many seconds later."""
        self.now += after
        self.update()


@pytest.fixture
def process(log, monkeypatch):
    """A function that returns another process, whose thread the test replaces."""
    monkeypatch.setattr(PeriodicThread, "start", lambda self: None)
    return lambda: Process(log)


def told(connection):
    """Return what a stream was told last: the number and the names."""
    *_, frame = connection.transport.take(seconds=0)
    found = sse.decode(frame.body)
    assert found.event == "presence"
    fields = json.loads(found.data)
    assert fields["topic"] == ROOM
    return fields["count"], [each["name"] for each in fields["people"]]


def test_person_is_present_while_a_stream_is_open(process, maja):
    process_of_maja = process()
    process_of_maja.open(maja)

    process_of_maja.update()

    found = presence(ROOM)
    assert (found.people, found.count) == ((Actor("maja"),), 1)


def test_streams_of_all_processes_are_told_who_comes(process, maja, tobias):
    first, second = process(), process()
    stream = first.open(maja)
    first.run()
    assert told(stream) == (1, ["maja"])

    second.open(tobias)
    second.run()
    first.run()

    assert told(stream) == (2, ["maja", "tobias"])


def test_person_with_streams_in_two_processes_counts_once(process, maja):
    first, second = process(), process()
    first.open(maja)
    first.open(maja)
    second.open(maja)

    first.update()
    second.update()

    assert presence(ROOM).count == 1


def test_what_a_killed_process_wrote_expires(process, maja, redis_client):
    killed, other = process(), process()
    killed.open(maja)
    killed.open()
    killed.run()
    stream = other.open()
    other.run()
    assert told(stream) == (3, ["maja"])
    key = f"{{{conf.KEY_PREFIX}}}:presence"
    assert 0 < redis_client.pttl(f"{key}:of:{killed._process}") <= LIFETIME_MS

    # It expired in the past.
    redis_client.zadd(f"{key}:processes", {killed._process: 1})
    other.run()

    assert told(stream) == (1, [])


def test_what_redis_has_lost_is_written_again(process, maja, redis_client):
    first, other = process(), process()
    first.open(maja)
    stream = other.open()
    first.run()
    other.run()
    assert told(stream) == (2, ["maja"])
    redis_client.flushdb()
    assert presence(ROOM).count == 0

    other.run(after=2)
    first.run(after=2)
    other.run()

    assert told(stream) == (2, ["maja"])


def test_process_that_changes_nothing_writes_no_rosters(process, maja, redis_client):
    first = process()
    for number in range(100):
        first.open(maja, topic=f"room:{number}")
    first.run()
    before = redis_client.info("commandstats")["cmdstat_hset"]["calls"]

    first.run(after=2)

    # The one that keeps the process alive.
    after = redis_client.info("commandstats")["cmdstat_hset"]["calls"]
    assert after == before + 1


def test_anonymous_streams_are_counted_and_not_named(process):
    first = process()
    streams = [first.open(), first.open()]
    first.run()
    assert presence(ROOM) == Present((), 2)

    first.leave(streams[0])
    first.leave(streams[0])
    first.run(after=LINGER_SECONDS)

    assert told(streams[1]) == (1, [])


def test_person_who_leaves_is_taken_out_later(process, maja):
    first = process()
    stream = first.open(maja)
    first.run()

    first.leave(stream)
    first.run()
    assert presence(ROOM).count == 1
    first.run(after=LINGER_SECONDS)

    assert presence(ROOM).count == 0
    assert first._interval() == 0


def test_clients_that_reconnect_stay_present(process, maja):
    first = process()
    streams, other = [first.open(), first.open(maja)], first.open()
    first.run()
    assert told(other) == (3, ["maja"])

    for stream in streams:
        first.leave(stream)
    first.run()
    first.open()
    first.open(maja)
    first.run(after=LINGER_SECONDS)

    assert not other.transport.take(seconds=0)


def test_topic_with_many_people_names_some_of_them(process, maja, tobias, monkeypatch):
    monkeypatch.setattr(presence_log, "MOST_PEOPLE", 1)
    first = process()
    first.open(maja)
    first.open(tobias)

    first.update()

    found = presence(ROOM)
    assert found.count == 2
    assert found.people in ((Actor("maja"),), (Actor("tobias"),))


def test_person_who_hides_is_counted_and_not_named(process, maja):
    first = process()
    first.open(maja)
    first.update()

    set_hidden(maja, True)
    assert (presence(ROOM).people, presence(ROOM).count) == ((), 1)

    set_hidden(maja, False)
    assert presence(ROOM).people == (Actor("maja"),)


def test_address_is_never_shown(process, db):
    first = process()
    first.open(User.objects.create_user("maja@example.com"))

    first.update()

    assert "@" not in str(presence(ROOM).people)


def test_nobody_is_present_for_those_who_may_not_see_the_topic(process, maja, settings):
    first = process()
    first.open(maja)
    first.update()
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "AUTHORIZE": lambda user, topic: user == maja,
    }

    assert presence(ROOM, viewer=maja).count == 1
    assert presence(ROOM, viewer=unsaved_user("tobias")).count == 0


@pytest.mark.parametrize("topic", ["topic:espresso", "unknown:1", "room:*"])
def test_other_topics_have_no_presence(process, maja, topic):
    first = process()

    stream = first.open(maja, topic=topic)
    first.run()

    assert first._interval() == 0
    assert not stream.transport.take(seconds=0)


def test_nobody_is_present_while_redis_is_away(process, maja, no_redis):
    assert presence(ROOM).count == 0


def test_poll_is_not_told_what_its_client_shows(process, maja, tobias):
    first = process()
    stream = first.open(maja)
    first.run()
    (frame,) = stream.transport.take(seconds=0)
    shown = [json.loads(sse.decode(frame.body).data)["digest"]]

    poll = first.open(maja, shown=shown)
    first.run()
    assert not poll.transport.take(seconds=0)

    first.leave(poll)
    first.open(tobias)
    first.run()
    poll = first.open(maja, shown=shown)
    first.run()
    assert told(poll) == (2, ["maja", "tobias"])


def test_streams_are_told_once_redis_is_back(process, maja, link):
    first = process()
    first.open()
    first.update()
    stream = first.open(maja)
    link.cut()
    with pytest.raises(LogUnavailable):
        first.run()

    link.mend()
    shared_log().probe()
    first.run()

    assert told(stream) == (2, ["maja"])


def test_stream_is_told_and_the_thread_ends_with_the_last_one(client, db, monkeypatch):
    monkeypatch.setattr(presence_module, "LINGER_SECONDS", 0.1)
    reader = StreamReader(client.get(f"{STREAM}?topic={ROOM}"))

    assert json.loads(reader.next_named("heartbeat").data) == {}
    found = json.loads(reader.next_named("presence").data)
    assert (found["topic"], found["count"], found["people"]) == (ROOM, 1, [])

    reader.response.close()
    wait_for(lambda: not presence_threads(), what="the thread to end")


def test_streams_are_told_once_the_database_is_back(client, db, monkeypatch):
    broken, read = [True], presence_module.present_on

    def present_on(topics):
        if broken:
            broken.clear()
            raise DatabaseError
        return read(topics)

    monkeypatch.setattr(presence_module, "present_on", present_on)
    monkeypatch.setattr(presence_module, "LINGER_SECONDS", 0.1)
    reader = StreamReader(client.get(f"{STREAM}?topic={ROOM}"))

    assert json.loads(reader.next_named("presence").data)["count"] == 1

    reader.response.close()
    wait_for(lambda: not presence_threads(), what="the thread to end")


def test_people_come_within_2_seconds_and_vanish_within_10():
    # Written soon, and told to the streams of another process when it looks.
    assert SOON_SECONDS + LOOK_SECONDS < 2
    # One look each to write that somebody has left, and to find it.
    assert LINGER_SECONDS + 2 * LOOK_SECONDS < 10
    # A killed process was kept alive just before.
    assert LIFETIME_MS / 1000 + LOOK_SECONDS < 10
    assert ALIVE_SECONDS + LOOK_SECONDS < LIFETIME_MS / 1000


def presence_threads():
    """Return the names of the threads that report presence."""
    names = [each.name for each in threading.enumerate()]
    return [each for each in names if each == "notifications-presence"]
