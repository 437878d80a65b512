"""The sizes of the scenarios: the full ones, and small ones for a quick run."""

from dataclasses import dataclass, field

from bench.machine import Cores
from bench.population import Population


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of all scenarios; README.md describes the scenarios."""

    cores: Cores
    # The names of the scenarios to run.
    scenarios: tuple[str, ...]
    rounds: int = 3
    seconds: float = 5.0
    deliveries_per_second: int = 50_000
    broadcast: tuple[int, ...] = (1_000, 5_000, 10_000)
    burst_streams: int = 1_000
    burst_events: int = 500
    routing_streams: int = 10_000
    routing_events_per_second: int = 200
    idle_streams: int = 18_000
    idle_seconds: float = 45.0
    # Low, since each request in flight needs memory that an idle stream does not.
    idle_in_flight: int = 50
    presence_streams: int = 9_000
    presence_seconds: float = 45.0
    storm_streams: int = 10_000
    storm_missed: int = 100
    storm_in_flight: int = 1_000
    site_followers: int = 5_000
    site_posts: int = 40
    scale_streams: int = 36_000
    # Below the limit of open files of one process, which keeps some for requests.
    scale_alone: int = 18_000
    scale_processes: tuple[int, ...] = (1, 2, 4)
    # How long the streams of several processes are held, and what happens meanwhile.
    scale_seconds: float = 600.0
    scale_events_per_second: float = 1.0
    scale_changes_per_second: float = 20.0
    database_events: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    database_rounds: int = 50
    _populations: dict[str, Population] = field(default_factory=dict)

    def users(self, name: str, *, count: int, topics: int) -> Population:
        """Return the population with this name; create it if needed."""
        if name not in self._populations:
            self._populations[name] = Population(name, count=count, topics=topics)
            self._populations[name].create()
        return self._populations[name]

    def usual_users(self) -> Population:
        """Return users who follow five topics, one of which all follow."""
        needed = {
            "broadcast": max(self.broadcast),
            "burst": self.burst_streams,
            "idle": self.idle_streams,
            "presence": self.presence_streams,
            "storm": self.storm_streams,
            "site": self.site_followers,
            "scale-out": max(self.scale_streams, self.scale_alone),
        }
        count = max(needed.get(name, 0) for name in self.scenarios)
        return self.users("usual", count=count, topics=4)

    def many_topics_users(self) -> Population:
        """Return users who follow twenty topics and the common one."""
        return self.users("curious", count=self.routing_streams, topics=20)


def quick(cores: Cores, scenarios: tuple[str, ...]) -> Plan:
    """Return a plan with small sizes: it shows that the benchmark works, no more."""
    return Plan(
        cores=cores,
        scenarios=scenarios,
        rounds=2,
        seconds=1.0,
        deliveries_per_second=10_000,
        broadcast=(100, 300, 500),
        burst_streams=100,
        burst_events=200,
        routing_streams=500,
        idle_streams=1_000,
        idle_seconds=3.0,
        presence_streams=500,
        presence_seconds=3.0,
        storm_streams=500,
        storm_in_flight=100,
        site_followers=200,
        site_posts=5,
        scale_streams=800,
        scale_alone=400,
        scale_processes=(1, 2),
        scale_seconds=5.0,
        database_events=(200, 1_000),
        database_rounds=3,
    )
