"""Flask-SSE's example: whoever posts a message, all who look see it, by its type."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from notifications.api import event_stream
from notifications.compat.flask_sse import sse

CHANNEL = "demo"
TYPES = [("greeting", _("Greeting")), ("news", _("News"))]


class MessageForm(forms.Form):
    """A message and its type."""

    text = forms.CharField(label=_("Message"), max_length=200)
    type = forms.ChoiceField(label=_("Type"), choices=TYPES)


def messages(request: HttpRequest) -> HttpResponse:
    """Show the page, or publish what its form sends."""
    form = MessageForm(request.POST or None)
    if form.is_valid():
        text, name = form.cleaned_data["text"], form.cleaned_data["type"]
        sse.publish({"text": text}, type=name, channel=CHANNEL)
        return redirect("demos:messages")
    status = 400 if form.is_bound else 200
    context = {"form": form, "types": TYPES}
    return render(request, "demos/messages.html", context, status=status)


stream = event_stream(channel=CHANNEL)
