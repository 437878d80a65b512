"""Where in the code a function was called, for errors about duplicate declarations."""

import sys


def call_site(*, frames_up: int) -> str:
    """Return where a function was called, as `file:line`.

    With `frames_up=1`, it is where the function that calls this one was called; with
    2, where the caller of that function was called.
    """
    frame = sys._getframe(frames_up + 1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
