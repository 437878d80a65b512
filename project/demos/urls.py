"""The URLs of the demos."""

from django.urls import path
from django.views.generic import TemplateView

from project.demos import letters, messages, numbers, rooms, ticks

app_name = "demos"
urlpatterns = [
    path("", TemplateView.as_view(template_name="demos/index.html"), name="index"),
    path("ticks/", ticks.ticks, name="ticks"),
    path("numbers/", numbers.numbers, name="numbers"),
    path("letters/", letters.letters, name="letters"),
    path("chat/", rooms.chat, name="chat"),
    path("chat/<slug:slug>/", rooms.chat, name="chat_room"),
    path("messages/", messages.messages, name="messages"),
    path("messages/stream/", messages.stream, name="messages_stream"),
]
