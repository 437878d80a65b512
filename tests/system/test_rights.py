"""What streams receive while follows, sessions and permissions change."""

import json
import time

import pytest
import redis

from tests.system.crowd import Crowd, wait_until_live
from tests.system.hooks import PRIVATE
from tests.system.processes import served
from tests.system.publisher import Publisher, wait_for_event
from tests.system.server import Site, wait_for
from tests.system.topics import asking, new_topics

LIFETIME_SECONDS = 2
AT_ONCE = 4
MAX_STREAMS = 50
ENVIRONMENT = {
    "NOTIFICATIONS_AUTHORIZE": "tests.system.hooks.members_only",
    "NOTIFICATIONS_RETRY_INTERVAL": "0.1",
    "NOTIFICATIONS_HEARTBEAT_INTERVAL": "1",
    "NOTIFICATIONS_LOG_READ_TIMEOUT": "1",
    "NOTIFICATIONS_MAX_STREAMS_PER_PERSON": str(MAX_STREAMS),
    "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "500",
    # A loaded machine is not the fault under test.
    "NOTIFICATIONS_REDIS_TIMEOUT": "5",
}

_FIND = (
    "from django.contrib.auth.models import User; user = User.objects.get(pk={pk})\n"
)


@pytest.fixture(scope="module")
def site():
    with Site(workers=2, environment=ENVIRONMENT) as site:
        yield site


def open_in_every_process(crowd, site, **options):
    """Open streams until each worker serves some; return them."""
    streams = []

    def spread():
        # One at a time could all go to the worker that is quicker to wake.
        streams.extend(crowd.open(**options) for _ in range(AT_ONCE))
        wait_until_live(streams)
        return all(served(site, {stream.port for stream in streams}))

    wait_for(spread, what="a stream in every process")
    return streams


def test_follow_changes_apply_to_open_streams(site, publisher, crowd, members):
    constant, changing = members.make_topics(2)
    [member] = members.join(1)
    members.follow(member, constant)
    streams = open_in_every_process(crowd, site, session=member.session)

    publisher.publish(changing)
    members.follow(member, changing)
    followed = publisher.publish(changing)
    members.follow(member, changing, level="mute")
    publisher.publish(changing, constant)
    members.follow(member, changing, level="watch")
    watched = publisher.publish(changing, constant)
    members.unfollow(member, changing)
    publisher.publish(changing)
    last = publisher.publish(constant)
    wait_for_event(streams, last)

    assert {tuple(stream.uids) for stream in streams} == {(followed, watched, last)}
    assert {stream.attached for stream in streams} == {1}


def test_follow_changes_apply_to_a_replay(publisher, crowd, members):
    constant, added, left = members.make_topics(3)
    [member] = members.join(1)
    members.follow(member, constant)
    members.follow(member, left)
    stream = crowd.open(session=member.session)
    wait_until_live([stream])
    crowd.close(stream)

    publisher.publish(added)
    publisher.publish(left)
    members.follow(member, added)
    members.unfollow(member, left)
    missed = [publisher.publish(added), publisher.publish(constant)]
    publisher.publish(left)
    stream = crowd.open(session=member.session, last_event_id=stream.last_event_id)
    wait_until_live([stream])
    last = publisher.publish(constant)
    wait_for_event([stream], last)

    assert stream.uids == [*missed, last]


def assert_ended(streams, *, reason, status=403):
    """Check that the streams got the reason, and were refused when they reconnected."""
    wait_for(
        lambda: all(stream.named("server_closed") for stream in streams),
        what="server_closed on every stream",
    )
    wait_for(lambda: all(stream.refused for stream in streams), what="refusals")
    last = [stream.events[-1] for stream in streams]
    assert {event.name for event in last} == {"server_closed"}
    assert {json.loads(event.data)["reason"] for event in last} == {reason}
    assert {tuple(stream.statuses) for stream in streams} == {(200, status)}


def test_logout_ends_the_streams_of_its_session_only(site, publisher, crowd, members):
    [topic] = members.make_topics(1)
    [here] = members.join(1)
    [elsewhere] = members.sign_in([here.name])
    members.follow(here, topic)
    streams = open_in_every_process(crowd, site, session=here.session)
    others = open_in_every_process(crowd, site, session=elsewhere.session)

    members.ask("POST", "/logout/", here)
    assert_ended(streams, reason="signed_out")
    last = publisher.publish(topic)
    wait_for_event(others, last)

    assert {stream.attached for stream in others} == {1}
    assert not any(stream.uids for stream in streams)


ENDS = {
    "deactivated": "user.is_active = False; user.save()",
    "deleted": "user.delete()",
    "password_changed": "user.set_password('another'); user.save()",
}


@pytest.mark.parametrize(("reason", "code"), ENDS.items(), ids=ENDS)
def test_invalidated_login_ends_all_streams_of_the_person(
    site, publisher, crowd, members, reason, code
):
    [topic] = members.make_topics(1)
    here, bystander = members.join(2)
    [elsewhere] = members.sign_in([here.name])
    members.follow(bystander, topic)
    streams = [
        stream
        for session in (here.session, elsewhere.session)
        for stream in open_in_every_process(crowd, site, session=session)
    ]
    unconcerned = crowd.open(session=bystander.session)
    wait_until_live([unconcerned])

    site.shell(_FIND.format(pk=here.pk) + code)

    assert_ended(streams, reason=reason)
    wait_for_event([unconcerned], publisher.publish(topic))
    assert unconcerned.attached == 1


def processes_that_report(site):
    """Return when each process of the site last reported that it is there."""
    with redis.Redis.from_url(site.redis.url) as client:
        return client.zrange("{notifications}:processes", 0, -1, withscores=True)


def test_streams_of_a_person_are_limited_in_all_processes(site, crowd, members):
    [member] = members.join(1)
    wait_for(lambda: len(processes_that_report(site)) == 2, what="both processes")
    first = processes_that_report(site)
    # They know of each other.
    wait_for(
        lambda: not {*processes_that_report(site)} & {*first}, what="another report"
    )

    streams = [crowd.open(session=member.session) for _ in range(MAX_STREAMS + 5)]

    wait_for(lambda: all(stream.statuses for stream in streams), what="the replies")
    statuses = [stream.statuses[0] for stream in streams]
    assert statuses.count(200) == MAX_STREAMS
    assert statuses.count(429) == 5


def test_expired_session_ends_its_streams(site, crowd, members):
    [member] = members.join(1, seconds=3)
    streams = [crowd.open(session=member.session) for _ in range(4)]
    wait_until_live(streams)

    assert_ended(streams, reason="expired")


def test_lifetimes_vary_and_lose_no_event():
    [topic] = new_topics(1)
    lifetime = {"NOTIFICATIONS_STREAM_LIFETIME": str(LIFETIME_SECONDS)}
    ended = {}
    with (
        Site(workers=1, environment={**ENVIRONMENT, **lifetime}) as site,
        Publisher(site) as publisher,
        Crowd(site) as crowd,
    ):
        streams = [crowd.open(asking([topic])) for _ in range(20)]
        wait_until_live(streams)

        def all_ended():
            for stream in streams:
                if stream.named("server_closed"):
                    ended.setdefault(stream, time.monotonic())
            return len(ended) == len(streams)

        with publisher.steadily(20, lambda _: [topic]):
            wait_for(all_ended, what="every stream to end")
        wait_until_live(streams)
        wait_for_event(streams, publisher.publish(topic))

        assert {tuple(stream.uids) for stream in streams} == {tuple(publisher.uids)}
    # Twenty per cent to either side.
    spread = max(ended.values()) - min(ended.values())
    assert spread > LIFETIME_SECONDS * 0.1


def private_topic(site, members):
    """Return a topic that only a group of its name may see."""
    [topic] = members.make_topics(1, prefix=PRIVATE)
    site.shell(
        "from django.contrib.auth.models import Group\n"
        f"Group.objects.create(name={topic!r})"
    )
    return topic


def permit(site, member, topic, *, verb):
    """Let a person into the group of a topic (add) or out of it (remove)."""
    site.shell(
        _FIND.format(pk=member.pk)
        + "from django.contrib.auth.models import Group\n"
        + "from notifications.api import permissions_changed\n"
        + f"user.groups.{verb}(Group.objects.get(name={topic!r}))\n"
        + "permissions_changed(user)"
    )


def test_private_topic_reaches_authorized_people_only(site, publisher, crowd, members):
    topic = private_topic(site, members)
    inside, outside = members.join(2)
    permit(site, inside, topic, verb="add")

    allowed = crowd.open(asking([topic]), session=inside.session)
    refused = [
        crowd.open(asking([topic]), session=outside.session),
        crowd.open(asking([topic])),
    ]
    follow = members.ask("PUT", f"/notifications/follows/{topic}/", outside)
    wait_until_live([allowed])
    wait_for(lambda: all(each.refused for each in refused), what="refusals")
    uid = publisher.publish(topic)
    wait_for_event([allowed], uid)

    assert [each.statuses for each in refused] == [[404], [404]]
    assert follow.status_code == 404


def test_revoked_permission_ends_the_events_of_a_topic(site, publisher, crowd, members):
    [public] = members.make_topics(1)
    topic = private_topic(site, members)
    leaving, staying = members.join(2)
    for member in (leaving, staying):
        permit(site, member, topic, verb="add")
        members.follow(member, topic)
        members.follow(member, public)
    asked = crowd.open(asking([topic]), session=leaving.session)
    followed = open_in_every_process(crowd, site, session=leaving.session)
    others = crowd.open(session=staying.session)
    wait_until_live([asked, others])

    permit(site, leaving, topic, verb="remove")
    assert_ended([asked], reason="permissions_changed", status=404)
    secret = publisher.publish(topic)
    last = publisher.publish(public)
    wait_for_event([*followed, others], last)

    assert {tuple(stream.uids) for stream in followed} == {(last,)}
    assert others.uids == [secret, last]
    assert others.attached == 1


def test_changed_topic_ends_its_streams_and_no_others(site, publisher, crowd, members):
    [public] = members.make_topics(1)
    topic = private_topic(site, members)
    leaving, staying, bystander = members.join(3)
    for member in (leaving, staying):
        permit(site, member, topic, verb="add")
        members.follow(member, topic)
        members.follow(member, public)
    members.follow(bystander, public)
    asked = crowd.open(asking([topic]), session=leaving.session)
    followed = open_in_every_process(crowd, site, session=leaving.session)
    allowed = open_in_every_process(crowd, site, session=staying.session)
    others = open_in_every_process(crowd, site, session=bystander.session)
    wait_until_live([asked])

    site.shell(
        _FIND.format(pk=leaving.pk)
        + "from notifications.api import permissions_changed\n"
        + "user.groups.clear()\n"
        + f"permissions_changed(topic={topic!r})"
    )
    assert_ended([asked], reason="permissions_changed", status=404)
    wait_for(
        lambda: all(each.attached == 2 for each in (*followed, *allowed)),
        what="the others to reconnect",
    )
    wait_until_live([*followed, *allowed])
    secret = publisher.publish(topic)
    last = publisher.publish(public)
    wait_for_event([*followed, *allowed, *others], last)

    assert {tuple(stream.uids) for stream in followed} == {(last,)}
    assert {tuple(stream.uids) for stream in allowed} == {(secret, last)}
    assert {stream.attached for stream in others} == {1}
