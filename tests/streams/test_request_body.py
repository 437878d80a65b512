import io

import pytest

from notifications.streams.request_body import PIECE_BYTES, IncompleteBody, receive
from notifications.streams.slow_clients import Phase, SlotClient

LONG = bytes(range(256)) * (PIECE_BYTES // 100)


class Source(io.BytesIO):
    """A body; it records how much is asked of it, and the client's phase then."""

    def __init__(self, body, client):
        super().__init__(body)
        self.client = client
        self.asked = []

    def read(self, size):
        assert self.client.phase is Phase.BODY
        self.asked.append(size)
        return super().read(size)


@pytest.fixture
def client():
    return SlotClient(None, "", lambda: 0.0)


def test_short_body_is_read_at_once(client):
    source = Source(b"text", client)

    body = receive(source, client, length=4)

    assert source.asked == [4]
    assert body.read() == b"text"
    assert client.phase is Phase.WORK


@pytest.mark.parametrize("length", [len(LONG), None], ids=["length", "chunks"])
def test_long_body_is_read_in_pieces(client, length):
    source = Source(LONG, client)

    body = receive(source, client, length=length)
    asked = [*source.asked]

    assert asked == [PIECE_BYTES]
    assert body.read(10) == LONG[:10]
    assert source.asked == asked
    assert body.read() == LONG[10:]
    assert max(source.asked) == PIECE_BYTES
    assert client.phase is Phase.WORK


def test_long_body_can_be_read_by_lines(client):
    lines = b"line\n" * PIECE_BYTES

    body = receive(Source(lines, client), client, length=len(lines))

    assert body.readline() == b"line\n"
    assert sum(1 for _ in body) == PIECE_BYTES - 1


def test_body_in_chunks_may_end_with_a_whole_piece(client):
    whole = LONG[:PIECE_BYTES]

    assert receive(Source(whole, client), client, length=None).read() == whole


def test_incomplete_body_is_an_error(client):
    with pytest.raises(IncompleteBody, match="expected 5 more bytes, got 4"):
        receive(Source(b"text", client), client, length=5)

    assert client.phase is Phase.WORK


def test_body_that_ends_after_its_first_piece_is_an_error(client):
    source = Source(LONG[:-1], client)
    body = receive(source, client, length=len(LONG))

    with pytest.raises(IncompleteBody):
        body.read()


def test_empty_body_is_not_waited_for(client):
    assert receive(Source(b"", client), client, length=0).read() == b""
