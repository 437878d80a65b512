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

from notifications import topics
from notifications.conf import conf
from notifications.events import EventType, event_type, topic_of
from notifications.models import COUNT_LIMIT, Event, Follow

register = template.Library()

REQUEST_PROCESSOR = "django.template.context_processors.request"
LINKABLE = ("/", "http://", "https://")


@register.inclusion_tag("notifications/head.html", takes_context=True)
def notification_head(context: Context) -> dict[str, Any]:
    """Say where the page's stream is and where it starts, and load the scripts."""
    request = _request(context)
    return {
        "cursor": getattr(request, "notifications_cursor", ""),
        "signed_in": _user(request).is_authenticated,
        "events": sorted(EventType.registry),
        "retry": round(conf.RETRY_INTERVAL * 1000),
        "heartbeat": round(conf.HEARTBEAT_INTERVAL * 1000),
    }


@register.inclusion_tag("notifications/bell.html", takes_context=True)
def notification_bell(context: Context) -> dict[str, Any]:
    """Show a bell that leads to the inbox, with the number of what is unread.

    Nobody signed in, no bell.
    """
    user = _user(_request(context))
    if not user.is_authenticated:
        return {}
    unread = Event.objects.count_unread(user)
    return {
        "user": user,
        "unread": unread,
        "shown": f"{COUNT_LIMIT - 1}+" if unread >= COUNT_LIMIT else str(unread),
        "limit": COUNT_LIMIT,
    }


@register.inclusion_tag("notifications/follow_button.html", takes_context=True)
def follow_button(context: Context, thing: Model) -> dict[str, Any]:
    """Show the button that follows an object, or stops following it.

    `thing` is of a model that the site has made followable; raises NotFollowable.
    """
    request = _request(context)
    topic = topic_of(thing)
    here = request.get_full_path()
    return {
        "topic": topic,
        "thing": thing,
        "sign_in": "" if _user(request).is_authenticated else _sign_in(here),
        "followed": topic in _followed(request),
        "here": here,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("notifications/new_items_banner.html", takes_context=True)
def new_items_banner(
    context: Context, about: str | Model, event: str, *, one: str = "", many: str = ""
) -> dict[str, Any]:
    """Offer new items, once there are any, instead of moving what is being read.

    `about` is a topic, a selector such as `topic:*`, or an object; `event` the name
    of an event type. `one` and `many` are texts with `%d` for the number; without
    them the type's label makes them. Shows nothing to who may not stream the topic.
    """
    selector = topic_of(about) if isinstance(about, Model) else about
    topics.parse_selector(selector)
    label = event_type(event).label or event.replace("_", " ")
    noun = label[:1].lower() + label[1:]
    return {
        "topic": selector,
        "event": event,
        "one": one or f"%d {noun}",
        "many": many or f"%d {noun}s",
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
    return (found and found.label) or capfirst(event.type.replace("_", " "))


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


def _sign_in(here: str) -> str:
    """Return the address of the page to sign in at, which leads back here."""
    return redirect_to_login(here).url


def _followed(request: HttpRequest) -> frozenset[str]:
    """Return what the person hears of, read once a request."""
    found: frozenset[str] | None = getattr(request, "_notifications_followed", None)
    if found is None:
        found = _read_followed(_user(request))
        request._notifications_followed = found  # type: ignore[attr-defined]
    return found


def _read_followed(user: Any) -> frozenset[str]:
    if not user.is_authenticated:
        return frozenset()
    heard = Follow.objects.heard().filter(user=user)
    return frozenset(heard.values_list("topic", flat=True))
