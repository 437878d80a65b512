"""What streams use of Django without its documentation: a response's `_iterator`.

A new version of Django that changes it fails here first.
"""

from django.http import StreamingHttpResponse


def test_the_iterator_of_a_streaming_response_is_what_it_was_given():
    stream = iter([b"first"])

    response = StreamingHttpResponse(stream)

    assert response._iterator is stream


def test_a_middleware_that_wraps_the_content_replaces_the_iterator():
    stream = iter([b"first"])
    response = StreamingHttpResponse(stream)

    response.streaming_content = map(bytes.upper, response.streaming_content)

    assert response._iterator is not stream
    assert list(response) == [b"FIRST"]


def test_a_response_closes_what_it_was_given():
    closed = []

    class Stream:
        def __iter__(self):
            return iter([])

        def close(self):
            closed.append(self)

    stream = Stream()

    StreamingHttpResponse(stream).close()

    assert closed == [stream]
