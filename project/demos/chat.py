"""A chat in one file, without a database: `python -m project.demos.chat`."""

import os
import sys
from datetime import datetime

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from project import redis_server

CONTRIB, REDIS = "django.contrib", os.environ.get("REDIS_URL") or redis_server.url
settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    INSTALLED_APPS=[f"{CONTRIB}.auth", f"{CONTRIB}.contenttypes", "notifications"],
    MIDDLEWARE=[
        f"{CONTRIB}.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "notifications.middleware.CursorMiddleware",
    ],
    NOTIFICATIONS={"REDIS_URL": REDIS, "SWEEP_INTERVAL": 0},
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.urandom(32).hex(),
    SESSION_ENGINE=f"{CONTRIB}.sessions.backends.signed_cookies",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
django.setup()
from notifications.api import event_stream  # noqa: E402
from notifications.compat.flask_sse import sse  # noqa: E402

PAGE = """<!doctype html><meta charset="utf-8"><title>Chat</title>
<form>{% csrf_token %}<input name="name" value="{{ session.name }}" placeholder="Name">
<input name="text" placeholder="Your line" required autofocus></form><pre></pre><script>
const [form] = document.forms, lines = document.querySelector("pre");
new EventSource("/stream/").onmessage = ({ data }) => lines.prepend(data, "\\n");
form.onsubmit = (event) => {
  event.preventDefault();
  fetch("/", { method: "POST", body: new FormData(form) });
  form.text.value = ""; };</script>"""


def chat(request: HttpRequest) -> HttpResponse:
    """Show the page, or send a line to everyone."""
    if request.method != "POST":
        page = engines["django"].from_string(PAGE)
        return HttpResponse(page.render({"session": request.session}, request))
    name = request.session["name"] = request.POST["name"] or "anonymous"
    line = f"[{datetime.now():%H:%M:%S}] {name}: {request.POST['text']}"
    sse.publish(line, channel="chat")
    return HttpResponse(status=204)


urlpatterns = [path("", chat), path("stream/", event_stream(channel="chat"))]
if __name__ == "__main__":
    execute_from_command_line(["chat", "runserver", "--noreload", *sys.argv[1:]])
