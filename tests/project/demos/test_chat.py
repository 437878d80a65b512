"""The chat: rooms on the site, and the one that is a file by itself."""

import os
import re
import subprocess
import sys

import httpx
import httpx_sse
import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import Event
from project.demos import rooms
from project.demos.rooms import LINES_SECONDS, MOST_LINES
from project.qa.models import Topic
from tests import ROOT
from tests.http_client import http_client
from tests.streaming import STREAM, StreamReader
from tests.system.server import free_port, wait_for
from tests.watchdog import watch_group

LOBBY = "/demos/chat/"
ROOM = "/demos/chat/espresso/"
JSON = {"accept": "application/json"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def topic(log):
    return Topic.objects.create(slug="espresso", name="Espresso")


@pytest.fixture
def clock(monkeypatch):
    """The time of the rate limit, which the test moves on."""
    now = [1000.0]
    monkeypatch.setattr(rooms.time, "time", lambda: now[0])
    return now


def lines(client, url=ROOM):
    """Return the lines of a room as its page shows them, without their times."""
    page = client.get(url).content.decode()
    items = re.findall(r"<li data-uid.*?</li>", page)
    texts = [re.sub(r"<[^>]*>", "", each) for each in items]
    assert all(re.match(r"\[\d\d:\d\d:\d\d\] ", each) for each in texts)
    return [each[11:] for each in texts]


def test_line_is_on_the_streams_of_the_room_at_once(client):
    response = Client().get(f"{STREAM}?topic=room:espresso")
    events = StreamReader(response)
    events.next_named("heartbeat")

    sent = client.post(ROOM, {"name": "Maja", "text": "Hello\n<b>there</b>"})

    assert (sent.status_code, sent["Location"]) == (302, ROOM)
    while (event := events.next()).event != "chat_line":
        pass
    found = event.json()
    assert (found["name"], found["text"]) == ("Maja", "Hello <b>there</b>")
    assert found["topics"] == ["room:espresso"]
    assert not Event.objects.exists()
    response.close()


def test_newcomer_sees_the_last_50_lines_of_the_room(client, monkeypatch):
    monkeypatch.setattr(rooms, "MOST_LINES", 100)
    for number in range(52):
        client.post(ROOM, {"text": f"{number} <i>"})
    client.post(LOBBY, {"text": "elsewhere"})

    assert lines(Client()) == [
        f"anonymous: {number} &lt;i&gt;" for number in range(2, 52)
    ]
    assert lines(Client(), LOBBY) == ["anonymous: elsewhere"]


def test_name_is_asked_once_and_kept(client):
    assert 'name="name"' in client.get(ROOM).content.decode()

    client.post(ROOM, {"name": " Maja  M. ", "text": "1"})
    client.post(LOBBY, {"text": "2"})

    assert lines(client) == ["Maja M.: 1"]
    assert lines(client, LOBBY) == ["Maja M.: 2"]
    assert 'name="name"' not in client.get(ROOM).content.decode()
    client.post(ROOM, {"rename": "1"})
    assert 'name="name"' in client.get(ROOM).content.decode()


def test_name_of_an_account_is_for_those_who_are_signed_in(client, maja):
    refused = client.post(ROOM, {"name": "MAJA", "text": "1"})
    client.force_login(maja)
    client.post(ROOM, {"name": "tobias", "text": "2"})

    assert refused.status_code == 400
    assert "belongs to an account" in refused.content.decode()
    assert lines(client) == ["maja: 2"]


def test_person_who_writes_too_fast_is_told_how_long_to_wait(client, clock):
    for _ in range(MOST_LINES):
        assert client.post(ROOM, {"text": "fast"}).status_code == 302
        clock[0] += 1

    refused = client.post(ROOM, {"text": "kept <in> the form"})
    by_script = client.post(ROOM, {"text": "too fast"}, headers=JSON)

    assert (refused.status_code, refused["Retry-After"]) == (429, str(LINES_SECONDS))
    page = refused.content.decode()
    assert "At most 5 lines in 10 seconds. Wait 5 s." in page
    assert 'value="kept &lt;in&gt; the form"' in page
    assert (by_script.status_code, by_script.json()["problem"][-9:]) == (
        429,
        "Wait 5 s.",
    )
    assert Client().post(ROOM, {"text": "another person"}).status_code == 302
    clock[0] += 5
    assert client.post(ROOM, {"text": "slower"}).status_code == 302


@pytest.mark.parametrize("text", ["", " \n ", "x" * 501])
def test_line_must_have_up_to_500_characters(client, text):
    response = client.post(ROOM, {"text": text}, headers=JSON)

    assert response.status_code == 400
    assert response.json()["problem"]
    assert lines(client) == []


def test_line_that_redis_did_not_take_is_reported(client, no_redis):
    response = client.post(ROOM, {"text": "1"}, headers=JSON)

    assert response.status_code == 503
    assert "could not be sent" in response.json()["problem"]


def test_room_of_an_unknown_topic_is_missing(client):
    assert client.get("/demos/chat/milk/").status_code == 404
    assert client.put(ROOM).status_code == 405


def test_page_of_a_topic_has_its_room(client):
    client.post(ROOM, {"text": "Hello"})

    page = client.get(reverse("topic", args=["espresso"])).content.decode()

    assert 'data-notifications-topic="room:espresso"' in page
    assert f'action="{ROOM}"' in page
    assert "Hello" in page


# The chat in one file


@pytest.fixture
def alone(redis_server):
    """The address of the chat that runs by itself."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "project.demos.chat", str(port)],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": redis_server.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    watch_group(process.pid)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def test_chat_runs_by_itself_and_a_stream_does_not_block_it(alone):
    def answers():
        try:
            return httpx.get(alone).status_code == 200
        except httpx.TransportError:
            return False

    wait_for(answers, what="the development server")
    with http_client(alone) as client, client.stream("GET", "/stream/") as response:
        events = httpx_sse.EventSource(response).iter_sse()
        assert next(events).event == "heartbeat"
        token = re.search('value="([^"]+)"', client.get("/").text)[1]
        fields = {"csrfmiddlewaretoken": token, "name": "", "text": "<b>Hello</b>"}
        assert client.post("/", data=fields).status_code == 204
        event = next(each for each in events if each.event == "message" and each.data)

    assert re.fullmatch(r"\[\d\d:\d\d:\d\d\] anonymous: <b>Hello</b>", event.data)


def test_chat_by_itself_is_short():
    text = (ROOT / "project/demos/chat.py").read_text()

    assert len(text.splitlines()) < 60
