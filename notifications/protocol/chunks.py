"""The chunked transfer coding, which shows where each part of a body ends. No I/O.

https://www.rfc-editor.org/rfc/rfc9112#section-7.1
"""

# The end of a chunked body.
LAST_CHUNK = b"0\r\n\r\n"


def encode(body: bytes) -> bytes:
    """Return a part of a body as one chunk.

    An empty part gives no chunk, since an empty chunk would end the body.
    """
    return b"%x\r\n%b\r\n" % (len(body), body) if body else b""


def framed(body: bytes, *, chunked: bool) -> bytes:
    """Return a part of a body as it is sent: as one chunk, or unchanged."""
    return encode(body) if chunked else body
