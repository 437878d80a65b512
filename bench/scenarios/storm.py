"""Storm: all streams are cut at once, and reconnect for the events they missed."""

import time
from contextlib import nullcontext
from functools import partial
from typing import Any

from bench import machine
from bench.column import Column
from bench.pages import Pages
from bench.plan import Plan
from bench.scenarios.common import columns, in_rounds, summarised
from bench.servers import Nchan, Ours
from bench.summary import Sample, goal, quantile

# How long a client waits before it reconnects: the `retry` of our streams.
RETRY_SECONDS = 3.0
CALM_SECONDS = 2.0
WITH_PAGES = "ours, with pages"


def run(plan: Plan) -> dict[str, Any]:
    """Measure the time until all streams caught up, and of pages in the meantime."""
    servers = [Ours(plan.cores, plan.usual_users()), Nchan(plan.cores)]
    with columns(servers, plan.storm_streams) as found:
        for column in found.values():
            column.open(plan.storm_streams)
            # In Nchan, a client without a Last-Event-ID cannot resume.
            column.at_once(1)
        measures = {
            name: partial(_storm, plan, column) for name, column in found.items()
        }
        measures[WITH_PAGES] = partial(_storm, plan, found["ours"], pages=True)
        samples = in_rounds(plan.rounds, measures)
        labels = {"streams": plan.storm_streams, "missed": plan.storm_missed}
        return {
            "rows": summarised(samples, **labels),
            "goals": _goals(samples),
            "missing": found.missing,
        }


def _storm(plan: Plan, column: Column, *, pages: bool = False) -> Sample:
    calm = _calm(_pages(plan, column)) if pages else {}
    events = column.cut_and_publish(plan.storm_missed)
    time.sleep(RETRY_SECONDS)
    before = machine.total_cpu_ns(column.server.workers())
    during = _pages(plan, column) if pages else None
    with during or nullcontext():
        column.reconnect(events, in_flight=plan.storm_in_flight)
    spent = machine.total_cpu_ns(column.server.workers()) - before
    report = column.load.report()
    return {
        "seconds": (report["last_caught_up"] - report["reopened"]) / 1e9,
        "connect_us": spent / plan.storm_streams / 1000,
        "reconnect_p50_ms": report.reconnect.quantile_ms(0.5),
        "reconnect_p99_ms": report.reconnect.quantile_ms(0.99),
        "refused": report["refused"],
        "client_cpu": report.cpu_share,
        "memory_bytes": column.memory(),
        **column.check(events),
        **calm,
        **(_page_times(during, "page") if during else {}),
    }


def _pages(plan: Plan, column: Column) -> Pages:
    """Request pages of a signed-in user."""
    [session] = plan.usual_users().sessions(1)
    return Pages(column.server.port, cookie=f"sessionid={session}")


def _calm(pages: Pages) -> Sample:
    with pages:
        time.sleep(CALM_SECONDS)
    return _page_times(pages, "calm_page")


def _page_times(pages: Pages, name: str) -> Sample:
    times = pages.milliseconds
    return {
        f"{name}_p50_ms": quantile(times, 0.5),
        f"{name}_p99_ms": quantile(times, 0.99),
        f"{name}_max_ms": max(times),
        f"{name}s": len(times),
        f"{name}_failures": pages.failures,
    }


def _goals(samples: dict[str, list[Sample]]) -> list[dict[str, Any]]:
    ours, pages = samples["ours"], samples[WITH_PAGES]
    wrong = sum(each["wrong_streams"] for each in ours + pages)
    return [
        goal(
            "seconds until the last stream has caught up",
            max(e["seconds"] for e in ours + pages),
            most=10,
        ),
        goal("streams with missing or wrong events", wrong, most=0),
        goal(
            "microseconds of CPU per connect",
            max(e["connect_us"] for e in ours),
            most=300,
        ),
        goal(
            "p99 of a page during the storm, in ms",
            max(e["page_p99_ms"] for e in pages),
            most=1_000,
        ),
    ]
