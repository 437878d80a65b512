"""The demos: small streams that a generator makes, and their pages."""

from itertools import cycle, pairwise

import pytest
from django.urls import reverse

from project.demos import letters, numbers, ticks
from project.demos.urls import urlpatterns
from tests.streaming import StreamReader

PAGES = [
    each.name
    for each in urlpatterns
    if not (each.name.endswith("stream") or each.pattern.converters)
]
STREAM = {"HTTP_ACCEPT": "text/event-stream"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Let the generators wait for nothing."""
    monkeypatch.setattr(ticks, "TICK_SECONDS", 0)
    monkeypatch.setattr(letters, "LETTER_SECONDS", 0)
    monkeypatch.setattr(numbers, "NUMBER_SECONDS", 0.01)


@pytest.fixture
def stream(client):
    """A function that opens a stream and closes it at the end of the test."""
    opened = []

    def stream(name, **headers):
        opened.append(client.get(reverse(f"demos:{name}"), **STREAM, **headers))
        return opened[-1]

    yield stream
    for response in opened:
        response.close()


def ticks_of(response):
    events = StreamReader(response)
    found = []
    while (event := events.next()).event != "server_closed":
        if event.event == "tick":
            found.append(event)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_page_is_shown(client, name):
    response = client.get(reverse(f"demos:{name}"), HTTP_ACCEPT="text/html")

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_demos_are_linked(client):
    page = client.get(reverse("demos:index")).content.decode()

    assert all(reverse(f"demos:{name}") in page for name in PAGES)


def test_ticks_are_counted_to_their_end(stream):
    response = stream("ticks")

    found = ticks_of(response)

    assert response["Content-Type"] == "text/event-stream; charset=utf-8"
    assert [each.id for each in found] == [str(n + 1) for n in range(ticks.TICKS)]
    assert found[0].retry == ticks.RETRY_MILLISECONDS
    assert found[0].json() == {"tick": 1, "of": ticks.TICKS}


def test_client_that_reconnects_gets_the_ticks_after_its_last_one(stream):
    found = ticks_of(stream("ticks", HTTP_LAST_EVENT_ID="97"))

    assert [each.id for each in found] == ["98", "99", "100"]


def test_client_that_has_all_ticks_is_told_to_stop(stream):
    response = stream("ticks", HTTP_LAST_EVENT_ID=str(ticks.TICKS))

    assert response.status_code == 204


def test_everyone_gets_the_same_numbers(stream, monkeypatch):
    runs = []
    monkeypatch.setattr(numbers, "cycle", lambda each: runs.append(1) or cycle(each))
    first, second = StreamReader(stream("numbers")), StreamReader(stream("numbers"))

    def next_number(events):
        while (event := events.next()).event != "message":
            pass
        return event.data

    next_number(second)
    found = [next_number(first) for _ in range(12)]

    assert runs == [1]
    assert all(int(two) == int(one) % 6 + 1 for one, two in pairwise(found))


def test_letters_come_one_by_one(client):
    response = client.get(reverse("demos:letters"))

    start, *pieces, rest = list(response.streaming_content)
    assert b"<h1>" in start
    assert len(pieces) == 26
    assert pieces[0] == b"<li>A</li>"
    assert rest.rstrip().endswith(b"</html>")


def test_message_reaches_the_stream_of_the_page(client, log, stream):
    events = StreamReader(stream("messages_stream"))

    sent = client.post(
        reverse("demos:messages"), {"text": "<b>Hello</b>", "type": "news"}
    )

    assert sent.status_code == 302
    assert events.next_named("news").json() == {"text": "<b>Hello</b>"}


def test_message_of_an_unknown_type_is_refused(client):
    data = {"text": "Hello", "type": "server_closed"}

    assert client.post(reverse("demos:messages"), data).status_code == 400
