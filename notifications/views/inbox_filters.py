"""What the address of the inbox selects, and the addresses of its other pages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from notifications.exceptions import InvalidValue
from notifications.inbox.row_topics import FollowedTopic
from notifications.inbox.rows import InboxPage
from notifications.models import Inbox, Level, Selection, View
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor
from notifications.publishing.followables import Followable, names_of

# Query parameters that select rows, and those that select a page.
FILTERS = ("view", "unread", "type", "topic", "reason", "q")
PAGING = ("before", "trail", "limit")
# How many pages back "Newer" leads at most; before those, it leads to the first.
TRAIL_PAGES = 30
MAX_QUERY_CHARS = 100
_TYPE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def selection_of(query: QueryDict) -> Selection:
    """Return what query parameters select; raises InvalidValue and InvalidTopic."""
    views = {each.value: each for each in View}
    view = query.get("view", View.INBOX.value)
    if view not in views:
        raise InvalidValue(view, expected=f"one of {', '.join(views)} as view")
    return Selection(
        unread="unread" in query,
        event_type=_name(query.get("type", ""), field="type"),
        topic=_topic(query.get("topic", "")),
        kind=_name(query.get("reason", ""), field="reason"),
        query=" ".join(query.get("q", "")[:MAX_QUERY_CHARS].split()),
        view=views[view],
    )


def _name(text: str, *, field: str) -> str:
    if text and not _TYPE.fullmatch(text):
        raise InvalidValue(text, expected=f"a name such as new_comment as {field}")
    return text


def _topic(text: str) -> str:
    return topics.validate(text) if text else ""


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a filter."""

    value: str
    label: str
    chosen: bool


def topic_choices(inbox: Inbox, page: InboxPage, *, chosen: str) -> list[Choice]:
    """Return the topics of the rows that are shown, and the chosen one."""
    shown = {each.topic: each.label for row in page.rows for each in _topics(row)}
    if chosen and chosen not in shown:
        visible = [chosen] if inbox.permissions.may_see(chosen) else []
        found = names_of(visible).get(chosen)
        shown[chosen] = found.label if found else chosen
    labels = sorted(shown.items(), key=lambda item: item[1].casefold())
    return [Choice(topic, label, topic == chosen) for topic, label in labels]


def _topics(row: Any) -> tuple[FollowedTopic, ...]:
    return (*row.reasons, *row.mutable_topics)


def reason_choices(inbox: Inbox, *, chosen: str) -> list[Choice]:
    """Return the kinds of topics because of which a person may have rows."""
    followed = {
        topics.parse(topic).kind
        for topic, row in inbox.follows.items()
        if row.level != Level.MUTE
    }
    kinds = {*followed, topics.parse(topics.EVERYONE).kind, chosen} - {""}
    labels = sorted((_kind_label(kind), kind) for kind in kinds)
    return [Choice(kind, label, kind == chosen) for label, kind in labels]


def _kind_label(kind: str) -> str:
    if kind == topics.parse(topics.EVERYONE).kind:
        return _("Sent to everyone")
    known = Followable.registry.get(kind)
    if known is None:
        return kind
    return capfirst(str(known.label or known.model._meta.verbose_name))


def url_of(request: HttpRequest, without: Sequence[str] = (), /, **added: str) -> str:
    """Return the URL of the inbox with the same filters, but `without` some."""
    kept = {
        name: request.GET[name]
        for name in FILTERS
        # A form sends empty ones, too.
        if name not in without
        and (request.GET.get(name) or name == "unread")
        and name in request.GET
    }
    query = urlencode(kept | {name: text for name, text in added.items() if text})
    return reverse("notifications:inbox") + (f"?{query}" if query else "")


def paging_of(request: HttpRequest) -> dict[str, str]:
    """Return the query parameters that select the page."""
    return {name: request.GET[name] for name in PAGING if name in request.GET}


def next_url(request: HttpRequest, page: InboxPage) -> str:
    """Return the URL of the next page for programs; empty if there is none."""
    return page.next and url_of(request, before=page.next)


def older_url(request: HttpRequest, page: InboxPage) -> str:
    """Return the URL of the next page; empty if there is none.

    It has the cursors of the pages before, the way back to this one.
    """
    here = request.GET.get("before", "")
    trail = [*_trail(request), *([here] if here else [])][-TRAIL_PAGES:]
    return page.next and url_of(request, before=page.next, trail=",".join(trail))


def newer_url(request: HttpRequest) -> str:
    """Return the URL of the previous page; empty on the first one."""
    if "before" not in request.GET:
        return ""
    *trail, before = _trail(request) or [""]
    return url_of(request, before=before, trail=",".join(trail))


def _trail(request: HttpRequest) -> list[str]:
    """Return the cursors at which the pages before this one began, oldest first.

    Raises InvalidCursor.
    """
    found = request.GET.get("trail", "")
    return [str(Cursor.parse(each)) for each in found.split(",")] if found else []
