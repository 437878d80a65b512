"""The code of the pages "Coming from ...": each runs as it is written."""

import sys
import threading
import types
from functools import partial
from itertools import islice
from urllib.parse import urlencode, urlsplit

import jwt
import pytest
from django.test import Client

from notifications.api import EventType, publish_update
from tests import ROOT
from tests.streaming import STREAM, StreamReader
from tests.test_docs import code_blocks

PAGES = ROOT / "docs" / "coming-from"
ACCEPT = {"HTTP_ACCEPT": "text/event-stream"}
TEMPLATE = "<!doctype html><h1>Letters</h1><ul>{{ mark|safe }}</ul>"

pytestmark = pytest.mark.django_db(transaction=True)


def pause(seconds):
    """Wait as the code says, in a hundredth of the time."""
    threading.Event().wait(seconds / 100)


@pytest.fixture
def site(settings, monkeypatch, tmp_path, log):
    """A function that makes a site of the code of a page, and returns its module."""
    monkeypatch.setattr(EventType, "registry", dict(EventType.registry))
    (tmp_path / "letters.html").write_text(TEMPLATE)
    (tmp_path / "spinner.html").write_text("A page")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]

    def site(name):
        after = (PAGES / name).read_text().split("## After")[1]
        module = types.ModuleType(name)
        for block in code_blocks(after, "python"):
            exec(compile(block, name, "exec"), vars(module))
        module.time = types.SimpleNamespace(sleep=pause)
        settings.ROOT_URLCONF = module
        return module

    return site


@pytest.fixture
def read(client):
    """A function that opens a stream, and closes it at the end of the test."""
    opened = []

    def read(path, **headers):
        opened.append(client.get(path, **ACCEPT, **headers))
        return StreamReader(opened[-1])

    yield read
    for response in opened:
        response.close()


def events(reader):
    """Yield the events of a stream without the server's own, until it ends."""
    while (event := reader.next()).event != "server_closed":
        if event.event != "heartbeat":
            yield event


def test_flask_sse(site, client, read):
    site("flask-sse.md")
    stream = read("/stream/")

    assert client.get("/goal/").status_code == 405
    assert client.post("/goal/").content == b"Published."

    event = next(events(stream))
    assert (event.event, event.json()) == ("goal", {"team": "home"})


def test_accept(site, client, read):
    site("accept.md")

    found = list(events(read("/")))
    later = list(events(read("/", HTTP_LAST_EVENT_ID="98")))

    assert client.get("/").content == b"A page"
    assert [each.data for each in found[:2]] == ["◐ 0", "◓ 1"]
    assert [each.id for each in later] == ["99", "100"]
    assert client.get("/", **ACCEPT, HTTP_LAST_EVENT_ID="100").status_code == 204


def test_flask_redis_chat(site, read):
    module = site("flask-redis-chat.md")
    stream = read("/stream/")
    client = Client()

    client.post("/post/", {"message": "Hi"})
    client.post("/login/", {"user": "Ann"})
    client.post("/post/", {"message": "<b>Hello</b>"})

    found = [each.data[11:] for each in islice(events(stream), 2)]
    assert found == ["anonymous: Hi", "Ann: <b>Hello</b>"]
    module.say("lobby", "Ann", "Hello")
    assert module.last_lines("lobby") == ["Ann: Hello"]


def test_numbers(site, read):
    site("numbers.md")

    found = [int(each.data) for each in islice(events(read("/numbers/")), 12)]

    assert {*found} == {*range(1, 7)}


def test_streamed_page(site):
    site("streamed-page.md")

    start, *letters, end = Client().get("/letters/").streaming_content

    assert start == b"<!doctype html><h1>Letters</h1><ul>"
    assert letters[:2] == [b"<li>A</li>", b"<li>B</li>"]
    assert len(letters) == 26
    assert end == b"</ul>"


def test_django_eventstream(site, read):
    module = site("django-eventstream.md")
    stream = read("/events/")

    module.score("home")

    event = next(events(stream))
    assert (event.event, event.json()) == ("goal", {"team": "home"})


def test_django_eventstream_with_storage(site, settings, read):
    urls = settings.ROOT_URLCONF
    module = site("django-eventstream.md")
    settings.ROOT_URLCONF = urls
    settings.NOTIFICATIONS |= {"AUTHORIZE": lambda user, topic: True}
    stream = read(f"{STREAM}?topic=game:7")

    module.score_and_keep("home")

    assert next(events(stream)).json()["team"] == "home"


def test_mercure(site, settings, client, monkeypatch, read):
    publisher, subscriber = (
        f"the secret {name} of more than 32 bytes" for name in "ab"
    )
    monkeypatch.setenv("MERCURE_PUBLISHER_JWT_KEY", publisher)
    monkeypatch.setenv("MERCURE_SUBSCRIBER_JWT_KEY", subscriber)
    module = site("mercure.md")
    settings.MERCURE = module.MERCURE
    book = "https://example.com/books/1"
    token = jwt.encode({"mercure": {"subscribe": [book]}}, subscriber)
    client.cookies["mercureAuthorization"] = token
    granted = read(f"/.well-known/mercure?topic={book}")
    client.cookies.clear()
    anonymous = read(f"/.well-known/mercure?topic={book}")

    token = jwt.encode({"mercure": {"publish": ["*"]}}, publisher)
    before = (PAGES / "mercure.md").read_text().split("## After")[0]
    [published] = code_blocks(before, "python")
    requests = types.SimpleNamespace(post=partial(post, client))
    monkeypatch.setitem(sys.modules, "requests", requests)
    exec(published, {"TOKEN": token})
    changed = module.changed()
    publish_update(book, "public")

    events = [granted.next() for _ in range(3)]
    assert [each.data for each in events] == ["{}", "{}", "public"]
    assert events[1].id == changed
    assert anonymous.next().data == "public"


def post(client, url, *, data, headers):
    """Post a form to the site in place of the host of its URL, as requests does."""
    form = "application/x-www-form-urlencoded"
    response = client.post(
        urlsplit(url).path, urlencode(data), content_type=form, headers=headers
    )
    assert response.status_code == 200


def test_index_names_every_page():
    text = (PAGES / "README.md").read_text()

    others = {each.name for each in PAGES.glob("*.md")} - {"README.md"}
    assert {name for name in others if f"({name})" not in text} == set()
