"""Discovery: tells the clients of a resource which hub has its updates."""

from django.http import HttpResponseBase
from django.utils.encoding import iri_to_uri

from notifications.mercure.conf import MercureSettings, required_settings
from notifications.middleware import newest_cursor
from notifications.protocol.cursor import Cursor


def mercure_link(response: HttpResponseBase, *, topic: str = "") -> None:
    """Add the Link headers of a resource to its response.

    They name the hub, with the id of the last update, so that a subscriber misses none
    from the time of the response on: call it before the view reads what it shows.
    `topic` is the URL that the updates have, if not the one of the response. Raises
    InvalidValue if the hub is off.
    """
    links = [response["Link"]] if "Link" in response else []
    links.append(hub_link(required_settings(), newest_cursor()))
    if topic:
        links.append(f'<{iri_to_uri(topic)}>; rel="self"')
    response["Link"] = ", ".join(links)


def hub_link(hub: MercureSettings, cursor: Cursor | str) -> str:
    """Return the link to the hub; `cursor` is that of the last update, or empty."""
    link = f'<{hub.url}>; rel="mercure"'
    return f'{link}; last-event-id="#{cursor}"' if cursor else link
