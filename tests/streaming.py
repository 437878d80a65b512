"""What tests of streams over HTTP share: addresses, events, and a reader of streams."""

import json

import httpx
import httpx_sse

from notifications.publishing import outbox
from project.qa.notifications import NEW_QUESTION

STREAM = "/notifications/stream/"


def record(*topics, title="Why?", url="/questions/1/", number=1, **options):
    """Record a new question with these topics; return the event."""
    payload = {"question_id": number, "title": title, "url": url}
    return outbox.record(NEW_QUESTION, topics=topics, payload=payload, **options)


def parse(chunk):
    """Return the events of whole frames, decoded by an independent parser."""
    response = httpx.Response(
        200, content=chunk, headers={"Content-Type": "text/event-stream"}
    )
    events = httpx_sse.EventSource(response).iter_sse()
    # This parser dispatches a lone `retry`, which the standard does not.
    return [event for event in events if event.data]


class StreamReader:
    """Reads a stream's response event by event."""

    def __init__(self, response):
        assert response.status_code == 200, response.content
        self.response = response
        self._chunks = iter(response)
        self._events = []

    def next(self):
        """Return the next event; waits until the test's time-out."""
        while not self._events:
            self._events += parse(next(self._chunks))
        return self._events.pop(0)

    def next_named(self, name):
        """Return the next event of this name, without the heartbeats before it."""
        while (event := self.next()).event == "heartbeat" != name:
            pass
        assert event.event == name, event
        return event

    def data(self):
        """Return the decoded data of the next event."""
        return json.loads(self.next().data)


def followed_topics(response):
    """Return the topics that a stream's subscriber follows."""
    assert response.status_code == 200, response.content
    return set(response.stream.connection.subscriptions.followed_since)
