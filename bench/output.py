"""Progress messages of the benchmark."""

import sys
import time

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print a line with the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    print(f"{minutes:02d}:{seconds:02d} {text}", file=sys.stderr, flush=True)
