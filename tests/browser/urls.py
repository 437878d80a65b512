"""The site's addresses, and pages that no site has but others may."""

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from project.urls import urlpatterns as site_patterns

TWO_BELLS = """{% extends "base.html" %}{% load notifications %}
{% block content %}{% notification_bell %}{% endblock %}"""


def two_bells(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(TWO_BELLS)
    return HttpResponse(template.render({}, request))


urlpatterns = [path("two-bells/", two_bells), *site_patterns]
