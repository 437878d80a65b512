"""The title and the payload of an event, as the admin shows them to people."""

import json
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from notifications.models import Event
from notifications.publishing.event_types import EventType
from notifications.templatetags.notifications import safe_url

# In characters; the page of the event has the whole title.
TITLE_LENGTH = 120


def title_of(event: Event) -> str:
    """Return the title in the event's payload, or else the label of its type."""
    fields = event.payload if isinstance(event.payload, dict) else {}
    title = fields.get("title")
    if isinstance(title, str) and title.strip():
        return Truncator(title).chars(TITLE_LENGTH)
    known = EventType.registry.get(event.type)
    return str((known and known.label) or event.type)


def payload_html(payload: Any) -> SafeString:
    """Return a payload as a list of its fields, and below it as JSON."""
    fields = payload if isinstance(payload, dict) else {}
    rows = [(name, _value(name, value)) for name, value in fields.items()]
    return format_html(
        '<dl class="notifications-payload">{}</dl>'
        "<details><summary>{}</summary><pre>{}</pre></details>",
        format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows),
        _("As JSON"),
        _json(payload),
    )


def _value(name: str, value: Any) -> str:
    if isinstance(value, str):
        url = safe_url(value) if name == "url" else ""
        return format_html('<a href="{}">{}</a>', url, value) if url else value
    nested = isinstance(value, dict | list)
    return format_html("<pre>{}</pre>", _json(value)) if nested else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
