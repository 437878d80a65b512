"""Undocumented parts of Django that streams rely on, such as `_iterator`.

A new version of Django that changes them fails here first.
"""

import pytest
from django.http import StreamingHttpResponse


def test_streaming_response_keeps_its_iterator():
    stream = iter([b"first"])

    response = StreamingHttpResponse(stream)

    assert response._iterator is stream


def test_wrapping_the_content_replaces_the_iterator():
    stream = iter([b"first"])
    response = StreamingHttpResponse(stream)

    response.streaming_content = map(bytes.upper, response.streaming_content)

    assert response._iterator is not stream
    assert list(response) == [b"FIRST"]


# Closing a response also lets Django look at its database connections.
@pytest.mark.django_db
def test_closing_a_response_closes_its_iterator():
    closed = []

    class Stream:
        def __iter__(self):
            return iter([])

        def close(self):
            closed.append(self)

    stream = Stream()

    StreamingHttpResponse(stream).close()

    assert closed == [stream]
