"""What a page needs to be live: the stream, the bell, follow buttons, banners."""

from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.http import HttpRequest
from django.template import Context
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from notifications.conf import conf
from notifications.models import COUNT_LIMIT, NO_LEVEL, Event, Follow, Level
from notifications.protocol import topics
from notifications.protocol.cursor import Cursor
from notifications.publishing.event_types import EventType, event_type
from notifications.publishing.followables import topic_of
from notifications.publishing.unseen import count_unseen
from notifications.templatetags.time_ago import ago

register = template.Library()
register.filter(ago)

REQUEST_PROCESSOR = "django.template.context_processors.request"
LINKABLE = ("/", "http://", "https://")
# How many rows the bell shows; the inbox has the rest.
PANEL_ROWS = 10

# What a person can choose, what a button says when they did, and what it means.
LEVELS = (
    (
        Level.WATCH,
        gettext_lazy("Watch"),
        gettext_lazy("Watching"),
        gettext_lazy("Be told of everything, whatever your preferences say."),
    ),
    (
        Level.FOLLOW,
        gettext_lazy("Follow"),
        gettext_lazy("Following"),
        gettext_lazy("Be told as your preferences say."),
    ),
    (
        Level.MUTE,
        gettext_lazy("Mute"),
        gettext_lazy("Muted"),
        gettext_lazy("Never be told of it, whatever else you follow."),
    ),
    (
        NO_LEVEL,
        gettext_lazy("Do not follow"),
        gettext_lazy("Follow"),
        gettext_lazy("Be told only if something else you follow is concerned."),
    ),
)


@register.inclusion_tag("notifications/head.html", takes_context=True)
def notification_head(context: Context) -> dict[str, Any]:
    """Say where the page's stream is and where it starts, and load the scripts."""
    request = _request(context)
    return {
        "cursor": getattr(request, "notifications_cursor", ""),
        "reader": _reader(request),
        "unseen": _unseen(request),
        "events": sorted(EventType.registry),
        "retry": round(conf.RETRY_INTERVAL * 1000),
        "heartbeat": round(conf.HEARTBEAT_INTERVAL * 1000),
        "poll_wait": round(conf.POLL_TIMEOUT * 1000),
    }


@register.inclusion_tag("notifications/bell.html", takes_context=True)
def notification_bell(context: Context) -> dict[str, Any]:
    """Show a bell that opens the inbox, with the number of what was not seen yet.

    Nobody signed in, no bell.
    """
    request = _request(context)
    unseen = _unseen(request)
    return {
        "user": _user(request),
        "unseen": unseen,
        "shown": f"{COUNT_LIMIT - 1}+" if (unseen or 0) >= COUNT_LIMIT else unseen,
        "limit": COUNT_LIMIT,
        "rows": PANEL_ROWS,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("notifications/follow_button.html", takes_context=True)
def follow_button(context: Context, thing: Model) -> dict[str, Any]:
    """Show the button that follows an object, or stops following it.

    `thing` is of a model that the site has made followable; raises NotFollowable.
    """
    return _follow_button(context, topic_of(thing), str(thing))


@register.inclusion_tag("notifications/follow_button.html", takes_context=True)
def follow_topic_button(context: Context, topic: str, name: str) -> dict[str, Any]:
    """Show the button that follows a topic, which people read as this name."""
    return _follow_button(context, topic, name)


def _follow_button(context: Context, topic: str, name: str) -> dict[str, Any]:
    request = _request(context)
    here = request.get_full_path()
    level = _levels(request).get(topic, NO_LEVEL)
    return {
        "topic": topic,
        "thing": name,
        "sign_in": "" if _user(request).is_authenticated else _sign_in(here),
        "level": level,
        "other": Level.FOLLOW if level == NO_LEVEL else NO_LEVEL,
        "levels": LEVELS,
        "here": here,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("notifications/new_items_banner.html", takes_context=True)
def new_items_banner(
    context: Context,
    about: str | Model,
    event: str,
    *,
    one: str = "",
    many: str = "",
    list: str = "",  # noqa: A002
) -> dict[str, Any]:
    """Offer new items, once there are any, instead of moving what is being read.

    `about` is a topic, a selector such as `topic:*`, or an object; `event` the name
    of an event type. `one` and `many` are texts with `%d` for the number; without
    them the type's label makes them. `list` is the id of the element that has the
    items: it is renewed in place; without it, the banner leads to the page. Shows
    nothing to who may not stream the topic.
    """
    selector = topic_of(about) if isinstance(about, Model) else about
    topics.parse_selector(selector)
    label = str(event_type(event).label or event.replace("_", " "))
    noun = label[:1].lower() + label[1:]
    return {
        "topic": selector,
        "event": event,
        "one": one or f"%d {noun}",
        "many": many or f"%d {noun}s",
        "list": list,
        "allowed": conf.AUTHORIZE(_user(_request(context)), selector),
    }


@register.filter
def event_templates(event: Event) -> tuple[str, str]:
    """Return the templates for one row of the inbox, the most specific first."""
    return f"notifications/events/{event.type}.html", "notifications/event.html"


@register.filter
def event_label(event: Event) -> str:
    """Return what a person reads as the type of an event, registered or not."""
    found = EventType.registry.get(event.type)
    return str((found and found.label) or capfirst(event.type.replace("_", " ")))


@register.filter
def linkable(url: object) -> str:
    """Return an address of a payload if it is one of the web, and otherwise nothing."""
    text = str(url or "")
    return text if text.startswith(LINKABLE) else ""


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
    """Return who asks; nobody on an error page from before they were known."""
    return getattr(request, "user", None) or AnonymousUser()


def _reader(request: HttpRequest) -> str:
    """Return what stands for the person in the names that their tabs share."""
    user = _user(request)
    return str(user.pk) if user.is_authenticated else ""


def _unseen(request: HttpRequest) -> int | None:
    """Return what the bell says at the page's cursor, read once a request.

    None for nobody known.
    """
    user = _user(request)
    if not user.is_authenticated:
        return None
    found: int | None = getattr(request, "_notifications_unseen", None)
    if found is None:
        cursor = getattr(request, "notifications_cursor", "")
        up_to = Cursor.parse(cursor) if cursor else None
        found = count_unseen(user, up_to=up_to)
        request._notifications_unseen = found  # type: ignore[attr-defined]
    return found


def _sign_in(here: str) -> str:
    """Return the address of the page to sign in at, which leads back here."""
    return redirect_to_login(here).url


def _levels(request: HttpRequest) -> dict[str, str]:
    """Return at which levels the person follows what, read once a request."""
    found: dict[str, str] | None = getattr(request, "_notifications_levels", None)
    if found is None:
        found = _read_levels(_user(request))
        request._notifications_levels = found  # type: ignore[attr-defined]
    return found


def _read_levels(user: Any) -> dict[str, str]:
    if not user.is_authenticated:
        return {}
    return dict(Follow.objects.filter(user=user).values_list("topic", "level"))
