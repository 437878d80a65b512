"""Discovery: tells the clients of a resource which hub has its updates."""

import re

from django.http import HttpResponseBase
from django.utils.encoding import iri_to_uri

from notifications.exceptions import InvalidValue
from notifications.mercure.conf import MercureSettings, required_settings
from notifications.mercure.terms import HUB_TYPE
from notifications.middleware import newest_cursor
from notifications.protocol.cursor import Cursor

# What may be between the quotes of an attribute.
_PLAIN = re.compile(r'[^"\\\x00-\x1f\x7f]*')


def mercure_link(
    response: HttpResponseBase,
    *,
    topic: str = "",
    event_type: str = "",
    content_type: str = "",
) -> None:
    """Add the Link headers of a resource to its response.

    They name the hub, with the id of the last update, so that a subscriber misses none
    from the time of the response on: call it before the view reads what it shows.
    `topic` is the URL that the updates have, if not the one of the response. Name the
    `event_type` and `content_type` if all of its updates have the same. Raises
    InvalidValue for a type that is reserved or has quotes, and if the hub is off.
    """
    links = [response["Link"]] if "Link" in response else []
    if event_type == HUB_TYPE:
        raise InvalidValue(event_type, expected="a type that is not reserved")
    link = hub_link(required_settings(), newest_cursor())
    links.append(link + described(event_type, content_type))
    if topic:
        links.append(f'<{iri_to_uri(topic)}>; rel="self"')
    response["Link"] = ", ".join(links)


def hub_link(hub: MercureSettings, cursor: Cursor | str) -> str:
    """Return the link to the hub; `cursor` is that of the last update, or empty."""
    link = f'<{hub.url}>; rel="mercure"'
    return f'{link}; last-event-id="#{cursor}"' if cursor else link


def described(event_type: str, content_type: str) -> str:
    """Return the attributes of a link that describe updates; raises InvalidValue."""
    attributes = {"type": event_type, "content-type": content_type}
    for value in attributes.values():
        if not _PLAIN.fullmatch(value):
            raise InvalidValue(value, expected="no quotes or control characters")
    return "".join(f'; {name}="{value}"' for name, value in attributes.items() if value)
