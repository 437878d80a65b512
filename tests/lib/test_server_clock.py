import pytest

from notifications.lib.server_clock import ServerClock

# The machine's time when a server is asked, and when the reply is there.
ASKED, REPLIED = 100_000, 100_300


@pytest.fixture
def server_clock(clock):
    clock.now = REPLIED / 1000
    return ServerClock(clock=clock)


@pytest.mark.parametrize(
    ("server_time", "ahead"),
    [
        (ASKED, 0),
        (REPLIED, 0),
        (REPLIED + 5_000, 5_000),
        (ASKED - 5_000, -5_000),
    ],
)
def test_server_is_ahead_by_what_a_reply_proves(server_clock, server_time, ahead):
    server_clock.note(server_time, since=ASKED)

    assert server_clock.ahead == ahead


def test_late_reply_does_not_change_what_is_known(server_clock):
    server_clock.note(REPLIED + 5_000, since=REPLIED)
    server_clock.note(REPLIED + 4_900, since=ASKED)

    assert server_clock.ahead == 5_000


def test_clock_that_is_set_right_is_noticed(server_clock, clock):
    server_clock.note(REPLIED + 5_000, since=ASKED)
    clock.now += 5
    server_clock.note(REPLIED + 5_000, since=REPLIED + 5_000)

    assert server_clock.ahead == 0
