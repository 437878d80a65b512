import io
import json
import os
import subprocess
import sys
import uuid

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from notifications.models import Event
from notifications.protocol.cursor import Cursor
from notifications.publishing import outbox
from tests import ROOT
from tests.databases import new_database

INVALID_INPUT = 2
REDIS_AWAY = 1
PAYLOAD = {"question_id": 1, "title": "Why is it sour?", "url": "/questions/1/"}
DATA = json.dumps(PAYLOAD)


@pytest.fixture
def standard_input(monkeypatch):
    def give(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return give


def publish(*options, event="new_question", topic="topic:espresso"):
    """Run the command; return the lines that it printed."""
    out = io.StringIO()
    call_command("sse_publish", event, "--topic", topic, *options, stdout=out)
    return out.getvalue().splitlines()


def refused(*options, code=INVALID_INPUT):
    """Run the command, which fails; return the error and the text on stderr."""
    err = io.StringIO()
    options = ["new_question", "--topic", "topic:espresso", *options]
    with pytest.raises(CommandError) as caught:
        call_command("sse_publish", *options, stdout=io.StringIO(), stderr=err)
    assert caught.value.returncode == code
    return str(caught.value), err.getvalue()


@pytest.mark.django_db(transaction=True)
def test_event_is_published(log):
    before = log.position()

    (line,) = publish("--data", DATA)

    uid, cursor = line.split()
    (record,) = log.read(before, until=log.position())
    assert record.decode().uid == str(uuid.UUID(uid))
    assert record.cursor == Cursor.parse(cursor)
    assert record.decode().topics == ("topic:espresso",)


@pytest.mark.django_db(transaction=True)
def test_published_event_has_a_row():
    publish("--data", DATA)

    (event,) = Event.objects.all()
    assert (event.type, event.payload, event.actor) == ("new_question", PAYLOAD, None)
    assert event.relayed


@pytest.mark.django_db(transaction=True)
def test_event_has_several_topics():
    publish("--topic", "user:7", "--data", DATA)

    assert Event.objects.get().topics == ["topic:espresso", "user:7"]


@pytest.mark.django_db(transaction=True)
def test_payload_is_read_from_standard_input(standard_input):
    standard_input(json.dumps(PAYLOAD, indent=2))

    publish("--data", "-")

    assert Event.objects.get().payload == PAYLOAD


@pytest.mark.django_db(transaction=True)
def test_each_line_of_standard_input_is_an_event(standard_input):
    standard_input(f"{DATA}\n\n{DATA}\n")

    printed = publish("--data", "-", "--lines")

    assert len(printed) == len({*printed}) == Event.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_each_line_of_an_argument_is_an_event():
    printed = publish("--data", f"{DATA}\n{DATA}", "--lines")

    assert len(printed) == Event.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_lines_are_published_in_order(standard_input, log):
    before = log.position()
    payloads = [{**PAYLOAD, "question_id": number} for number in (1, 2, 3)]
    standard_input("\n".join(map(json.dumps, payloads)))

    printed = publish("--data", "-", "--lines")

    appended = [str(each.cursor) for each in log.read(before, until=log.position())]
    assert [line.split()[1] for line in printed] == appended
    assert [event.payload for event in Event.objects.order_by("pk")] == payloads


@pytest.mark.django_db(transaction=True)
def test_invalid_lines_are_listed_and_the_others_published(standard_input):
    standard_input(f'{DATA}\nhello\n\n{{"question_id":"x"}}\n[]\n{DATA}\n')

    message, named = refused("--data", "-", "--lines")

    assert message == "Invalid lines that were skipped: 3."
    assert [line.partition(":")[0] for line in named.splitlines()] == [
        "line 2", "line 4", "line 5",
    ]  # fmt: skip
    assert Event.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "expected a JSON object"),
        ("null", "expected a JSON object"),
        ("{}", "question_id"),
        ('{"question_id":"x","title":"","url":""}', "$.question_id"),
        ('{"question_id":1,"title":"","url":"","uid":"1"}', "uid"),
        ('{"question_id":NaN,"title":"","url":""}', "$.question_id"),
        ('{"question_id":1,"title":"\\ud800","url":""}', "surrogates"),
        (json.dumps({**PAYLOAD, "title": "a" * 10_000}), "bytes of JSON"),
    ],
)
def test_invalid_payload_is_refused(data, problem):
    message, _ = refused("--data", data)

    assert message.startswith("payload of new_question")
    assert problem in message
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("options", [["--data", "-"], ["--data", "-", "--lines"]])
def test_standard_input_that_is_not_text_is_refused(monkeypatch, options):
    binary = io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", binary)

    message, _ = refused(*options)

    assert "'utf-8' codec can't decode byte 0xff" in message
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_invalid_topic_is_refused():
    message, _ = refused("--topic", "espresso", "--data", DATA)

    assert message.startswith("topic 'espresso'")
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_unknown_event_type_is_refused():
    known = "known: announcement, .*new_answer, new_question"
    with pytest.raises(CommandError, match=known) as caught:
        publish("--data", DATA, event="new_qestion")

    assert caught.value.returncode == INVALID_INPUT
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [["--data", DATA], ["--data", DATA, "--lines"]])
def test_event_is_pending_while_redis_is_away(no_redis, options):
    message, _ = refused(*options, code=REDIS_AWAY)

    assert message == "Redis is away. Events to relay when it is back: 1."
    assert [event.relayed for event in Event.objects.all()] == [None]


@pytest.mark.django_db(transaction=True)
def test_pending_event_is_relayed_when_redis_is_back(settings, no_redis, redis_server):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_BREAKER_TIMEOUT": 0}
    refused("--data", DATA, code=REDIS_AWAY)
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_URL": redis_server.url}

    relayed = outbox.sweep()

    assert relayed == 1
    assert Event.objects.get().relayed


@pytest.fixture(scope="module")
def manage(tmp_path_factory, redis_server):
    """A function that runs manage.py in another process, on another database."""
    database = new_database(tmp_path_factory.mktemp("site"))
    database.create()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": django_settings.SETTINGS_MODULE,
        "DATABASE_URL": database.url,
        "REDIS_URL": redis_server.url,
    }

    def manage(*arguments, given="", **changed):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**environment, **changed},
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=60,
        )

    yield manage
    database.drop()


COMMAND = ["sse_publish", "new_question", "--topic", "topic:espresso", "--data"]


def test_exit_status_is_0_for_a_published_event(manage):
    done = manage(*COMMAND, "-", given=DATA)

    assert done.returncode == 0, done.stderr
    assert Cursor.parse(done.stdout.split()[1])


def test_exit_status_is_2_for_an_invalid_payload(manage):
    done = manage(*COMMAND, "{}")

    assert done.returncode == INVALID_INPUT
    assert done.stdout == ""
    assert done.stderr.startswith("CommandError: payload of new_question")
    assert done.stderr.count("\n") == 1


def test_exit_status_is_1_while_redis_is_away(manage):
    done = manage(*COMMAND, DATA, REDIS_URL="unix:///nonexistent/redis.sock")

    assert done.returncode == REDIS_AWAY
    assert done.stdout.endswith(" pending\n")
    assert "Redis is away" in done.stderr
    assert "Traceback" not in done.stderr


def test_exit_status_is_2_for_standard_input_that_is_not_text(manage):
    strict = {"PYTHONIOENCODING": "utf-8:strict"}

    done = manage(*COMMAND, "-", "--lines", given=f"{DATA}\n\udcff", **strict)

    assert done.returncode == INVALID_INPUT
    assert "standard input" in done.stderr
    assert "Traceback" not in done.stderr
