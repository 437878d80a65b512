import pytest

from notifications.exceptions import TooManyStreams
from notifications.live.connection import Connection
from notifications.live.subscriber import Subscriber
from notifications.live.transports import QueueTransport
from notifications.streams import admission
from notifications.streams.admission import Admission
from notifications.streams.client_socket import NullSocket


class Client(NullSocket):
    """A client whose state a test sets."""

    def __init__(self):
        super().__init__()
        self.gone = False
        self.hung_up = False

    def is_gone(self):
        return self.gone

    def abort(self):
        self.hung_up = True


@pytest.fixture
def limits(settings):
    """A function that sets limits."""

    def limits(**values):
        settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, **values}

    return limits


def enter(admission, *, user="", address="", client=None):
    connection = Connection(Subscriber(user=user), QueueTransport(link=client))
    admission.enter(connection, address=address)
    return connection


def test_streams_of_a_person_are_limited(limits):
    limits(MAX_STREAMS_PER_PERSON=2)
    admission = Admission()
    enter(admission, user="7")
    enter(admission, user="7")

    with pytest.raises(TooManyStreams, match="this user has 2 streams"):
        enter(admission, user="7")

    assert enter(admission, user="8")


def test_anonymous_streams_of_an_address_are_limited(limits):
    limits(MAX_STREAMS_PER_ADDRESS=1)
    admission = Admission()
    enter(admission, address="10.0.0.1")

    with pytest.raises(TooManyStreams, match="this address has 1 streams"):
        enter(admission, address="10.0.0.1")

    assert enter(admission, address="10.0.0.2")
    assert enter(admission, user="7", address="10.0.0.1")


def test_anonymous_streams_of_an_ipv6_network_are_limited(limits):
    limits(MAX_STREAMS_PER_ADDRESS=1)
    admission = Admission()
    connection = enter(admission, address="2001:db8:1:2::1")

    with pytest.raises(TooManyStreams, match="this address has 1 streams"):
        enter(admission, address="2001:db8:1:2::2")

    assert enter(admission, address="2001:db8:1:3::1")
    admission.leave(connection)
    assert enter(admission, address="2001:db8:1:2::2")


def test_streams_of_a_process_are_limited(limits):
    limits(MAX_STREAMS=2)
    admission = Admission()
    enter(admission, user="7")
    enter(admission, address="10.0.0.1")

    with pytest.raises(TooManyStreams, match="this process has 2 streams"):
        enter(admission, user="8")


def test_streams_are_limited_by_the_descriptors_of_the_process(monkeypatch):
    monkeypatch.setattr(admission, "stream_limit", lambda: 1)
    limited = Admission()
    enter(limited, user="7")

    with pytest.raises(TooManyStreams, match="this process has 1 streams"):
        enter(limited, user="8")


def test_few_descriptors_are_logged_once(monkeypatch, caplog):
    monkeypatch.setattr(admission, "stream_limit", lambda: 100)
    admission.warn_if_limited.cache_clear()

    for _ in range(2):
        admission.warn_if_limited()

    assert caplog.text.count("streams=limited limit=100 max_streams=") == 1


def test_stream_that_leaves_makes_room(limits):
    limits(MAX_STREAMS_PER_PERSON=1)
    admission = Admission()
    connection = enter(admission, user="7")

    admission.leave(connection)
    admission.leave(connection)

    assert enter(admission, user="7")


def test_stream_whose_client_is_gone_makes_room(limits):
    limits(MAX_STREAMS_PER_PERSON=2)
    admission = Admission()
    gone, there = Client(), Client()
    enter(admission, user="7", client=gone)
    enter(admission, user="7", client=there)
    gone.gone = True

    assert enter(admission, user="7")

    assert (gone.hung_up, there.hung_up) == (True, False)
