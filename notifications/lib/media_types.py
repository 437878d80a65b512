"""What a client accepts, by its Accept header, which may be malformed."""

import re
from typing import Any

# What Django raises for a parameter of the header in an unknown encoding: RFC 2231.
MALFORMED = (ValueError, LookupError)
# A header that names one type and nothing else. Thousands of EventSources may reconnect
# at once and send it, and Django takes ten times as long to parse it.
_ONE_TYPE = re.compile(r"[a-z]+/[a-z-]+", re.ASCII)


def accepts(request: Any, media_type: str) -> bool:
    """Tell whether the client accepts a media type; a malformed header counts as */*.

    `request` is a Django request.
    """
    if (only := _only_type(request)) is not None:
        return only == media_type
    try:
        return bool(request.accepts(media_type))
    except MALFORMED:
        return True


def preferred_type(request: Any, *types: str) -> str | None:
    """Return which of the media types the client prefers; None if it accepts none.

    That is the first of them if the header is malformed.
    """
    if (only := _only_type(request)) is not None:
        return only if only in types else None
    try:
        found: str | None = request.get_preferred_type(types)
    except MALFORMED:
        return types[0]
    return found


def _only_type(request: Any) -> str | None:
    """Return the media type that the header names, if it is nothing else."""
    header = request.META.get("HTTP_ACCEPT", "")
    return header if _ONE_TYPE.fullmatch(header) else None
