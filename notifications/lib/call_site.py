"""Where in the code a registration was made, for errors about duplicates."""

import sys


def call_site(*, frames_up: int) -> str:
    """Return `file:line` of a caller.

    `frames_up` counts from the function that calls this: 1 is its caller.
    """
    frame = sys._getframe(frames_up + 1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
