import io
import json
import os
import signal
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from notifications.live.hub import shared_hub
from notifications.models import Follow
from notifications.protocol import entries
from notifications.protocol.entries import EventEntry
from tests import ROOT
from tests.users import User

INVALID_INPUT = 2
REDIS_AWAY = 1
DEADLINE = 30  # seconds


class Terminal(io.StringIO):
    """Records the output; calls `first` once the stream is live, then sends Ctrl-C.

    The stream is live at its first heartbeat. Ctrl-C is sent when `until` is printed,
    by default at the heartbeat.
    """

    def __init__(self, *, first=lambda: None, until="event: heartbeat"):
        super().__init__()
        self.first = first
        self.until = until
        self.live = False

    def write(self, text):
        super().write(text)
        if "event: heartbeat" in self.getvalue() and not self.live:
            self.live = True
            self.first()
        if self.until in self.getvalue():
            raise KeyboardInterrupt
        return len(text)


@pytest.fixture
def append(log):
    """Append an event to the log; return its cursor as text."""

    def append(uid, *topics, actor=""):
        entry = EventEntry(
            uid=uid,
            type="new_comment",
            topics=topics,
            data=json.dumps({"uid": uid}),
            actor=actor,
        )
        (cursor,) = log.append([(uid, entries.encode(entry))])
        return str(cursor)

    return append


def listen(terminal, *options):
    """Run the command until Ctrl-C; return its output."""
    call_command("sse_listen", *options, stdout=terminal)
    return terminal.getvalue()


def refused(*options):
    """Run the command, which fails; return its error."""
    with pytest.raises(CommandError) as caught:
        call_command("sse_listen", *options, stdout=io.StringIO())
    return caught.value


def test_output_is_the_stream_of_a_client():
    printed = listen(Terminal(), "--topic", "user:7")

    heartbeat, rest = printed.split("\n\n")
    assert heartbeat.startswith("retry: 3000\n")
    assert heartbeat.endswith("event: heartbeat\ndata: {}")
    assert rest == ""


def test_output_has_new_events(append):
    terminal = Terminal(
        first=lambda: append("one", "topic:espresso"), until='data: {"uid": "one"}'
    )

    printed = listen(terminal, "--topic", "topic:espresso")

    assert "event: new_comment\n" in printed


def test_output_has_the_events_of_several_topics(append):
    def first():
        append("one", "topic:espresso")
        append("two", "user:7")

    printed = listen(
        Terminal(first=first, until='"two"'),
        *("--topic", "topic:espresso", "--topic", "user:*"),
    )

    assert '"one"' in printed


def test_output_leaves_out_other_topics(append):
    def first():
        append("one", "topic:latte")
        append("two", "topic:espresso")

    printed = listen(Terminal(first=first, until='"two"'), "--topic", "topic:espresso")

    assert '"one"' not in printed


def test_output_has_the_missed_events(append):
    known = append("one", "topic:espresso")
    append("two", "topic:espresso")

    printed = listen(Terminal(), "--topic", "topic:espresso", "--last-event-id", known)

    assert '"two"' in printed
    assert '"one"' not in printed


def test_output_has_a_reset_for_a_lost_cursor():
    printed = listen(Terminal(), "--topic", "user:7", "--last-event-id", "1-1")

    assert "event: reset\n" in printed


@pytest.mark.django_db
def test_output_has_what_a_user_follows(append):
    maja = User.objects.create_user("maja")
    Follow.objects.create(user=maja, topic="topic:espresso")
    Follow.objects.create(user=maja, topic="topic:latte", level="mute")

    def first():
        append("own", "topic:espresso", actor=str(maja.pk))
        append("muted", "topic:latte")
        append("other", "topic:mocha")
        append("followed", "topic:espresso")

    printed = listen(Terminal(first=first, until='"followed"'), "--user", "maja")

    assert not any(f'"{each}"' in printed for each in ("own", "muted", "other"))


def test_command_ends_with_the_stream():
    terminal = Terminal(first=lambda: shared_hub().stop(), until="never printed")

    printed = listen(terminal, "--topic", "user:7")

    assert printed.endswith('event: server_closed\ndata: {"reason":"stopped"}\n\n')


def test_connection_is_closed_at_the_end():
    listen(Terminal(), "--topic", "user:7")

    assert shared_hub().connection_count == 0


def test_connection_is_closed_when_the_output_is():
    class Closed(Terminal):
        def write(self, text):
            raise BrokenPipeError

    listen(Closed(), "--topic", "user:7")

    assert shared_hub().connection_count == 0


@pytest.mark.parametrize("topic", ["espresso", "*", "", "user:7:8"])
def test_invalid_topic_is_refused(topic):
    error = refused("--topic", topic)

    assert error.returncode == INVALID_INPUT
    assert "expected <kind>:<key>" in str(error)


@pytest.mark.django_db
def test_unknown_user_is_refused():
    error = refused("--user", "maja")

    assert error.returncode == INVALID_INPUT
    assert str(error) == "There is no user 'maja'."


def test_command_fails_while_redis_is_away(no_redis):
    error = refused("--topic", "user:7")

    assert error.returncode == REDIS_AWAY
    assert str(error).startswith("Redis is away: ")


@pytest.mark.parametrize("options", [[], ["--user", "maja", "--topic", "user:7"]])
def test_command_needs_a_user_or_topics(options):
    with pytest.raises(CommandError, match=r"--user|not allowed with"):
        call_command("sse_listen", *options)


@pytest.fixture
def start(tmp_path, redis_server):
    """Start the command in a process of its own."""
    processes = []
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "REDIS_URL": redis_server.url,
    }

    def start(*options, **changed):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sse_listen", *options],
            cwd=ROOT,
            env={**environment, **changed},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with process:
            process.kill()


def test_ctrl_c_ends_the_command_without_an_error(start):
    process = start("--topic", "user:7")
    assert process.stdout.readline() == "retry: 3000\n"

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=DEADLINE)

    assert process.returncode == 0
    assert said == ""


def test_closed_pipe_ends_the_command_without_an_error(start):
    process = start("--topic", "user:7", NOTIFICATIONS_HEARTBEAT_INTERVAL="0.1")
    assert process.stdout.readline() == "retry: 3000\n"

    process.stdout.close()
    process.wait(timeout=DEADLINE)

    assert process.returncode == 0
    assert process.stderr.read() == ""


def test_exit_status_is_1_while_redis_is_away(start):
    process = start("--topic", "user:7", REDIS_URL="unix:///nonexistent/redis.sock")

    _, said = process.communicate(timeout=DEADLINE)

    assert process.returncode == REDIS_AWAY
    assert said.startswith("CommandError: Redis is away: ")
