"""A chat with rooms: whoever writes a line, everybody in the room sees it at once.

A room is the topic `room:<slug>`. Its lines are live-only events, so they have no row.
"""

import math
import time
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from notifications.api import publish, recent_events
from project.demos.notifications import CHAT_LINE, ChatLine
from project.qa.models import Topic

# The room of `/demos/chat/`; no topic of the site has a dot in its slug.
LOBBY = "demos.chat"
ANONYMOUS = "anonymous"
# How many lines a person may write in which time.
MOST_LINES, LINES_SECONDS = 5, 10
# What the session keeps: the name, and when the last lines were written.
NAME, TIMES = "chat_name", "chat_times"


class LineForm(forms.Form):
    """A line, and the name of whoever writes it."""

    name = forms.CharField(max_length=40, required=False)
    text = forms.CharField(max_length=500)

    def clean_name(self) -> str:
        """Return the name on one line; nobody may have that of an account."""
        name = " ".join(self.cleaned_data["name"].split())
        if get_user_model()._default_manager.filter(username__iexact=name).exists():
            raise ValidationError(_("This name belongs to an account."))
        return name

    def clean_text(self) -> str:
        """Return the text on one line."""
        return " ".join(self.cleaned_data["text"].split())


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("Accept")
def chat(request: HttpRequest, slug: str = LOBBY) -> HttpResponse:
    """Show a room, or send a line to it: the room of a topic, or else the lobby."""
    topic = None if slug == LOBBY else get_object_or_404(Topic, slug=slug)
    if "rename" in request.POST:
        request.session.pop(NAME, None)
        return redirect(request.path)
    problem, status = "", 200
    if request.method == "POST":
        problem, status = say(request, slug)
        if not request.accepts("text/html"):
            reply = {"name": name_of(request), "problem": problem}
            return _waiting(JsonResponse(reply, status=status))
        if not problem:
            return redirect(request.path)
    context = {"topic": topic, "problem": problem, **room(request, slug)}
    return _waiting(render(request, "demos/chat.html", context, status=status))


def _waiting(response: HttpResponse) -> HttpResponse:
    if response.status_code == 429:
        response.headers["Retry-After"] = str(LINES_SECONDS)
    return response


def room(request: HttpRequest, slug: str) -> dict[str, Any]:
    """Return the context of a room: its topic and URL, the last lines, and the name."""
    lines = recent_events(f"room:{slug}")
    for each in lines:
        each["at"] = datetime.fromisoformat(each["created"])
    lobby = reverse("demos:chat")
    return {
        "room": f"room:{slug}",
        "url": lobby if slug == LOBBY else reverse("demos:chat_room", args=[slug]),
        "lines": lines,
        "name": name_of(request),
        "anonymous": ANONYMOUS,
        "text": request.POST.get("text", ""),
    }


def name_of(request: HttpRequest) -> str:
    """Return who writes; empty for a person who was not asked yet."""
    if request.user.is_authenticated:
        return request.user.get_username()
    return str(request.session.get(NAME, ""))


def say(request: HttpRequest, slug: str) -> tuple[str, int]:
    """Send a line to a room; return what prevents it, and a status."""
    form = LineForm(request.POST)
    if not form.is_valid():
        return " ".join(
            str(each) for some in form.errors.values() for each in some
        ), 400
    if seconds := _seconds_to_wait(request):
        problem = _("At most %(lines)d lines in %(seconds)d seconds. Wait %(wait)d s.")
        return problem % {
            "lines": MOST_LINES,
            "seconds": LINES_SECONDS,
            "wait": seconds,
        }, 429
    if not name_of(request):
        request.session[NAME] = form.cleaned_data["name"] or ANONYMOUS
    line = ChatLine(name=name_of(request), text=form.cleaned_data["text"])
    event = publish(CHAT_LINE, topics=[f"room:{slug}"], payload=line)
    if not event.cursor:
        return _("Your line could not be sent. Try again."), 503
    return "", 201


def _seconds_to_wait(request: HttpRequest) -> int:
    """Return in how many seconds the person may write again; note that they do."""
    now = time.time()
    noted: list[float] = request.session.get(TIMES, [])
    times = [each for each in noted if each > now - LINES_SECONDS]
    if len(times) >= MOST_LINES:
        return math.ceil(times[0] + LINES_SECONDS - now)
    request.session[TIMES] = [*times, now]
    return 0
