"""What the admin's page of an event says of the people who were told of it."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.inbox.explain import Effect, Explanation, explain, explain_all
from notifications.inbox.recipients import recipients_of
from notifications.models import Event

# The page lists so many people; who else was told is found by name.
SHOWN_PEOPLE = 50
EFFECTS: dict[Effect, str | Promise] = {
    Effect.BRINGS: _("Brings it"),
    Effect.KEEPS: _("Keeps it away"),
    Effect.QUIETS: _("Only in the inbox"),
    Effect.NOTES: _("Good to know"),
}


class ExplanationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The events of the admin, each with who got it, and why."""

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        **options: Any,
    ) -> HttpResponse:
        event = options.get("obj")
        if event is not None:
            context |= _who_got_it(event, request.GET.get("person", "").strip())
        return super().render_change_form(request, context, *args, **options)


def _who_got_it(event: Event, person: str) -> dict[str, Any]:
    """Return what the page says of a person, if one is asked for, and of all."""
    people = recipients_of(event)
    told = people.count()
    user = find_person(person) if person else None
    found = explain(event, user) if user is not None else None
    return {
        "person": person,
        "explanation": found,
        "reasons": _grouped(found) if found else {},
        "told": told,
        "first": explain_all(event, people[:SHOWN_PEOPLE]),
        "more": max(told - SHOWN_PEOPLE, 0),
    }


def find_person(text: str) -> Any:
    """Return the user with this name or else this id, or None."""
    # PostgreSQL takes no text with it.
    if "\0" in text:
        return None
    people = get_user_model()._default_manager
    name: Any = get_user_model().USERNAME_FIELD
    try:
        return people.filter(**{name: text}).first() or people.filter(pk=text).first()
    except (ValueError, TypeError, ValidationError, OverflowError):
        return None


def _grouped(found: Explanation) -> dict[str | Promise, list[str]]:
    """Return the sentences by what they do, under the words for that."""
    groups = {
        title: [each.text for each in found.reasons if each.effect is effect]
        for effect, title in EFFECTS.items()
    }
    return {title: texts for title, texts in groups.items() if texts}
