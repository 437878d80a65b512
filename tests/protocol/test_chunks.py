from notifications.protocol import chunks


def test_chunk_has_its_size_in_hexadecimal():
    assert chunks.encode(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_empty_part_gives_no_chunk():
    assert chunks.encode(b"") == b""


def test_part_without_chunks_is_unchanged():
    assert chunks.framed(b"data: 1\n\n", chunked=False) == b"data: 1\n\n"
    assert chunks.framed(b"x", chunked=True) == b"1\r\nx\r\n"
