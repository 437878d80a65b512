"""Discovery: tells the clients of a resource which hub has its updates."""

from django.http import HttpResponseBase
from django.utils.encoding import iri_to_uri

from notifications.mercure.conf import required_settings
from notifications.middleware import newest_cursor


def mercure_link(response: HttpResponseBase, *, topic: str = "") -> None:
    """Add the Link headers of a resource to its response.

    They name the hub, with the id of the last update, so that a subscriber misses none
    from the time of the response on: call it before the view reads what it shows.
    `topic` is the URL that the updates have, if not the one of the response. Raises
    InvalidValue if the hub is off.
    """
    cursor = newest_cursor()
    hub = f'<{required_settings().url}>; rel="mercure"'
    links = [response["Link"]] if "Link" in response else []
    links.append(f'{hub}; last-event-id="#{cursor}"' if cursor else hub)
    if topic:
        links.append(f'<{iri_to_uri(topic)}>; rel="self"')
    response["Link"] = ", ".join(links)
