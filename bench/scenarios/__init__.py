"""The scenarios, one module each."""

from collections.abc import Callable
from typing import Any

from bench.plan import Plan
from bench.scenarios import (
    broadcast,
    burst,
    database,
    idle,
    presence,
    routing,
    scale_out,
    site,
    storm,
)

Scenario = Callable[[Plan], dict[str, Any]]

# In the order of a full run.
SCENARIOS: dict[str, Scenario] = {
    "broadcast": broadcast.run,
    "burst": burst.run,
    "routing": routing.run,
    "idle": idle.run,
    "presence": presence.run,
    "storm": storm.run,
    "site": site.run,
    "scale-out": scale_out.run,
    "database": database.run,
}
