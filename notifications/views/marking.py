"""Views that change what a person has seen, read, done and saved of their inbox."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from notifications.exceptions import InvalidTopic, InvalidValue
from notifications.inbox import read_state, triage
from notifications.middleware import newest_cursor
from notifications.models import Event, Inbox, InboxEvent, SelectedRows, Selection, View
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor
from notifications.publishing.unseen import unseen_rows
from notifications.streams.refusals import plain
from notifications.views.http import redirect_next, wants_json
from notifications.views.inbox_filters import selection_of

# The values of `state` for one row, and what each calls.
MARKS: dict[str, Callable[[Any, Event], str]] = {
    "read": read_state.read_group,
    "unread": read_state.unread_event,
}
# The values of `do` for rows, and what each calls; some return an undo token.
DEEDS: dict[str, Callable[[Any, list[InboxEvent]], str | None]] = {
    "read": triage.read_rows,
    "done": triage.finish_rows,
    "reopen": triage.reopen_rows,
    "save": triage.save_rows,
    "unsave": triage.unsave_rows,
}


def counts(inbox: Inbox, up_to: Cursor | None) -> dict[str, Any]:
    """Return the counts that JSON responses have."""
    unread = inbox.count_unread()
    rows = unseen_rows(inbox, up_to=up_to)
    return {"unread": unread, "unseen": len(rows), "unseen_rows": rows}


def _newest_counts(user: Any) -> dict[str, Any]:
    cursor = newest_cursor()
    return counts(Inbox(user), Cursor.parse(cursor) if cursor else None)


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

    `filters` are query parameters of the inbox: only what they select is marked. A row
    is identified by the `uid` of its newest event; its `state` is `read` or `unread`.
    `topic` marks the newest events about it. `undo` is the token that an earlier
    request returned.
    """
    return _respond(request, lambda: _mark(request))


@login_required
@require_POST
@vary_on_headers("Accept")
def rows(request: HttpRequest) -> HttpResponse:
    """Read, finish, reopen, save or unsave rows, as `do` says.

    A row is identified by the uid of its newest event, as `uid` if it is the only one,
    or else as `row`, which may be repeated.
    """
    return _respond(request, lambda: _change_rows(request))


def _respond(
    request: HttpRequest, change: Callable[[], tuple[str, str]]
) -> HttpResponse:
    """Make a change, which returns its result and a token to undo it."""
    try:
        result, undo = change()
    except (InvalidTopic, InvalidValue) as error:
        return plain(400, str(error))
    if wants_json(request):
        return JsonResponse({**_newest_counts(request.user), "undo": undo or None})
    query = {"result": result, "undo": undo} if undo else {"result": result}
    return redirect_next(request, **(query if result else {}))


def _mark(request: HttpRequest) -> tuple[str, str]:
    user: Any = request.user
    form = request.POST
    if "undo" in form:
        read_state.undo(user, form["undo"])
        return "", ""
    if "topic" in form:
        topics.validate(form["topic"])
        read_state.read_topic(user, form["topic"])
        return "", ""
    if "uid" in form:
        # From the form or the button's formaction.
        state = form.get("state") or request.GET.get("state", "read")
        if state not in MARKS:
            raise InvalidValue(state, expected="read or unread as state")
        return state, MARKS[state](user, _event(user, form["uid"], field="uid"))
    event = _event(user, form.get("up_to", ""), field="up_to")
    selection = selection_of(QueryDict(form.get("filters", "")))
    if selection.is_filtered or selection.view is not View.INBOX:
        return "filtered", _read_selected(user, selection, event)
    return "all", read_state.read_all(user, event)


def _read_selected(user: Any, selection: Selection, event: Event) -> str:
    selected = SelectedRows(Inbox(user), replace(selection, unread=True))
    found = selected.newest(up_to=event.position)
    return triage.read_rows(user, found[: triage.MAX_ROWS])


def _change_rows(request: HttpRequest) -> tuple[str, str]:
    user: Any = request.user
    form = request.POST
    deed = form.get("do") or request.GET.get("do", "")
    if deed not in DEEDS:
        raise InvalidValue(deed, expected=f"one of {', '.join(DEEDS)} as do")
    single = form.get("uid")
    found = _find(user, [single] if single else form.getlist("row"), field="row")
    return (deed, DEEDS[deed](user, found) or "") if found else ("", "")


def _find(user: Any, uids: list[str], *, field: str) -> list[InboxEvent]:
    """Return events of the person's inbox; raise InvalidValue if one is not there."""
    if len(uids) > triage.MAX_ROWS:
        raise InvalidValue(len(uids), expected=f"at most {triage.MAX_ROWS} rows")
    try:
        events = Event.objects.filter(uid__in=uids).prefetch_related("addresses")
        known = {str(each.uid): each for each in events}
    except ValidationError:
        known = {}
    inbox = Inbox(user)
    found = {uid: inbox.find(known[uid]) for uid in uids if uid in known}
    for uid in uids:
        if found.get(uid) is None:
            raise _unknown(uid, field)
    return [each for each in found.values() if each]


def _event(user: Any, uid: str, *, field: str) -> Event:
    """Return an event of the person's inbox; raise InvalidValue if there is none."""
    try:
        event = Event.objects.filter(uid=uid).first()
    except ValidationError:
        event = None
    if event is None or Inbox(user).find(event) is None:
        raise _unknown(uid, field)
    return event


def _unknown(uid: str, field: str) -> InvalidValue:
    return InvalidValue(uid, expected=f"the uid of an event of the inbox as {field}")
