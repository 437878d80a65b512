"""The reserved namespace: the topics at or below the path of the hub's URL."""

import re
from functools import lru_cache

from urlpattern import URLPattern

from notifications.mercure.conf import MercureSettings

_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
# Characters that have a meaning in a URL pattern.
_SPECIAL = re.compile(r"([+*?:{}()\\])")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def is_reserved(topic: str, hub: MercureSettings) -> bool:
    """Tell whether a topic addresses the reserved namespace, of whatever authority.

    It is resolved as for a URL pattern, after decoding what needs no escape (RFC 3986,
    6.2.2.2). A topic that is not a URL reference names no path of the hub.
    """
    try:
        return bool(_pattern(hub.path).test(_ESCAPE.sub(_decoded, topic), hub.url))
    except ValueError:
        return False


def _decoded(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0]


@lru_cache(8)
def _pattern(path: str) -> URLPattern:
    return URLPattern({"pathname": _SPECIAL.sub(r"\\\1", path) + "{/*}?"})
