"""The section "Who got this?" on the admin's page of an event."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.inbox.explain import explain, explain_all
from notifications.inbox.reasons import Effect, Explanation
from notifications.inbox.recipients import recipients_of
from notifications.models import Event
from notifications.publishing.followables import KEY_ERRORS

# The page lists this many recipients; others are found by name.
SHOWN_PEOPLE = 50
TITLES: dict[Effect, str | Promise] = {
    Effect.INCLUDES: _("Reasons to notify"),
    Effect.EXCLUDES: _("Reasons not to notify"),
    Effect.INBOX_ONLY: _("Only in the inbox"),
    Effect.NOTE: _("Note"),
}


class ExplanationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Adds the recipients of an event, and why they got it, to its page."""

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        **options: Any,
    ) -> HttpResponse:
        event = options.get("obj")
        if event is not None:
            context |= _who_got_it(event, request.GET)
        return super().render_change_form(request, context, *args, **options)


def _who_got_it(event: Event, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the template's context.

    In the query, `person` is what somebody typed, a username or an id, and `user` the
    id of a person in the list.
    """
    person, key = (query.get(name, "").strip() for name in ("person", "user"))
    recipients = recipients_of(event)
    count = recipients.count()
    user = _find("pk", key) if key else find_person(person)
    found = explain(event, user) if user is not None else None
    return {
        "person": person or key,
        "explanation": found,
        "reasons": _grouped(found) if found else {},
        "recipients": count,
        "listed": explain_all(event, recipients[:SHOWN_PEOPLE]),
        "more": max(count - SHOWN_PEOPLE, 0),
    }


def find_person(text: str) -> Any:
    """Return the user with this username, or else this id, or None."""
    name: Any = get_user_model().USERNAME_FIELD
    return _find(name, text) or _find("pk", text)


def _find(field: str, text: str) -> Any:
    # PostgreSQL refuses text with a NUL.
    if not text or "\0" in text:
        return None
    users = get_user_model()._default_manager
    try:
        return users.filter(**{field: text}).first()
    except KEY_ERRORS:
        return None


def _grouped(found: Explanation) -> dict[str | Promise, list[str]]:
    """Return the sentences of an explanation by the titles of their effects."""
    sentences = {
        title: [each.text for each in found.reasons if each.effect is effect]
        for effect, title in TITLES.items()
    }
    return {title: texts for title, texts in sentences.items() if texts}
