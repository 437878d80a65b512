"""The URLs of the whole site."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

urlpatterns = [
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("notifications/", include("notifications.urls")),
    path("demos/", include("project.demos.urls")),
    path("", include("project.qa.urls")),
]
