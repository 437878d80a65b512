"""How many examples each property is tried on."""

import os

import pytest
from hypothesis import HealthCheck, settings

# `HYPOTHESIS_PROFILE=thorough` tries ten times as many.
FACTOR = 10 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1

patient = pytest.mark.timeout(120 * FACTOR)


def examples(count: int) -> settings:
    """Try a property on so many examples."""
    return settings(max_examples=count * FACTOR)


def shared_fixtures(count: int) -> settings:
    """Try a property on so many examples, one after the other in the same fixtures.

    For what is to live through all of them: a hub, a stream, a client.
    """
    check = HealthCheck.function_scoped_fixture
    return settings(max_examples=count * FACTOR, suppress_health_check=[check])
