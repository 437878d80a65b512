"""Views of the inbox, and of what a person has seen and read of it."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from notifications.exceptions import InvalidCursor, InvalidTopic, InvalidValue
from notifications.inbox import read_state
from notifications.inbox.rows import PAGE_ROWS, InboxPage, inbox_page
from notifications.middleware import newest_cursor
from notifications.models import Event, Inbox, UnreadRows
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor
from notifications.publishing.event_types import EventType
from notifications.publishing.unseen import count_unseen
from notifications.streams.refusals import plain
from notifications.views.accounts import for_its_account
from notifications.views.follows import follow_change
from notifications.views.http import redirect_next, wants_json

# The values of `state` for one row, and what each calls.
MARKS: dict[str, Callable[[Any, Event], str]] = {
    "read": read_state.read_group,
    "unread": read_state.unread_event,
}
_TYPE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
# Query parameters that select rows, and those that select a page.
FILTERS = ("unread", "type")
PAGING = ("before", "limit")


@for_its_account
@login_required
@require_GET
@never_cache
@vary_on_headers("Accept")
def inbox(request: HttpRequest) -> HttpResponse:
    """Show the inbox, newest first, as HTML or JSON by the Accept header.

    Query parameters: `before` is the `next` of the previous page, `unread=1` and
    `type` select rows, and `limit` is the maximum number of rows. As JSON, the unseen
    count is that at the cursor `as_of`, or else at the newest one.
    """
    # Before the database is read, so that the stream sends whatever is not on the page.
    cursor = request.GET.get("as_of") or newest_cursor()
    mine = Inbox.of_request(request)
    try:
        up_to = Cursor.parse(cursor) if cursor else None
        page = _page(request, mine)
    except (InvalidCursor, InvalidValue) as error:
        return plain(400, str(error))
    if wants_json(request):
        return JsonResponse(
            {
                **_counts(mine, up_to),
                "cursor": cursor,
                "events": [row.wire() for row in page.rows],
                "next": _next_url(request, page) or None,
            }
        )
    context = _context(request, page, unread=mine.count_unread_rows())
    return render(request, "notifications/inbox.html", context)


def _context(
    request: HttpRequest, page: InboxPage, *, unread: UnreadRows
) -> dict[str, Any]:
    """Return the template's context; `unread` is how many rows are unread."""
    return {
        "page": page,
        "next": _next_url(request, page),
        "types": list(EventType.with_rows().values()),
        "chosen_type": request.GET.get("type", ""),
        "unread_only": "unread" in request.GET,
        "newest": "before" not in request.GET,
        "here": _url(request, **_paging(request)),
        # What the form that redirected here did, and the token that undoes it.
        "result": request.GET.get("result", ""),
        "undo": request.GET.get("undo", ""),
        "change": follow_change(request),
        "unread": unread,
    }


def _page(request: HttpRequest, inbox: Inbox) -> InboxPage:
    """Return the requested page; raise InvalidCursor or InvalidValue."""
    before, limit = request.GET.get("before"), request.GET.get("limit", str(PAGE_ROWS))
    if not limit.isdecimal() or int(limit) > PAGE_ROWS:
        raise InvalidValue(limit, expected=f"a number up to {PAGE_ROWS} as limit")
    event_type = request.GET.get("type", "")
    if event_type and not _TYPE.fullmatch(event_type):
        raise InvalidValue(event_type, expected="the name of an event type as type")
    return inbox_page(
        inbox,
        before=Cursor.parse(before) if before else None,
        unread="unread" in request.GET,
        event_type=event_type,
        limit=int(limit),
    )


def _url(request: HttpRequest, **added: str) -> str:
    """Return the URL of the inbox with the same filters."""
    kept = {name: request.GET[name] for name in FILTERS if name in request.GET}
    query = urlencode(kept | added)
    return reverse("notifications:inbox") + (f"?{query}" if query else "")


def _next_url(request: HttpRequest, page: InboxPage) -> str:
    """Return the URL of the next page; empty if there is none."""
    return page.next and _url(request, before=page.next)


def _paging(request: HttpRequest) -> dict[str, str]:
    """Return the query parameters that select the page."""
    return {name: request.GET[name] for name in PAGING if name in request.GET}


def _newest_counts(user: Any) -> dict[str, int]:
    cursor = newest_cursor()
    return _counts(Inbox(user), Cursor.parse(cursor) if cursor else None)


def _counts(inbox: Inbox, up_to: Cursor | None) -> dict[str, int]:
    return {
        "unread": inbox.count_unread(),
        "unseen": count_unseen(inbox, up_to=up_to),
    }


@login_required
@require_POST
@vary_on_headers("Accept")
def seen(request: HttpRequest) -> HttpResponse:
    """Mark everything as seen, so that the bell counts from zero."""
    user: Any = request.user
    read_state.see_all(user)
    if wants_json(request):
        return JsonResponse(_newest_counts(user))
    return redirect("notifications:inbox")


@login_required
@require_POST
@vary_on_headers("Accept")
def read(request: HttpRequest) -> HttpResponse:
    """Mark everything up to the event `up_to` as read, or mark one row, or undo that.

    A row is identified by the `uid` of its newest event; its `state` is `read` or
    `unread`. `topic` marks the newest events about it. `undo` is the token that
    an earlier request returned.
    """
    try:
        undo = _mark(request)
    except (InvalidTopic, InvalidValue) as error:
        return plain(400, str(error))
    if wants_json(request):
        return JsonResponse({**_newest_counts(request.user), "undo": undo or None})
    query = {"result": _result(request), "undo": undo} if undo else {}
    return redirect_next(request, **query)


def _result(request: HttpRequest) -> str:
    """Return what a form did: `all`, or the new `state` of one row."""
    return _state(request) if "uid" in request.POST else "all"


def _state(request: HttpRequest) -> str:
    """Return the requested state of a row, from the form or the button's formaction."""
    return request.POST.get("state") or request.GET.get("state", "read")


def _mark(request: HttpRequest) -> str:
    """Do what the form asks for; return the token that undoes it, or an empty one."""
    user: Any = request.user
    form = request.POST
    if "undo" in form:
        read_state.undo(user, form["undo"])
        return ""
    if "topic" in form:
        topics.validate(form["topic"])
        read_state.read_topic(user, form["topic"])
        return ""
    if "uid" in form:
        state = _state(request)
        if state not in MARKS:
            raise InvalidValue(state, expected="read or unread as state")
        return MARKS[state](user, _event(user, form["uid"], field="uid"))
    return read_state.read_all(user, _event(user, form.get("up_to", ""), field="up_to"))


def _event(user: Any, uid: str, *, field: str) -> Event:
    """Return an event of the person's inbox; raise InvalidValue if there is none."""
    try:
        event = Event.objects.filter(uid=uid).first()
    except ValidationError:
        event = None
    if event is None or Inbox(user).find(event) is None:
        expected = f"the uid of an event of the inbox as {field}"
        raise InvalidValue(uid, expected=expected)
    return event
