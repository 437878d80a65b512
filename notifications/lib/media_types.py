"""What a client accepts, by its Accept header, which may be malformed."""

from typing import Any

# What Django raises for a parameter of the header in an unknown encoding: RFC 2231.
MALFORMED = (ValueError, LookupError)


def accepts(request: Any, media_type: str) -> bool:
    """Tell whether the client accepts a media type; a malformed header counts as */*.

    `request` is a Django request.
    """
    try:
        return bool(request.accepts(media_type))
    except MALFORMED:
        return True


def preferred_type(request: Any, *types: str) -> str | None:
    """Return which of the media types the client prefers; None if it accepts none.

    That is the first of them if the header is malformed.
    """
    try:
        found: str | None = request.get_preferred_type(types)
    except MALFORMED:
        return types[0]
    return found
