"""Who may sign in: nobody with the password of the demo, unless DEBUG is on."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from project.qa import demo


class RefuseDemoPassword:
    """An authentication backend that knows no users; it comes before the others.

    The accounts of the demo stay in the database when DEBUG is turned off, and their
    password is public. It is too short to be chosen as a new one.
    """

    def authenticate(
        self, request: HttpRequest | None, *, password: str = "", **credentials: Any
    ) -> None:
        """Raise PermissionDenied, with which Django asks no other backend."""
        if password == demo.PASSWORD and not settings.DEBUG:
            raise PermissionDenied
