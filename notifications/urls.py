"""The app's URLs; a site includes them under a prefix of its choice."""

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("seen/", views.seen, name="seen"),
    path("read/", views.read, name="read"),
    path("rows/", views.rows, name="rows"),
    path("preferences/", views.preferences, name="preferences"),
    path("stream/", views.stream, name="stream"),
    path("poll/", views.poll, name="poll"),
    path("ready/", views.ready, name="ready"),
    path("follows/<str:topic>/", views.follow, name="follow"),
]
