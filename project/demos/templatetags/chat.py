"""The room of a topic, for its page."""

from typing import Any

from django import template
from django.template import RequestContext

from project.demos.rooms import room

register = template.Library()


@register.inclusion_tag("demos/_chat_room.html", takes_context=True)
def chat_room(context: RequestContext, slug: str) -> dict[str, Any]:
    """Show the last lines of a room, and the form to write one."""
    return {"request": context["request"], **room(context["request"], slug)}
