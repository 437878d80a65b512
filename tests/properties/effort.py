"""How many examples each property is tried on."""

import pytest
from hypothesis import HealthCheck, settings

from tests.effort import THOROUGH

# `make test` tries a property on this many examples at most; `make thorough` on ten
# times as many as the property names.
USUAL_EXAMPLES = 150
THOROUGH_FACTOR = 10

patient = pytest.mark.timeout(120 * THOROUGH_FACTOR if THOROUGH else 120)


def examples(count: int) -> settings:
    """Try a property on this many examples, within the limits of this run."""
    return settings(max_examples=_number(count))


def shared_fixtures(count: int) -> settings:
    """Try a property on this many examples, all with the same fixtures.

    For fixtures that are to live through all examples: a hub, a stream, a client.
    """
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=_number(count), suppress_health_check=checks)


def _number(count: int) -> int:
    return count * THOROUGH_FACTOR if THOROUGH else min(count, USUAL_EXAMPLES)
