"""The charset of requests, which is UTF-8: Django raises for some others."""

import codecs

from django.utils.http import parse_header_parameters

REFUSAL = b"The request must be encoded in UTF-8.\n"


def is_utf8(content_type: str) -> bool:
    """Tell whether a request with this Content-Type is one that Django can decode."""
    # Most requests have no parameters here.
    if ";" not in content_type:
        return True
    try:
        _, parameters = parse_header_parameters(content_type)
    except (ValueError, LookupError):
        # A parameter that is itself encoded: RFC 2231.
        return False
    try:
        return codecs.lookup(parameters.get("charset", "utf-8")).name == "utf-8"
    except LookupError:
        # Django ignores names that Python does not know.
        return True
    except ValueError:
        return False
