"""Where in the code a function was called, for errors about duplicate declarations."""

import sys


def call_site(*, frames_up: int) -> str:
    """Return the `file:line` of a caller.

    `frames_up` counts from the function that calls this one: 1 is its caller.
    """
    frame = sys._getframe(frames_up + 1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
