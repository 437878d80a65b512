"""The view of the inbox."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from notifications.exceptions import InvalidCursor, InvalidTopic, InvalidValue
from notifications.inbox.rows import EVERYTHING, PAGE_ROWS, InboxPage, inbox_page
from notifications.middleware import newest_cursor
from notifications.models import SEARCHED_EVENTS, Inbox, Selection, View
from notifications.protocol.cursor import Cursor
from notifications.publishing.event_types import EventType
from notifications.streams.refusals import plain
from notifications.views import inbox_filters as filters
from notifications.views.accounts import for_its_account
from notifications.views.follows import follow_change
from notifications.views.http import number_up_to, wants_json
from notifications.views.inbox_filters import Choice
from notifications.views.marking import counts

# The filters that have a field; views are links.
FIELDS = ("type", "topic", "reason", "q")


@for_its_account
@login_required
@require_GET
@never_cache
@vary_on_headers("Accept")
def inbox(request: HttpRequest) -> HttpResponse:
    """Show the inbox, newest first, as HTML or JSON by the Accept header.

    Query parameters: `before` is the `next` of the previous page, and `limit` is the
    maximum number of rows. These select rows, those that match all: `unread=1`, `type`,
    `topic`, `reason` (a kind of topics), `q` (a text in the title), and `view`, which
    is `saved` or `done`. As JSON, the unseen count is that at the cursor `as_of`, or
    else at the newest one.
    """
    # Before the database is read, so that the stream sends whatever is not on the page.
    cursor = request.GET.get("as_of") or newest_cursor()
    mine = Inbox.of_request(request)
    try:
        up_to = Cursor.parse(cursor) if cursor else None
        selection = filters.selection_of(request.GET)
        page = _page(request, mine, selection)
        context = (
            {} if wants_json(request) else _context(request, mine, selection, page)
        )
    except (InvalidCursor, InvalidTopic, InvalidValue) as error:
        return plain(400, str(error))
    if wants_json(request):
        return JsonResponse(
            {
                **counts(mine, up_to),
                "cursor": cursor,
                "events": [row.wire() for row in page.rows],
                "next": filters.next_url(request, page) or None,
            }
        )
    return render(request, "notifications/inbox.html", context)


def _context(
    request: HttpRequest, inbox: Inbox, selection: Selection, page: InboxPage
) -> dict[str, Any]:
    """Return the template's context."""
    types = EventType.with_rows().values()
    newest = "before" not in request.GET
    return {
        "page": page,
        "selection": selection,
        "older": filters.older_url(request, page),
        "newer": filters.newer_url(request),
        "views": _views(request, selection),
        "types": [
            Choice(each.name, str(each.label), each.name == selection.event_type)
            for each in types
        ],
        "topics": filters.topic_choices(inbox, page, chosen=selection.topic),
        "reasons": filters.reason_choices(inbox, chosen=selection.kind),
        "newest": newest,
        # Everything is seen when everything is shown.
        "shows_all": newest and selection == EVERYTHING,
        "here": filters.url_of(request, **filters.paging_of(request)),
        "unfiltered": filters.url_of(request, FIELDS),
        "filters": filters.url_of(request).partition("?")[2],
        "searched": SEARCHED_EVENTS,
        # What the form that redirected here did, and the token that undoes it.
        "result": request.GET.get("result", ""),
        "undo": request.GET.get("undo", ""),
        "change": follow_change(request),
        "unread": inbox.count_unread_rows(),
    }


def _views(request: HttpRequest, selection: Selection) -> list[tuple[str, str, bool]]:
    """Return the views to choose from: name, URL, and whether it is the chosen one."""
    base = ("view", "unread")
    is_inbox = selection.view is View.INBOX
    return [
        (
            "all",
            filters.url_of(request, base),
            is_inbox and not selection.unread,
        ),
        (
            "unread",
            filters.url_of(request, base, unread="1"),
            is_inbox and selection.unread,
        ),
        *(
            (
                view.value,
                filters.url_of(request, base, view=view.value),
                selection.view is view,
            )
            for view in (View.SAVED, View.DONE)
        ),
    ]


def _page(request: HttpRequest, inbox: Inbox, selection: Selection) -> InboxPage:
    """Return the requested page; raise InvalidCursor or InvalidValue."""
    before, text = request.GET.get("before"), request.GET.get("limit", str(PAGE_ROWS))
    limit = number_up_to(PAGE_ROWS, text)
    if limit is None:
        raise InvalidValue(text, expected=f"a number up to {PAGE_ROWS} as limit")
    return inbox_page(
        inbox,
        before=Cursor.parse(before) if before else None,
        selection=selection,
        limit=limit,
    )
