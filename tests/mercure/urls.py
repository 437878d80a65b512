"""The URLs of a site that includes the hub."""

from django.urls import include, path

urlpatterns = [
    path("", include("notifications.mercure.urls")),
    path("", include("project.urls")),
]
