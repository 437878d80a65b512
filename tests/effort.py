"""How much the tests try: `make test` a part, `make thorough` all of it."""

import os

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def either(usually: int, *, thorough: int) -> int:
    """Return the number for this run."""
    return thorough if THOROUGH else usually
