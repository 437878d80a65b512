"""The URLs of the hub; a site includes them at its root."""

from django.urls import path, re_path

from notifications.mercure import subscription_views, views

app_name = "mercure"
urlpatterns = [
    path(".well-known/mercure", views.hub, name="hub"),
    path(
        ".well-known/oauth-protected-resource/.well-known/mercure",
        views.metadata,
        name="metadata",
    ),
    re_path(
        r"^\.well-known/mercure/subscriptions(?:/(?P<rest>.+))?$",
        subscription_views.subscriptions,
        name="subscriptions",
    ),
]
