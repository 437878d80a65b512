"""Await forms of functions that use the database."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

P = ParamSpec("P")
T = TypeVar("T")


def await_form(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return a coroutine function that runs a function in a thread, as Django's do."""

    @functools.wraps(function)
    async def awaited(*args: P.args, **options: P.kwargs) -> T:
        return await sync_to_async(function)(*args, **options)

    return awaited
