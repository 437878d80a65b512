"""The site's addresses, and pages that fail."""

from typing import NoReturn

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import path

from project.urls import urlpatterns as site_patterns


def fail(request: HttpRequest) -> NoReturn:
    raise RuntimeError("This page fails.")


def refuse(request: HttpRequest) -> NoReturn:
    raise PermissionDenied


urlpatterns = [path("fails/", fail), path("refuses/", refuse), *site_patterns]
