"""The app's addresses; a site includes them where it likes."""

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("read/", views.read, name="read"),
    path("stream/", views.stream, name="stream"),
    path("ready/", views.ready, name="ready"),
    path("follows/<str:topic>/", views.follow, name="follow"),
]
