"""Whose page sends a request: somebody else may have signed in, in another tab."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from notifications.models.actors import actors_of
from notifications.protocol.headers import USER_HEADER

# What names that user in an address, where there can be no header.
PARAMETER = "user"

View = Callable[..., HttpResponseBase]


def user_key(request: HttpRequest) -> str:
    """Return the primary key of who is signed in, as text; empty for nobody."""
    user: Any = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else ""


def is_for_other(request: HttpRequest, user: str) -> bool:
    """Tell whether the page that sent a request was made for somebody else.

    `user` is the key of who is signed in, or empty. Requests that name nobody are for
    anybody.
    """
    named = request.headers.get(USER_HEADER) or request.GET.get(PARAMETER)
    return bool(named) and named != user


def other_account(request: HttpRequest) -> JsonResponse:
    """Return the name of who is signed in, empty for nobody, with the status 409."""
    user: Any = request.user
    name = actors_of([user])[user.pk].name if user.is_authenticated else ""
    return JsonResponse({"user": name}, status=409)


def for_its_account(view: View) -> View:
    """Refuse the requests of a page that was made for somebody else."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if is_for_other(request, user_key(request)):
            return other_account(request)
        return view(request, *args, **options)

    return checked
