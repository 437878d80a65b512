"""Template tags of live pages: the stream, the bell, follow buttons and banners."""

from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.http import HttpRequest
from django.template import Context
from django.utils.text import capfirst

from notifications.conf import conf
from notifications.inbox.follow_states import MUTE_TIMES, button_context
from notifications.models import (
    COUNT_LIMIT,
    Event,
    Inbox,
    PersonalTime,
    shown_names,
)
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor
from notifications.protocol.sse import PRESENCE
from notifications.publishing.event_types import EventType, event_type
from notifications.publishing.followables import topic_of
from notifications.publishing.presence import has_presence
from notifications.publishing.presence import presence as present_people
from notifications.publishing.unseen import unseen_rows
from notifications.templatetags.start_scripts import start_scripts
from notifications.templatetags.time_ago import ago

register = template.Library()
register.filter(ago)

REQUEST_PROCESSOR = "django.template.context_processors.request"
SAFE_PREFIXES = ("/", "http://", "https://")
# Rows that the panel of the bell shows.
PANEL_ROWS = 10
PANEL_ID = "notifications-panel"


@register.inclusion_tag("notifications/head.html", takes_context=True)
def notification_head(context: Context) -> dict[str, Any]:
    """Load styles and scripts, with the URL of the stream and the page's cursor."""
    request = _request(context)
    rows = _unseen_rows(request)
    return {
        "cursor": getattr(request, "notifications_cursor", ""),
        "user": _user_key(request),
        "personal_time": _personal_time(request),
        "sign_in": _sign_in(request.get_full_path()),
        "unseen": None if rows is None else len(rows),
        "unseen_rows": rows or [],
        "events": [*sorted(EventType.registry), PRESENCE],
        "retry": round(conf.RETRY_INTERVAL * 1000),
        "heartbeat": round(conf.HEARTBEAT_INTERVAL * 1000),
        "poll_wait": round(conf.POLL_TIMEOUT * 1000),
        "scripts": start_scripts(),
    }


@register.inclusion_tag("notifications/bell.html", takes_context=True)
def notification_bell(context: Context) -> dict[str, Any]:
    """Show the bell, which opens the inbox, with the number of rows with unseen events.

    Shows nothing to people who are not signed in.
    """
    request = _request(context)
    unseen = _unseen_rows(request) or []
    rows = len({*unseen})
    return {
        "user": _user(request),
        "unseen": rows,
        "shown": _shown(rows, may_be_more=len(unseen) >= COUNT_LIMIT),
        "limit": COUNT_LIMIT,
        "rows": PANEL_ROWS,
        "panel": _panel_id(request),
        "csrf_token": context.get("csrf_token"),
    }


def _panel_id(request: HttpRequest) -> str:
    """Return the id of the next panel; a page may have several bells."""
    number = getattr(request, "_notifications_panels", 0) + 1
    request._notifications_panels = number  # type: ignore[attr-defined]
    return PANEL_ID if number == 1 else f"{PANEL_ID}-{number}"


@register.inclusion_tag("notifications/follow_button.html", takes_context=True)
def follow_button(
    context: Context, thing: Model | str, name: str = ""
) -> dict[str, Any]:
    """Show the button to follow an object or a topic, and to change or end that.

    `thing` is a topic, or an object of a followable model. `name` is what people
    read: by default the object as text, a user's name, or the topic. Raises
    NotFollowable and InvalidTopic.
    """
    request = _request(context)
    here = request.get_full_path()
    topic = _topic(thing)
    topics.validate(topic)
    signed_in = _user(request).is_authenticated
    inbox = Inbox.of_request(request) if signed_in else None
    return {
        **button_context(request, topic, inbox),
        "topic": topic,
        "name": name or _name(thing),
        "sign_in": "" if signed_in else _sign_in(here),
        "here": here,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("notifications/mute_times.html")
def mute_times(topic: str, name: str) -> dict[str, Any]:
    """Show the buttons of a form that mute a topic for a time."""
    return {"topic": topic, "name": name, "mutes": MUTE_TIMES}


@register.inclusion_tag("notifications/new_items_banner.html", takes_context=True)
def new_items_banner(
    context: Context,
    topic: str | Model,
    event: str,
    *,
    one: str = "",
    many: str = "",
    target: str = "",
) -> dict[str, Any]:
    """Show a banner that offers new items once there are any.

    `topic` is a topic, a selector such as `topic:*`, or an object, and `event` the
    name of an event type. `one` and `many` are texts with `%d` for the number; by
    default the label of the type is used. `target` is the id of the element with the
    items, which is updated in place; without it the banner is a link to the page.
    Shows nothing to people who may not stream the topic. Raises InvalidTopic,
    NotFollowable and UnknownEventType.
    """
    selector = _topic(topic)
    topics.parse_selector(selector)
    label = str(event_type(event).label or event.replace("_", " "))
    noun = label[:1].lower() + label[1:]
    return {
        "topic": selector,
        "event": event,
        "one": one or f"%d {noun}",
        "many": many or f"%d {noun}s",
        "target": target,
        "allowed": conf.AUTHORIZE(_user(_request(context)), selector),
    }


@register.inclusion_tag("notifications/presence.html", takes_context=True)
def presence(context: Context, thing: Model | str) -> dict[str, Any]:
    """Show who has a page with this topic open, and keep it current.

    `thing` is a topic, or an object of a followable model. Shows nothing for kinds
    without presence, nor to people who may not stream the topic. Raises NotFollowable
    and InvalidTopic.
    """
    topic = _topic(thing)
    topics.validate(topic)
    user = _user(_request(context))
    return {
        "topic": topic,
        "allowed": has_presence(topic) and conf.AUTHORIZE(user, topic),
        "present": present_people(topic, viewer=user),
    }


@register.inclusion_tag("notifications/mark_read.html", takes_context=True)
def mark_read(context: Context, thing: Model | str) -> dict[str, Any]:
    """Mark the events about an object or a topic as read when the page is looked at.

    `thing` is a topic, or an object of a followable model. Scripts do it once the page
    is visible, and when something new arrives while it is. Raises NotFollowable and
    InvalidTopic.
    """
    topic = _topic(thing)
    topics.validate(topic)
    return {
        "topic": topic,
        "user": _user(_request(context)),
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def event_templates(event: Event) -> tuple[str, str]:
    """Return the template names for a row of the inbox, the most specific first."""
    return f"notifications/events/{event.type}.html", "notifications/event.html"


@register.filter
def icon_templates(event: Event) -> tuple[str, str]:
    """Return the template names for the icon of an event, the most specific first."""
    return f"notifications/icons/{event.type}.html", "notifications/icon.html"


@register.filter
def event_label(event: Event) -> str:
    """Return the label of an event's type, even if it is no longer registered."""
    found = EventType.registry.get(event.type)
    return str((found and found.label) or capfirst(event.type.replace("_", " ")))


@register.filter
def safe_url(url: object) -> str:
    """Return a URL of a payload if it is safe as a link, or else an empty string."""
    text = str(url or "")
    return text if text.startswith(SAFE_PREFIXES) else ""


def _topic(thing: Model | str) -> str:
    return topic_of(thing) if isinstance(thing, Model) else thing


def _name(thing: Model | str) -> str:
    return shown_names([thing])[thing.pk] if isinstance(thing, Model) else thing


def _request(context: Context) -> HttpRequest:
    """Return the request of the page; raises ImproperlyConfigured without one."""
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        raise ImproperlyConfigured(
            "The tags of notifications need the request: render the page with it, and "
            f"add {REQUEST_PROCESSOR!r} to the context_processors of TEMPLATES."
        )
    return request


def _user(request: HttpRequest) -> Any:
    """Return the user, anonymous on error pages from before the authentication."""
    return getattr(request, "user", None) or AnonymousUser()


def _user_key(request: HttpRequest) -> str:
    """Return the user's primary key, by which their tabs find each other, or ''."""
    user = _user(request)
    return str(user.pk) if user.is_authenticated else ""


def _unseen_rows(request: HttpRequest) -> list[str] | None:
    """Return the row of each unseen event at the page's cursor, read once per request.

    It is None for people who are not signed in.
    """
    user = _user(request)
    if not user.is_authenticated:
        return None
    found: list[str] | None = getattr(request, "_notifications_unseen", None)
    if found is None:
        cursor = getattr(request, "notifications_cursor", "")
        up_to = Cursor.parse(cursor) if cursor else None
        found = unseen_rows(Inbox.of_request(request), up_to=up_to)
        request._notifications_unseen = found  # type: ignore[attr-defined]
    return found


def _shown(rows: int, *, may_be_more: bool) -> str:
    return f"{min(rows, COUNT_LIMIT - 1)}+" if may_be_more else str(rows)


def _sign_in(here: str) -> str:
    """Return the URL of the sign-in page, which redirects back to `here`."""
    return redirect_to_login(here).url


def _personal_time(request: HttpRequest) -> PersonalTime | None:
    """Return the person's time zone and quiet hours; None for nobody's."""
    if not _user(request).is_authenticated:
        return None
    return Inbox.of_request(request).personal_time
